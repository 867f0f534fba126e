/* support_ratings.h - reading small made-up texts: what the tests of the reader share. */
#pragma once

#include "support.h"

#include "data/ratings.h"

extern const struct ratings_spec support_plain; /* no filter, everything found out */

/* Writes `bytes` bytes (0: up to the zero) to folder/name. */
void support_write(const char *folder, const char *name, const char *text, size_t bytes);

/* Reads folder/name; fails the test with the message where it cannot be read. For ratings_free. */
struct ratings *support_read(struct ratings_spec spec, const char *folder, const char *name);

/* Reading folder/name must fail with PT_EDATA (or `code`) and a message that says this: parts between " |
 * ", in which % stands for the folder. */
void support_refuse(struct ratings_spec spec, const char *folder, const char *name, int code,
                    const char *message);

/* "user/item=value" of every rating, with "@time" where there are times and "#part" where there are parts.
 */
void support_expect(const struct ratings *r, const char *text);

/* The same three for one text in a file of this name. */
void support_text(struct ratings_spec spec, const char *name, const char *text, const char *ratings);
void support_bad_text(struct ratings_spec spec, const char *name, const char *text, size_t bytes,
                      const char *message);
