/*  =========================================================================
    zrelay_stats_output - writing, in all forms

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_stats_output.h"

//  Enough for one relay's counts
#define S_OUTPUT_SIZE 4096

//  Bytes of UTF-8, by RFC 3629, section 4
#define S_ASCII_END     0x80    //  First byte that is not ASCII
#define S_TAIL_MIN      0x80    //  Limits of the second byte, as a rule, and
#define S_TAIL_MAX      0xBF    //  of all later ones

//  The sequences that are valid UTF-8: those that are too long, surrogates
//  and what is above U+10FFFF are ruled out by the limits of the second byte
typedef struct {
    unsigned char first_min;    //  Limits of the first byte
    unsigned char first_max;
    unsigned char second_min;   //  Limits of the second byte
    unsigned char second_max;
    size_t size;                //  Bytes altogether
} utf8_t;

static const utf8_t s_utf8 [] = {
    { 0xC2, 0xDF, S_TAIL_MIN, S_TAIL_MAX, 2 },
    { 0xE0, 0xE0, 0xA0, S_TAIL_MAX, 3 },
    { 0xE1, 0xEC, S_TAIL_MIN, S_TAIL_MAX, 3 },
    { 0xED, 0xED, S_TAIL_MIN, 0x9F, 3 },
    { 0xEE, 0xEF, S_TAIL_MIN, S_TAIL_MAX, 3 },
    { 0xF0, 0xF0, 0x90, S_TAIL_MAX, 4 },
    { 0xF1, 0xF3, S_TAIL_MIN, S_TAIL_MAX, 4 },
    { 0xF4, 0xF4, S_TAIL_MIN, 0x8F, 4 },
    { 0, 0, 0, 0, 0 }
};

zchunk_t *
zrelay_stats_output_new (void)
{
    zchunk_t *output = zchunk_new (NULL, S_OUTPUT_SIZE);
    assert (output);
    return output;
}

//  Destroy the output and return what was written as a new string

char *
zrelay_stats_output_finish (zchunk_t **output_p)
{
    char *text = zchunk_strdup (*output_p);
    assert (text);
    zchunk_destroy (output_p);
    return text;
}

void
zrelay_stats_put (zchunk_t *output, const char *text)
{
    zchunk_extend (output, text, strlen (text));
}

void
zrelay_stats_putf (zchunk_t *output, const char *format, ...)
{
    va_list arguments;
    va_start (arguments, format);
    char *text = zsys_vprintf (format, arguments);
    va_end (arguments);
    assert (text);
    zrelay_stats_put (output, text);
    zstr_free (&text);
}

//  Bytes of the UTF-8 character that text starts with; 0 if it is not one.
//  The end of the string is never inside one.

size_t
zrelay_stats_utf8_size (const char *text)
{
    const unsigned char *bytes = (const unsigned char *) text;
    if (bytes [0] < S_ASCII_END)
        return 1;
    const utf8_t *form = s_utf8;
    while (form->size
    && (bytes [0] < form->first_min || bytes [0] > form->first_max))
        form++;
    if (form->size == 0
    || bytes [1] < form->second_min || bytes [1] > form->second_max)
        return 0;
    for (size_t index = 2; index < form->size; index++)
        if (bytes [index] < S_TAIL_MIN || bytes [index] > S_TAIL_MAX)
            return 0;
    return form->size;
}

//  Write a string in quotes. control is the format for control characters
//  that escapes does not have, or NULL if they stand for themselves.

void
zrelay_stats_put_quoted (zchunk_t *output, const char *text, const zrelay_stats_escape_t *escapes,
              const char *control)
{
    zrelay_stats_put (output, "\"");
    while (*text) {
        size_t size = zrelay_stats_utf8_size (text);
        const zrelay_stats_escape_t *escape = escapes;
        while (escape->character && escape->character != *text)
            escape++;
        if (size == 0) {
            zrelay_stats_put (output, ZRELAY_STATS_REPLACEMENT);
            size = 1;
        }
        else
        if (escape->character)
            zrelay_stats_put (output, escape->escape);
        else
        if (control && (unsigned char) *text < ' ') {
            char code [sizeof ("\\u0000")];
            snprintf (code, sizeof (code), control, (unsigned char) *text);
            zrelay_stats_put (output, code);
        }
        else
            zchunk_extend (output, text, size);
        text += size;
    }
    zrelay_stats_put (output, "\"");
}
