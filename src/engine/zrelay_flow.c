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
#include "zrelay_counts.h"
#include "zrelay_holds.h"
#include "zrelay_message_internal.h"
#include "zrelay_pairing.h"
#include "zrelay_setting.h"
#include "zrelay_sender.h"
#include "zrelay_topics.h"

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

//  To ask a full output for room takes longer than to move a message. One that
//  has taken so many without being full is not asked until it is.
#define TRUSTED 200000

//  Messages kept with overflow drop-new or drop-old, unless queue is set
#define QUEUE_DEFAULT 1000

//  Output is full: which messages are dropped
typedef enum {
    OVERFLOW_HOLD,              //  None; one message is held, and no more read
    OVERFLOW_DROP_NEW,          //  Those that are too many
    OVERFLOW_DROP_OLD           //  Those that have waited longest
} overflow_t;

static const char *const s_overflows [] = {
    "hold", "drop-new", "drop-old", NULL
};

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

//  A message that waits. No frame of it has been sent.
typedef struct {
    zrelay_message_t *message;
    zrelay_side_t *to;          //  Where it goes
    int64_t since;              //  When it came, in msecs
} held_t;

//  A subscription that was read before it was this flow's turn
typedef struct {
    zrelay_message_t *message;
    zmsg_t *shown;              //  Or as zframes; else NULL
} heard_t;

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
    zrelay_left_fn *on_left;    //  Called when somebody has left whose routing
                                //  id comes again; NULL: ids do not matter
    const zrelay_permit_t *permit;  //  Who may send what; NULL: everybody
    zrelay_flow_t *other;       //  The flow that travels back, or NULL
    uint64_t revision;          //  Of what subscribers may do
    zlistx_t *heard;            //  heard_t in order
    bool known;                 //  The message in hand comes from there
    bool bounded;               //  The input has limits to a message
    bool selective;             //  The output does not accept every message
    bool captures;              //  The capture is active
    zrelay_sieve_t *sieve;      //  Rules for what passes, or NULL
    zrelay_sieve_t *asked;      //  Rules for subscriptions that pass, or NULL
    zrelay_topics_t *repeated;  //  These, if they come again; or NULL
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
    bool careful;               //  Reads only what the output can take
    bool blocked;               //  So it does not read what is there
    size_t credit;              //  Messages that the output can take for sure
    size_t unhindered;          //  Those passed since it was full last
    zmq_msg_t frame;            //  The frame on its way; empty between calls
    zmq_msg_t copy;             //  Its copy for the capture; likewise
    zrelay_message_t *message;  //  The one that is looked at; empty likewise
    zmsg_t *shown;              //  The same as zframes, while it has any
    size_t reason;              //  Why it is dropped: one of the kind's, or as
                                //  many as there are: it did not say
    zlistx_t *backlog;          //  held_t in order; not empty: a stall
    size_t held;                //  How many these are
    zrelay_holds_t *holds;      //  How long the earlier ones were held
    int64_t overflow;           //  An overflow_t
    int64_t queue;              //  How many to keep, unless it is to hold
    int64_t burst;              //  Most messages of one turn
    int64_t stalled_at;         //  When the stall began, in msecs
    uint64_t stalls;            //  Stalls begun
    uint64_t stalled_ms;        //  Time spent in those that ended
    uint64_t passed;            //  Messages that reached the output, ever
    uint64_t dropped_ever;      //  Messages dropped, ever
    uint64_t dropped [ZRELAY_OUTCOMES];     //  By reason, since RESET
    uint64_t *dropped_own;      //  Likewise, by the kind's reasons
};

const zrelay_setting_t zrelay_flow_settings [] = {
    { ZRELAY_SETTING, .name = "burst", .help = "messages moved in one turn",
      .offset = offsetof (zrelay_flow_t, burst),
      .least = 1, .most = BURST_MOST },
    { ZRELAY_SETTING, .name = "overflow", .help = "when the output is full",
      .offset = offsetof (zrelay_flow_t, overflow), .words = s_overflows },
    { ZRELAY_SETTING, .name = "queue", .help = "messages that overflow keeps",
      .offset = offsetof (zrelay_flow_t, queue), .most = UINT32_MAX },
    { .name = NULL }
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

static void
s_heard_destroy (void **item_p)
{
    heard_t *heard = (heard_t *) *item_p;
    zrelay_message_destroy (&heard->message);
    zmsg_destroy (&heard->shown);
    freen (heard);
    *item_p = NULL;
}

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
    self->queue = QUEUE_DEFAULT;
    self->burst = BURST_DEFAULT;
    self->message = zrelay_message_new ();
    self->backlog = zlistx_new ();
    assert (self->backlog);
    zlistx_set_destructor (self->backlog, s_held_destroy);
    self->heard = zlistx_new ();
    assert (self->heard);
    zlistx_set_destructor (self->heard, s_heard_destroy);
    self->holds = zrelay_holds_new ();
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
        zrelay_topics_destroy (&self->repeated);
        zlistx_destroy (&self->heard);
        zrelay_holds_destroy (&self->holds);
        zrelay_message_destroy (&self->message);
        zmsg_destroy (&self->shown);
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
    return self->held;
}

bool
zrelay_flow_stalled (zrelay_flow_t *self)
{
    return self->held > 0 || self->blocked;
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
//  The state follows from the flow's orders and from the messages it holds

static state_t
s_state (zrelay_flow_t *self)
{
    if (!self->running)
        return STATE_STOPPED;
    if (self->blocked || (self->held > 0 && self->overflow == OVERFLOW_HOLD))
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
    self->careful = true;
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
//  Only a zframe that was received as such has the properties of its peer, if
//  that has any; to receive one costs more than to copy a frame into one

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
    ||  zrelay_side_hears_topics (self->input))
        return WAY_LOOK;
    if (zrelay_port_expects_repeats (zrelay_side_port (self->output))
    || ((self->captures || self->sieve) && self->selective)
    ||  self->asked || self->swaps || self->stamp)
        return WAY_LOOK;
    return self->sieve? WAY_SIFT: self->captures? WAY_COPY: WAY_PASS;
}

