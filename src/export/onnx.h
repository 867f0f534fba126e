/* onnx.h - a trained model as an ONNX file (opset 13), written without any library: protocol buffers are
 * tags, lengths and bytes.
 *
 *   Multi-VAE, Mult-DAE   x (N, items)            -> logits, probabilities (N, items)
 *   AutoRec               x (N, columns)          -> ratings (N, columns)
 *   mf                    user (N) int64          -> ratings (N, items)
 *
 * x: one row an example; 0 where nothing is known, else 1 or the rating. Whatever training did to inputs
 * (norm, mean) and predictions (mean, range, clip) is in the graph. Columns are rows of items.tsv (users.tsv
 * for item-based AutoRec), users rows of users.tsv. */
#pragma once

#include "serve/trained.h"

/* PT_EUSAGE for a model above the 2 GiB that the format allows; PT_EFILE, PT_ENOMEM. */
int onnx_write(const struct trained *trained, const char *path, struct error *err);
