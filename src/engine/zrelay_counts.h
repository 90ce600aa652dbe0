/*  =========================================================================
    zrelay_counts - names and values in an answer to STATS

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_COUNTS_H_INCLUDED
#define ZRELAY_COUNTS_H_INCLUDED

#include <zrelay.h>

//  Most bytes of a label's value that are shown as they are
#define ZRELAY_COUNTS_LABEL_MAX 64

//  Add a value under a name made as by printf, of which only %s is known. At
//  most 127 characters of it are kept.
void
    zrelay_counts_add (zmsg_t *answer, uint64_t value,
                       const char *format, ...) CHECK_PRINTF (3);

//  Encode the value of a label, see zrelay_engine_encode ().
const char *
    zrelay_counts_encode (char room [ZRELAY_LABEL_ROOM], const void *data,
                          size_t size);

//  Add a value under "name{label=...}" with these bytes, encoded.
void
    zrelay_counts_add_of (zmsg_t *answer, uint64_t value, const char *name,
                          const char *label, const void *data, size_t size);

//  Add, and reset, the counters of a kind's table, which are members of its
//  object. Those that are gauges are not reset. table may be NULL.
void
    zrelay_counts_add_table (zmsg_t *answer, const zrelay_counter_t *table,
                             const void *object);
void
    zrelay_counts_reset_table (const zrelay_counter_t *table, void *object);

void
    zrelay_counts_test (bool verbose);

#endif
