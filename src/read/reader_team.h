/* reader_team.h - a large plain file parsed by several workers, with the result of one parser.
 *
 *   file   | block 0 | block 1 | block 2 | ...    of `block` bytes; a line belongs to the block it starts in
 *   round  a few jobs for each worker, a block each: a job has its own triplets and tables of ids
 *   then   the caller goes through the blocks in order and gives each new id of a job's tables its row
 *   next   round: the triplets are written, renumbered, to their places behind one another
 *
 * Job j has block j of each round, whichever worker runs it. Its table lists ids in the order they appeared
 * to it, so that going through the blocks in order numbers ids in order of first appearance in the file.
 * Workers read, allocate and fail; what failed is in the job. */
#ifndef READ_READER_TEAM_H
#define READ_READER_TEAM_H

#include "base/error.h"
#include "read/parser.h"

#include <stdbool.h>
#include <stdint.h>

/* Parses the file into *whole up to byte *upto, with the result of parser_parse_lines over all its blocks.
 * *upto is the end, or less if one parser must continue: a quoted field with line breaks, a line too long,
 * a head beyond the first block, no team. PT_EDATA with an empty message: a bad line, see whole->bad_line. */
int reader_team_read(struct parser *whole, const char *path, int workers, int64_t block, int64_t *upto,
                     struct error *err);

#endif
