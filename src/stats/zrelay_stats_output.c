/*  =========================================================================
    zrelay_stats_output - text that grows, for the formats of zrelay_stats

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_stats_output.h"

//  First size of an output; most relays need no more
#define S_OUTPUT_SIZE 4096

zchunk_t *
zrelay_stats_output_new (void)
{
    zchunk_t *output = zchunk_new (NULL, S_OUTPUT_SIZE);
    assert (output);
    return output;
}

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
