/*  =========================================================================
    zrelay_nats_streamer - a streamer that can be joined to others

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>
#include <zrelay_nats.h>
#include "zrelay_join.h"
#include "zrelay_work.h"

//  Word of the subjects of sites
#define WORD "task"

//  Tasks given to pullers in one turn
#define TURN_TASKS 1000

//  Milliseconds until tasks for which no puller has room are given to another
//  site, and until a paused relay looks whether it still is
#define ROOM_TIME 500
#define PAUSED_IVL 50

//  Places for tasks that were passed on lately, by which one that comes again
//  is known
#define RECENT 4096

//  Defaults of settings, and the largest values
#define WINDOW_DEFAULT 1000
#define WINDOW_MOST 100000
#define ACK_WAIT_DEFAULT 10000
#define ACK_WAIT_MOST (60 * 60 * 1000)
#define REPLICAS_MOST 5

//  Why tasks are dropped
enum { REASON_UNSTORED };
static const char *const s_reasons [] = { "unstored", NULL };

//  A task's name, which its first relay gave it
typedef struct {
    uint64_t origin;            //  Number of that relay
    uint64_t sequence;          //  Number of the task there
} task_id_t;

typedef struct {
    zrelay_join_t join;         //  What all joined kinds have
    zrelay_work_t *work;        //  The tasks of all sites, while it is joined
    zrelay_work_status_t status;        //  What is known of that
    bool shared;                //  This site's are among them
    bool reads;                 //  There is a task
    zrelay_work_task_t task;    //  That one
    size_t at;                  //  Where in it the next message begins
    zrelay_message_t *message;  //  The message before; not empty: it waits
    int patience;               //  Timer that gives them to another site, or 0
    int pause;                  //  Timer that looks whether it is over, or 0
    zlistx_t *back;             //  Own tasks that were not stored when it left
    task_id_t recent [RECENT];       //  Tasks that were passed on
    int64_t replicas;           //  Settings, see zrelay_nats.h
    int64_t window;
    int64_t ack_wait;
    uint64_t again;             //  Counters, see doc/join.md
    uint64_t returned;
    uint64_t repeated;
} streamer_t;


//  --------------------------------------------------------------------------
//  Tasks that were not stored when it left are for this site's pullers

static void
s_deliver_back (streamer_t *self)
{
    zrelay_message_t *message;
    while ((message = (zrelay_message_t *) zlistx_first (self->back))) {
        if (zrelay_engine_send (self->join.engine, ZRELAY_SIDE_BACKEND, message)
                == ZRELAY_SEND_FULL)
            break;
        zlistx_delete (self->back, NULL);
    }
    //  on_room goes on
    if (message)
        zrelay_engine_has_room (self->join.engine, ZRELAY_SIDE_BACKEND);
}


//  --------------------------------------------------------------------------
//  Tasks of all sites, for this site's pullers

static void
s_settle (streamer_t *self, zrelay_work_end_t end)
{
    zrelay_message_clear (self->message);
    zrelay_work_settle (self->work, end);
    self->reads = false;
}

static task_id_t *
s_place (streamer_t *self)
{
    task_id_t id = { self->task.origin, self->task.sequence };
    return &self->recent [zrelay_index_hash (&id, sizeof (id)) % RECENT];
}

//  A task that is to be passed on. One that cannot be read is ended for good,
//  and so is one that this relay has passed on already.

static bool
s_accept (streamer_t *self)
{
    const zrelay_work_task_t *task = &self->task;
    size_t messages;
    bool valid = task->origin
        && !zrelay_parcel_fault (task->data, task->size, &messages);
    const task_id_t *place = s_place (self);
    bool known = valid && place->origin == task->origin
              && place->sequence == task->sequence;
    self->join.invalid += !valid;
    self->join.duplicates += known;
    if (!valid || known)
        s_settle (self, valid? ZRELAY_WORK_DONE: ZRELAY_WORK_VOID);
    return valid && !known;
}

static void
s_finish (streamer_t *self)
{
    *s_place (self) = (task_id_t) { self->task.origin, self->task.sequence };
    self->again += self->task.deliveries > 1;
    self->join.in++;
    s_settle (self, ZRELAY_WORK_DONE);
}

//  The next message, of this task or of one that follows. Returns false if
//  there is none.

static bool
s_next (streamer_t *self)
{
    while (true) {
        if (self->reads
        &&  zrelay_parcel_next (self->task.data, self->task.size, &self->at,
                                self->message))
            return true;
        if (self->reads)
            s_finish (self);
        self->at = 0;
        self->reads = zrelay_work_next (self->work, &self->task);
        if (!self->reads)
            return false;
        s_accept (self);
    }
}

//  Other sites get them

static void
s_give_back (streamer_t *self)
{
    while (self->reads || zrelay_work_next (self->work, &self->task)) {
        s_settle (self, ZRELAY_WORK_RETURNED);
        self->returned++;
    }
    if (self->patience)
        zrelay_engine_timer_end (self->join.engine, self->patience);
    self->patience = 0;
}

static void
s_on_patience (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    streamer_t *self = (streamer_t *) object;
    self->patience = 0;
    s_give_back (self);
}

//  Ask for tasks if there is room. If not, those that are there may wait for
//  it, but not for long, since pullers elsewhere may have room.

static bool
s_ask (streamer_t *self)
{
    bool room = zrelay_engine_has_room (self->join.engine,
                                        ZRELAY_SIDE_BACKEND);
    zrelay_work_want (self->work, room);
    bool waits = !room && zrelay_message_frames (self->message) > 0;
    if (waits && !self->patience)
        self->patience = zrelay_engine_timer (self->join.engine, ROOM_TIME, 1,
                                              s_on_patience, NULL);
    if (!waits && self->patience) {
        zrelay_engine_timer_end (self->join.engine, self->patience);
        self->patience = 0;
    }
    return room;
}

static void
s_deliver (streamer_t *self);

static void
s_on_pause (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    streamer_t *self = (streamer_t *) object;
    self->pause = 0;
    s_deliver (self);
}

//  A relay that is paused, or drains, gets no tasks

static bool
s_pauses (streamer_t *self)
{
    zrelay_state_t state = zrelay_engine_state (self->join.engine);
    if (state != ZRELAY_STATE_PAUSED && state != ZRELAY_STATE_DRAINING)
        return false;
    zrelay_work_want (self->work, false);
    s_give_back (self);
    if (!self->pause)
        self->pause = zrelay_engine_timer (self->join.engine, PAUSED_IVL, 1,
                                           s_on_pause, NULL);
    return true;
}

//  Returns false if there is no room

static bool
s_pass_on (streamer_t *self)
{
    zrelay_send_t result = zrelay_engine_send (
        self->join.engine, ZRELAY_SIDE_BACKEND, self->message);
    if (result == ZRELAY_SEND_FULL)
        return false;
    //  The puller vanished in between: somebody else gets the task
    if (result == ZRELAY_SEND_LOST)
        s_settle (self, ZRELAY_WORK_RETURNED);
    self->join.undelivered += result == ZRELAY_SEND_REFUSED;
    zrelay_message_clear (self->message);
    return true;
}

//  A turn

static void
s_deliver (streamer_t *self)
{
    if (!self->join.link || s_pauses (self))
        return;
    for (int left = TURN_TASKS; left > 0; left--) {
        if (zrelay_message_frames (self->message) == 0 && !s_next (self)) {
            s_ask (self);
            return;
        }
        if (!s_pass_on (self) && !s_ask (self))
            return;
    }
    zrelay_link_wake (self->join.link);
}


//  --------------------------------------------------------------------------
//  Tasks of this site, for all sites

//  One that is too large for the servers stays here

static zrelay_send_t
s_outlet (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    streamer_t *self = (streamer_t *) object;
    zrelay_link_send_t put = zrelay_work_put (self->work, message);
    if (put != ZRELAY_LINK_UNFIT)
        return put == ZRELAY_LINK_SENT? ZRELAY_SEND_DONE: ZRELAY_SEND_FULL;
    zrelay_send_t result =
        zrelay_engine_send (engine, ZRELAY_SIDE_BACKEND, message);
    if (result == ZRELAY_SEND_FULL)
        zrelay_engine_has_room (engine, ZRELAY_SIDE_BACKEND);
    self->join.missed += result == ZRELAY_SEND_DONE;
    return result == ZRELAY_SEND_LOST? ZRELAY_SEND_DONE: result;
}

static void
s_on_room (zrelay_engine_t *engine, void *object, zrelay_side_id_t side)
{
    (void) side;
    streamer_t *self = (streamer_t *) object;
    s_deliver_back (self);
    if (self->shared)
        s_deliver (self);
    zrelay_engine_outlet_ready (engine, ZRELAY_FLOW_FORWARD);
}


//  --------------------------------------------------------------------------
//  Joining and leaving

static void
s_invite (void *object, zrelay_link_guest_t *guest)
{
    streamer_t *self = (streamer_t *) object;
    zrelay_work_config_t config = {
        .address = &self->join.address,
        .replicas = self->replicas,
        .ack_wait = self->ack_wait,
        .tasks_most = (size_t) self->window,
        .bytes_most = (size_t) self->join.buffer
    };
    self->work = zrelay_work_new (&config, guest);
}

static void
s_joined (void *object)
{
    streamer_t *self = (streamer_t *) object;
    memset (&self->status, 0, sizeof (self->status));
}

static const char *
s_lacks (void *object)
{
    streamer_t *self = (streamer_t *) object;
    zrelay_work_status_t before = self->status;
    zrelay_work_status (self->work, &self->status);
    const zrelay_work_status_t *now = &self->status;
    self->join.out += now->stored - before.stored;
    self->join.missed += now->refused - before.refused;
    self->join.invalid += now->invalid - before.invalid;
    self->join.dropped += now->overrun - before.overrun;
    self->repeated += now->repeated - before.repeated;
    return now->ready? NULL: now->sentence;
}

//  As long as there was no stream, this site's pullers get its tasks

static void
s_go_on (void *object)
{
    streamer_t *self = (streamer_t *) object;
    if (self->status.begun && !self->shared) {
        self->shared = true;
        zrelay_engine_set_outlet (self->join.engine, ZRELAY_FLOW_FORWARD,
                                  s_outlet);
    }
    if (!self->shared)
        return;
    zrelay_engine_outlet_ready (self->join.engine, ZRELAY_FLOW_FORWARD);
    s_deliver (self);
}

//  Nothing but reports comes in letters

static bool
s_hear_letter (void *object, const zrelay_link_letter_t *letter,
               zrelay_message_t *message)
{
    (void) letter;
    (void) message;
    ((streamer_t *) object)->join.invalid++;
    return true;
}

static void
s_left (void *object)
{
    streamer_t *self = (streamer_t *) object;
    zrelay_engine_set_outlet (self->join.engine, ZRELAY_FLOW_FORWARD, NULL);
    self->shared = false;
    zrelay_work_want (self->work, false);
    s_give_back (self);
    zrelay_message_t *message = zrelay_message_new ();
    while (zrelay_work_take_back (self->work, message))
        zlistx_add_end (self->back, zrelay_message_take (message));
    zrelay_message_destroy (&message);
    if (self->pause)
        zrelay_engine_timer_end (self->join.engine, self->pause);
    self->pause = 0;
    zrelay_work_end (self->work);
    self->work = NULL;
    s_deliver_back (self);
}


//  --------------------------------------------------------------------------
//  The kind

static const zrelay_join_kind_t s_join = {
    .word = WORD,
    .joined = s_joined,
    .left = s_left,
    .go_on = s_go_on,
    .deliver = s_hear_letter,
    .invite = s_invite,
    .lacks = s_lacks
};

//  The destructor has zlistx's form

static void
s_free_message (void **message_p)
{
    zrelay_message_destroy ((zrelay_message_t **) message_p);
}

static void *
s_create (zrelay_engine_t *engine)
{
    streamer_t *self = (streamer_t *) zmalloc (sizeof (streamer_t));
    assert (self);
    self->message = zrelay_message_new ();
    self->back = zlistx_new ();
    assert (self->back);
    zlistx_set_destructor (self->back, s_free_message);
    self->window = WINDOW_DEFAULT;
    self->ack_wait = ACK_WAIT_DEFAULT;
    zrelay_join_init (&self->join, engine, &s_join);
    return self;
}

//  Tasks that are neither stored nor passed on are lost now

static void
s_count_lost (streamer_t *self)
{
    size_t count = zlistx_size (self->back);
    if (count > 0)
        zrelay_engine_log (self->join.engine, ZRELAY_LOG_WARNING,
            "%zu task%s had not been stored by the servers, and no puller had"
            " room; dropped", count, count == 1? "": "s");
    for (; count > 0; count--)
        zrelay_engine_count_drop (self->join.engine, ZRELAY_FLOW_FORWARD,
                                  REASON_UNSTORED);
}

static void
s_destroy (void **object_p)
{
    streamer_t *self = (streamer_t *) *object_p;
    zrelay_join_term (&self->join);
    s_count_lost (self);
    zlistx_destroy (&self->back);
    zrelay_message_destroy (&self->message);
    freen (self);
    *object_p = NULL;
}

//  A drain waits until tasks are stored, and those that were passed on are
//  acknowledged

static size_t
s_pending (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    streamer_t *self = (streamer_t *) object;
    size_t pending = zlistx_size (self->back);
    if (!self->work || !self->join.link)
        return pending;
    zrelay_work_status_t status;
    zrelay_work_look (self->work, &status);
    return pending + status.waiting + status.unsettled;
}

static void
s_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    streamer_t *self = (streamer_t *) object;
    zrelay_work_status_t status;
    memset (&status, 0, sizeof (status));
    if (self->work && self->join.link)
        zrelay_work_look (self->work, &status);
    zrelay_engine_stat (answer, "join.waiting", status.waiting);
    zrelay_engine_stat (answer, "join.waiting_bytes", status.waiting_bytes);
    zrelay_engine_stat (answer, "join.unsettled", status.unsettled);
}

#define SETTING(label, member, text, low, high) \
    { ZRELAY_SETTING, .name = label, .help = text, \
      .offset = offsetof (streamer_t, member), .least = low, .most = high }

static const zrelay_setting_t s_settings [] = {
    ZRELAY_JOIN_SETTINGS,
    SETTING ("join_window", window, "tasks that may wait to be stored", 1,
             WINDOW_MOST),
    SETTING ("join_replicas", replicas,
             "servers that store a task (0: 1, or 3 in a cluster)", 0,
             REPLICAS_MOST),
    SETTING ("join_ack_wait", ack_wait,
             "milliseconds until tasks of lost sites go elsewhere", 500,
             ACK_WAIT_MOST),
    { .name = NULL }
};

static const zrelay_counter_t s_counters [] = {
    ZRELAY_JOIN_COUNTERS,
    { ZRELAY_COUNTER, .name = "join.again",
      .offset = offsetof (streamer_t, again) },
    { ZRELAY_COUNTER, .name = "join.returned",
      .offset = offsetof (streamer_t, returned) },
    { ZRELAY_COUNTER, .name = "join.repeated",
      .offset = offsetof (streamer_t, repeated) },
    { .name = NULL }
};

static const zrelay_kind_t s_more = {
    ZRELAY_KIND,
    .create = s_create,
    .destroy = s_destroy,
    .on_room = s_on_room,
    .pending = s_pending,
    .settings = s_settings,
    .counters = s_counters,
    .reasons = s_reasons,
    .stats = s_stats
};

const zrelay_kind_t *
zrelay_nats_streamer_kind (void)
{
    static zrelay_kind_t kind;
    return zrelay_join_kind (&kind, zrelay_streamer_kind (), &s_more);
}
