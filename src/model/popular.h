/* popular.h - the ranking that needs no model: everybody gets what most have. What a model should beat. */
#ifndef MODEL_POPULAR_H
#define MODEL_POPULAR_H

#include "model/model.h"

/* Scores a column by its entries in eng.train; has no weights, cannot be trained, predicts no ratings, and is
 * not for model_free. */
struct model popular_model(const struct engine *eng);

#endif
