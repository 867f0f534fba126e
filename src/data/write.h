/* write.h - ratings and splits as files that other programs read. */
#pragma once

#include "base/error.h"
#include "data/ratings.h"
#include "data/split.h"

#include <stdbool.h>
#include <stdio.h>

enum write_format {
    WRITE_CSV,   /* user,item,rating[,timestamp], with a header; quotes if needed */
    WRITE_TSV,   /* the same with tabs */
    WRITE_UDATA, /* user TAB item TAB rating [TAB timestamp], no names: MovieLens 100K's u.data */
    WRITE_DAT,   /* user::item::rating[::timestamp]: MovieLens 1M's ratings.dat */
    WRITE_LISTS, /* user item item ...: a line a user, values left out */
    WRITE_FORMATS
};

const char *write_format_name(enum write_format format); /* csv, tsv, u.data, dat, lists */
/* PT_EUSAGE with the list of names. */
int write_format_find(enum write_format *out, const char *name, struct error *err);
/* By the ending of a file's name; false: it says nothing. */
bool write_format_of_path(enum write_format *out, const char *path);

/* All ratings, in their order (lists: users in order of their rows). To `stream`, or if that is NULL to the
 * file `path`, which appears whole or not at all. PT_EDATA for an id that the format cannot hold. */
int write_ratings(const struct ratings *r, enum write_format format, const char *path, FILE *stream,
                  struct error *err);

struct write_counts {
    int64_t train, valid_in, valid_out, test_in, test_out, left_out;
};

/* Liang et al.'s five files in the folder (which is made): train.csv, validation_tr.csv, validation_te.csv,
 * test_tr.csv, test_te.csv, with the columns uid,sid; values are left out. Unless `keep_ids`, users and items
 * are numbered from 0 (training users first, then validation, then test; items as they appear in training),
 * as the readers of such files expect, and unique_uid.txt and unique_sid.txt hold the external ids by number.
 * PT_ECONFIG if the split does not hold out whole users, or has ratings that are both input and held out. */
int write_liang(const struct ratings *r, const struct split *s, const char *folder, bool keep_ids,
                struct write_counts *counts, struct error *err);

/* NAME.base and NAME.test in the folder, each as u.data; validation ratings go to NAME.valid where there are
 * some. PT_ECONFIG for a split of whole users or rows. */
int write_base_test(const struct ratings *r, const struct split *s, const char *folder, const char *name,
                    struct write_counts *counts, struct error *err);
