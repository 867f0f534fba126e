#include "data/facts.h"

#include "base/mem.h"
#include "base/order.h"
#include "data/reading.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEARLY_ALL     0.9
#define CONSTANT_LEAST 10 /* ratings from which one value only is odd */
#define ENOUGH_ROWS    10 /* in a table of fewer rows everybody has nearly everything */
#define YEAR_1990      631152000
#define MILLISECONDS   100000000000 /* as seconds it would be the year 5138 */

const double facts_share[FACTS_QUANTILES] = {0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0};

/* ---- users and items ---- */

/* Of counts in rising order: twice the area between the Lorenz curve and the diagonal. */
static double gini(const int64_t *count, int64_t n, double sum)
{
    double weighted = 0.0;

    for (int64_t i = 0; i < n; i++)
        weighted += (double)(2 * (i + 1) - n - 1) * (double)count[i];
    return sum > 0.0 ? weighted / ((double)n * sum) : 0.0;
}

static void make_curve(struct facts_counts *f, const int64_t *rising)
{
    int64_t last = 0;

    for (int i = 0; i < FACTS_CURVE; i++) {
        int64_t rank = llround(exp(log((double)f->rows) * i / (FACTS_CURVE - 1)));

        if (rank <= last)
            continue;
        last = rank;
        f->curve_rank[f->curve_points] = rank;
        f->curve_count[f->curve_points++] = rising[f->rows - rank];
    }
}

/* `count` is sorted on the way. */
static void sum_up(struct facts_counts *f, int64_t *count, int64_t rows, int64_t ratings)
{
    f->rows = rows;
    f->mean = (double)ratings / (double)rows;
    qsort(count, (size_t)rows, sizeof *count, compare_int64);
    for (int i = 0; i < FACTS_QUANTILES; i++) {
        int64_t rank = (int64_t)ceil(facts_share[i] * (double)rows);

        f->quantile[i] = count[rank > 0 ? rank - 1 : 0];
    }
    f->gini = gini(count, rows, (double)ratings);
    make_curve(f, count);
}

static int describe_rows(struct facts_counts *f, const struct ratings *r, const int32_t *row, int64_t rows,
                         int64_t others, struct error *err)
{
    mem_scoped int64_t *count = mem_zalloc(rows, sizeof *count);
    mem_scoped float *first = mem_alloc(rows, sizeof *first);
    mem_scoped uint8_t *varies = mem_zalloc(rows, 1);

    *f = (struct facts_counts){.example = -1};
    TRY(need_memory(count && first && varies, err));
    for (int64_t k = 0; k < r->n; k++) {
        int32_t i = row[k];

        if (!count[i]++)
            first[i] = r->value[k];
        else if (r->value[k] != first[i])
            varies[i] = 1;
    }
    for (int64_t i = 0; i < rows; i++) {
        f->single += count[i] == 1;
        f->constant += count[i] >= CONSTANT_LEAST && !varies[i];
        if (others >= ENOUGH_ROWS && (double)count[i] >= NEARLY_ALL * (double)others) {
            f->nearly_all++;
            if (f->example < 0)
                f->example = i;
        }
    }
    sum_up(f, count, rows, r->n);
    return 0;
}

/* ---- values ---- */

/* A bar for each value where there are few of them, false where there are more. */
static bool count_values(struct facts *f, const struct ratings *r)
{
    f->bars = 0;
    for (int64_t k = 0; k < r->n; k++) {
        double value = (double)r->value[k];
        int at = 0;

        while (at < f->bars && f->bar[at].low < value)
            at++;
        if (at < f->bars && f->bar[at].low == value) {
            f->bar[at].count++;
            continue;
        }
        if (f->bars == FACTS_BARS)
            return false;
        memmove(&f->bar[at + 1], &f->bar[at], (size_t)(f->bars - at) * sizeof *f->bar);
        f->bar[at] = (struct facts_bar){value, value, 1};
        f->bars++;
    }
    return true;
}

static void count_ranges(struct facts *f, const struct ratings *r)
{
    const int bars = 10;
    double width = (f->high - f->low) / bars;

    f->bars = bars;
    for (int i = 0; i < bars; i++)
        f->bar[i] =
            (struct facts_bar){f->low + i * width, i + 1 < bars ? f->low + (i + 1) * width : f->high, 0};
    for (int64_t k = 0; k < r->n; k++) {
        int i = (int)(((double)r->value[k] - f->low) / width);

        f->bar[i < bars ? i : bars - 1].count++;
    }
}

static void describe_values(struct facts *f, const struct ratings *r)
{
    double sum = 0.0, square = 0.0;

    f->low = f->high = (double)r->value[0];
    for (int64_t k = 0; k < r->n; k++) {
        double value = (double)r->value[k];

        sum += value;
        f->zeros += value == 0.0;
        f->negatives += value < 0.0;
        f->low = fmin(f->low, value);
        f->high = fmax(f->high, value);
    }
    f->mean = sum / (double)r->n;
    for (int64_t k = 0; k < r->n; k++)
        square += ((double)r->value[k] - f->mean) * ((double)r->value[k] - f->mean);
    f->deviation = sqrt(square / (double)r->n);
    f->constant = f->low == f->high;
    if (!count_values(f, r))
        count_ranges(f, r);
}

