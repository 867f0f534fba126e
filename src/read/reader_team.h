/* reader_team.h - a text parsed by several workers, with the result of one parser.
 *
 *   worker   | reads a block of lines | parses it | places it | reads the next ...
 *
 * One worker reads at a time; the others parse meanwhile. Blocks are placed in the order of the text: the
 * worker gives each id that is new in its own tables its row in the whole's, and takes as much room in the
 * whole's triplets as its block has ratings. Then it copies them there, renumbered, while the next block is
 * placed. A worker's blocks come in order, and its tables list ids in the order they appeared to it: so the
 * rows of the whole are in order of first appearance in the text. */
#pragma once

#include "read/parser.h"

/* Parses what is left of a text of parser_lines_are_alone, in blocks of about so many bytes; `whole`: its
 * parser, past its head. 0 too where lines are left for lines_next: behind an open quote, which a block may
 * begin within, and where fewer threads are allowed, or reading failed. */
int reader_team_parse(struct parser *whole, struct lines *lines, int workers, size_t bytes);