//  Subscriptions that come again are counted here where several of them may ask
//  for the same, and by the port otherwise

static void
s_update_repeats (zrelay_flow_t *self)
{
    if (!self->output || !zrelay_side_repeats (self->input))
        return;
    zrelay_port_expect_repeats (zrelay_side_port (self->output), !self->asked);
    if (!self->asked)
        zrelay_topics_destroy (&self->repeated);
    else
    if (!self->repeated)
        self->repeated = zrelay_topics_new ();
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
    self->way = s_way (self);
    self->zframes = s_receives_zframes (self);
    s_enter (self);
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
    self->asked = sieve;
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
s_send (zrelay_flow_t *self, zrelay_side_t *to, zrelay_message_t *message)
{
    zrelay_port_t *port = zrelay_side_port (to);
    if (!self->captures)
        return zrelay_port_send_message (port, message);
    size_t frames = zrelay_message_frames (message);
    zmq_msg_t *first = zrelay_message_frame (message, 0);
    zmq_msg_copy (&self->copy, first);
    zrelay_outcome_t outcome = zrelay_port_offer (port, first, frames > 1);
    s_capture (self, outcome, frames > 1);
    if (outcome != ZRELAY_OUTCOME_SENT)
        return outcome;
    for (size_t index = 1; index < frames; index++)
        outcome = s_send_frame (self, to, zrelay_message_frame (message, index),
                                index + 1 < frames);
    zrelay_message_sent (message);
    return outcome;
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
    if (self->permit && zrelay_side_type (to) == ZMQ_XPUB)
        return s_send_to_subscribers (self, to, message);
    //  A PUB does not say who has subscribed to what
    return self->permit && zrelay_side_type (to) == ZMQ_PUB?
        ZRELAY_OUTCOME_PERMIT: s_send (self, to, message);
}


//  --------------------------------------------------------------------------
//  The backlog

//  The message that was held longest is the flow's no more

static void
s_forget_first (zrelay_flow_t *self, int64_t now)
{
    held_t *held = (held_t *) zlistx_first (self->backlog);
    zrelay_holds_add (self->holds, now - held->since);
    zlistx_delete (self->backlog, NULL);
    self->held--;
}

//  Drop a message if there are too many; returns false if the newest is.
//  Holding has no bound here: a full output stops the reading.

static bool
s_make_room (zrelay_flow_t *self, int64_t now)
{
    if (self->overflow == OVERFLOW_HOLD
    || (int64_t) self->held < self->queue)
        return true;
    zrelay_flow_count_drop (self, ZRELAY_OUTCOME_OVERFLOW);
    if (self->overflow == OVERFLOW_DROP_NEW || self->queue == 0)
        return false;
    s_forget_first (self, now);
    return true;
}

//  Keeps the frames of the message

static void
s_keep (zrelay_flow_t *self, zrelay_message_t *message, zrelay_side_t *to)
{
    int64_t now = zclock_mono ();
    if (!s_make_room (self, now)) {
        zrelay_message_clear (message);
        return;
    }
    if (self->held == 0) {
        self->stalls++;
        self->stalled_at = now;
    }
    held_t *held = (held_t *) zmalloc (sizeof (held_t));
    assert (held);
    held->message = zrelay_message_take (message);
    held->to = to;
    held->since = now;
    zlistx_add_end (self->backlog, held);
    self->held++;
    s_enter (self);
}

//  Send what was held, in order, as far as it goes

static void
s_flush (zrelay_flow_t *self)
{
    if (self->held == 0)
        return;
    int64_t now = zclock_mono ();
    held_t *held = (held_t *) zlistx_first (self->backlog);
    for (int64_t left = self->burst; held && left > 0; left--) {
        zrelay_outcome_t outcome =
            zrelay_flow_send (self, held->to, held->message);
        if (outcome == ZRELAY_OUTCOME_FULL)
            return;
        s_settle (self, held->to, outcome);
        s_forget_first (self, now);
        held = (held_t *) zlistx_first (self->backlog);
    }
    if (!held)
        self->stalled_ms += now - self->stalled_at;
    s_enter (self);
}


//  --------------------------------------------------------------------------
//  Looking: a whole message, which is measured, shown, sent or kept

//  Where somebody wants zframes, the frames are received as zframes, since only
//  these have the peer's properties, for zframe_meta (). A ROUTER's routing id
//  may have none, so all are received like this.

static bool
s_receive_next (zrelay_flow_t *self)
{
    if (!self->zframes)
        return zrelay_port_recv_message (self->from, self->message);
    zframe_t *frame = zrelay_port_recv_zframe (self->from);
    if (!frame)
        return false;
    if (!self->shown)
        self->shown = zmsg_new ();
    while (frame) {
        bool more = zframe_more (frame);
        zmsg_append (self->shown, &frame);
        frame = more? zrelay_port_recv_zframe (self->from): NULL;
    }
    return true;
}

//  Those that were heard come first

static bool
s_receive (zrelay_flow_t *self)
{
    heard_t *heard = (heard_t *) zlistx_first (self->heard);
    self->known = heard != NULL;
    if (!heard)
        return s_receive_next (self);
    zrelay_message_destroy (&self->message);
    zmsg_destroy (&self->shown);
    self->message = heard->message;
    self->shown = heard->shown;
    heard->message = NULL;
    heard->shown = NULL;
    zlistx_delete (self->heard, NULL);
    return true;
}

//  While there is a zmsg, it is the message

static bool
s_is_zmsg (zrelay_flow_t *self)
{
    return self->shown && zmsg_size (self->shown) > 0;
}

//  Make one form of the other

static void
s_need_message (zrelay_flow_t *self)
{
    if (s_is_zmsg (self))
        zrelay_message_restore (self->message, self->shown);
}

static void
s_need_zmsg (zrelay_flow_t *self)
{
    if (!self->shown)
        self->shown = zmsg_new ();
    if (!s_is_zmsg (self))
        zrelay_message_show (self->message, self->shown);
}

static zrelay_outcome_t
s_measure (zrelay_flow_t *self)
{
    size_t frames, bytes;
    if (s_is_zmsg (self)) {
        bool router = zrelay_side_type (self->input) == ZMQ_ROUTER;
        frames = zmsg_size (self->shown) - router;
        bytes = zmsg_content_size (self->shown)
              - (router? zframe_size (zmsg_first (self->shown)): 0);
    }
    else
        zrelay_port_measure (self->from, self->message, &frames, &bytes);
    return zrelay_limits_check (zrelay_side_limits (self->input), frames,
                                bytes);
}

//  libzmq attaches properties to a message's own frames, but to a routing id
//  only if a poll has not fetched it ahead

static const char *
s_property_of (zrelay_flow_t *self, const char *name)
{
    return s_is_zmsg (self)?
        zframe_meta (zmsg_last (self->shown), name):
        zmq_msg_gets (zrelay_message_frame (self->message,
                                            self->message->count - 1), name);
}

static const char *
s_property (zrelay_flow_t *self)
{
    return s_property_of (self, ZRELAY_PEERS_PROPERTY);
}

//  A frame's data and size; false if there is no such frame

static bool
s_frame (zrelay_flow_t *self, size_t index, const byte **data_p,
         size_t *size_p)
{
    if (!s_is_zmsg (self)) {
        if (index >= zrelay_message_frames (self->message))
            return false;
        *data_p = (const byte *) zrelay_message_data (self->message, index);
        *size_p = zrelay_message_size (self->message, index);
        return true;
    }
    zframe_t *frame = zmsg_first (self->shown);
    for (; frame && index > 0; index--)
        frame = zmsg_next (self->shown);
    if (frame) {
        *data_p = zframe_data (frame);
        *size_p = zframe_size (frame);
    }
    return frame != NULL;
}


//  --------------------------------------------------------------------------
//  Permission. Peers by inproc belong to the process, and have no properties.

static bool
s_may (zrelay_flow_t *self, zrelay_wish_t *wish)
{
    wish->user = s_property_of (self, "User-Id");
    wish->address = s_property_of (self, "Peer-Address");
    if (!s_property (self))
        return true;
    bool permitted = self->permit->may (self->permit->object, wish);
    if (!permitted)
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_PERMIT);
    return permitted;
}

