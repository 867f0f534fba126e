#include "eval/metrics.h"

#include "base/real.h"
#include "base/text.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct metric_row {
    const char *name;
    bool ranking; /* has a cut-off, and looks at a list of recommendations */
    bool smaller; /* is better */
};

static const struct metric_row known[] = {
    [METRIC_RMSE] = {"rmse", false, true},
    [METRIC_MAE] = {"mae", false, true},
    [METRIC_MSE] = {"mse", false, true},
    [METRIC_LOSS] = {"loss", false, true},
    [METRIC_NDCG] = {"ndcg", true, false},
    [METRIC_RECALL] = {"recall", true, false},
    [METRIC_RECALL_ALL] = {"recall_all", true, false},
    [METRIC_PRECISION] = {"precision", true, false},
    [METRIC_MAP] = {"map", true, false},
    [METRIC_MAP_MIN] = {"map_min", true, false},
    [METRIC_MRR] = {"mrr", true, false},
    [METRIC_HIT] = {"hit", true, false},
    [METRIC_COVERAGE] = {"coverage", true, false},
};

enum { KNOWN = sizeof known / sizeof known[0], NAME_MAX_LENGTH = 16 };

/* The known name nearest to name[0 .. length), or -1: nothing is like it. */
static int nearest(const char *name, int length)
{
    int best = -1, best_distance = length < 4 ? 2 : length < 8 ? 3 : 4; /* must be below this */
    char lower[NAME_MAX_LENGTH + 1];

    if (length > NAME_MAX_LENGTH)
        return -1;
    for (int i = 0; i < length; i++)
        lower[i] = (char)tolower((unsigned char)name[i]);
    lower[length] = 0;
    if (strncasecmp(name, "hr", (size_t)length) == 0 && length == 2) /* hit rate, elsewhere */
        return METRIC_HIT;
    for (int i = 0; i < KNOWN; i++) {
        int distance = word_distance(known[i].name, lower);

        if (distance < best_distance) {
            best = i;
            best_distance = distance;
        }
    }
    return best;
}

static int refuse_name(const char *text, int length, struct error *err)
{
    char list[256] = "", guess[64] = "";
    int near = nearest(text, length);

    for (int i = 0; i < KNOWN; i++)
        text_append(list, sizeof list, "%s%s%s", i ? ", " : "", known[i].name, known[i].ranking ? "@K" : "");
    if (near >= 0)
        snprintf(guess, sizeof guess, "did you mean \"%s%s\"? ", known[near].name,
                 known[near].ranking ? "@K" : "");
    return error_set(err, PT_ECONFIG, "metric \"%.60s\": no such metric; %sthere are %s", text, guess, list);
}

/* A whole number from 1 to METRIC_MAX_K, and nothing else; 0 where `text` is not that. */
static int parse_cutoff(const char *text)
{
    int k = 0;

    if (!*text)
        return 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        k = 10 * k + (*text - '0');
        if (k > METRIC_MAX_K)
            return 0;
    }
    return k;
}

int metric_parse(struct metric *out, const char *text, struct error *err)
{
    const char *at = strchr(text, '@');
    int length = at ? (int)(at - text) : (int)strlen(text), kind = 0, k = 0;

    while (kind < KNOWN &&
           !(strncasecmp(known[kind].name, text, (size_t)length) == 0 && !known[kind].name[length]))
        kind++;
    if (kind == KNOWN)
        return refuse_name(text, length, err);
    if (known[kind].ranking) {
        if (!at)
            return error_set(err, PT_ECONFIG, "metric \"%s\": needs a cut-off, as in %s@100", text,
                             known[kind].name);
        k = parse_cutoff(at + 1);
        if (!k)
            return error_set(err, PT_ECONFIG,
                             "metric \"%.60s\": the cut-off must be a whole number from 1 to %d", text,
                             METRIC_MAX_K);
    } else if (at) {
        return error_set(err, PT_ECONFIG, "metric \"%.60s\": %s has no cut-off, leave the @ away", text,
                         known[kind].name);
    }
    out->kind = (enum metric_kind)kind;
    out->k = k;
    snprintf(out->name, sizeof out->name, k ? "%s@%d" : "%s", known[kind].name, k);
    return 0;
}

bool metric_is_ranking(const struct metric *m)
{
    return known[m->kind].ranking;
}

bool metric_smaller_is_better(const struct metric *m)
{
    return known[m->kind].smaller;
}

double metric_from_mean(const struct metric *m, double mean)
{
    return m->kind == METRIC_RMSE ? sqrt(mean) : mean;
}

/* Discounted gain over that of the best list there could be, in which the first
 * min(k, held_out) places are hits. */
static double ndcg(const bool *hit, int seen, int could_hit)
{
    double gain = 0, ideal = 0;
    int places = seen > could_hit ? seen : could_hit;

    for (int i = 0; i < places; i++) {
        double discount;

        if (i >= could_hit && !hit[i])
            continue;
        discount = 1 / real_log2(i + 2);
        if (i < could_hit)
            ideal += discount;
        if (i < seen && hit[i])
            gain += discount;
    }
    return gain / ideal;
}

double metric_of_user(const struct metric *m, const bool *hit, int ranked, int64_t held_out)
{
    int seen = ranked < m->k ? ranked : m->k, could_hit = held_out < m->k ? (int)held_out : m->k;
    int hits = 0, first = 0; /* rank of the first hit; 0: none */
    double precisions = 0;   /* at every hit's rank, summed */

    assert(held_out > 0);
    for (int i = 0; i < seen; i++)
        if (hit[i]) {
            precisions += (double)++hits / (i + 1);
            first = first ? first : i + 1;
        }
    switch (m->kind) {
    case METRIC_NDCG:
        return ndcg(hit, seen, could_hit);
    case METRIC_RECALL:
        return (double)hits / could_hit;
    case METRIC_RECALL_ALL:
        return (double)hits / (double)held_out;
    case METRIC_PRECISION:
        return (double)hits / m->k;
    case METRIC_MAP:
        return precisions / (double)held_out;
    case METRIC_MAP_MIN:
        return precisions / could_hit;
    case METRIC_MRR:
        return first ? 1.0 / first : 0;
    case METRIC_HIT:
        return first > 0;
    default:
        return NAN;
    }
}
