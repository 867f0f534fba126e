/* text.c - numbers and characters in the form that YAML and messages want, whatever the locale is. */
#include "config/options.h"

#include "base/text.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct shown show(const char *text)
{
    struct shown s;
    size_t n = 0;
    int bytes;

    s.text[n++] = '"';
    while (*text && n + 10 < sizeof s.text) {
        uint32_t character;

        bytes = utf8_next(text, 4, &character);
        if (bytes == 0 || character < 0x20 || (character >= 0x7f && character < 0xa0)) {
            s.text[n++] = '?';
            text++;
            continue;
        }
        memcpy(s.text + n, text, (size_t)bytes);
        n += (size_t)bytes;
        text += bytes;
    }
    strcpy(s.text + n, *text ? "...\"" : "\"");
    return s;
}

/* Decimal only: no hexadecimal, no inf or nan. A value too large for a double comes out as infinity. */
bool real_parse(const char *text, double *out)
{
    locale_t plain;
    char *end;

    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return false;
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *out = plain ? strtod_l(text, &end, plain) : strtod(text, &end);
    if (plain)
        freelocale(plain);
    return end != text && !*end;
}

void real_format(double value, char *out, size_t size)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), old = (locale_t)0;
    char *exponent;
    double back;

    out[0] = 0;
    if (plain)
        old = uselocale(plain);
    if (fabs(value) < 1e15 && value == floor(value))
        snprintf(out, size, "%.0f", value);
    for (int digits = 1; digits <= 17 && !*out; digits++) {
        snprintf(out, size, "%.*g", digits, value);
        if (digits < 17 && !(real_parse(out, &back) && back == value))
            out[0] = 0;
    }
    if (plain) {
        uselocale(old);
        freelocale(plain);
    }
    /* 1e-08 is a text to some readers of YAML; 1.0e-08 is a number to all. */
    exponent = strchr(out, 'e');
    if (exponent && !strchr(out, '.') && strlen(out) + 3 <= size) {
        memmove(exponent + 2, exponent, strlen(exponent) + 1);
        memcpy(exponent, ".0", 2);
    }
}

bool config_skip_share(const struct config *c, double *share)
{
    const char *text = c->data_bad_lines;

    *share = strcmp(text, "skip") == 0 ? 0.1 : 0.0;
    if (*share > 0 || strcmp(text, "error") == 0)
        return true;
    return strncmp(text, "skip:", 5) == 0 && real_parse(text + 5, share) && *share > 0 && *share <= 1;
}

bool config_missing(const struct config *c, int *kind, double *number)
{
    static const char *const word[] = {"keep", "skip", "error"};

    for (*kind = 0; *kind < 3; ++*kind)
        if (strcmp(c->data_missing, word[*kind]) == 0)
            return true;
    return real_parse(c->data_missing, number);
}