static bool
s_may_subscribe (zrelay_flow_t *self, const byte *frame, size_t size)
{
    zrelay_wish_t wish = {
        .right = ZRELAY_RIGHT_SUBSCRIBE, .data = frame + 1, .size = size - 1
    };
    return s_may (self, &wish);
}

//  What comes from the backend is a reply. At the frontend, the types decide.

static zrelay_right_t
s_right (zrelay_flow_t *self)
{
    static const zrelay_right_t rights [] = {
        [ZMQ_REP] = ZRELAY_RIGHT_REQUEST, [ZMQ_ROUTER] = ZRELAY_RIGHT_REQUEST,
        [ZMQ_DEALER] = ZRELAY_RIGHT_REQUEST, [ZMQ_REQ] = ZRELAY_RIGHT_REQUEST,
        [ZMQ_PAIR] = ZRELAY_RIGHT_PUBLISH, [ZMQ_SUB] = ZRELAY_RIGHT_PUBLISH,
        [ZMQ_PULL] = ZRELAY_RIGHT_PUBLISH, [ZMQ_XSUB] = ZRELAY_RIGHT_PUBLISH,
        [ZMQ_XPUB] = ZRELAY_RIGHT_PUBLISH
    };
    return self->id == ZRELAY_FLOW_RETURN? ZRELAY_RIGHT_REPLY:
           rights [zrelay_side_type (self->input)];
}

//  Requests and replies begin behind their routing ids and empty frames

static bool
s_may_send (zrelay_flow_t *self)
{
    zrelay_wish_t wish = { .right = s_right (self), .data = "" };
    size_t index = zrelay_side_type (self->input) == ZMQ_ROUTER;
    const byte *data = NULL;
    while (s_frame (self, index, &data, &wish.size) && wish.size == 0
        && wish.right != ZRELAY_RIGHT_PUBLISH)
        index++;
    if (wish.size > 0)
        wish.data = data;
    return s_may (self, &wish);
}

//  A ROUTER's peer has been heard

static bool
s_heard (zrelay_flow_t *self, zrelay_peers_t *peers, const char *property)
{
    zframe_t *id = s_is_zmsg (self)? zmsg_first (self->shown): NULL;
    return id?
        zrelay_peers_heard (peers, property, zframe_data (id),
                            zframe_size (id)):
        zrelay_peers_heard (peers, property,
                            zrelay_message_data (self->message, 0),
                            zrelay_message_size (self->message, 0));
}

//  A subscription that is nothing new goes no further, as if libzmq had not
//  reported it; nor does that of a peer that is cut, whose cancellation follows

