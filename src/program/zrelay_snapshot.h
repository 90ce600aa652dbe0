/*  =========================================================================
    zrelay_snapshot - the statistics of all relays at one moment

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SNAPSHOT_H_INCLUDED
#define ZRELAY_SNAPSHOT_H_INCLUDED

#include <zrelay.h>

//  Asks a control endpoint for its relays, and each of these for its
//  statistics. The HTTP server and top show what it found.

typedef struct _zrelay_snapshot_t zrelay_snapshot_t;

//  Ask everybody. It takes at most msecs altogether, however many relays do
//  not answer. The client remains the caller's, and its time limit is changed.
zrelay_snapshot_t *
    zrelay_snapshot_new (zrelay_client_t *client, size_t msecs);

void
    zrelay_snapshot_destroy (zrelay_snapshot_t **self_p);

//  Why the relays could not be listed, or NULL: they could.
const char *
    zrelay_snapshot_error (zrelay_snapshot_t *self);

//  Number of relays, their names, kinds, and their statistics in the same
//  order; NULL for one that did not answer in time. All remain the snapshot's.
size_t
    zrelay_snapshot_size (zrelay_snapshot_t *self);
const char *
    zrelay_snapshot_name (zrelay_snapshot_t *self, size_t index);
const char *
    zrelay_snapshot_kind (zrelay_snapshot_t *self, size_t index);
zrelay_stats_t *
    zrelay_snapshot_stats (zrelay_snapshot_t *self, size_t index);

//  What keeps it from being ready, as a fresh string: a line for each relay that
//  does not answer, drains or has a side that is not attached, or the reason why
//  they could not be listed. NULL if everything is ready.
char *
    zrelay_snapshot_obstacles (zrelay_snapshot_t *self);

#endif
