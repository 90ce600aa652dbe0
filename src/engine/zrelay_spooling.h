/*  =========================================================================
    zrelay_spooling - a flow's messages on disk, within bounds

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SPOOLING_H_INCLUDED
#define ZRELAY_SPOOLING_H_INCLUDED

#include <zrelay.h>
#include "zrelay_counts.h"
#include "zrelay_error.h"
#include "zrelay_peers.h"

//  A flow's messages in a spooler's queue, see zrelay_spooler.h. Each has a
//  mark, which says where it goes. One that was sent remains there until it has
//  left the process, see zrelay_receipts.h, and is sent again by the next one
//  if this is killed. Where each message must go through the queue, it is sent
//  again also if a connection ends by which it may have been lost.
typedef struct _zrelay_spooling_t zrelay_spooling_t;

//  Said where there is no spooler
#define ZRELAY_SPOOLING_ABSENT "there is nothing to spool with: install" \
    " libzrelay-store; an application calls zrelay_spooler_provide ()"

//  The queue has the flow's name.
zrelay_spooling_t *
    zrelay_spooling_new (const char *flow);
void
    zrelay_spooling_destroy (zrelay_spooling_t **self_p);

//  Options, of the flow that has it: spool, spool_bytes, spool_messages,
//  spool_full, spool_sync, durable.
extern const zrelay_setting_t zrelay_spooling_settings [];

//  True if there is a queue; messages that are in it must go first.
bool
    zrelay_spooling_is_open (zrelay_spooling_t *self);

//  True if each message must go through the queue.
bool
    zrelay_spooling_is_durable (zrelay_spooling_t *self);

//  True if no more messages should be read: it is full, or the disk is.
bool
    zrelay_spooling_stops (zrelay_spooling_t *self);

//  Put a message, and leave it without frames. Returns how many messages were
//  dropped for that, it or others.
size_t
    zrelay_spooling_add (zrelay_spooling_t *self, zrelay_message_t *message,
                         byte mark);

//  Messages in the queue that are to be sent; those that were sent and are still
//  leaving, unless that has stopped; and those that are lost with the process.
uint64_t
    zrelay_spooling_size (zrelay_spooling_t *self);
uint64_t
    zrelay_spooling_leaving (zrelay_spooling_t *self);
uint64_t
    zrelay_spooling_at_risk (zrelay_spooling_t *self);

//  The first message, which remains the queue's, or NULL if there is none that
//  may be sent now. Was there one? Remove it, when it was sent or dropped;
//  returns for how many msecs it was there.
zrelay_message_t *
    zrelay_spooling_first (zrelay_spooling_t *self, byte *mark_p);
bool
    zrelay_spooling_has_first (zrelay_spooling_t *self);
int64_t
    zrelay_spooling_remove (zrelay_spooling_t *self);

//  The end of a turn: look after what was sent to these peers, or NULL, of which
//  others may take what was lost on the way to one; and commit, if it is time.
//  And the msecs after which there must be another turn for that, or 0.
void
    zrelay_spooling_tend (zrelay_spooling_t *self, zrelay_peers_t *peers,
                          bool sends_again);
size_t
    zrelay_spooling_wants (zrelay_spooling_t *self);

//  A sentence that an operator should read, once, or NULL. It remains the
//  object's until the next call.
const char *
    zrelay_spooling_news (zrelay_spooling_t *self);

//  Commits, and reports what is kept.
void
    zrelay_spooling_stats (zrelay_spooling_t *self, zrelay_counts_t *counts,
                           const char *flow);

void
    zrelay_spooling_reset (zrelay_spooling_t *self);

//  Commit and close. Returns how many messages are lost.
uint64_t
    zrelay_spooling_close (zrelay_spooling_t *self);

void
    zrelay_spooling_test (bool verbose);

#endif
