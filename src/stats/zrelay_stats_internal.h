/*  =========================================================================
    zrelay_stats_internal - the parts of zrelay_stats that its formats read

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_STATS_INTERNAL_H_INCLUDED
#define ZRELAY_STATS_INTERNAL_H_INCLUDED

#include "zrelay_outline.h"

//  Milliseconds that zrelay_stats_query () waits for a relay to take the
//  command, and again for its answer
#define ZRELAY_STATS_TIMEOUT 5000

//  Relays count milliseconds; people and Prometheus read seconds
#define ZRELAY_STATS_MSECS 1000

//  Width of a line of the text form
#define ZRELAY_STATS_COLUMNS 80

struct _zrelay_stats_t {
    zrelay_outline_t *outline;  //  Its names
    char *words [ZRELAY_STATS_WORDS]; //  Values of the first leaves
    size_t cursor;              //  Leaf that zrelay_stats_next () was at
    uint64_t counts [];         //  Values of the other leaves
};

//  The string of a word, or NULL if the leaf is a count
const char *
    zrelay_stats_word_of (const zrelay_stats_t *self,
                          const zrelay_stats_node_t *leaf);

//  The number of a count
uint64_t
    zrelay_stats_count_of (const zrelay_stats_t *self,
                           const zrelay_stats_node_t *leaf);

//  zrelay_stats_query () with a limit of msecs in place of
//  ZRELAY_STATS_TIMEOUT.
zrelay_stats_t *
    zrelay_stats_query_within (void *relay, int msecs);

#endif
