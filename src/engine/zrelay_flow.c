/*  =========================================================================
    zrelay_flow - one direction of travel, a state machine around a backlog

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_flow.h"
#include "zrelay_asking.h"
#include "zrelay_backlog.h"
#include "zrelay_counts.h"
#include "zrelay_hearing.h"
#include "zrelay_message_internal.h"
#include "zrelay_pairing.h"
#include "zrelay_rights.h"
#include "zrelay_room.h"
#include "zrelay_sender.h"
#include "zrelay_setting.h"
#include "zrelay_view.h"

//  Bounds of one turn. A turn of small messages takes well below a
//  millisecond with these, and the pipe is looked at between turns.
#define BURST_DEFAULT 1000
#define BURST_MOST 1000000
#define TURN_FRAMES 4096
#define TURN_BYTES (64 * 1024 * 1024)

//  Where no poll reports anything, we try again after this time, in msecs: an
//  XPUB with xpub_nodrop the later the longer it has refused
#define RETRY_LEAST 1
#define RETRY_MOST 50

//  An input whose rate is used up is read again after this time, in msecs, or
//  later if there is no allowance by then, but looked after now and then
#define RATE_LEAST 10
#define RATE_MOST 1000

//  A user id has at most 255 bytes, see ZeroMQ RFC 27
#define STAMP_ROOM 256

//  What a flow does
typedef enum {
    STATE_STOPPED,              //  Nothing: paused, or a side is not attached
    STATE_CLOSED,               //  Reads no more, but sends what it holds
    STATE_STALLED,              //  Holds a message for which the output is
                                //  full, or leaves it in the input
    STATE_THROTTLED,            //  Waits for its input's rate
    STATE_READING               //  Reads and sends
} state_t;

//  How far a drain has come
typedef enum {
    PHASE_OPEN,                 //  There is none
    PHASE_CLOSING,              //  The input has not been empty yet
    PHASE_CLOSED                //  It has
} phase_t;

//  How messages move
typedef enum {
    WAY_PASS,                   //  From port to port, in bursts
    WAY_COPY,                   //  Frame by frame, with copies for the capture
    WAY_SIFT,                   //  Likewise, and first frames by rules
    WAY_LOOK,                   //  Whole messages: measured, shown, kept
    WAY_SINK                    //  They lead nowhere
} way_t;

//  Ends of the names of counters, by zrelay_outcome_t
static const char *s_reasons [ZRELAY_OUTCOMES] = {
    NULL, NULL, "full", "unroutable", "lost", "overflow", "size", "frames",
    "permit", "filter", "handler", "refused", "undelivered"
};

static const char *s_names [] = { "forward", "return" };

struct _zrelay_flow_t {
    zrelay_flow_id_t id;        //  Which of the two
    zrelay_engine_t *engine;    //  For those who are shown messages
    zrelay_side_t *input;       //  Where messages come from
    zrelay_side_t *output;      //  Where they go, or NULL
    zrelay_port_t *from;        //  The input's
    zrelay_capture_t *capture;  //  Gets copies
    const char *const *reasons; //  The kind's, or NULL
    size_t reason_count;        //  How many these are
    zrelay_shown_to_t filter;   //  Installed by FILTER
    zrelay_shown_to_t handler;  //  The kind's
    zrelay_outlet_fn *outlet;   //  Gets what is for the output; NULL: the
                                //  output does
    void *outlet_object;        //  And this
    zrelay_left_fn *on_left;    //  Called when somebody has left whose routing
                                //  id comes again; NULL: ids do not matter
    const zrelay_permit_t *permit;  //  Who may send what; NULL: everybody
    zrelay_flow_t *other;       //  The flow that travels back, or NULL
    uint64_t revision;          //  Of what subscribers may do
    zrelay_hearing_t *hearing;  //  Subscriptions that come
    bool known;                 //  The message in hand was heard already
    bool bounded;               //  The input has limits to a message
    bool hears;                 //  The input's messages may be about topics
    bool examines;              //  Something is asked about each message
    bool selective;             //  The output does not accept every message
    bool captures;              //  The capture is active
    zrelay_sieve_t *sieve;      //  Rules for what passes, or NULL
    zrelay_asking_t *asking;    //  Rules for subscriptions that pass
    bool asks;                  //  There are such
    bool zframes;               //  Frames are received as zframes
    bool swaps;                 //  The first two frames change places
    const char *stamp;          //  Property that is put before the body, "" if
                                //  none can be trusted; or NULL
    way_t way;                  //  How messages move now
    state_t state;              //  What the flow does now
    bool running;               //  The engine lets it
    zrelay_reading_t reading;   //  The kind lets it read
    phase_t phase;              //  How far a drain has come
    bool throttled;             //  The input's rate is used up
    zrelay_room_t *room;        //  Read only what the output can take; or NULL
    bool blocked;               //  So what is there is not read
    zmq_msg_t frame;            //  The frame on its way; empty between calls
    zmq_msg_t copy;             //  Its copy for the capture; likewise
    zrelay_view_t *view;        //  The message that is looked at; likewise
    size_t reason;              //  Why it is dropped: one of the kind's, or as
                                //  many as there are: it did not say
    zrelay_backlog_t *backlog;  //  Messages that wait; not empty: a stall
    bool detours;               //  So others go there first
    int64_t burst;              //  Most messages of one turn
    bool stalling;              //  The output is full
    int64_t stalled_at;         //  When that began, in msecs
    uint64_t stalls;            //  Stalls begun
    uint64_t stalled_ms;        //  Time spent in those that ended
    uint64_t passed;            //  Messages that reached the output, ever
    uint64_t dropped_ever;      //  Messages dropped, ever
    uint64_t dropped [ZRELAY_OUTCOMES];     //  By reason, since RESET
    uint64_t *dropped_own;      //  Likewise, by the kind's reasons
};

static const zrelay_setting_t s_settings [] = {
    { ZRELAY_SETTING, .name = "burst", .help = "messages moved in one turn",
      .offset = offsetof (zrelay_flow_t, burst),
      .least = 1, .most = BURST_MOST },
    { .name = NULL }
};

const zrelay_setting_t *const zrelay_flow_settings [] = {
    s_settings, zrelay_backlog_settings, zrelay_spooling_settings, NULL
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_flow_t *
zrelay_flow_new (zrelay_flow_id_t id, zrelay_engine_t *engine,
                 zrelay_side_t *input, zrelay_side_t *output,
                 zrelay_capture_t *capture, const char *const *reasons)
{
    zrelay_flow_t *self = (zrelay_flow_t *) zmalloc (sizeof (zrelay_flow_t));
    assert (self);
    self->id = id;
    self->engine = engine;
    self->input = input;
    self->output = output;
    self->from = zrelay_side_port (input);
    self->capture = capture;
    self->reasons = reasons;
    while (reasons && reasons [self->reason_count])
        self->reason_count++;
    self->dropped_own =
        (uint64_t *) zmalloc ((self->reason_count + 1) * sizeof (uint64_t));
    assert (self->dropped_own);
    self->burst = BURST_DEFAULT;
    self->view = zrelay_view_new ();
    self->backlog = zrelay_backlog_new (s_names [id], output, input);
    self->hearing = zrelay_hearing_new (input);
    self->asking = zrelay_asking_new ();
    zmq_msg_init (&self->frame);
    zmq_msg_init (&self->copy);
    return self;
}

void
zrelay_flow_destroy (zrelay_flow_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_flow_t *self = *self_p;
        zrelay_view_destroy (&self->view);
        zrelay_room_destroy (&self->room);
        zrelay_asking_destroy (&self->asking);
        zrelay_hearing_destroy (&self->hearing);
        zrelay_backlog_destroy (&self->backlog);
        zmq_msg_close (&self->frame);
        zmq_msg_close (&self->copy);
        freen (self->dropped_own);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Properties

const char *
zrelay_flow_name (zrelay_flow_t *self)
{
    return s_names [self->id];
}

uint64_t
zrelay_flow_passed (zrelay_flow_t *self)
{
    return self->passed;
}

uint64_t
zrelay_flow_dropped (zrelay_flow_t *self)
{
    return self->dropped_ever;
}

size_t
zrelay_flow_held (zrelay_flow_t *self)
{
    return zrelay_backlog_size (self->backlog);
}

size_t
zrelay_flow_undelivered (zrelay_flow_t *self)
{
    zrelay_spooling_t *spooling = zrelay_backlog_spooling (self->backlog);
    return self->stalling? zrelay_backlog_in_memory (self->backlog)
                           + (size_t) zrelay_spooling_at_risk (spooling):
                           zrelay_flow_held (self)
                           + (size_t) zrelay_spooling_leaving (spooling);
}

bool
zrelay_flow_stalled (zrelay_flow_t *self)
{
    return zrelay_flow_held (self) > 0 || self->blocked;
}

static bool
s_is_set (const zrelay_shown_to_t *function)
{
    return function->message || function->zmsg || function->filter;
}

bool
zrelay_flow_handled (zrelay_flow_t *self)
{
    return s_is_set (&self->handler);
}

//  A kind's handler may answer, so needs no output

bool
zrelay_flow_possible (zrelay_flow_t *self)
{
    if (!zrelay_pairing_receives (zrelay_side_type (self->input)))
        return false;
    return s_is_set (&self->handler)
        || (self->output
         && zrelay_pairing_sends (zrelay_side_type (self->output)));
}


//  --------------------------------------------------------------------------
//  A stall: messages wait for the output

static void
s_begin_stall (zrelay_flow_t *self)
{
    if (self->stalling)
        return;
    self->stalling = true;
    self->stalls++;
    self->stalled_at = zclock_mono ();
}

static void
s_end_stall (zrelay_flow_t *self)
{
    if (self->stalling)
        self->stalled_ms += zclock_mono () - self->stalled_at;
    self->stalling = false;
}


//  --------------------------------------------------------------------------
//  The state follows from the flow's orders and from the messages it holds

static state_t
s_state (zrelay_flow_t *self)
{
    if (!self->running)
        return STATE_STOPPED;
    if (self->blocked
    || (zrelay_flow_held (self) > 0 && zrelay_backlog_stops (self->backlog)))
        return STATE_STALLED;
    if (self->phase == PHASE_CLOSED || self->reading == ZRELAY_READING_OFF
    || (self->way != WAY_SINK && !zrelay_flow_possible (self)))
        return STATE_CLOSED;
    return self->throttled? STATE_THROTTLED: STATE_READING;
}

static void
s_enter (zrelay_flow_t *self)
{
    self->state = s_state (self);
    self->detours = zrelay_flow_held (self) > 0
                 || zrelay_backlog_takes_all (self->backlog);
}

void
zrelay_flow_set_running (zrelay_flow_t *self, bool running)
{
    if (self->running == running)
        return;
    self->running = running;
    s_enter (self);
}

void
zrelay_flow_set_careful (zrelay_flow_t *self)
{
    if (self->output && !self->room)
        self->room = zrelay_room_new (zrelay_side_port (self->output));
}

void
zrelay_flow_set_reading (zrelay_flow_t *self, zrelay_reading_t reading)
{
    self->reading = reading;
    s_enter (self);
}

void
zrelay_flow_close (zrelay_flow_t *self)
{
    self->phase = PHASE_CLOSING;
    s_enter (self);
}

void
zrelay_flow_open (zrelay_flow_t *self)
{
    self->phase = PHASE_OPEN;
    s_enter (self);
}

bool
zrelay_flow_reads_to_end (zrelay_flow_t *self)
{
    return self->phase == PHASE_CLOSING
        || self->reading == ZRELAY_READING_TO_END;
}

//  The input was found empty

static void
s_emptied (zrelay_flow_t *self)
{
    if (self->phase == PHASE_CLOSING)
        self->phase = PHASE_CLOSED;
    if (self->reading == ZRELAY_READING_TO_END)
        self->reading = ZRELAY_READING_OFF;
    if (zrelay_side_peers (self->input))
        zrelay_peers_emptied (zrelay_side_peers (self->input));
}


//  --------------------------------------------------------------------------
//  zframes are received only where there are peers whose properties these have

static bool
s_wants_zmsg (const zrelay_shown_to_t *function)
{
    return function->zmsg || function->filter;
}

static bool
s_receives_zframes (zrelay_flow_t *self)
{
    return (s_wants_zmsg (&self->filter) || s_wants_zmsg (&self->handler))
        && zrelay_side_has_connections (self->input);
}


//  --------------------------------------------------------------------------
//  The way: how messages move. libzmq puts no bound on the subscriptions that
//  wait in an XPUB, so they are read also where they lead nowhere. A REP that
//  is both sides replies when it has received all.

static way_t
s_way (zrelay_flow_t *self)
{
    if (!zrelay_flow_possible (self))
        return zrelay_side_type (self->input) == ZMQ_XPUB? WAY_SINK: WAY_PASS;
    if (s_is_set (&self->filter) || s_is_set (&self->handler) || self->on_left
    ||  self->bounded || self->permit || self->input == self->output
    ||  self->hears || zrelay_backlog_takes_all (self->backlog)
    ||  self->outlet)
        return WAY_LOOK;
    if (zrelay_port_expects_repeats (zrelay_side_port (self->output))
    || ((self->captures || self->sieve) && self->selective)
    ||  self->asks || self->swaps || self->stamp)
        return WAY_LOOK;
    return self->sieve? WAY_SIFT: self->captures? WAY_COPY: WAY_PASS;
}

//  Subscriptions that come again are counted here where several of them may ask
//  for the same, and by the port otherwise

static void
s_update_repeats (zrelay_flow_t *self)
{
    if (self->output && zrelay_side_repeats (self->input))
        zrelay_port_expect_repeats (zrelay_side_port (self->output),
                                    !zrelay_asking_active (self->asking));
}

void
zrelay_flow_update (zrelay_flow_t *self)
{
    s_update_repeats (self);
    self->bounded = zrelay_limits_bounded (zrelay_side_limits (self->input));
    self->captures = zrelay_capture_active (self->capture);
    self->selective = self->output
        && !zrelay_port_accepts_any (zrelay_side_port (self->output));
    //  A kind that handles messages addresses them itself
    self->swaps = self->output && self->output != self->input
        && !s_is_set (&self->handler)
        && zrelay_pairing_swaps (zrelay_side_type (self->input),
                                 zrelay_side_type (self->output));
    self->stamp = self->output && !s_is_set (&self->handler)?
        zrelay_side_stamp (self->input): NULL;
    self->asks = zrelay_asking_active (self->asking);
    self->hears = zrelay_side_hears_topics (self->input)
               || zrelay_hearing_waits (self->hearing);
    self->examines = self->on_left || self->hears || self->permit
        || self->bounded || self->sieve || self->stamp;
    self->way = s_way (self);
    self->zframes = s_receives_zframes (self);
    s_enter (self);
}

//  In the order of the tables of settings

static void *
s_object (zrelay_flow_t *self, size_t table)
{
    void *objects [] = {
        self, self->backlog, zrelay_backlog_spooling (self->backlog)
    };
    return objects [table];
}

//  Sets also the object that has the option

static const zrelay_setting_t *
s_find_setting (zrelay_flow_t *self, const char *option, void **object_p,
                zrelay_error_t *error)
{
    for (size_t table = 0; zrelay_flow_settings [table]; table++) {
        const zrelay_setting_t *setting =
            zrelay_setting_find (zrelay_flow_settings [table], option);
        *object_p = s_object (self, table);
        if (setting)
            return setting;
    }
    char *names = zrelay_setting_names (zrelay_flow_settings);
    zrelay_error_set (error, ZRELAY_STATUS_BAD_ARGUMENTS,
        "the %s flow has no option %s; it has %s", zrelay_flow_name (self),
        zrelay_error_quote (error, option), names);
    zstr_free (&names);
    return NULL;
}

//  What was in a spool waits for the output from now on

static void
s_set (zrelay_flow_t *self)
{
    zrelay_backlog_changed (self->backlog);
    if (zrelay_flow_held (self) > 0)
        s_begin_stall (self);
    zrelay_flow_update (self);
}

zrelay_status_t
zrelay_flow_set_option (zrelay_flow_t *self, const char *option,
                        const char *value, zrelay_error_t *error)
{
    void *object;
    const zrelay_setting_t *setting =
        s_find_setting (self, option, &object, error);
    if (!setting)
        return ZRELAY_STATUS_BAD_ARGUMENTS;
    if (zrelay_backlog_lacks_spooler (setting, value))
        return zrelay_error_set (error, ZRELAY_STATUS_REFUSED, "%s",
                                 ZRELAY_SPOOLING_ABSENT);
    zrelay_status_t status =
        zrelay_setting_set (setting, self->engine, object, value, error);
    if (status == ZRELAY_STATUS_DONE)
        s_set (self);
    return status;
}

zrelay_status_t
zrelay_flow_get_option (zrelay_flow_t *self, const char *option,
                        char **value_p, zrelay_error_t *error)
{
    void *object;
    const zrelay_setting_t *setting =
        s_find_setting (self, option, &object, error);
    if (!setting)
        return ZRELAY_STATUS_BAD_ARGUMENTS;
    *value_p = zrelay_setting_get (setting, self->engine, object);
    return ZRELAY_STATUS_DONE;
}

void
zrelay_flow_keep_options (zrelay_flow_t *self, zchunk_t *text)
{
    for (size_t table = 0; zrelay_flow_settings [table]; table++)
        zrelay_setting_keep (zrelay_flow_settings [table], s_names [self->id],
                             self->engine, s_object (self, table), text);
}

void
zrelay_flow_set_handler (zrelay_flow_t *self, zrelay_shown_to_t handler)
{
    self->handler = handler;
    zrelay_flow_update (self);
}

void
zrelay_flow_set_filter (zrelay_flow_t *self, zrelay_shown_to_t filter)
{
    self->filter = filter;
    zrelay_flow_update (self);
}

void
zrelay_flow_set_outlet (zrelay_flow_t *self, zrelay_outlet_fn *outlet,
                        void *object)
{
    self->outlet = outlet;
    self->outlet_object = object;
    zrelay_flow_update (self);
}

void
zrelay_flow_listen_for_ids (zrelay_flow_t *self, zrelay_left_fn *on_left)
{
    self->on_left = on_left;
    zrelay_flow_update (self);
}


bool
zrelay_flow_has_topics (int type)
{
    return type == ZMQ_SUB || type == ZMQ_XSUB || type == ZMQ_PULL
        || type == ZMQ_PAIR;
}

void
zrelay_flow_set_sieve (zrelay_flow_t *self, zrelay_sieve_t *sieve)
{
    self->sieve = sieve;
    zrelay_flow_update (self);
}

void
zrelay_flow_set_asked (zrelay_flow_t *self, zrelay_sieve_t *sieve)
{
    zrelay_asking_set (self->asking, sieve, zrelay_side_repeats (self->input));
    zrelay_flow_update (self);
}


//  --------------------------------------------------------------------------
//  Dropping

void
zrelay_flow_count_drop (zrelay_flow_t *self, zrelay_outcome_t reason)
{
    self->dropped [reason]++;
    self->dropped_ever++;
}

void
zrelay_flow_count_reason (zrelay_flow_t *self, size_t reason)
{
    assert (reason < self->reason_count);
    self->dropped_own [reason]++;
    self->dropped_ever++;
}

void
zrelay_flow_set_reason (zrelay_flow_t *self, size_t reason)
{
    assert (reason < self->reason_count);
    self->reason = reason;
}

//  Account for a message that is no longer the flow's

static void
s_settle (zrelay_flow_t *self, zrelay_side_t *to, zrelay_outcome_t outcome)
{
    if (outcome != ZRELAY_OUTCOME_SENT)
        zrelay_flow_count_drop (self, outcome);
    else
    if (to == self->output)
        self->passed++;
}


//  --------------------------------------------------------------------------
//  Sending: to a side, with a copy of each frame for the capture. The capture
//  gets what the output took; once it has begun a message it sees its end.

static void
s_capture (zrelay_flow_t *self, zrelay_outcome_t outcome, bool more)
{
    if (outcome == ZRELAY_OUTCOME_SENT || zrelay_capture_within (self->capture))
        zrelay_capture_put (self->capture, self->id, &self->copy, more);
    else {
        zmq_msg_close (&self->copy);
        zmq_msg_init (&self->copy);
    }
}

static zrelay_outcome_t
s_send_frame (zrelay_flow_t *self, zrelay_side_t *to, zmq_msg_t *frame,
              bool more)
{
    zrelay_port_t *port = zrelay_side_port (to);
    if (!self->captures)
        return zrelay_port_send (port, frame, more);
    zmq_msg_copy (&self->copy, frame);
    zrelay_outcome_t outcome = zrelay_port_send (port, frame, more);
    s_capture (self, outcome, more);
    return outcome;
}

static zrelay_outcome_t
s_send_copied (zrelay_flow_t *self, zrelay_side_t *to,
               zrelay_message_t *message)
{
    size_t frames = zrelay_message_frames (message);
    zmq_msg_t *first = zrelay_message_frame (message, 0);
    zmq_msg_copy (&self->copy, first);
    zrelay_outcome_t outcome =
        zrelay_port_offer (zrelay_side_port (to), first, frames > 1);
    s_capture (self, outcome, frames > 1);
    if (outcome != ZRELAY_OUTCOME_SENT)
        return outcome;
    for (size_t index = 1; index < frames; index++)
        outcome = s_send_frame (self, to, zrelay_message_frame (message, index),
                                index + 1 < frames);
    zrelay_message_sent (message);
    return outcome;
}

static inline zrelay_outcome_t
s_send (zrelay_flow_t *self, zrelay_side_t *to, zrelay_message_t *message)
{
    return self->captures? s_send_copied (self, to, message):
        zrelay_port_send_message (zrelay_side_port (to), message);
}

static void
s_hear (zrelay_flow_t *self);

//  Before a message goes to subscribers, all subscriptions are heard that wait,
//  and none are taken in while it is sent. Who may not have what it asked for,
//  or may no longer have what it has, is cut by then.

static zrelay_outcome_t
s_send_to_subscribers (zrelay_flow_t *self, zrelay_side_t *to,
                       zrelay_message_t *message)
{
    zrelay_peers_t *peers = zrelay_side_peers (to);
    uint64_t revision = self->permit->revision (self->permit->object);
    if (revision != self->revision)
        zrelay_peers_refuse_all (peers);
    self->revision = revision;
    s_hear (to == self->input? self: self->other);
    if (!zrelay_port_hush (zrelay_side_port (to)))
        return ZRELAY_OUTCOME_PERMIT;
    zrelay_outcome_t outcome = s_send (self, to, message);
    zrelay_port_unhush (zrelay_side_port (to));
    return outcome;
}

zrelay_outcome_t
zrelay_flow_send (zrelay_flow_t *self, zrelay_side_t *to,
                  zrelay_message_t *message)
{
    int type = self->permit? zrelay_side_type (to): -1;
    if (type == ZMQ_XPUB)
        return s_send_to_subscribers (self, to, message);
    //  A PUB does not say who has subscribed to what
    return type == ZMQ_PUB? ZRELAY_OUTCOME_PERMIT: s_send (self, to, message);
}

//  In the course of the flow there may be another way than the output's socket.
//  What has gone that way is captured where it arrives.

static zrelay_outcome_t
s_pass (zrelay_flow_t *self, zrelay_side_t *to, zrelay_message_t *message)
{
    if (!self->outlet || to != self->output)
        return zrelay_flow_send (self, to, message);
    zrelay_send_t result =
        self->outlet (self->engine, self->outlet_object, message);
    return result == ZRELAY_SEND_DONE? ZRELAY_OUTCOME_SENT:
           result == ZRELAY_SEND_FULL? ZRELAY_OUTCOME_FULL:
           ZRELAY_OUTCOME_REFUSED;
}


//  --------------------------------------------------------------------------
//  The backlog

//  Keeps the frames of the message

static void
s_keep (zrelay_flow_t *self, zrelay_message_t *message, zrelay_side_t *to)
{
    size_t dropped = zrelay_backlog_add (self->backlog, message, to);
    for (; dropped > 0; dropped--)
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_OVERFLOW);
    //  Where all are kept, it is not known yet whether the output is full
    if (zrelay_flow_held (self) > 0
    &&  !zrelay_backlog_takes_all (self->backlog))
        s_begin_stall (self);
    if (self->room)
        zrelay_room_filled (self->room);
    s_enter (self);
}

//  Send what was held, in order, as far as it goes

static void
s_flush (zrelay_flow_t *self)
{
    zrelay_side_t *to;
    zrelay_message_t *message = zrelay_backlog_first (self->backlog, &to);
    if (!message)
        return;
    for (int64_t left = self->burst; message && left > 0; left--) {
        zrelay_outcome_t outcome = s_pass (self, to, message);
        if (outcome == ZRELAY_OUTCOME_FULL) {
            s_begin_stall (self);
            return;
        }
        s_settle (self, to, outcome);
        zrelay_backlog_remove (self->backlog);
        message = zrelay_backlog_first (self->backlog, &to);
    }
    if (!message)
        s_end_stall (self);
    s_enter (self);
}


//  --------------------------------------------------------------------------
//  Looking: a whole message, which is measured, shown, sent or kept

//  Those that were heard come first

static bool
s_receive (zrelay_flow_t *self)
{
    self->known = false;
    if (!self->hears)
        return zrelay_view_recv (self->view, self->from, self->zframes);
    zrelay_view_t *heard = zrelay_hearing_next (self->hearing);
    self->known = heard != NULL;
    if (!heard)
        return zrelay_hearing_recv (self->hearing, &self->view, self->zframes);
    zrelay_view_destroy (&self->view);
    self->view = heard;
    return true;
}

static zrelay_outcome_t
s_measure (zrelay_flow_t *self)
{
    size_t frames, bytes;
    zrelay_view_measure (self->view, self->from,
                         zrelay_side_type (self->input) == ZMQ_ROUTER,
                         &frames, &bytes);
    return zrelay_limits_check (zrelay_side_limits (self->input), frames,
                                bytes);
}

//  What a message says about topics, if that is not known yet

static zrelay_heard_t
s_heard (zrelay_flow_t *self, zrelay_view_t *view)
{
    zrelay_heard_t heard = zrelay_hearing_judge (self->hearing, view);
    if (heard == ZRELAY_HEARD_REFUSED)
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_PERMIT);
    return heard;
}

static bool
s_ends_here (zrelay_heard_t heard)
{
    return heard == ZRELAY_HEARD_NOTHING || heard == ZRELAY_HEARD_REFUSED;
}

//  A message may go on if it is news about topics, or if its sender may send
//  it. What was heard was judged then.

static bool
s_may (zrelay_flow_t *self)
{
    zrelay_heard_t heard = self->known? zrelay_hearing_judged (self->view):
                           s_heard (self, self->view);
    if (!self->permit || heard != ZRELAY_HEARD_MESSAGE)
        return !s_ends_here (heard);
    bool may = zrelay_rights_send (self->permit, self->view, self->id,
                                   zrelay_side_type (self->input));
    if (!may)
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_PERMIT);
    return may;
}

//  A ROUTER's peer has been heard

static bool
s_heard_from (zrelay_flow_t *self, zrelay_peers_t *peers, const char *property)
{
    const void *id;
    size_t size;
    return zrelay_view_frame (self->view, 0, &id, &size)
        && zrelay_peers_heard (peers, property, id, size);
}

//  Tell the peers who has sent this. The end of an earlier connection comes
//  before the first message of another one with its id.

static void
s_listen (zrelay_flow_t *self)
{
    zrelay_peers_t *peers = zrelay_side_peers (self->input);
    if (!peers || !(self->on_left || self->bounded))
        return;
    const char *property =
        zrelay_view_property (self->view, ZRELAY_PEERS_PROPERTY);
    if (self->bounded)
        zrelay_peers_spoke (peers, property);
    if (self->on_left && zrelay_side_type (self->input) == ZMQ_ROUTER
    &&  s_heard_from (self, peers, property))
        self->on_left (self->engine);
}

//  Show the message to a function. A message that is gone was dropped.

static zrelay_verdict_t
s_show_zmsg (zrelay_flow_t *self, const zrelay_shown_to_t *function)
{
    zmsg_t **msg_p = zrelay_view_zmsg (self->view);
    zrelay_verdict_t verdict = function->filter?
        function->filter (msg_p, function->object):
        function->zmsg (self->engine, function->object, msg_p);
    if (verdict == ZRELAY_VERDICT_KEPT)
        *msg_p = NULL;
    else
    if (!zrelay_view_is_zmsg (self->view))
        verdict = ZRELAY_VERDICT_DROP;
    return verdict;
}

static zrelay_verdict_t
s_show_message (zrelay_flow_t *self, const zrelay_shown_to_t *function)
{
    zrelay_message_t *message = zrelay_view_message (self->view);
    zrelay_verdict_t verdict =
        function->message (self->engine, function->object, message);
    return verdict != ZRELAY_VERDICT_KEPT
        && message->count == 0? ZRELAY_VERDICT_DROP: verdict;
}

static zrelay_verdict_t
s_show (zrelay_flow_t *self, const zrelay_shown_to_t *function)
{
    return s_wants_zmsg (function)? s_show_zmsg (self, function)
                                  : s_show_message (self, function);
}

//  A filter has no reasons of its own, and can keep nothing

static zrelay_verdict_t
s_show_filter (zrelay_flow_t *self)
{
    zrelay_verdict_t verdict = s_is_set (&self->filter)?
        s_show (self, &self->filter): ZRELAY_VERDICT_PASS;
    if (verdict == ZRELAY_VERDICT_KEPT)
        verdict = ZRELAY_VERDICT_DROP;
    if (verdict == ZRELAY_VERDICT_DROP)
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_FILTER);
    return verdict;
}

static zrelay_verdict_t
s_show_handler (zrelay_flow_t *self)
{
    if (!s_is_set (&self->handler))
        return ZRELAY_VERDICT_PASS;
    self->reason = self->reason_count;
    zrelay_verdict_t verdict = s_show (self, &self->handler);
    bool led_nowhere = verdict == ZRELAY_VERDICT_PASS && !self->output;
    if (verdict != ZRELAY_VERDICT_DROP && !led_nowhere)
        return verdict;
    if (self->reason < self->reason_count)
        zrelay_flow_count_reason (self, self->reason);
    else
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_HANDLER);
    return ZRELAY_VERDICT_DROP;
}

static bool
s_sift_message (zrelay_flow_t *self)
{
    bool passes = zrelay_sieve_sift_message (self->sieve,
                                             zrelay_view_message (self->view));
    if (!passes)
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_FILTER);
    return passes;
}

static void
s_deliver_message (zrelay_flow_t *self, zrelay_side_t *to)
{
    zrelay_message_t *message = zrelay_view_message (self->view);
    zrelay_outcome_t outcome = ZRELAY_OUTCOME_SENT;
    if (self->selective || to != self->output)
        outcome = zrelay_port_accepts (zrelay_side_port (to), message);
    if (outcome == ZRELAY_OUTCOME_SENT)
        outcome = self->detours? ZRELAY_OUTCOME_FULL:
                                 s_pass (self, to, message);
    if (outcome == ZRELAY_OUTCOME_FULL)
        s_keep (self, message, to);
    else
        s_settle (self, to, outcome);
}

static void
s_on_asked (void *arg)
{
    zrelay_flow_t *self = (zrelay_flow_t *) arg;
    s_deliver_message (self, self->output);
}

static void
s_deliver (zrelay_flow_t *self, zrelay_side_t *to)
{
    if (!self->asks || to != self->output
    || !zrelay_asking_lead (self->asking, zrelay_view_message (self->view),
                            s_on_asked, self))
        s_deliver_message (self, to);
}

static void
s_note_sender (zrelay_flow_t *self, char sender [STAMP_ROOM])
{
    const char *value = zrelay_view_property (self->view, self->stamp);
    snprintf (sender, STAMP_ROOM, "%s", value? value: "");
}

//  To the output, in the form that it has there

static void
s_pass_on (zrelay_flow_t *self, const char *sender)
{
    zrelay_message_t *message = zrelay_view_message (self->view);
    if (self->swaps)
        zrelay_message_swap (message);
    if (self->stamp)
        zrelay_sender_put (message, zrelay_side_type (self->input),
                           zrelay_side_type (self->output), sender);
    s_deliver (self, self->output);
}

//  What is asked about a message before anybody is shown it. Notes its sender,
//  as a filter may leave no frame that knows. Returns false if it is dropped.

static bool
s_examine (zrelay_flow_t *self, char sender [STAMP_ROOM])
{
    s_listen (self);
    if (!s_may (self))
        return false;
    zrelay_outcome_t outcome =
        self->bounded? s_measure (self): ZRELAY_OUTCOME_SENT;
    if (outcome != ZRELAY_OUTCOME_SENT) {
        zrelay_flow_count_drop (self, outcome);
        return false;
    }
    if (self->stamp && *self->stamp)
        s_note_sender (self, sender);
    return !self->sieve || s_sift_message (self);
}

//  The message is in hand

static void
s_judge (zrelay_flow_t *self)
{
    char sender [STAMP_ROOM];
    *sender = 0;
    if (self->examines && !s_examine (self, sender))
        return;
    zrelay_verdict_t verdict = s_show_filter (self);
    if (verdict == ZRELAY_VERDICT_PASS)
        verdict = s_show_handler (self);
    if (verdict == ZRELAY_VERDICT_PASS)
        s_pass_on (self, sender);
    else
    if (verdict == ZRELAY_VERDICT_ANSWER)
        s_deliver (self, self->input);
}

static void
s_look_at_message (zrelay_flow_t *self)
{
    s_judge (self);
    //  Frames that are still there must not be kept in memory
    zrelay_view_clear (self->view);
}


//  --------------------------------------------------------------------------
//  Hearing: the other flow is about to send to those whose subscriptions this
//  one reads. They are read to the last, and kept for when it is its turn. The
//  message in hand is left alone.

//  A subscription has done its work in the XPUB, and was never to go further

static void
s_sink (zrelay_flow_t *self, zrelay_view_t *view, zrelay_heard_t heard)
{
    if (!s_ends_here (heard)
    &&  zrelay_hearing_judged (view) == ZRELAY_HEARD_MESSAGE)
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_UNROUTABLE);
}

static void
s_hear (zrelay_flow_t *self)
{
    zrelay_view_t *view = zrelay_view_new ();
    while (zrelay_hearing_recv (self->hearing, &view, self->zframes)) {
        if (self->bounded)
            zrelay_peers_spoke (zrelay_side_peers (self->input),
                zrelay_view_property (view, ZRELAY_PEERS_PROPERTY));
        zrelay_heard_t heard = s_heard (self, view);
        if (self->way == WAY_SINK)
            s_sink (self, view, heard);
        else
        if (!s_ends_here (heard))
            zrelay_hearing_keep (self->hearing, view);
        zrelay_view_clear (view);
    }
    zrelay_view_destroy (&view);
    zrelay_peers_emptied (zrelay_side_peers (self->input));
}

bool
zrelay_flow_has_heard (zrelay_flow_t *self)
{
    return zrelay_hearing_waits (self->hearing);
}

void
zrelay_flow_set_permit (zrelay_flow_t *self, zrelay_flow_t *other,
                        const zrelay_permit_t *permit)
{
    self->other = other;
    self->permit = permit;
    zrelay_hearing_set_permit (self->hearing, permit);
    if (permit)
        self->revision = permit->revision (permit->object);
    zrelay_flow_update (self);
}


//  --------------------------------------------------------------------------
//  The bounds of a turn, and its account

typedef struct {
    const zrelay_tally_t *tally;    //  What the input received, ever
    uint64_t last_frame;            //  Value of tally at which to stop
    uint64_t last_byte;             //  Likewise
    size_t allowed;                 //  Messages that may be read
    size_t moved;                   //  Messages that were
    size_t room;                    //  Messages that the output can take
    bool found;                     //  The last look found a message
} turn_t;

static bool
s_goes_on (const turn_t *turn)
{
    return turn->found && turn->moved < turn->allowed
        && turn->tally->frames < turn->last_frame
        && turn->tally->bytes < turn->last_byte;
}


//  --------------------------------------------------------------------------
//  The ways. Each moves one message or more, and keeps account in the turn.

static void
s_found (turn_t *turn, bool found)
{
    turn->found = found;
    turn->moved += found;
}

static void
s_way_look (zrelay_flow_t *self, turn_t *turn)
{
    s_found (turn, s_receive (self));
    if (turn->found)
        s_look_at_message (self);
}

static void
s_way_sink (zrelay_flow_t *self, turn_t *turn)
{
    s_found (turn, zrelay_hearing_recv (self->hearing, &self->view, false));
    if (turn->found)
        s_sink (self, self->view, s_heard (self, self->view));
    zrelay_view_clear (self->view);
}

//  The flow's frame is in hand, and the others of its message are to follow

static zrelay_message_t *
s_receive_rest (zrelay_flow_t *self)
{
    zrelay_message_t *message = zrelay_view_message (self->view);
    zrelay_message_append_frame (message, &self->frame);
    zrelay_port_recv_rest (self->from, message);
    return message;
}

//  Pass on a message frame by frame. The first is in hand, and more follow.

static void
s_pass_rest (zrelay_flow_t *self, bool more)
{
    zrelay_outcome_t outcome =
        s_send_frame (self, self->output, &self->frame, more);
    if (outcome == ZRELAY_OUTCOME_FULL) {
        s_keep (self, s_receive_rest (self), self->output);
        return;
    }
    while (more && zrelay_port_recv (self->from, &self->frame) == 0) {
        more = zmq_msg_more (&self->frame);
        outcome = s_send_frame (self, self->output, &self->frame, more);
    }
    s_settle (self, self->output, outcome);
}

static void
s_way_copy (zrelay_flow_t *self, turn_t *turn)
{
    s_found (turn, zrelay_port_recv (self->from, &self->frame) == 0);
    if (turn->found)
        s_pass_rest (self, zmq_msg_more (&self->frame));
}

static void
s_discard_rest (zrelay_flow_t *self, bool more)
{
    while (more && zrelay_port_recv (self->from, &self->frame) == 0)
        more = zmq_msg_more (&self->frame);
    zmq_msg_close (&self->frame);
    zmq_msg_init (&self->frame);
}

//  How much may pass in what is left of a turn

static zrelay_passage_t
s_passage (const turn_t *turn)
{
    size_t left = turn->allowed - turn->moved;
    return (zrelay_passage_t) {
        .messages = left < turn->room? left: turn->room,
        .frames = turn->last_frame - turn->tally->frames,
        .bytes = turn->last_byte - turn->tally->bytes
    };
}

static void
s_passed (zrelay_flow_t *self, turn_t *turn, zrelay_passed_t end,
          uint64_t messages)
{
    self->passed += messages;
    turn->moved += messages + (end == ZRELAY_PASSED_IN_HAND);
    turn->found = end != ZRELAY_PASSED_ALL;
}

//  As many as can be without a look at each, or at the output. One that needs
//  it is passed on like any other that does.

static void
s_way_pass (zrelay_flow_t *self, turn_t *turn)
{
    zrelay_port_t *to = zrelay_side_port (self->output);
    zrelay_passage_t passage = s_passage (turn);
    zrelay_passed_t end =
        zrelay_port_pass (self->from, to, &self->frame, &passage);
    s_passed (self, turn, end, passage.messages);
    if (end != ZRELAY_PASSED_IN_HAND)
        return;
    if (zrelay_port_accepts_any (to))
        s_pass_rest (self, zrelay_port_in_more (self->from));
    else {
        s_receive_rest (self);
        s_look_at_message (self);
    }
}

//  The same by rules

static void
s_way_sift_one (zrelay_flow_t *self, turn_t *turn)
{
    s_found (turn, zrelay_port_recv (self->from, &self->frame) == 0);
    if (!turn->found)
        return;
    bool more = zmq_msg_more (&self->frame);
    size_t size = zmq_msg_size (&self->frame);
    if (zrelay_sieve_sift (self->sieve, &self->frame, &size))
        s_pass_rest (self, more);
    else {
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_FILTER);
        s_discard_rest (self, more);
    }
}

static void
s_way_sift (zrelay_flow_t *self, turn_t *turn)
{
    if (self->captures) {
        s_way_sift_one (self, turn);
        return;
    }
    zrelay_passage_t passage = s_passage (turn);
    uint64_t dropped;
    zrelay_passed_t end =
        zrelay_port_sift (self->from, zrelay_side_port (self->output),
                          &self->frame, &passage, zrelay_sieve_sift,
                          self->sieve, &dropped);
    self->dropped [ZRELAY_OUTCOME_FILTER] += dropped;
    self->dropped_ever += dropped;
    turn->moved += dropped;
    s_passed (self, turn, end, passage.messages);
    if (end == ZRELAY_PASSED_IN_HAND)
        s_pass_rest (self, zrelay_port_in_more (self->from));
}

static void (*s_ways []) (zrelay_flow_t *self, turn_t *turn) = {
    [WAY_PASS] = s_way_pass,
    [WAY_COPY] = s_way_copy,
    [WAY_SIFT] = s_way_sift,
    [WAY_LOOK] = s_way_look,
    [WAY_SINK] = s_way_sink
};


//  --------------------------------------------------------------------------
//  A turn

//  Held messages go first, so messages behind them are looked at and kept

static way_t
s_way_now (zrelay_flow_t *self)
{
    return self->detours && self->way != WAY_SINK? WAY_LOOK: self->way;
}

//  Where the input is somebody else's, a message is read only if the output can
//  take it

static size_t
s_room (zrelay_flow_t *self)
{
    return self->room && zrelay_backlog_stops (self->backlog)
        && self->way != WAY_SINK? zrelay_room_left (self->room): SIZE_MAX;
}

//  The output is full: leave a message in the input. Returns false if there is
//  none.

static bool
s_leave (zrelay_flow_t *self)
{
    if (!zrelay_port_has (self->from, ZMQ_POLLIN))
        return false;
    self->blocked = true;
    s_begin_stall (self);
    s_enter (self);
    return true;
}

//  There may be room for what was left

static void
s_look_for_room (zrelay_flow_t *self)
{
    if (!self->blocked || s_room (self) == 0)
        return;
    self->blocked = false;
    if (zrelay_flow_held (self) == 0)
        s_end_stall (self);
}

static void
s_move (zrelay_flow_t *self, turn_t *turn)
{
    turn->room = s_room (self);
    if (turn->room == 0) {
        turn->found = s_leave (self);
        return;
    }
    size_t before = turn->moved;
    s_ways [s_way_now (self)] (self, turn);
    if (self->room)
        zrelay_room_use (self->room, turn->moved - before);
}

static void
s_read (zrelay_flow_t *self)
{
    zrelay_limits_t *limits = zrelay_side_limits (self->input);
    turn_t turn = {
        .tally = zrelay_port_received (self->from),
        .allowed = zrelay_limits_allowance (limits, (size_t) self->burst),
        .found = true
    };
    turn.last_frame = turn.tally->frames + TURN_FRAMES;
    turn.last_byte = turn.tally->bytes + TURN_BYTES;
    while (s_goes_on (&turn) && self->state == STATE_READING)
        s_move (self, &turn);

    self->throttled = turn.moved == turn.allowed
                   && turn.allowed < (size_t) self->burst;
    zrelay_limits_consume (limits, turn.moved, self->throttled);
    if (!turn.found)
        s_emptied (self);
    s_enter (self);
}

//  What goes through the spool can go on when it is in there

//  What is lost on the way to one subscriber, or to a ROUTER's peer, is not for
//  others

static bool
s_sends_again (zrelay_flow_t *self)
{
    return self->output
        && zrelay_port_reports_room (zrelay_side_port (self->output));
}

static void
s_tend_spool (zrelay_flow_t *self)
{
    zrelay_spooling_tend (zrelay_backlog_spooling (self->backlog),
                          self->output? zrelay_side_peers (self->output): NULL,
                          s_sends_again (self));
}

static void
s_tend (zrelay_flow_t *self)
{
    s_tend_spool (self);
    if (zrelay_backlog_takes_all (self->backlog) && !self->stalling)
        s_flush (self);
    s_enter (self);
}

void
zrelay_flow_turn (zrelay_flow_t *self)
{
    if (self->state == STATE_STOPPED) {
        s_tend_spool (self);
        return;
    }
    s_flush (self);
    s_look_for_room (self);
    //  Time has passed for one that was throttled
    self->throttled = false;
    s_enter (self);
    if (self->state == STATE_READING)
        s_read (self);
    s_tend (self);
}


//  --------------------------------------------------------------------------
//  Waiting

static size_t
s_between (size_t least, size_t value, size_t most)
{
    return value < least? least: value > most? most: value;
}

//  Of two times, where 0 means never

static size_t
s_sooner (size_t one, size_t other)
{
    return one == 0 || (other > 0 && other < one)? other: one;
}

static size_t
s_wants_input (zrelay_flow_t *self, short *events)
{
    if (self->state == STATE_THROTTLED)
        return s_between (RATE_LEAST,
            zrelay_limits_wait (zrelay_side_limits (self->input)), RATE_MOST);
    if (self->state != STATE_READING)
        return 0;
    *events |= ZMQ_POLLIN;
    //  No poll reports that an input is empty
    return zrelay_flow_reads_to_end (self) || zrelay_flow_has_heard (self)?
           RETRY_LEAST: 0;
}

static size_t
s_wants_output (zrelay_flow_t *self, zrelay_side_t *to, short *events)
{
    //  The kind will say when there is room
    if (self->outlet && to == self->output)
        return 0;
    if (zrelay_port_polls_out (zrelay_side_port (to))) {
        *events |= ZMQ_POLLOUT;
        return 0;
    }
    size_t lasted = (size_t) (zclock_mono () - self->stalled_at);
    return s_between (RETRY_LEAST, lasted, RETRY_MOST);
}

size_t
zrelay_flow_wants (zrelay_flow_t *self, short *input, short *output)
{
    size_t spool =
        zrelay_spooling_wants (zrelay_backlog_spooling (self->backlog));
    if (self->state == STATE_STOPPED)
        return spool;
    size_t read = s_wants_input (self, input);
    zrelay_side_t *to;
    size_t send = zrelay_backlog_first (self->backlog, &to)?
        s_wants_output (self, to, to == self->input? input: output): 0;
    if (self->blocked)
        *output |= ZMQ_POLLOUT;
    return s_sooner (s_sooner (read, send), spool);
}

const char *
zrelay_flow_news (zrelay_flow_t *self)
{
    return zrelay_spooling_news (zrelay_backlog_spooling (self->backlog));
}

size_t
zrelay_flow_abandon (zrelay_flow_t *self)
{
    size_t count = zrelay_backlog_abandon (self->backlog);
    for (size_t lost = 0; lost < count; lost++)
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_UNDELIVERED);
    return count;
}


//  --------------------------------------------------------------------------
//  Counters

static void
s_stat (zrelay_flow_t *self, zrelay_counts_t *counts, const char *name,
        uint64_t value)
{
    zrelay_counts_add (counts, value, "%s.%s", zrelay_flow_name (self), name);
}

static void
s_stat_dropped (zrelay_flow_t *self, zrelay_counts_t *counts,
                const char *reason, uint64_t value)
{
    zrelay_counts_add (counts, value, "%s.dropped_%s", zrelay_flow_name (self),
                       reason);
}

void
zrelay_flow_stats (zrelay_flow_t *self, zrelay_counts_t *counts)
{
    uint64_t stalled_ms = self->stalled_ms;
    if (self->stalling)
        stalled_ms += zclock_mono () - self->stalled_at;
    s_stat (self, counts, "stalls", self->stalls);
    s_stat (self, counts, "stalled_ms", stalled_ms);
    zrelay_backlog_stats (self->backlog, counts, zrelay_flow_name (self));

    uint64_t total = 0;
    for (int reason = 0; reason < ZRELAY_OUTCOMES; reason++)
        total += self->dropped [reason];
    for (size_t reason = 0; reason < self->reason_count; reason++)
        total += self->dropped_own [reason];
    s_stat (self, counts, "dropped", total);
    for (int reason = 0; reason < ZRELAY_OUTCOMES; reason++)
        if (s_reasons [reason])
            s_stat_dropped (self, counts, s_reasons [reason],
                            self->dropped [reason]);
    for (size_t reason = 0; reason < self->reason_count; reason++)
        s_stat_dropped (self, counts, self->reasons [reason],
                        self->dropped_own [reason]);
    if (self->sieve)
        zrelay_sieve_stats (self->sieve, s_names [self->id], counts);
}

void
zrelay_flow_reset (zrelay_flow_t *self)
{
    self->stalls = 0;
    self->stalled_ms = 0;
    self->stalled_at = zclock_mono ();
    zrelay_backlog_reset (self->backlog);
    memset (self->dropped, 0, sizeof (self->dropped));
    memset (self->dropped_own, 0, self->reason_count * sizeof (uint64_t));
    if (self->sieve)
        zrelay_sieve_reset (self->sieve);
}