static bool
s_is_news (zrelay_flow_t *self)
{
    if (self->known || !zrelay_side_hears_topics (self->input))
        return true;
    const char *property = s_property (self);
    const byte *frame = NULL;
    size_t size = 0;
    s_frame (self, 0, &frame, &size);
    if (self->permit && size > 0 && frame [0] == 1
    &&  !s_may_subscribe (self, frame, size)) {
        zrelay_peers_refuse (zrelay_side_peers (self->input), property,
                             frame + 1, size - 1);
        return false;
    }
    bool news = zrelay_side_heard_topic (self->input, property, frame, size);
    if (!news)
        zrelay_port_discount (self->from, 1, size);
    return news;
}

//  Subscriptions and cancellations that were judged by the function above

static bool
s_is_topic (zrelay_flow_t *self)
{
    const byte *frame = NULL;
    size_t size = 0;
    return zrelay_side_hears_topics (self->input)
        && s_frame (self, 0, &frame, &size) && size > 0 && frame [0] <= 1;
}

//  Tell the peers who has sent this. The end of an earlier connection comes
//  before the first message of another one with its id.

static void
s_listen (zrelay_flow_t *self)
{
    zrelay_peers_t *peers = zrelay_side_peers (self->input);
    if (!peers || !(self->on_left || self->bounded))
        return;
    const char *property = s_property (self);
    if (self->bounded)
        zrelay_peers_spoke (peers, property);
    if (self->on_left && zrelay_side_type (self->input) == ZMQ_ROUTER
    &&  s_heard (self, peers, property))
        self->on_left (self->engine);
}

//  Show the message to a function. A message that is gone was dropped.

static zrelay_verdict_t
s_show_zmsg (zrelay_flow_t *self, const zrelay_shown_to_t *function)
{
    s_need_zmsg (self);
    zrelay_verdict_t verdict = function->filter?
        function->filter (&self->shown, function->object):
        function->zmsg (self->engine, function->object, &self->shown);
    if (verdict == ZRELAY_VERDICT_KEPT)
        self->shown = NULL;
    else
    if (!s_is_zmsg (self))
        verdict = ZRELAY_VERDICT_DROP;
    return verdict;
}

static zrelay_verdict_t
s_show_message (zrelay_flow_t *self, const zrelay_shown_to_t *function)
{
    s_need_message (self);
    zrelay_verdict_t verdict =
        function->message (self->engine, function->object, self->message);
    return verdict != ZRELAY_VERDICT_KEPT
        && self->message->count == 0? ZRELAY_VERDICT_DROP: verdict;
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

//  Make a frame of these bytes, of which the first are replaced

static void
s_rename (zmq_msg_t *frame, const byte *data, size_t size,
          const zrelay_sieve_change_t *change)
{
    size_t rest = size - change->replaced;
    int rc = zmq_msg_init_size (frame, change->size + rest);
    assert (rc == 0);
    byte *target = (byte *) zmq_msg_data (frame);
    memcpy (target, change->to, change->size);
    memcpy (target + change->size, data + change->replaced, rest);
}

//  What passes the rules may get another topic

static bool
s_sift_message (zrelay_flow_t *self)
{
    zrelay_sieve_change_t change;
    s_need_message (self);
    const byte *data = zrelay_message_data (self->message, 0);
    size_t bytes = zrelay_message_size (self->message, 0);
    if (!zrelay_sieve_passes (self->sieve, data, bytes, &change)) {
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_FILTER);
        return false;
    }
    if (change.to) {
        zmq_msg_t frame;
        s_rename (&frame, data, bytes, &change);
        zrelay_message_set (self->message, 0, zmq_msg_data (&frame),
                            zmq_msg_size (&frame));
        zmq_msg_close (&frame);
    }
    return true;
}

static void
s_deliver_message (zrelay_flow_t *self, zrelay_side_t *to)
{
    zrelay_outcome_t outcome = ZRELAY_OUTCOME_SENT;
    if (self->selective || to != self->output)
        outcome = zrelay_port_accepts (zrelay_side_port (to), self->message);
    if (outcome == ZRELAY_OUTCOME_SENT)
        outcome = self->held > 0? ZRELAY_OUTCOME_FULL:
                  zrelay_flow_send (self, to, self->message);
    if (outcome == ZRELAY_OUTCOME_FULL)
        s_keep (self, self->message, to);
    else
        s_settle (self, to, outcome);
}

//  First bytes of frames that subscribe and cancel, see ZeroMQ RFC 23
#define CANCEL 0
#define SUBSCRIBE 1

//  A subscription becomes those that it leads to before the rules

typedef struct {
    zrelay_flow_t *flow;
    byte first;                 //  SUBSCRIBE or CANCEL
} asking_t;

static void
s_on_asked (void *arg, const void *topic, size_t size)
{
    asking_t *asking = (asking_t *) arg;
    zrelay_message_t *message = asking->flow->message;
    zmq_msg_t frame;
    int rc = zmq_msg_init_size (&frame, size + 1);
    assert (rc == 0);
    *(byte *) zmq_msg_data (&frame) = asking->first;
    memcpy ((byte *) zmq_msg_data (&frame) + 1, topic, size);
    zrelay_message_clear (message);
    zrelay_message_append_frame (message, &frame);
    s_deliver_message (asking->flow, asking->flow->output);
}

//  Is it the first that subscribes to a topic, or the last that cancels it?

static bool
s_is_first (zrelay_flow_t *self, byte first, const void *topic, size_t size)
{
    if (!self->repeated)
        return true;
    if (first == SUBSCRIBE)
        return zrelay_topics_insert (self->repeated, topic, size);
    zrelay_topics_delete (self->repeated, topic, size);
    return true;
}

