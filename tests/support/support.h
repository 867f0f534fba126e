/* support.h - what the tests share. cmocka's own header needs these before it. */
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The folder of published data sets ($PARTRAIN_DATA), or NULL where there is none: then the test calls
 * skip_without_data(), which prints "skipped: no data" and skips. */
const char *support_data(void);
void skip_without_data(void);

/* A new empty folder under $TMPDIR for this test; removed with all in it by support_remove. */
char *support_folder(void);
void support_remove(char *folder);
/* Writes text to folder/name and returns the path (for free). */
char *support_file(const char *folder, const char *name, const char *text);

/* |a - b| <= atol + rtol * |b|, with a message that shows both. */
void assert_close(double a, double b, double rtol, double atol);
