/* reduce.h - the sum over shards, by a fixed tree: rows x ld floats each.
 *
 * The tree is over shard numbers, so the sum's order is the problem's, not the workers':
 *
 *     level 2             [0..3]                 node (level l, i) = node (l-1, 2i) + node (l-1, 2i+1)
 *     level 1       [0,1]        [2,3]           a node without a right child is its left child
 *     level 0      0     1      2     3          the leaves: shards
 *
 * A worker owns a contiguous run of shards and adds siblings as soon as both are complete. So it holds at
 * most log2 S + 1 open nodes at a time and hands over at most 2 log2 S. After a barrier all workers add up
 * the nodes that were handed over, each for its own slice of the rows, in tree order.
 *
 *   each worker:  for each own shard, ascending:  reduce_leaf -> fill it -> reduce_done
 *   barrier
 *   each worker:  reduce_ranks                    -> nothing with one rank
 *   each worker:  reduce_rows(own rows)           -> reduce_root has the sum in those rows
 *   barrier (before anybody reads foreign rows of the root, or starts the next round of leaves)
 *
 * Ranks do the same one level up. After its own merges a rank has at most 2 log2 S open nodes and sends them
 * to the others. Each rank adds up a slice of the rows over all ranks' nodes in tree order and sends the sum
 * to all. So a rank sends at most (2 log2 S + 1) x rows x ld floats, and 2 rows x ld (R - 1) / R where R and
 * S are powers of two. */
#pragma once

#include "base/error.h"
#include "par/team.h"

#include <stdbool.h>
#include <stdint.h>

struct reduce;

/* Room for `rows` x ld (ld a multiple of 16) from each of `shards` shards, run by the workers of `team`.
 * Buffers are touched first by their workers. Freed by reduce_free. Worker w of this rank fills the leaves
 * [bound[w], bound[w + 1]), ascending; bound NULL: those that team_own gives it. The sum does not depend on
 * it. */
int reduce_new(struct reduce **out, int shards, struct team *team, const int *bound, int64_t rows, int64_t ld,
               struct error *err);
void reduce_free(struct reduce *r);
SCOPED(reduce_free, struct reduce)

/* A round may use other rows and ld if rows x ld is at most that of reduce_new. */

/* The buffer for the leaf of `shard`. With *add set it holds the left sibling, and the leaf's values must be
 * added to it (the same bits as adding a leaf of its own later); else overwrite it. Rows of zeros need not be
 * added: only the sign of a zero can differ, which changes no weight. */
float *reduce_leaf(struct reduce *r, const struct worker *w, int shard, bool *add);
/* The leaf of `count` floats is complete; `added`: the *add of reduce_leaf. Merges finished siblings. */
void reduce_done(struct reduce *r, const struct worker *w, int shard, bool added, int64_t count);

/* Entered by every worker after a barrier. With several ranks the root afterwards has the sum of `rows` rows
 * of ld floats, on every rank. */
void reduce_ranks(struct reduce *r, struct worker *w, int64_t rows, int64_t ld);
/* Sums rows [first, end) of ld floats over all workers' open nodes into the root. */
void reduce_rows(struct reduce *r, int64_t first, int64_t end, int64_t ld);
float *reduce_root(struct reduce *r);

/* Bytes of all buffers of a reduce over `shards` shards and `workers` workers, of one rank. */
int64_t reduce_bytes(int shards, int workers, int64_t rows, int64_t ld);