static bool
s_ask (zrelay_flow_t *self)
{
    const byte *data = zrelay_message_data (self->message, 0);
    size_t size = zrelay_message_size (self->message, 0);
    if (!self->asked || zrelay_message_frames (self->message) != 1
    ||  size == 0 || *data > SUBSCRIBE)
        return false;
    asking_t asking = { self, *data };
    byte *topic = (byte *) malloc (size);
    assert (topic);
    memcpy (topic, data + 1, size - 1);
    if (s_is_first (self, asking.first, topic, size - 1))
        zrelay_sieve_ask (self->asked, topic, size - 1, s_on_asked, &asking);
    freen (topic);
    return true;
}

static void
s_deliver (zrelay_flow_t *self, zrelay_side_t *to)
{
    s_need_message (self);
    if (to != self->output || !s_ask (self))
        s_deliver_message (self, to);
}

static void
s_note_sender (zrelay_flow_t *self, char sender [STAMP_ROOM])
{
    const char *value = s_property_of (self, self->stamp);
    snprintf (sender, STAMP_ROOM, "%s", value? value: "");
}

//  To the output, in the form that it has there

static void
s_pass_on (zrelay_flow_t *self, const char *sender)
{
    s_need_message (self);
    if (self->swaps)
        zrelay_message_swap (self->message);
    if (self->stamp)
        zrelay_sender_put (self->message, zrelay_side_type (self->input),
                          zrelay_side_type (self->output), sender);
    s_deliver (self, self->output);
}

//  The message is in hand

static void
s_judge (zrelay_flow_t *self)
{
    s_listen (self);
    if (!s_is_news (self)
    || (self->permit && !s_is_topic (self) && !s_may_send (self)))
        return;
    zrelay_outcome_t outcome =
        self->bounded? s_measure (self): ZRELAY_OUTCOME_SENT;
    if (outcome != ZRELAY_OUTCOME_SENT) {
        zrelay_flow_count_drop (self, outcome);
        return;
    }
    //  A filter may leave no frame that knows
    char sender [STAMP_ROOM];
    *sender = 0;
    if (self->stamp && *self->stamp)
        s_note_sender (self, sender);
    if (self->sieve && !s_sift_message (self))
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

//  Frames that are still there must not be kept in memory

static void
s_clear (zrelay_flow_t *self)
{
    if (self->message->count > 0 || self->message->origin)
        zrelay_message_clear (self->message);
    if (s_is_zmsg (self))
        zmsg_destroy (&self->shown);
}

static void
s_look_at_message (zrelay_flow_t *self)
{
    s_judge (self);
    s_clear (self);
}


//  --------------------------------------------------------------------------
//  Hearing: the other flow is about to send to those whose subscriptions this
//  one reads. They are read to the last, and kept for when it is its turn. The
//  message in hand is left alone.

static void
s_keep_heard (zrelay_flow_t *self)
{
    if (!s_is_news (self))
        return;
    if (self->way == WAY_SINK) {
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_UNROUTABLE);
        return;
    }
    heard_t *heard = (heard_t *) zmalloc (sizeof (heard_t));
    assert (heard);
    heard->message = zrelay_message_take (self->message);
    heard->shown = self->shown;
    self->shown = NULL;
    zlistx_add_end (self->heard, heard);
}

static void
s_hear (zrelay_flow_t *self)
{
    zrelay_message_t *message = self->message;
    zmsg_t *shown = self->shown;
    bool known = self->known;
    self->message = zrelay_message_new ();
    self->shown = NULL;
    self->known = false;
    while (s_receive_next (self)) {
        s_keep_heard (self);
        s_clear (self);
    }
    zrelay_message_destroy (&self->message);
    zmsg_destroy (&self->shown);
    self->message = message;
    self->shown = shown;
    self->known = known;
    zrelay_peers_emptied (zrelay_side_peers (self->input));
}

bool
zrelay_flow_has_heard (zrelay_flow_t *self)
{
    return zlistx_size (self->heard) > 0;
}

void
zrelay_flow_set_permit (zrelay_flow_t *self, zrelay_flow_t *other,
                        const zrelay_permit_t *permit)
{
    self->other = other;
    self->permit = permit;
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
    size_t credit;                  //  Messages that the output can take
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

//  A subscription has done its work in the XPUB, and was never to go further

static void
s_way_sink (zrelay_flow_t *self, turn_t *turn)
{
    self->known = false;
    s_found (turn, zrelay_port_recv_message (self->from, self->message));
    if (turn->found && s_is_news (self)
    &&  !zrelay_port_subscribes (self->message))
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_UNROUTABLE);
    zrelay_message_clear (self->message);
}

//  The flow's frame is in hand, and the others of its message are to follow

static void
s_receive_rest (zrelay_flow_t *self)
{
    zrelay_message_append_frame (self->message, &self->frame);
    zrelay_port_recv_rest (self->from, self->message);
}

//  Pass on a message frame by frame. The first is in hand, and more follow.

