/*  =========================================================================
    zrelay_flow - one direction of travel, a state machine around a backlog

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_flow.h"
#include "zrelay_pairing.h"

//  Bounds of one turn. A turn of small messages takes well below a
//  millisecond with these, and the pipe is looked at between turns.
#define BURST_DEFAULT 1000
#define TURN_FRAMES 4096
#define TURN_BYTES (64 * 1024 * 1024)

//  What no poll tells is tried again after this time, in msecs: an XPUB with
//  xpub_nodrop the later the longer it has refused
#define RETRY_LEAST 1
#define RETRY_MOST 50

//  An input whose rate is used up is read again after this time, in msecs, or
//  later if there is no allowance by then, but looked after now and then
#define RATE_LEAST 10
#define RATE_MOST 1000

//  Messages kept with overflow drop-new or drop-old, unless queue is set
#define QUEUE_DEFAULT 1000

//  What to do when the output is full
typedef enum {
    HOLD,                       //  Keep one message, and read no more
    DROP_NEW,                   //  Read on, and drop what is too much
    DROP_OLD                    //  Read on, and drop what waited longest
} overflow_t;

static const char *s_overflows [] = { "hold", "drop-new", "drop-old", NULL };

//  Ends of the names of counters, by zrelay_outcome_t
static const char *s_reasons [ZRELAY_OUTCOMES] = {
    NULL, NULL, "full", "unroutable", "lost", "overflow", "size", "frames",
    "filter", "handler", "refused", "undelivered"
};

static const char *s_names [] = { "forward", "return" };

//  A message that waits. No frame of it has been sent.
typedef struct {
    zrelay_message_t *message;
    zrelay_side_t *to;          //  Where it goes
} held_t;

struct _zrelay_flow_t {
    zrelay_flow_id_t id;        //  Which of the two
    zrelay_side_t *input;       //  Where messages come from
    zrelay_side_t *output;      //  Where they go, or NULL
    zrelay_capture_t *capture;  //  Gets copies
    zrelay_handler_fn *filter;  //  Installed by FILTER
    void *filter_arg;
    zrelay_handler_fn *handler; //  The kind's
    void *handler_arg;
    zmq_msg_t frame;            //  The frame on its way; empty between calls
    zmq_msg_t copy;             //  Its copy for the capture; likewise
    zrelay_message_t *message;  //  The one that is looked at; NULL if the last
                                //  one was kept
    zmsg_t *shown;              //  What others see of it; NULL if they took it
    zlistx_t *backlog;          //  held_t in order; not empty: a stall
    overflow_t overflow;        //  What to do then
    uint64_t queue;             //  How many to keep, unless it is HOLD
    uint64_t burst;             //  Most messages of one turn
    bool running;               //  May move messages
    bool held_back;             //  The kind wants no reading
    bool closing;               //  Read until the input is empty once
    bool closed;                //  That has happened
    bool throttled;             //  The input's rate is used up
    int64_t stalled_at;         //  When the stall began, in msecs
    uint64_t stalls;            //  Stalls begun
    uint64_t stalled_ms;        //  Time spent in those that ended
    uint64_t passed;            //  Messages that reached the output, ever
    uint64_t dropped_ever;      //  Messages dropped, ever
    uint64_t dropped [ZRELAY_OUTCOMES];     //  By reason, since RESET
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_held_destroy (void **item_p)
{
    held_t *held = (held_t *) *item_p;
    zrelay_message_destroy (&held->message);
    freen (held);
    *item_p = NULL;
}

zrelay_flow_t *
zrelay_flow_new (zrelay_flow_id_t id, zrelay_side_t *input,
                 zrelay_side_t *output, zrelay_capture_t *capture)
{
    zrelay_flow_t *self = (zrelay_flow_t *) zmalloc (sizeof (zrelay_flow_t));
    assert (self);
    self->id = id;
    self->input = input;
    self->output = output;
    self->capture = capture;
    self->queue = QUEUE_DEFAULT;
    self->burst = BURST_DEFAULT;
    self->backlog = zlistx_new ();
    assert (self->backlog);
    zlistx_set_destructor (self->backlog, s_held_destroy);
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
        zlistx_destroy (&self->backlog);
        zrelay_message_destroy (&self->message);
        zmsg_destroy (&self->shown);
        zmq_msg_close (&self->frame);
        zmq_msg_close (&self->copy);
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

void
zrelay_flow_set_handler (zrelay_flow_t *self, zrelay_handler_fn *handler,
                         void *arg)
{
    self->handler = handler;
    self->handler_arg = arg;
}

void
zrelay_flow_set_filter (zrelay_flow_t *self, zrelay_handler_fn *filter,
                        void *arg)
{
    self->filter = filter;
    self->filter_arg = arg;
}

//  A kind's handler may answer, so needs no output

bool
zrelay_flow_possible (zrelay_flow_t *self)
{
    if (!zrelay_pairing_receives (zrelay_side_type (self->input)))
        return false;
    return self->handler
        || (self->output
         && zrelay_pairing_sends (zrelay_side_type (self->output)));
}

//  libzmq puts no bound on the subscriptions that wait in an XPUB, so they
//  are read also where they lead nowhere

static bool
s_sinks (zrelay_flow_t *self)
{
    return zrelay_side_type (self->input) == ZMQ_XPUB
        && !zrelay_flow_possible (self);
}

void
zrelay_flow_run (zrelay_flow_t *self, bool run)
{
    self->running = run;
    if (run && self->output && zrelay_side_repeats (self->input))
        zrelay_side_expect_repeats (self->output);
}

void
zrelay_flow_hold (zrelay_flow_t *self, bool hold)
{
    self->held_back = hold;
}

void
zrelay_flow_close (zrelay_flow_t *self)
{
    self->closing = true;
}

void
zrelay_flow_open (zrelay_flow_t *self)
{
    self->closing = false;
    self->closed = false;
}

bool
zrelay_flow_quiet (zrelay_flow_t *self)
{
    return self->closed && zrelay_flow_held (self) == 0;
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
    return zlistx_size (self->backlog);
}


//  --------------------------------------------------------------------------
//  Options, in the manner of the side's: where, and from what value on

static const struct {
    const char *name;           //  As in SET
    size_t offset;              //  Of the uint64_t in the flow
    uint64_t least;             //  Smallest value
    uint64_t most;              //  Largest
} s_numbers [] = {
    { "burst", offsetof (zrelay_flow_t, burst), 1, 1000000 },
    { "queue", offsetof (zrelay_flow_t, queue), 0, UINT32_MAX },
    { NULL, 0, 0, 0 }
};

static int
s_number_index (const char *name)
{
    int index = 0;
    while (s_numbers [index].name && strcasecmp (s_numbers [index].name, name))
        index++;
    return s_numbers [index].name? index: -1;
}

static uint64_t *
s_number_value (zrelay_flow_t *self, int index)
{
    return (uint64_t *) ((byte *) self + s_numbers [index].offset);
}

static zrelay_status_t
s_set_overflow (zrelay_flow_t *self, const char *value, char **error_p)
{
    int index = 0;
    while (s_overflows [index] && strcasecmp (s_overflows [index], value))
        index++;
    if (!s_overflows [index]) {
        *error_p = zsys_sprintf ("'%.80s' is no value for overflow; it takes "
                                 "hold, drop-new or drop-old", value);
        return ZRELAY_BAD_ARGUMENTS;
    }
    self->overflow = (overflow_t) index;
    return ZRELAY_DONE;
}

static zrelay_status_t
s_no_option (zrelay_flow_t *self, const char *option, char **error_p)
{
    *error_p = zsys_sprintf ("the %s flow has no option '%.80s'; it has "
        "burst, overflow and queue", zrelay_flow_name (self), option);
    return ZRELAY_BAD_ARGUMENTS;
}

zrelay_status_t
zrelay_flow_set (zrelay_flow_t *self, const char *option, const char *value,
                 char **error_p)
{
    if (strcasecmp (option, "overflow") == 0)
        return s_set_overflow (self, value, error_p);
    int index = s_number_index (option);
    if (index == -1)
        return s_no_option (self, option, error_p);
    bool valid = zrelay_option_valid (zrelay_option_find ("affinity"), value);
    uint64_t number = valid? strtoull (value, NULL, 10): 0;
    if (!valid || number < s_numbers [index].least
               || number > s_numbers [index].most) {
        *error_p = zsys_sprintf ("'%.80s' is no value for %s; it takes a "
            "number from %" PRIu64 " to %" PRIu64, value,
            s_numbers [index].name, s_numbers [index].least,
            s_numbers [index].most);
        return ZRELAY_BAD_ARGUMENTS;
    }
    *s_number_value (self, index) = number;
    return ZRELAY_DONE;
}

zrelay_status_t
zrelay_flow_get (zrelay_flow_t *self, const char *option, char **value_p,
                 char **error_p)
{
    int index = s_number_index (option);
    if (index != -1)
        *value_p = zsys_sprintf ("%" PRIu64, *s_number_value (self, index));
    else
    if (strcasecmp (option, "overflow") == 0)
        *value_p = strdup (s_overflows [self->overflow]);
    else
        return s_no_option (self, option, error_p);
    return ZRELAY_DONE;
}


//  --------------------------------------------------------------------------
//  Sending: to a side, with a copy of each frame for the capture. The capture
//  gets what the output took; once it has begun a message it sees its end.

static void
s_count_drop (zrelay_flow_t *self, zrelay_outcome_t reason)
{
    self->dropped [reason]++;
    self->dropped_ever++;
}

zrelay_outcome_t
zrelay_flow_put (zrelay_flow_t *self, zrelay_side_t *to,
                 zmq_msg_t *frame, bool more)
{
    if (!zrelay_capture_active (self->capture))
        return zrelay_side_put (to, frame, more);
    zmq_msg_copy (&self->copy, frame);
    zrelay_outcome_t outcome = zrelay_side_put (to, frame, more);
    if (outcome == ZRELAY_SENT || zrelay_capture_within (self->capture))
        zrelay_capture_put (self->capture, self->id, &self->copy, more);
    else {
        zmq_msg_close (&self->copy);
        zmq_msg_init (&self->copy);
    }
    return outcome;
}

zrelay_outcome_t
zrelay_flow_send (zrelay_flow_t *self, zrelay_side_t *to,
                  zrelay_message_t *message)
{
    size_t frames = zrelay_message_frames (message);
    zrelay_outcome_t outcome = ZRELAY_SENT;
    for (size_t index = 0; index < frames && outcome != ZRELAY_FULL; index++)
        outcome = zrelay_flow_put (self, to,
            zrelay_message_frame (message, index), index + 1 < frames);
    return outcome;
}

//  Account for a message that is no longer the flow's

static void
s_settle (zrelay_flow_t *self, zrelay_side_t *to, zrelay_outcome_t outcome)
{
    if (outcome != ZRELAY_SENT)
        s_count_drop (self, outcome);
    else
    if (to == self->output)
        self->passed++;
}


//  --------------------------------------------------------------------------
//  The backlog

//  Drop what is too much; returns false if the newest is. Holding has no
//  bound here: what is full is not read.

static bool
s_make_room (zrelay_flow_t *self)
{
    if (self->overflow == HOLD || zlistx_size (self->backlog) < self->queue)
        return true;
    s_count_drop (self, ZRELAY_DROP_OVERFLOW);
    if (self->overflow == DROP_NEW || self->queue == 0)
        return false;
    zlistx_delete (self->backlog, NULL);
    return true;
}

//  Takes the message

static void
s_keep (zrelay_flow_t *self, zrelay_message_t **message_p, zrelay_side_t *to)
{
    if (!s_make_room (self)) {
        zrelay_message_destroy (message_p);
        return;
    }
    if (zlistx_size (self->backlog) == 0) {
        self->stalls++;
        self->stalled_at = zclock_mono ();
    }
    held_t *held = (held_t *) zmalloc (sizeof (held_t));
    assert (held);
    held->message = *message_p;
    held->to = to;
    *message_p = NULL;
    zlistx_add_end (self->backlog, held);
}

//  Send what was held, in order, as far as it goes

static void
s_flush (zrelay_flow_t *self)
{
    held_t *held = (held_t *) zlistx_first (self->backlog);
    if (!held)
        return;
    uint64_t left = self->burst;
    while (held && left-- > 0) {
        zrelay_outcome_t outcome =
            zrelay_flow_send (self, held->to, held->message);
        if (outcome == ZRELAY_FULL)
            return;
        s_settle (self, held->to, outcome);
        zlistx_delete (self->backlog, NULL);
        held = (held_t *) zlistx_first (self->backlog);
    }
    if (!held)
        self->stalled_ms += zclock_mono () - self->stalled_at;
}

//  The message that was looked at

static void
s_deliver (zrelay_flow_t *self, zrelay_side_t *to)
{
    zrelay_outcome_t outcome = zrelay_side_suits (to, self->message);
    if (outcome == ZRELAY_SENT)
        outcome = zlistx_size (self->backlog) > 0? ZRELAY_FULL:
                  zrelay_flow_send (self, to, self->message);
    if (outcome == ZRELAY_FULL)
        s_keep (self, &self->message, to);
    else
        s_settle (self, to, outcome);
}


//  --------------------------------------------------------------------------
//  Pass-through: one message, frame by frame. Returns false if there was
//  none.

//  The first frame was not taken: keep it, and what follows it

static void
s_keep_rest (zrelay_flow_t *self, bool more)
{
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, &self->frame);
    while (more && zrelay_side_get (self->input, &self->frame) == 0) {
        more = zmq_msg_more (&self->frame);
        zrelay_message_append (message, &self->frame);
    }
    s_keep (self, &message, self->output);
}

//  The flow's frame is in hand

static void
s_pass_rest (zrelay_flow_t *self)
{
    bool more = zmq_msg_more (&self->frame);
    zrelay_outcome_t outcome =
        zrelay_flow_put (self, self->output, &self->frame, more);
    if (outcome == ZRELAY_FULL) {
        s_keep_rest (self, more);
        return;
    }
    while (more && zrelay_side_get (self->input, &self->frame) == 0) {
        more = zmq_msg_more (&self->frame);
        outcome = zrelay_flow_put (self, self->output, &self->frame, more);
    }
    s_settle (self, self->output, outcome);
}

static bool
s_pass (zrelay_flow_t *self)
{
    if (zrelay_side_get (self->input, &self->frame) == -1)
        return false;
    s_pass_rest (self);
    return true;
}


//  --------------------------------------------------------------------------
//  The other way: a whole message, which is measured, shown, sent or kept

//  The flow's frame is in hand

static void
s_receive_rest (zrelay_flow_t *self)
{
    if (!self->message)
        self->message = zrelay_message_new ();
    zrelay_message_clear (self->message);
    bool more;
    do {
        more = zmq_msg_more (&self->frame);
        zrelay_message_append (self->message, &self->frame);
    }
    while (more && zrelay_side_get (self->input, &self->frame) == 0);
}

//  Show the message to a function. A message that is gone was dropped.

static zrelay_verdict_t
s_ask (zrelay_handler_fn *function, void *arg, zmsg_t **msg_p)
{
    zrelay_verdict_t verdict = function (msg_p, arg);
    if (!*msg_p || zmsg_size (*msg_p) == 0)
        verdict = ZRELAY_DROP;
    return verdict;
}

//  Show it to the filter, and then to the kind. Returns where it goes, with
//  the message replaced by what they made of it, or NULL if it was dropped.

static zrelay_side_t *
s_show (zrelay_flow_t *self)
{
    if (!self->shown)
        self->shown = zmsg_new ();
    zrelay_message_show (self->message, self->shown);
    zrelay_outcome_t reason = ZRELAY_DROP_FILTER;
    zrelay_verdict_t verdict = ZRELAY_PASS;
    if (self->filter)
        verdict = s_ask (self->filter, self->filter_arg, &self->shown);
    if (self->handler && verdict == ZRELAY_PASS) {
        reason = ZRELAY_DROP_HANDLER;
        verdict = s_ask (self->handler, self->handler_arg, &self->shown);
    }
    zrelay_side_t *to = verdict == ZRELAY_ANSWER? self->input: self->output;
    if (verdict == ZRELAY_DROP || !to) {
        zmsg_destroy (&self->shown);
        s_count_drop (self, reason);
        return NULL;
    }
    zrelay_message_take (self->message, self->shown);
    return to;
}

static void
s_take_rest (zrelay_flow_t *self)
{
    s_receive_rest (self);
    zrelay_outcome_t outcome = zrelay_side_judge (self->input, self->message);
    if (s_sinks (self))
        outcome = ZRELAY_DROP_UNROUTABLE;
    zrelay_side_t *to = self->output;
    if (outcome != ZRELAY_SENT)
        s_count_drop (self, outcome);
    else
    if (self->filter || self->handler)
        to = s_show (self);
    if (outcome == ZRELAY_SENT && to)
        s_deliver (self, to);
    //  What it still has must not be kept in memory
    if (self->message)
        zrelay_message_clear (self->message);
}

static bool
s_take (zrelay_flow_t *self)
{
    if (zrelay_side_get (self->input, &self->frame) == -1)
        return false;
    s_take_rest (self);
    return true;
}


//  --------------------------------------------------------------------------
//  The state machine

//  Would it read, if there were something?

static bool
s_reading (zrelay_flow_t *self)
{
    if (!self->running || self->held_back || self->closed)
        return false;
    if (zlistx_size (self->backlog) > 0 && self->overflow == HOLD)
        return false;
    return zrelay_flow_possible (self) || s_sinks (self);
}

//  Nobody needs to see whole messages, and none is waiting. A REP that is both
//  sides replies when it has received all.

static bool
s_unseen (zrelay_flow_t *self)
{
    return !self->filter && !self->handler
        && self->input != self->output
        && !zrelay_side_limited (self->input)
        && zlistx_size (self->backlog) == 0
        && !s_sinks (self);
}

//  And nobody wants a copy

static bool
s_simple (zrelay_flow_t *self)
{
    return !zrelay_capture_active (self->capture)
        && zrelay_side_simple (self->input, self->output);
}

//  What a turn may still do

typedef struct {
    const zrelay_tally_t *tally;    //  What the input received, ever
    uint64_t last_frame;            //  Value of tally at which to stop
    uint64_t last_byte;             //  Likewise
    size_t allowed;                 //  Messages that may be read
    size_t moved;                   //  Messages that were
    bool found;                     //  The last look found a message
} turn_t;

//  As many as can be without a look at each. One that needs it is passed on
//  like any other that does.

static void
s_pass_many (zrelay_flow_t *self, turn_t *turn)
{
    zrelay_passage_t passage = {
        .messages = turn->allowed - turn->moved,
        .frames = turn->last_frame - turn->tally->frames,
        .bytes = turn->last_byte - turn->tally->bytes
    };
    zrelay_end_t end = zrelay_side_pass (self->input, self->output,
                                         &self->frame, &passage);
    self->passed += passage.messages;
    turn->moved += passage.messages;
    turn->found = end != ZRELAY_EMPTY;
    if (end != ZRELAY_IN_HAND)
        return;
    turn->moved++;
    if (zrelay_side_selective (self->output))
        s_take_rest (self);
    else
        s_pass_rest (self);
}

static bool
s_goes_on (const turn_t *turn)
{
    return turn->found && turn->moved < turn->allowed
        && turn->tally->frames < turn->last_frame
        && turn->tally->bytes < turn->last_byte;
}

static void
s_read (zrelay_flow_t *self)
{
    turn_t turn = {
        .tally = zrelay_side_received (self->input),
        .allowed = zrelay_side_allowance (self->input, self->burst),
        .found = true
    };
    turn.last_frame = turn.tally->frames + TURN_FRAMES;
    turn.last_byte = turn.tally->bytes + TURN_BYTES;

    //  While messages only pass, nothing changes but that one may stay here
    bool unseen = s_unseen (self);
    while (unseen && s_goes_on (&turn)) {
        if (s_simple (self))
            s_pass_many (self, &turn);
        else
        if (zrelay_side_selective (self->output))
            break;
        else {
            turn.found = s_pass (self);
            turn.moved += turn.found;
        }
        unseen = zlistx_size (self->backlog) == 0;
    }
    while (s_goes_on (&turn) && s_reading (self)) {
        turn.found = s_take (self);
        turn.moved += turn.found;
    }
    self->throttled = turn.moved == turn.allowed
                   && turn.allowed < self->burst;
    zrelay_side_taken (self->input, turn.moved, self->throttled);
    if (!turn.found && self->closing)
        self->closed = true;
}

void
zrelay_flow_turn (zrelay_flow_t *self)
{
    if (!self->running)
        return;
    s_flush (self);
    if (s_reading (self))
        s_read (self);
}

static size_t
s_between (size_t least, size_t value, size_t most)
{
    return value < least? least: value > most? most: value;
}

//  The reading half, and the sending half: each adds what it polls for, or
//  returns when it is to be tried again

static size_t
s_wants_input (zrelay_flow_t *self, short *events)
{
    if (!s_reading (self))
        return 0;
    if (self->throttled)
        return s_between (RATE_LEAST, zrelay_side_wait (self->input),
                          RATE_MOST);
    *events |= ZMQ_POLLIN;
    //  No poll tells that an input is empty
    return self->closing? RETRY_LEAST: 0;
}

static size_t
s_wants_output (zrelay_flow_t *self, zrelay_side_t *to, short *events)
{
    if (zrelay_side_polls_out (to)) {
        *events |= ZMQ_POLLOUT;
        return 0;
    }
    size_t lasted = (size_t) (zclock_mono () - self->stalled_at);
    return s_between (RETRY_LEAST, lasted, RETRY_MOST);
}

size_t
zrelay_flow_wants (zrelay_flow_t *self, zrelay_side_t *sides [2],
                   short events [2])
{
    if (!self->running)
        return 0;
    size_t read = s_wants_input (self, &events [self->input == sides [1]]);
    held_t *held = (held_t *) zlistx_first (self->backlog);
    size_t send = held?
        s_wants_output (self, held->to, &events [held->to == sides [1]]): 0;
    return read == 0 || (send > 0 && send < read)? send: read;
}

size_t
zrelay_flow_abandon (zrelay_flow_t *self)
{
    size_t count = zlistx_size (self->backlog);
    while (zlistx_size (self->backlog) > 0) {
        s_count_drop (self, ZRELAY_DROP_UNDELIVERED);
        zlistx_delete (self->backlog, NULL);
    }
    return count;
}


//  --------------------------------------------------------------------------
//  Counters

static void
s_stat (zrelay_flow_t *self, zmsg_t *answer, const char *name, uint64_t value)
{
    char key [64];
    snprintf (key, sizeof (key), "%s.%s", zrelay_flow_name (self), name);
    zrelay_engine_stat (answer, key, value);
}

void
zrelay_flow_stats (zrelay_flow_t *self, zmsg_t *answer)
{
    uint64_t stalled_ms = self->stalled_ms;
    if (zlistx_size (self->backlog) > 0)
        stalled_ms += zclock_mono () - self->stalled_at;
    s_stat (self, answer, "stalls", self->stalls);
    s_stat (self, answer, "stalled_ms", stalled_ms);
    s_stat (self, answer, "held", zrelay_flow_held (self));

    uint64_t total = 0;
    for (int reason = 0; reason < ZRELAY_OUTCOMES; reason++)
        total += self->dropped [reason];
    s_stat (self, answer, "dropped", total);
    for (int reason = 0; reason < ZRELAY_OUTCOMES; reason++)
        if (s_reasons [reason]) {
            char name [32];
            snprintf (name, sizeof (name), "dropped_%s", s_reasons [reason]);
            s_stat (self, answer, name, self->dropped [reason]);
        }
}

void
zrelay_flow_reset (zrelay_flow_t *self)
{
    self->stalls = 0;
    self->stalled_ms = 0;
    self->stalled_at = zclock_mono ();
    memset (self->dropped, 0, sizeof (self->dropped));
}


//  --------------------------------------------------------------------------
//  Selftest: a flow from a PULL to a PUSH, with a socket at each end

typedef struct {
    zrelay_side_t *sides [2];
    zrelay_capture_t *capture;
    zrelay_flow_t *flow;
    zsock_t *source;
    zsock_t *sink;              //  NULL until it is connected
    char out [40];              //  Where to
} bench_t;

//  Names of inproc endpoints are free again only some time after use, so each
//  test has its own

static void
s_bench_setup (bench_t *self, const char *name)
{
    char in [40];
    snprintf (in, sizeof (in), "inproc://flow-%s-in", name);
    snprintf (self->out, sizeof (self->out), "inproc://flow-%s-out", name);
    const zrelay_side_spec_t pull = { "PULL", NULL };
    const zrelay_side_spec_t push = { "PUSH", NULL };
    self->sides [0] = zrelay_side_new ("frontend", &pull);
    self->sides [1] = zrelay_side_new ("backend", &push);
    self->capture = zrelay_capture_new ();
    self->flow = zrelay_flow_new (ZRELAY_FORWARD, self->sides [0],
                                  self->sides [1], self->capture);
    int rc = zrelay_side_bind (self->sides [0], in);
    assert (rc == ZRELAY_DONE);
    rc = zrelay_side_bind (self->sides [1], self->out);
    assert (rc == ZRELAY_DONE);
    self->source = zsock_new (ZMQ_PUSH);
    rc = zsock_connect (self->source, "%s", in);
    assert (rc == 0);
    self->sink = NULL;
    zrelay_flow_run (self->flow, true);
}

static void
s_bench_connect (bench_t *self)
{
    self->sink = zsock_new (ZMQ_PULL);
    int rc = zsock_connect (self->sink, "%s", self->out);
    assert (rc == 0);
    zsock_set_rcvtimeo (self->sink, 0);
}

static void
s_bench_cleanup (bench_t *self)
{
    zsock_destroy (&self->source);
    zsock_destroy (&self->sink);
    zrelay_flow_destroy (&self->flow);
    zrelay_capture_destroy (&self->capture);
    zrelay_side_destroy (&self->sides [0]);
    zrelay_side_destroy (&self->sides [1]);
}

static bool
s_bench_receives (bench_t *self, const char *expected)
{
    char *string = zstr_recv (self->sink);
    bool same = string && streq (string, expected);
    zstr_free (&string);
    return same;
}

//  Back-pressure: one message is held, the others stay in the socket

static void
s_test_hold (void)
{
    bench_t bench;
    s_bench_setup (&bench, "hold");
    zstr_sendx (bench.source, "A", "1", "2", "3", NULL);
    zstr_send (bench.source, "B");
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_held (bench.flow) == 1);

    short events [2] = { 0, 0 };
    size_t soon = zrelay_flow_wants (bench.flow, bench.sides, events);
    assert (!soon && events [0] == 0 && events [1] == ZMQ_POLLOUT);

    s_bench_connect (&bench);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_held (bench.flow) == 0);
    zmsg_t *msg = zmsg_recv (bench.sink);
    assert (msg && zmsg_size (msg) == 4);
    zmsg_destroy (&msg);
    assert (s_bench_receives (&bench, "B"));
    assert (zrelay_flow_passed (bench.flow) == 2);
    events [1] = 0;
    soon = zrelay_flow_wants (bench.flow, bench.sides, events);
    assert (!soon && events [0] == ZMQ_POLLIN && events [1] == 0);

    //  Neither paused nor held back it would read
    zrelay_flow_hold (bench.flow, true);
    events [0] = 0;
    zrelay_flow_wants (bench.flow, bench.sides, events);
    assert (events [0] == 0);
    s_bench_cleanup (&bench);
}

//  With a bounded queue the newest or the oldest are dropped and counted

static void
s_test_overflow (const char *overflow, const char *first, const char *last)
{
    bench_t bench;
    s_bench_setup (&bench, overflow);
    char *error = NULL;
    assert (zrelay_flow_set (bench.flow, "overflow", overflow, &error)
            == ZRELAY_DONE);
    assert (zrelay_flow_set (bench.flow, "queue", "2", &error) == ZRELAY_DONE);
    for (char letter = 'A'; letter <= 'E'; letter++)
        zstr_sendf (bench.source, "%c", letter);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_held (bench.flow) == 2);
    assert (zrelay_flow_dropped (bench.flow) == 3);
    s_bench_connect (&bench);
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, first));
    assert (s_bench_receives (&bench, last));
    assert (!s_bench_receives (&bench, ""));
    s_bench_cleanup (&bench);
}

//  A filter that drops one, changes another and answers a third, which the
//  PULL it came from cannot take

static zrelay_verdict_t
s_test_filter (zmsg_t **msg_p, void *arg)
{
    (*(int *) arg)++;
    char *string = zmsg_popstr (*msg_p);
    zrelay_verdict_t verdict = streq (string, "answer")? ZRELAY_ANSWER:
                               streq (string, "drop")? ZRELAY_DROP: ZRELAY_PASS;
    zmsg_addstrf (*msg_p, "%s!", string);
    if (streq (string, "gone"))
        zmsg_destroy (msg_p);
    zstr_free (&string);
    return verdict;
}

static void
s_test_filters (void)
{
    bench_t bench;
    s_bench_setup (&bench, "filters");
    s_bench_connect (&bench);
    int calls = 0;
    zrelay_flow_set_filter (bench.flow, s_test_filter, &calls);
    const char *words [] = { "pass", "drop", "gone", "answer" };
    for (int index = 0; index < 4; index++)
        zstr_send (bench.source, words [index]);
    zrelay_flow_turn (bench.flow);
    assert (calls == 4);
    assert (s_bench_receives (&bench, "pass!"));
    assert (bench.flow->dropped [ZRELAY_DROP_FILTER] == 2);
    assert (bench.flow->dropped [ZRELAY_DROP_REFUSED] == 1);

    //  Without it, messages pass as they are
    zrelay_flow_set_filter (bench.flow, NULL, NULL);
    zstr_send (bench.source, "pass");
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, "pass"));
    s_bench_cleanup (&bench);
}

//  A turn is bounded, and so is what a rate allows

static void
s_test_bounds (void)
{
    bench_t bench;
    s_bench_setup (&bench, "bounds");
    s_bench_connect (&bench);
    char *error = NULL;
    assert (zrelay_flow_set (bench.flow, "burst", "3", &error) == ZRELAY_DONE);
    for (int index = 0; index < 10; index++)
        zstr_sendf (bench.source, "%d", index);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 3);

    assert (zrelay_side_set (bench.sides [0], "rate", "1") == ZRELAY_DONE);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 4);
    short events [2] = { 0, 0 };
    size_t soon = zrelay_flow_wants (bench.flow, bench.sides, events);
    assert (soon > RATE_LEAST && soon <= RATE_MOST);
    assert (events [0] == 0);
    assert (zrelay_side_set (bench.sides [0], "rate", "0") == ZRELAY_DONE);

    //  Closing reads what is there, and then no more
    zrelay_flow_close (bench.flow);
    for (int turn = 0; turn < 4; turn++)
        zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_quiet (bench.flow));
    assert (zrelay_flow_passed (bench.flow) == 10);
    zstr_send (bench.source, "late");
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 10);
    zrelay_flow_open (bench.flow);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 11);
    s_bench_cleanup (&bench);
}

static void
s_test_values (void)
{
    bench_t bench;
    s_bench_setup (&bench, "values");
    char *error = NULL;
    char *value = NULL;
    const char *wrong [] [2] = {
        { "overflow", "burst" }, { "burst", "0" }, { "burst", "-1" },
        { "queue", "" }, { "queue", "1e3" }, { "nonsense", "1" }
    };
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++) {
        assert (zrelay_flow_set (bench.flow, wrong [index] [0],
                    wrong [index] [1], &error) == ZRELAY_BAD_ARGUMENTS);
        assert (error);
        zstr_free (&error);
    }
    assert (zrelay_flow_get (bench.flow, "overflow", &value, &error)
            == ZRELAY_DONE);
    assert (streq (value, "hold"));
    zstr_free (&value);
    assert (zrelay_flow_get (bench.flow, "queue", &value, &error)
            == ZRELAY_DONE);
    assert (streq (value, "1000"));
    zstr_free (&value);
    s_bench_cleanup (&bench);
}

void
zrelay_flow_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_flow: ");
    //  @selftest
    s_test_hold ();
    s_test_overflow ("drop-new", "A", "B");
    s_test_overflow ("drop-old", "D", "E");
    s_test_filters ();
    s_test_bounds ();
    s_test_values ();
    //  @end
    printf ("OK\n");
}
