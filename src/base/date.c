#include "base/date.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct text {
    const char *at, *end;
};

static bool accept_char(struct text *t, char c)
{
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

/* Up to so many digits; how many there were. */
static int parse_number(struct text *t, int digits, int64_t *out)
{
    int n = 0;

    for (*out = 0; n < digits && t->at < t->end && *t->at >= '0' && *t->at <= '9'; n++)
        *out = *out * 10 + (*t->at++ - '0');
    return n;
}

static bool parse_digits(struct text *t, int digits, int64_t *out)
{
    return parse_number(t, digits, out) == digits;
}

/* "Jan", "january", "Sept." */
static bool parse_month(struct text *t, int64_t *month)
{
    static const char *const name[] = {"january", "february", "march",     "april",   "may",      "june",
                                       "july",    "august",   "september", "october", "november", "december"};
    size_t n = 0;

    while (t->at + n < t->end && isalpha((unsigned char)t->at[n]))
        n++;
    for (*month = 1; *month <= 12; ++*month)
        if (n >= 3 && n <= strlen(name[*month - 1]) && strncasecmp(t->at, name[*month - 1], n) == 0) {
            t->at += n;
            (void)accept_char(t, '.');
            return true;
        }
    return false;
}

/* "2024-01-31", "2024/1/31", "31.1.2024", "31 Jan 2024", "31-Jan-2024", "Jan 31, 2024". Which of two numbers
 * between strokes is the day cannot be seen: 1/2/2024 is none. */
static bool parse_day(struct text *t, int64_t *year, int64_t *month, int64_t *day)
{
    bool named = parse_month(t, month);
    int digits;
    char mark;

    if (named &&
        (!accept_char(t, ' ') || !parse_number(t, 2, day) || (accept_char(t, ',') && t->at == t->end)))
        return false;
    if (named)
        return accept_char(t, ' ') && parse_digits(t, 4, year);
    digits = parse_number(t, 4, year);
    mark = t->at < t->end ? *t->at++ : 0;
    if (digits == 4)
        return mark && strchr("-/.", mark) && parse_number(t, 2, month) && accept_char(t, mark) &&
               parse_number(t, 2, day);
    *day = *year;
    if (digits < 1 || digits > 2 || !(mark == '.' ? parse_number(t, 2, month) : parse_month(t, month)))
        return false;
    return (mark == '.' || mark == ' ' || mark == '-') && accept_char(t, mark) && parse_digits(t, 4, year);
}

/* Days since 1970-01-01. In years that begin in March the odd day is the last. */
static bool days_of(int64_t year, int64_t month, int64_t day, int64_t *out)
{
    static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;

    if (year < 1 || month < 1 || month > 12 || day < 1 || day > length[month - 1] + (month == 2 && leap))
        return false;
    *out = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
    return true;
}

/* "12:30", ":00", ".25", " PM"; the hour may have one digit. */
static bool parse_clock(struct text *t, int64_t *seconds)
{
    int64_t hour, minute, second = 0, digit;

    if (parse_number(t, 2, &hour) == 0 || !accept_char(t, ':') || !parse_digits(t, 2, &minute))
        return false;
    if (accept_char(t, ':')) {
        if (!parse_digits(t, 2, &second))
            return false;
        if (accept_char(t, '.')) {
            if (!parse_digits(t, 1, &digit))
                return false;
            while (parse_digits(t, 1, &digit))
                ;
        }
    }
    if (t->end - t->at == 3 && (strncasecmp(t->at, " AM", 3) == 0 || strncasecmp(t->at, " PM", 3) == 0)) {
        if (hour < 1 || hour > 12)
            return false;
        hour = hour % 12 + (tolower((unsigned char)t->at[1]) == 'p' ? 12 : 0);
        t->at = t->end;
    }
    *seconds = 3600 * hour + 60 * minute + second;
    return hour < 24 && minute < 60 && second < 60;
}

static bool accept_utc(struct text *t)
{
    if (t->end - t->at == 3 && (memcmp(t->at, "UTC", 3) == 0 || memcmp(t->at, "GMT", 3) == 0))
        t->at = t->end;
    return t->at == t->end;
}

/* "Z", "+02:00", "+0200", "-05", " UTC", " +0000 UTC"; nothing is UTC too. */
static bool parse_zone(struct text *t, int64_t *seconds)
{
    int64_t hour, minute = 0;
    bool west;

    *seconds = 0;
    if (t->at == t->end || accept_char(t, 'Z'))
        return true;
    if (accept_char(t, ' ') && accept_utc(t))
        return t->at[-1] != ' ';
    west = accept_char(t, '-');
    if ((!west && !accept_char(t, '+')) || !parse_digits(t, 2, &hour))
        return false;
    if ((accept_char(t, ':') || (t->at < t->end && *t->at != ' ')) && !parse_digits(t, 2, &minute))
        return false;
    if (accept_char(t, ' ') && (t->at == t->end || !accept_utc(t)))
        return false;
    *seconds = (west ? -1 : 1) * (3600 * hour + 60 * minute);
    return hour < 24 && minute < 60;
}

bool date_parse(const char *text, size_t length, int64_t *seconds)
{
    struct text t = {text, text + length};
    int64_t year, month, day, days, clock = 0, zone = 0;

    if (!parse_day(&t, &year, &month, &day) || !days_of(year, month, day, &days))
        return false;
    (void)accept_char(&t, ',');
    if (t.at < t.end && ((!accept_char(&t, 'T') && !accept_char(&t, ' ')) || !parse_clock(&t, &clock) ||
                         !parse_zone(&t, &zone)))
        return false;
    if (t.at < t.end)
        return false;
    *seconds = 86400 * days + clock - zone;
    return true;
}