static void describe_times(struct facts *f, const struct ratings *r)
{
    f->has_time = r->time != NULL;
    if (!r->time)
        return;
    f->first_time = INT64_MAX;
    f->last_time = INT64_MIN;
    for (int64_t k = 0; k < r->n; k++) {
        if (r->time[k] == TIME_NONE)
            continue;
        f->first_time = r->time[k] < f->first_time ? r->time[k] : f->first_time;
        f->last_time = r->time[k] > f->last_time ? r->time[k] : f->last_time;
    }
    f->has_time = f->first_time <= f->last_time;
}

int facts_make(struct facts *out, const struct ratings *r, struct error *err)
{
    int64_t users = idtable_count(r->users), items = idtable_count(r->items);

    *out = (struct facts){.ratings = r->n};
    if (r->n == 0)
        return error_set(err, PT_EDATA, "there are no ratings");
    out->density = (double)r->n / ((double)users * (double)items);
    describe_values(out, r);
    describe_times(out, r);
    TRY(describe_rows(&out->users, r, r->user, users, items, err));
    return describe_rows(&out->items, r, r->item, items, users, err);
}

/* ---- suspicions ---- */

static void suspect_rows(const struct facts_counts *f, const struct idtable *ids, const char *one,
                         const char *many, void (*tell)(void *arg, const char *text), void *arg)
{
    if (f->nearly_all)
        warn_printf(tell, arg,
                    "%" PRId64 " %s (90%% and more), \"%.60s\" for one: a test account, or a default?",
                    f->nearly_all, f->nearly_all == 1 ? one : many, idtable_name(ids, f->example));
}

static void suspect_values(const struct facts *f, void (*tell)(void *arg, const char *text), void *arg)
{
    if (f->constant && f->low == 1)
        warn_printf(
            tell, arg,
            "every rating is 1: that is who chose what, for multivae and multidae; a rating model has "
            "nothing to learn from it");
    else if (f->constant)
        warn_printf(tell, arg, "every rating is %g: a rating model has nothing to learn from it", f->low);
    if (rating_like_time((float)f->low) && rating_like_time((float)f->high))
        warn_printf(tell, arg,
                    "ratings are %.0f and more: are they times? data.columns says what each column is",
                    f->low);
    if (f->zeros && !f->constant)
        warn_printf(tell, arg,
                    "%" PRId64 " ratings are 0: where that means \"not rated\", drop them (data.min_rating)",
                    f->zeros);
    if (f->negatives)
        warn_printf(tell, arg, "%" PRId64 " ratings are below 0", f->negatives);
    if (!f->constant && f->users.constant)
        warn_printf(tell, arg, "%" PRId64 " user%s gave %d and more ratings, all of the same value",
                    f->users.constant, f->users.constant == 1 ? "" : "s", CONSTANT_LEAST);
}

static void suspect_times(const struct facts *f, void (*tell)(void *arg, const char *text), void *arg)
{
    if (!f->has_time || f->ratings < 2)
        return;
    if (f->first_time == f->last_time)
        warn_printf(tell, arg, "all times are the same: splits by time will follow the order of the file");
    else if (f->last_time > MILLISECONDS)
        warn_printf(tell, arg, "times are in milliseconds, if they are since 1970");
    else if (f->first_time < YEAR_1990)
        warn_printf(tell, arg, "times begin before 1990: are they seconds since 1970?");
}

void facts_suspicions(const struct facts *f, const struct ratings *r,
                      void (*tell)(void *arg, const char *text), void *arg)
{
    reading_warnings(r, tell, arg);
    if (r->duplicates)
        warn_printf(tell, arg, "%" PRId64 " repeated (user, item) pairs were merged (data.duplicates)",
                    r->duplicates);
    suspect_values(f, tell, arg);
    suspect_rows(&f->users, r->users, "user rated nearly all items", "users rated nearly all items", tell,
                 arg);
    suspect_rows(&f->items, r->items, "item was rated by nearly all users",
                 "items were rated by nearly all users", tell, arg);
    if (2 * f->users.single > f->users.rows)
        warn_printf(tell, arg,
                    "%" PRId64 " of %" PRId64 " users have one rating: nothing can be held out of it "
                    "(data.min_user_ratings)",
                    f->users.single, f->users.rows);
    if (2 * f->items.single > f->items.rows)
        warn_printf(tell, arg, "%" PRId64 " of %" PRId64 " items have one rating (data.min_item_ratings)",
                    f->items.single, f->items.rows);
    suspect_times(f, tell, arg);
}
