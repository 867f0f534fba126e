#!/bin/bash
# The page of partrain report in a browser (headless Chromium), at desktop and phone width, in light and dark: nothing
# in the console, nothing missing, nothing wider than the screen, text that can be told from its ground.
# shellcheck source=tests/support/support.sh
. "$(dirname "$0")/../support/support.sh"
needs chromium chromium-browser google-chrome
needs gnuplot
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
cd "$folder" || exit 1

# browse SCHEME FILE: the document after it was loaded, in dom; the console's lines in console. 0: dark, 1: light
browse() {
    rm -rf profile
    mkdir profile
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --disable-extensions \
        --user-data-dir="$folder/profile" --window-size=1280,900 --blink-settings=preferredColorScheme="$1" \
        --enable-logging=stderr --virtual-time-budget=4000 --dump-dom "file://$folder/$2" >dom 2>log
    grep -a 'CONSOLE' log >console
}

for latent in 4 8; do
    "$PARTRAIN" train -q --out "a_rather_long_name_that_can_nowhere_be_parted_as_it_has_no_blank_$latent" model.kind=multidae model.latent=$latent \
        data.path=synth:small train.epochs=5 >/dev/null || complain "train $latent"
done
"$PARTRAIN" report a_rather* -o page.html 2>err || complain "report: $(cat err)"

echo '<p id=here>' >probe.html
browse 1 probe.html
grep -q 'id="here"' dom || skip "the browser does not run here: $(tail -1 log)"

browse 1 page.html
[ -s console ] && complain "console: $(cat console)"
grep -q '<h2>Configurations</h2>' dom || complain 'the end of the page is missing'
[ "$(grep -o '<title>' page.html | wc -l)" -eq 1 ] || complain 'a title that a plot brought would be a tooltip'

# What a reader would see, measured inside a frame of the width; it reports to the page around it.
cat >measure.js <<'END'
const light = c => { const v = c.match(/[\d.]+/g).map(Number); return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
const ground = light(getComputedStyle(document.body).backgroundColor);
const text = light(getComputedStyle(document.body).color);
const bad = [];
for (const svg of document.querySelectorAll('svg.plot')) {
    const box = svg.getBoundingClientRect();
    if (box.width < 200 || box.height < 100) bad.push('a plot of ' + box.width + 'x' + box.height);
    const ticks = [...svg.querySelectorAll('text')];
    if (ticks.length < 4) bad.push('a plot without ticks');
    for (const t of ticks) {
        const fill = getComputedStyle(t).fill;
        if (Math.abs(light(fill) - ground) < 90) bad.push('a tick that cannot be read: ' + fill);
        if (t.getBoundingClientRect().height < 8) bad.push('a tick too small: ' + t.getBoundingClientRect().height);
    }
    const lines = [...svg.querySelectorAll('path, rect, polygon')].filter(e => {
        const s = getComputedStyle(e), c = s.stroke !== 'none' ? s.stroke : s.fill;
        return /^rgb/.test(c) && Math.abs(light(c) - ground) > 60;
    });
    if (lines.length < 2) bad.push('a plot without lines');
}
for (const td of document.querySelectorAll('td'))
    if (/undefined|nan|null/i.test(td.textContent)) bad.push('a cell: ' + td.textContent);
const page = document.documentElement;
if (page.scrollWidth > page.clientWidth) bad.push('page of ' + page.scrollWidth + ' in ' + page.clientWidth);
for (const table of document.querySelectorAll('table')) { // its figures beside the name, or within a push of the finger
    const room = table.parentElement, name = table.querySelector('td');
    if (getComputedStyle(room).overflowX !== 'auto') bad.push('a table that cannot be moved');
    if (name.getBoundingClientRect().width > .6 * room.clientWidth) bad.push('a name over ' + name.offsetWidth);
}
if (Math.abs(text - ground) < 150) bad.push('text ' + text + ' on ' + ground);
parent.postMessage({plots: document.querySelectorAll('svg.plot').length, ground: ground > 128 ? 'light' : 'dark',
    tables: document.querySelectorAll('table').length, bad: bad.slice(0, 5).join('; ')}, '*');
END
# The page allows no scripts: the copy that is measured does.
{
    grep -v 'Content-Security-Policy' page.html | sed 's|</body>.*||'
    echo '<script>addEventListener("load", () => {'
    cat measure.js
    echo '});</script></body></html>'
} >measured.html
for width in 1240 360; do
    cat >frame.html <<END
<!DOCTYPE html><meta name="color-scheme" content="light dark"><body><script>
addEventListener('message', e => { document.body.insertAdjacentHTML('beforeend',
    '<p>seen: ' + e.data.ground + ' ' + e.data.plots + ' plots ' + e.data.tables + ' tables [' + e.data.bad + ']</p>'); });
</script><iframe src="measured.html" width="$width" height="800" style="border:0"></iframe>
END
    for scheme in 1 0; do
        browse $scheme frame.html
        want=dark
        [ $scheme = 1 ] && want=light
        grep -qE "seen: $want 7 plots [0-9]{1,2} tables \[\]" dom ||
            complain "$width wide, $want: $(grep -o 'seen: [a-z]* [0-9][^<]*' dom || tail -2 log)"
        [ -s console ] && complain "$width wide, $want: console: $(cat console)"
    done
done
[ "$failures" -eq 0 ]
