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

zchunk_t *
    zrelay_stats_output_new (void);

//  Destroy the output and return what was written as a new string
char *
    zrelay_stats_output_finish (zchunk_t **output_p);

void
    zrelay_stats_put (zchunk_t *output, const char *text);

void
    zrelay_stats_putf (zchunk_t *output, const char *format, ...) CHECK_PRINTF (2);

#endif
