/* words.h - the distance between two words, for "did you mean". */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

/* The number of letters to insert, drop, change or swap between two words; 1000 for long ones. */
int word_distance(const char *a, const char *b);

#endif
