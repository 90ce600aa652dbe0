/*  =========================================================================
    zrelay_stats_output - text that grows, for the formats of zrelay_stats

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

//  Create an output that is empty. zrelay_stats_output_finish () destroys it.
zchunk_t *
    zrelay_stats_output_new (void);

//  Destroy an output and return its text as a new string, which the caller
//  frees with zstr_free ().
char *
    zrelay_stats_output_finish (zchunk_t **output_p);

//  Append a string.
void
    zrelay_stats_put (zchunk_t *output, const char *text);

//  Append text in the format of printf ().
void
    zrelay_stats_putf (zchunk_t *output,
                       const char *format, ...) CHECK_PRINTF (2);

#endif
