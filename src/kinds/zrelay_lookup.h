/*  =========================================================================
    zrelay_lookup - answers requests for snapshots

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_LOOKUP_H_INCLUDED
#define ZRELAY_LOOKUP_H_INCLUDED

#include "zrelay_topic.h"

//  The ROUTER to which the frames "ICANHAZ?", prefix are sent. A DEALER gets
//  every matching value as a message of its own, and then the end mark; whoever
//  sends an empty frame first, as a REQ does, gets all in one message.

typedef struct _zrelay_lookup_t zrelay_lookup_t;

//  What happened, for STATS
typedef struct {
    uint64_t lookups;           //  Requests answered to the end
    uint64_t invalid;           //  Messages that were no requests
    uint64_t abandoned;         //  Requests whose sender has gone, did not
                                //  read, or asked for too much in one message
    uint64_t pending;           //  Gauge: requests being answered
} zrelay_lookup_counts_t;

//  A new ROUTER without an endpoint. NULL, with errno, if the system has none.
//  tree and counts must outlive it.
zrelay_lookup_t *
    zrelay_lookup_new (zrelay_tree_t *tree, zrelay_lookup_counts_t *counts);

void
    zrelay_lookup_destroy (zrelay_lookup_t **self_p);

//  Its socket, for those who bind and poll it.
void *
    zrelay_lookup_handle (zrelay_lookup_t *self);

//  Read requests; sequence is that of the last update. Returns false if so many
//  are under way that no more should be read now.
bool
    zrelay_lookup_read (zrelay_lookup_t *self, uint64_t sequence, int64_t now);

//  Send what can be sent, as much as one turn may. Returns the msecs until the
//  next turn is needed, or -1 if it is not.
int64_t
    zrelay_lookup_turn (zrelay_lookup_t *self, int64_t now);

#endif
