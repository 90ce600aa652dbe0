/*  =========================================================================
    zrelay_stats_output - writing, in all forms

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_STATS_OUTPUT_H_INCLUDED
#define ZRELAY_STATS_OUTPUT_H_INCLUDED

#include <zrelay.h>

//  Stands for bytes that are not UTF-8: U+FFFD
#define ZRELAY_STATS_REPLACEMENT "\xEF\xBF\xBD"

//  How one character is written in quotes
typedef struct {
    char character;             //  The character; 0 ends the table
    const char *escape;         //  What is written instead
} zrelay_stats_escape_t;

zchunk_t *
    zrelay_stats_output_new (void);

//  Destroy the output and return what was written as a new string
char *
    zrelay_stats_output_finish (zchunk_t **output_p);

void
    zrelay_stats_put (zchunk_t *output, const char *text);

void
    zrelay_stats_putf (zchunk_t *output, const char *format, ...) CHECK_PRINTF (2);

//  Bytes of the UTF-8 character that text starts with; 0 if it is not one.
//  The end of the string is never inside one.
size_t
    zrelay_stats_utf8_size (const char *text);

//  Write a string in quotes. control is the format for control characters
//  that escapes does not have, or NULL if they stand for themselves.
void
    zrelay_stats_put_quoted (zchunk_t *output, const char *text, const zrelay_stats_escape_t *escapes,
                  const char *control);

#endif