static void
s_pass_rest (zrelay_flow_t *self, bool more)
{
    zrelay_outcome_t outcome =
        s_send_frame (self, self->output, &self->frame, more);
    if (outcome == ZRELAY_OUTCOME_FULL) {
        s_receive_rest (self);
        s_keep (self, self->message, self->output);
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
        .messages = left < turn->credit? left: turn->credit,
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

static bool
s_sift (void *arg, zmq_msg_t *frame, size_t *size_p)
{
    byte *data = (byte *) zmq_msg_data (frame);
    zrelay_sieve_change_t change;
    if (!zrelay_sieve_passes ((zrelay_sieve_t *) arg, data, *size_p, &change))
        return false;
    if (!change.to)
        return true;
    //  Nobody else may see the change
    if (change.size == change.replaced && !zmq_msg_get (frame, ZMQ_SHARED)) {
        memcpy (data, change.to, change.size);
        return true;
    }
    zmq_msg_t renamed;
    s_rename (&renamed, data, *size_p, &change);
    *size_p += change.size - change.replaced;
    zmq_msg_move (frame, &renamed);
    return true;
}

static void
s_way_sift_one (zrelay_flow_t *self, turn_t *turn)
{
    s_found (turn, zrelay_port_recv (self->from, &self->frame) == 0);
    if (!turn->found)
        return;
    bool more = zmq_msg_more (&self->frame);
    size_t size = zmq_msg_size (&self->frame);
    if (s_sift (self->sieve, &self->frame, &size))
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
                          &self->frame, &passage, s_sift, self->sieve,
                          &dropped);
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
    return self->held > 0 && self->way != WAY_SINK? WAY_LOOK: self->way;
}

//  Where the input is somebody else's, a message is read only if the output can
//  take it. Not all sockets can tell, and those that are trusted are not asked.

static bool
s_looks_ahead (zrelay_flow_t *self)
{
    return self->careful && self->overflow == OVERFLOW_HOLD
        && self->way != WAY_SINK && self->output
        && zrelay_port_reports_room (zrelay_side_port (self->output));
}

static bool
s_is_trusted (zrelay_flow_t *self)
{
    return self->unhindered >= TRUSTED
        && zrelay_side_type (self->output) != ZMQ_REQ;
}

static bool
s_has_room (zrelay_flow_t *self)
{
    return zrelay_port_has (zrelay_side_port (self->output), ZMQ_POLLOUT);
}

//  The output is full: leave a message in the input. Returns false if there is
//  none.

static bool
s_leave (zrelay_flow_t *self)
{
    if (!zrelay_port_has (self->from, ZMQ_POLLIN))
        return false;
    self->blocked = true;
    self->unhindered = 0;
    if (self->held == 0) {
        self->stalls++;
        self->stalled_at = zclock_mono ();
    }
    s_enter (self);
    return true;
}

//  There may be room for what was left

static void
s_look_for_room (zrelay_flow_t *self)
{
    if (!self->blocked || (s_looks_ahead (self) && !s_has_room (self)))
        return;
    self->blocked = false;
    self->credit = zrelay_port_least_room (zrelay_side_port (self->output));
    if (self->held == 0)
        self->stalled_ms += zclock_mono () - self->stalled_at;
}

static void
s_move_carefully (zrelay_flow_t *self, turn_t *turn)
{
    bool looks = s_looks_ahead (self) && !s_is_trusted (self);
    if (looks && self->credit == 0 && s_has_room (self))
        self->credit = 1;
    if (looks && self->credit == 0) {
        turn->found = s_leave (self);
        return;
    }
    turn->credit = looks? self->credit: SIZE_MAX;
    size_t before = turn->moved;
    s_ways [s_way_now (self)] (self, turn);
    size_t moved = turn->moved - before;
    self->credit -= moved < self->credit? moved: self->credit;
    self->unhindered += moved;
    //  It was full after all
    if (self->held > 0)
        self->unhindered = 0;
}

static void
s_read (zrelay_flow_t *self)
{
    zrelay_limits_t *limits = zrelay_side_limits (self->input);
    turn_t turn = {
        .tally = zrelay_port_received (self->from),
        .allowed = zrelay_limits_allowance (limits, (size_t) self->burst),
        .credit = SIZE_MAX,
        .found = true
    };
    turn.last_frame = turn.tally->frames + TURN_FRAMES;
    turn.last_byte = turn.tally->bytes + TURN_BYTES;
    while (s_goes_on (&turn) && self->state == STATE_READING)
        if (self->careful)
            s_move_carefully (self, &turn);
        else
            s_ways [s_way_now (self)] (self, &turn);

    self->throttled = turn.moved == turn.allowed
                   && turn.allowed < (size_t) self->burst;
    zrelay_limits_consume (limits, turn.moved, self->throttled);
    if (!turn.found)
        s_emptied (self);
    s_enter (self);
}

void
zrelay_flow_turn (zrelay_flow_t *self)
{
    if (self->state == STATE_STOPPED)
        return;
    s_flush (self);
    s_look_for_room (self);
    //  Time has passed for one that was throttled
    self->throttled = false;
    s_enter (self);
    if (self->state == STATE_READING)
        s_read (self);
}


//  --------------------------------------------------------------------------
//  Waiting

static size_t
s_between (size_t least, size_t value, size_t most)
{
    return value < least? least: value > most? most: value;
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
    if (self->state == STATE_STOPPED)
        return 0;
    size_t read = s_wants_input (self, input);
    held_t *held = self->held > 0?
        (held_t *) zlistx_first (self->backlog): NULL;
    size_t send = held? s_wants_output (self, held->to,
        held->to == self->input? input: output): 0;
    if (self->blocked)
        *output |= ZMQ_POLLOUT;
    return read == 0 || (send > 0 && send < read)? send: read;
}

size_t
zrelay_flow_abandon (zrelay_flow_t *self)
{
    size_t count = self->held;
    int64_t now = zclock_mono ();
    while (self->held > 0) {
        zrelay_flow_count_drop (self, ZRELAY_OUTCOME_UNDELIVERED);
        s_forget_first (self, now);
    }
    return count;
}


//  --------------------------------------------------------------------------
//  Counters

static void
s_stat (zrelay_flow_t *self, zmsg_t *answer, const char *name, uint64_t value)
{
    zrelay_counts_add (answer, value, "%s.%s", zrelay_flow_name (self), name);
}

static void
s_stat_dropped (zrelay_flow_t *self, zmsg_t *answer, const char *reason,
                uint64_t value)
{
    zrelay_counts_add (answer, value, "%s.dropped_%s", zrelay_flow_name (self),
                       reason);
}

void
zrelay_flow_stats (zrelay_flow_t *self, zmsg_t *answer)
{
    uint64_t stalled_ms = self->stalled_ms;
    if (self->held > 0 || self->blocked)
        stalled_ms += zclock_mono () - self->stalled_at;
    s_stat (self, answer, "stalls", self->stalls);
    s_stat (self, answer, "stalled_ms", stalled_ms);
    s_stat (self, answer, "held", zrelay_flow_held (self));
    zrelay_holds_stats (self->holds, answer, zrelay_flow_name (self));

    uint64_t total = 0;
    for (int reason = 0; reason < ZRELAY_OUTCOMES; reason++)
        total += self->dropped [reason];
    for (size_t reason = 0; reason < self->reason_count; reason++)
        total += self->dropped_own [reason];
    s_stat (self, answer, "dropped", total);
    for (int reason = 0; reason < ZRELAY_OUTCOMES; reason++)
        if (s_reasons [reason])
            s_stat_dropped (self, answer, s_reasons [reason],
                            self->dropped [reason]);
    for (size_t reason = 0; reason < self->reason_count; reason++)
        s_stat_dropped (self, answer, self->reasons [reason],
                        self->dropped_own [reason]);
    if (self->sieve)
        zrelay_sieve_stats (self->sieve, s_names [self->id], answer);
}

void
zrelay_flow_reset (zrelay_flow_t *self)
{
    self->stalls = 0;
    self->stalled_ms = 0;
    self->stalled_at = zclock_mono ();
    zrelay_holds_reset (self->holds);
    memset (self->dropped, 0, sizeof (self->dropped));
    memset (self->dropped_own, 0, self->reason_count * sizeof (uint64_t));
    if (self->sieve)
        zrelay_sieve_reset (self->sieve);
}


//  --------------------------------------------------------------------------
//  Selftest: a flow from a PULL to a PUSH, with a socket at each end

typedef struct {
    zrelay_error_t *error;
    zrelay_side_t *input;
    zrelay_side_t *output;
    zrelay_capture_t *capture;
    zrelay_flow_t *flow;
    zsock_t *source;
    zsock_t *sink;              //  NULL until it is connected
    char out [40];              //  Where to
    zrelay_message_t *kept;     //  By a handler
} bench_t;

//  Names of inproc endpoints are free again only some time after use, so each
//  test has its own

static void
s_bench_setup (bench_t *self, const char *name)
{
    char in [40];
    snprintf (in, sizeof (in), "inproc://flow-%s-in", name);
    snprintf (self->out, sizeof (self->out), "inproc://flow-%s-out", name);
    static const char *const reasons [] = { "rude", NULL };
    const zrelay_side_spec_t pull = { .types = "PULL" };
    const zrelay_side_spec_t push = { .types = "PUSH" };
    self->error = zrelay_error_new ();
    self->input = zrelay_side_new ("frontend", &pull, self->error);
    self->output = zrelay_side_new ("backend", &push, self->error);
    self->capture = zrelay_capture_new (self->error);
    self->flow = zrelay_flow_new (ZRELAY_FLOW_FORWARD, NULL, self->input,
                                  self->output, self->capture, reasons);
    int rc = zrelay_side_attach (self->input, in, true);
    assert (rc == ZRELAY_STATUS_DONE);
    rc = zrelay_side_attach (self->output, self->out, true);
    assert (rc == ZRELAY_STATUS_DONE);
    self->source = zsock_new (ZMQ_PUSH);
    rc = zsock_connect (self->source, "%s", in);
    assert (rc == 0);
    self->sink = NULL;
    zrelay_flow_update (self->flow);
    zrelay_flow_set_running (self->flow, true);
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
    zrelay_side_destroy (&self->input);
    zrelay_side_destroy (&self->output);
    zrelay_error_destroy (&self->error);
}

static bool
s_bench_set (bench_t *self, const char *option, const char *value)
{
    const zrelay_setting_t *setting =
        zrelay_setting_find (zrelay_flow_settings, option);
    return setting && zrelay_setting_set (setting, NULL, self->flow, value,
                                          self->error) == ZRELAY_STATUS_DONE;
}

//  As zrelay_flow_wants (), from no events

static size_t
s_bench_wants (bench_t *self, short *input, short *output)
{
    *input = 0;
    *output = 0;
    return zrelay_flow_wants (self->flow, input, output);
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

    short input, output;
    size_t soon = s_bench_wants (&bench, &input, &output);
    assert (!soon && input == 0 && output == ZMQ_POLLOUT);

    s_bench_connect (&bench);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_held (bench.flow) == 0);
    zmsg_t *msg = zmsg_recv (bench.sink);
    assert (msg && zmsg_size (msg) == 4);
    zmsg_destroy (&msg);
    assert (s_bench_receives (&bench, "B"));
    assert (zrelay_flow_passed (bench.flow) == 2);
    soon = s_bench_wants (&bench, &input, &output);
    assert (!soon && input == ZMQ_POLLIN && output == 0);

    //  How long it was held is known
    zmsg_t *answer = zmsg_new ();
    zrelay_flow_stats (bench.flow, answer);
    zframe_t *frame = zmsg_first (answer);
    while (frame && !zframe_streq (frame, "forward.holds"))
        frame = zmsg_next (answer);
    assert (frame && zframe_streq (zmsg_next (answer), "1"));
    zmsg_destroy (&answer);

    //  It does not read if the kind says so, or until once there is nothing
    zrelay_flow_set_reading (bench.flow, ZRELAY_READING_OFF);
    soon = s_bench_wants (&bench, &input, &output);
    assert (!soon && input == 0);
    zrelay_flow_set_reading (bench.flow, ZRELAY_READING_TO_END);
    soon = s_bench_wants (&bench, &input, &output);
    assert (soon == RETRY_LEAST && input == ZMQ_POLLIN);
    assert (zrelay_flow_reads_to_end (bench.flow));
    zrelay_flow_turn (bench.flow);
    assert (!zrelay_flow_reads_to_end (bench.flow));
    soon = s_bench_wants (&bench, &input, &output);
    assert (!soon && input == 0);
    s_bench_cleanup (&bench);
}

