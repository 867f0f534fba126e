/* reader_team.h - blocks of lines parsed by several workers, with the result of
 * one parser.
 *
 *   block  | piece 0 | piece 1 | ... | of whole lines: a few for each worker,
 * whoever is done takes the next then   the caller goes through the pieces in
 * order and gives each new id of a piece's tables its row next   block: the
 * triplets are written, renumbered, to their places behind one another
 *
 * Job j has piece j of each block, whichever worker runs it. Its tables list
 * ids in the order they appeared to it, so that going through the pieces in
 * order numbers ids in order of first appearance in the text. */
#pragma once

#include "read/parser.h"

struct reader_team;

/* `whole`: the parser of the text, past its head; borrowed. PT_ENOMEM. *out is
 * NULL where fewer threads are allowed. */
int reader_team_new(struct reader_team **out, struct parser *whole, int workers);
/* As parser_parse_lines, for a text of parser_lines_are_alone. After
 * PARSER_OPEN_QUOTE the whole parser goes on alone. */
int reader_team_parse(struct reader_team *t, const char *begin, const char *end, const char **stopped_at);
/* Writes what is left to the whole's triplets, and frees the team. */
void reader_team_free(struct reader_team *t);
