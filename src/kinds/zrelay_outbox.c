/*  =========================================================================
    zrelay_outbox - which topics are to be sent to subscribers, and when

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_outbox.h"

//  Bounds of one turn
#define TURN_MESSAGES 500
#define TURN_BYTES (4 * 1024 * 1024)

//  Topics that may be stuck at the same time. One connection makes room for
//  hundreds of messages at once, so a topic that stays among so few for long
//  waits for a subscriber that does not read. Until then, others wait too.
#define STUCK_MOST 16

//  No poll reports that there is room in an XPUB, so it is tried, in msecs
#define RETRY_IVL 2

struct _zrelay_outbox_t {
    zrelay_engine_t *engine;    //  Sends
    zrelay_outbox_counts_t *counts;     //  What happened
    zrelay_outbox_reasons_t reasons;    //  Why updates were never sent
    zrelay_ring_t cooling;      //  Topics in the order in which they were sent
    zrelay_ring_t due;          //  In the order in which they became due
    zrelay_ring_t stuck;        //  In the order in which they were found so
    size_t due_count;           //  How many are due
    size_t stuck_count;         //  How many are stuck
    size_t replays;             //  Those of the latter two that are replays
    int64_t interval;           //  Msecs between two values of a topic
    int64_t patience;           //  Msecs to wait for room
    bool paused;                //  Send nothing
    bool hurried;               //  Do not wait for intervals
    bool lossless;              //  The XPUB refuses what somebody cannot take
    int64_t lossless_until;     //  When that ends, once there are no replays
    zrelay_message_t *message;  //  The one that is sent; empty between calls
};

zrelay_outbox_t *
zrelay_outbox_new (zrelay_engine_t *engine, zrelay_outbox_counts_t *counts,
                   zrelay_outbox_reasons_t reasons)
{
    zrelay_outbox_t *self =
        (zrelay_outbox_t *) zmalloc (sizeof (zrelay_outbox_t));
    assert (self);
    self->engine = engine;
    self->counts = counts;
    self->reasons = reasons;
    self->message = zrelay_message_new ();
    zrelay_ring_init (&self->cooling);
    zrelay_ring_init (&self->due);
    zrelay_ring_init (&self->stuck);
    return self;
}

void
zrelay_outbox_destroy (zrelay_outbox_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_message_destroy (&(*self_p)->message);
        freen (*self_p);
    }
}

void
zrelay_outbox_set_interval (zrelay_outbox_t *self, int64_t msecs)
{
    self->interval = msecs;
}

void
zrelay_outbox_set_patience (zrelay_outbox_t *self, int64_t msecs)
{
    self->patience = msecs;
}

void
zrelay_outbox_set_paused (zrelay_outbox_t *self, bool paused)
{
    self->paused = paused;
}

void
zrelay_outbox_set_hurried (zrelay_outbox_t *self, bool hurried)
{
    self->hurried = hurried;
}


//  --------------------------------------------------------------------------
//  Whether the XPUB drops a message for a subscriber that is full, or refuses
//  it. A subscriber for whom it has dropped one is not looked at until it has
//  read half of what it has to read: until then, nothing is known of it. So in
//  lossless times nothing may be dropped, if all are to get all.

static bool
s_chosen_lossless (zrelay_outbox_t *self)
{
    char *value = zrelay_engine_option (self->engine, ZRELAY_SIDE_BACKEND,
                                        "xpub_nodrop");
    bool chosen = value && atoi (value) != 0;
    zstr_free (&value);
    return chosen;
}

static void
s_set_lossless (zrelay_outbox_t *self, bool lossless)
{
    int value = lossless || s_chosen_lossless (self);
    void *handle = zrelay_engine_socket (self->engine, ZRELAY_SIDE_BACKEND);
    if (handle)
        zmq_setsockopt (handle, ZMQ_XPUB_NODROP, &value, sizeof (value));
    self->lossless = lossless;
}

static void
s_begin_lossless (zrelay_outbox_t *self)
{
    if (!self->lossless && self->patience > 0)
        s_set_lossless (self, true);
}


//  --------------------------------------------------------------------------
//  Queues

static zrelay_topic_t *
s_first (zrelay_ring_t *queue)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (queue), zrelay_topic_t, queue);
}

static zrelay_ring_t *
s_queue (zrelay_outbox_t *self, const zrelay_topic_t *topic)
{
    switch (topic->state) {
        case ZRELAY_TOPIC_COOLING:
            return &self->cooling;
        case ZRELAY_TOPIC_DUE:
            return &self->due;
        case ZRELAY_TOPIC_STUCK:
            return &self->stuck;
        default:
            return NULL;
    }
}

static void
s_count (zrelay_outbox_t *self, const zrelay_topic_t *topic, int change)
{
    if (topic->state == ZRELAY_TOPIC_DUE)
        self->due_count += change;
    else
    if (topic->state == ZRELAY_TOPIC_STUCK)
        self->stuck_count += change;
}

static void
s_enter (zrelay_outbox_t *self, zrelay_topic_t *topic,
         zrelay_topic_state_t state)
{
    zrelay_ring_leave (&topic->queue);
    s_count (self, topic, -1);
    topic->state = (byte) state;
    s_count (self, topic, 1);
    zrelay_ring_t *queue = s_queue (self, topic);
    if (queue)
        zrelay_ring_add (queue, &topic->queue);
    self->counts->due = self->due_count + self->stuck_count;
}

static void
s_set_unsent (zrelay_outbox_t *self, zrelay_topic_t *topic, bool unsent)
{
    self->counts->waiting += unsent - topic->unsent;
    topic->unsent = unsent;
}

static void
s_set_replay (zrelay_outbox_t *self, zrelay_topic_t *topic, bool replay)
{
    self->replays += replay - topic->replay;
    topic->replay = replay;
}

static int64_t
s_interval (zrelay_outbox_t *self)
{
    return self->hurried? 0: self->interval;
}

//  The topic's newest value was sent

static void
s_sent (zrelay_outbox_t *self, zrelay_topic_t *topic, int64_t now)
{
    if (topic->unsent)
        s_set_unsent (self, topic, false);
    if (topic->replay)
        s_set_replay (self, topic, false);
    bool cools = s_interval (self) > 0;
    if (cools)
        topic->since = now;
    if (cools || topic->state != ZRELAY_TOPIC_IDLE)
        s_enter (self, topic,
                 cools? ZRELAY_TOPIC_COOLING: ZRELAY_TOPIC_IDLE);
}

void
zrelay_outbox_replay (zrelay_outbox_t *self, zrelay_topic_t *topic)
{
    s_begin_lossless (self);
    if (!topic->replay)
        s_set_replay (self, topic, true);
    if (topic->state < ZRELAY_TOPIC_DUE)
        s_enter (self, topic, ZRELAY_TOPIC_DUE);
}

void
zrelay_outbox_forget (zrelay_outbox_t *self, zrelay_topic_t *topic)
{
    if (topic->unsent)
        zrelay_engine_count_drop (self->engine, ZRELAY_FLOW_FORWARD,
                                  self->reasons.evicted);
    s_set_unsent (self, topic, false);
    s_set_replay (self, topic, false);
    s_enter (self, topic, ZRELAY_TOPIC_IDLE);
}


//  --------------------------------------------------------------------------
//  Sending

static bool
s_has_cooled (zrelay_outbox_t *self, zrelay_topic_t *topic, int64_t now)
{
    return now - topic->since >= s_interval (self);
}

static bool
s_may_pass (zrelay_outbox_t *self, zrelay_topic_t *topic, int64_t now)
{
    return !self->paused
        && (topic->state == ZRELAY_TOPIC_IDLE
         || topic->state == ZRELAY_TOPIC_DUE
         || (topic->state == ZRELAY_TOPIC_COOLING
          && s_has_cooled (self, topic, now)));
}

//  Msecs until a turn may send this one

static int64_t
s_wait (zrelay_outbox_t *self, zrelay_topic_t *topic, int64_t now)
{
    return topic->state == ZRELAY_TOPIC_COOLING?
           topic->since + s_interval (self) - now: RETRY_IVL;
}

//  If the user wants no update to be dropped, and none to be left out, the flow
//  holds what cannot be sent, and reads no more

static bool
s_flow_holds (zrelay_outbox_t *self)
{
    return s_interval (self) == 0 && s_chosen_lossless (self);
}

//  Nothing may overtake what the flow holds

static bool
s_is_held_up (zrelay_outbox_t *self)
{
    return zrelay_engine_held (self->engine, ZRELAY_FLOW_FORWARD) > 0;
}

zrelay_verdict_t
zrelay_outbox_pass (zrelay_outbox_t *self, zrelay_topic_t *topic,
                    zrelay_message_t *message, int64_t now, int64_t *wait_p)
{
    *wait_p = -1;
    if (topic->unsent) {
        zrelay_engine_count_drop (self->engine, ZRELAY_FLOW_FORWARD,
                                  self->reasons.conflated);
        s_set_unsent (self, topic, false);
    }
    bool may = s_may_pass (self, topic, now);
    if (may && !s_is_held_up (self)
    &&  zrelay_engine_send (self->engine, ZRELAY_SIDE_BACKEND, message)
            == ZRELAY_SEND_DONE) {
        s_sent (self, topic, now);
        if (topic->state == ZRELAY_TOPIC_COOLING)
            *wait_p = s_interval (self);
        return ZRELAY_VERDICT_KEPT;
    }
    if (topic->state != ZRELAY_TOPIC_COOLING && !self->paused
    &&  s_flow_holds (self)) {
        s_sent (self, topic, now);
        return ZRELAY_VERDICT_PASS;
    }
    s_set_unsent (self, topic, true);
    if (may && topic->state != ZRELAY_TOPIC_DUE)
        s_enter (self, topic, ZRELAY_TOPIC_DUE);
    *wait_p = s_wait (self, topic, now);
    return ZRELAY_VERDICT_KEPT;
}

//  Send the newest value. Returns false if somebody has no room for it.

static bool
s_send (zrelay_outbox_t *self, zrelay_topic_t *topic, int64_t now)
{
    zrelay_topic_get (topic, self->message);
    zrelay_send_t result = zrelay_engine_send (
        self->engine, ZRELAY_SIDE_BACKEND, self->message);
    //  Empty if it was sent
    zrelay_message_clear (self->message);
    if (result == ZRELAY_SEND_FULL)
        return false;
    self->counts->replayed += !topic->unsent;
    s_sent (self, topic, now);
    return true;
}

//  Send it to those who have room, unless the user wants all to wait

static bool
s_give_up (zrelay_outbox_t *self, zrelay_topic_t *topic, int64_t now)
{
    if (s_chosen_lossless (self))
        return false;
    bool lossless = self->lossless;
    s_set_lossless (self, false);
    bool sent = s_send (self, topic, now);
    s_set_lossless (self, lossless);
    self->counts->given_up += sent;
    return sent;
}


//  --------------------------------------------------------------------------
//  A turn, and what is left of its bounds

typedef struct {
    int64_t now;                //  Time, in msecs
    size_t messages;            //  How many may still be sent
    size_t bytes;               //  Likewise, about
} turn_t;

static bool
s_consume (turn_t *turn, const zrelay_topic_t *topic)
{
    if (turn->messages == 0 || turn->bytes == 0)
        return false;
    turn->messages--;
    turn->bytes -= topic->size < turn->bytes? topic->size: turn->bytes;
    return true;
}

//  Those that have cooled become idle, or have their newest value sent

static void
s_turn_cooling (zrelay_outbox_t *self, turn_t *turn)
{
    zrelay_topic_t *topic = s_first (&self->cooling);
    while (topic && s_has_cooled (self, topic, turn->now)
       &&  s_consume (turn, topic)) {
        if (!topic->unsent)
            s_enter (self, topic, ZRELAY_TOPIC_IDLE);
        else
        if (!s_send (self, topic, turn->now))
            s_enter (self, topic, ZRELAY_TOPIC_DUE);
        topic = s_first (&self->cooling);
    }
}

//  Each is tried once

static void
s_turn_stuck (zrelay_outbox_t *self, turn_t *turn)
{
    for (size_t left = self->stuck_count; left > 0; left--) {
        zrelay_topic_t *topic = s_first (&self->stuck);
        if (!s_consume (turn, topic))
            return;
        if (s_send (self, topic, turn->now)
        || (turn->now - topic->since >= self->patience
         && s_give_up (self, topic, turn->now)))
            continue;
        s_enter (self, topic, ZRELAY_TOPIC_STUCK);
    }
}

static void
s_turn_due (zrelay_outbox_t *self, turn_t *turn)
{
    zrelay_topic_t *topic = s_first (&self->due);
    while (topic && self->stuck_count < STUCK_MOST && s_consume (turn, topic)) {
        if (!s_send (self, topic, turn->now)) {
            topic->since = turn->now;
            s_enter (self, topic, ZRELAY_TOPIC_STUCK);
        }
        topic = s_first (&self->due);
    }
}

static int64_t
s_sooner (int64_t one, int64_t other)
{
    other = other < 0? 0: other;
    return one == -1 || other < one? other: one;
}

static int64_t
s_next_turn (zrelay_outbox_t *self, int64_t now)
{
    int64_t next = -1;
    if (self->due_count > 0 && self->stuck_count < STUCK_MOST)
        next = 0;
    if (self->stuck_count > 0)
        next = s_sooner (next, RETRY_IVL);
    zrelay_topic_t *topic = s_first (&self->cooling);
    if (topic)
        next = s_sooner (next, topic->since + s_interval (self) - now);
    if (self->lossless)
        next = s_sooner (next, self->lossless_until - now);
    return next;
}

int64_t
zrelay_outbox_turn (zrelay_outbox_t *self, int64_t now)
{
    if (self->paused)
        return -1;
    if (s_is_held_up (self))
        return RETRY_IVL;
    turn_t turn = { now, TURN_MESSAGES, TURN_BYTES };
    //  A subscriber that was full and has read may still be about to read the
    //  rest, so the times are lossless for a while after the last replay
    if (self->replays > 0)
        self->lossless_until = now + self->patience;
    s_turn_cooling (self, &turn);
    s_turn_stuck (self, &turn);
    s_turn_due (self, &turn);
    if (self->lossless && self->replays == 0 && now >= self->lossless_until)
        s_set_lossless (self, false);
    return s_next_turn (self, now);
}

size_t
zrelay_outbox_pending (zrelay_outbox_t *self)
{
    return self->replays + (size_t) self->counts->waiting;
}