//  With a bounded queue the newest or the oldest are dropped and counted

static void
s_test_overflow (const char *overflow, const char *first, const char *last)
{
    bench_t bench;
    s_bench_setup (&bench, overflow);
    assert (s_bench_set (&bench, "overflow", overflow));
    assert (s_bench_set (&bench, "queue", "2"));
    zrelay_flow_update (bench.flow);
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
    zrelay_verdict_t verdict =
        streq (string, "answer")? ZRELAY_VERDICT_ANSWER:
        streq (string, "drop")? ZRELAY_VERDICT_DROP: ZRELAY_VERDICT_PASS;
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
    zrelay_flow_set_filter (bench.flow, (zrelay_shown_to_t) {
        .filter = s_test_filter, .object = &calls });
    const char *words [] = { "pass", "drop", "gone", "answer" };
    for (int index = 0; index < 4; index++)
        zstr_send (bench.source, words [index]);
    zrelay_flow_turn (bench.flow);
    assert (calls == 4);
    assert (s_bench_receives (&bench, "pass!"));
    assert (bench.flow->dropped [ZRELAY_OUTCOME_FILTER] == 2);
    assert (bench.flow->dropped [ZRELAY_OUTCOME_REFUSED] == 1);

    //  Without it, messages pass as they are
    zrelay_flow_set_filter (bench.flow, (zrelay_shown_to_t) { .filter = NULL });
    zstr_send (bench.source, "pass");
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, "pass"));
    s_bench_cleanup (&bench);
}

