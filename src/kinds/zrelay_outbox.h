/*  =========================================================================
    zrelay_outbox - which topics are to be sent to subscribers, and when

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_OUTBOX_H_INCLUDED
#define ZRELAY_OUTBOX_H_INCLUDED

#include "zrelay_topic.h"

//  Each topic is idle, or in one of three queues. One that was sent cools for
//  the interval, if there is one. One whose value somebody is to get is due; it
//  is so once, however many ask for it, and the value that is sent is the
//  newest then. One for which a subscriber that wants it had no room is stuck:
//  it is tried again, until patience ends.
//
//  A topic whose replay is under way, and any that is updated meanwhile and for
//  a while after, is sent losslessly: to all subscribers that want it, or to
//  none yet. At other times an XPUB sends to those that have room.

typedef struct _zrelay_outbox_t zrelay_outbox_t;

//  What happened, for STATS
typedef struct {
    uint64_t replayed;          //  Values sent again to new subscribers
    uint64_t given_up;          //  Values sent although a subscriber was full
    uint64_t due;               //  Gauge: topics to be sent now
    uint64_t waiting;           //  Gauge: updates that have not been sent yet
} zrelay_outbox_counts_t;

//  The kind's reasons by which updates are counted that were never sent
typedef struct {
    size_t conflated;           //  A newer one came
    size_t evicted;             //  The topic was removed
} zrelay_outbox_reasons_t;

//  A new outbox of the backend. counts must outlive it.
zrelay_outbox_t *
    zrelay_outbox_new (zrelay_engine_t *engine, zrelay_outbox_counts_t *counts,
                       zrelay_outbox_reasons_t reasons);

void
    zrelay_outbox_destroy (zrelay_outbox_t **self_p);

//  Msecs between two values of one topic, 0: any; and msecs to wait for a
//  subscriber that is full, 0: not at all.
void
    zrelay_outbox_set_interval (zrelay_outbox_t *self, int64_t msecs);
void
    zrelay_outbox_set_patience (zrelay_outbox_t *self, int64_t msecs);

//  Send nothing for a while, or again; and do not wait for intervals.
void
    zrelay_outbox_set_paused (zrelay_outbox_t *self, bool paused);
void
    zrelay_outbox_set_hurried (zrelay_outbox_t *self, bool hurried);

//  The topic's value has become this message. It is sent now, and then has no
//  frames, or the value is later, or the flow is to send it: the result is the
//  verdict. now is zclock_mono (). *wait_p is set to the msecs until a turn is
//  needed, or -1 if it is not.
zrelay_verdict_t
    zrelay_outbox_pass (zrelay_outbox_t *self, zrelay_topic_t *topic,
                        zrelay_message_t *message, int64_t now,
                        int64_t *wait_p);

//  Somebody has come who needs the topic's value.
void
    zrelay_outbox_replay (zrelay_outbox_t *self, zrelay_topic_t *topic);

//  The topic is about to be destroyed.
void
    zrelay_outbox_forget (zrelay_outbox_t *self, zrelay_topic_t *topic);

//  Send what can be sent, as much as one turn may. Returns the msecs until the
//  next turn is needed, or -1 if it is not.
int64_t
    zrelay_outbox_turn (zrelay_outbox_t *self, int64_t now);

//  Updates and replays that have not been sent
size_t
    zrelay_outbox_pending (zrelay_outbox_t *self);

#endif
