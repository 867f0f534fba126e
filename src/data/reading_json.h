/* reading_json.h - what was read and kept, as fields of summary.json and of `data describe --json`. */
#ifndef DATA_READING_JSON_H
#define DATA_READING_JSON_H

#include "base/json.h"
#include "data/ratings.h"

struct json *reading_json(const struct ratings *r);

#endif