//  A handler that keeps one message, drops another for a reason of its own, and
//  passes on the rest

static zrelay_verdict_t
s_test_handler (zrelay_engine_t *engine, void *object,
                zrelay_message_t *message)
{
    (void) engine;
    bench_t *bench = (bench_t *) object;
    if (zrelay_message_streq (message, 0, "keep")) {
        bench->kept = zrelay_message_take (message);
        return ZRELAY_VERDICT_KEPT;
    }
    if (zrelay_message_streq (message, 0, "rude")) {
        zrelay_flow_set_reason (bench->flow, 0);
        return ZRELAY_VERDICT_DROP;
    }
    if (zrelay_message_streq (message, 0, "nothing"))
        zrelay_message_clear (message);
    return ZRELAY_VERDICT_PASS;
}

static void
s_test_handlers (void)
{
    bench_t bench;
    s_bench_setup (&bench, "handlers");
    s_bench_connect (&bench);
    zrelay_flow_set_handler (bench.flow, (zrelay_shown_to_t) {
        .message = s_test_handler, .object = &bench });
    const char *words [] = { "keep", "rude", "nothing", "pass" };
    for (int index = 0; index < 4; index++)
        zstr_send (bench.source, words [index]);
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, "pass"));
    assert (zrelay_message_streq (bench.kept, 0, "keep"));
    assert (bench.flow->dropped_own [0] == 1);
    assert (bench.flow->dropped [ZRELAY_OUTCOME_HANDLER] == 1);
    assert (zrelay_flow_dropped (bench.flow) == 2);
    zrelay_message_destroy (&bench.kept);

    //  A filter comes first, whatever form each has
    int calls = 0;
    zrelay_flow_set_filter (bench.flow, (zrelay_shown_to_t) {
        .filter = s_test_filter, .object = &calls });
    zstr_send (bench.source, "pass");
    zrelay_flow_turn (bench.flow);
    assert (s_bench_receives (&bench, "pass!"));
    s_bench_cleanup (&bench);
}

//  A turn is bounded, and so is what a rate allows

static void
s_test_bounds (void)
{
    bench_t bench;
    s_bench_setup (&bench, "bounds");
    s_bench_connect (&bench);
    assert (s_bench_set (&bench, "burst", "3"));
    for (int index = 0; index < 10; index++)
        zstr_sendf (bench.source, "%d", index);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 3);

    assert (zrelay_side_set_option (bench.input, "rate", "1")
            == ZRELAY_STATUS_DONE);
    zrelay_flow_turn (bench.flow);
    assert (zrelay_flow_passed (bench.flow) == 4);
    short input, output;
    size_t soon = s_bench_wants (&bench, &input, &output);
    assert (soon > RATE_LEAST && soon <= RATE_MOST);
    assert (input == 0);
    assert (zrelay_side_set_option (bench.input, "rate", "0")
            == ZRELAY_STATUS_DONE);

    //  Closing reads what is there, and then no more
    zrelay_flow_close (bench.flow);
    for (int turn = 0; turn < 4; turn++)
        zrelay_flow_turn (bench.flow);
    assert (!zrelay_flow_reads_to_end (bench.flow));
    assert (zrelay_flow_held (bench.flow) == 0);
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
    const char *wrong [] [2] = {
        { "overflow", "burst" }, { "burst", "0" }, { "burst", "-1" },
        { "queue", "" }, { "queue", "1e3" }, { "nonsense", "1" }
    };
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++)
        assert (!s_bench_set (&bench, wrong [index] [0], wrong [index] [1]));
    assert (bench.flow->overflow == OVERFLOW_HOLD);
    assert (bench.flow->queue == QUEUE_DEFAULT);
    assert (bench.flow->burst == BURST_DEFAULT);
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
    s_test_handlers ();
    s_test_bounds ();
    s_test_values ();
    //  @end
    printf ("OK\n");
}
