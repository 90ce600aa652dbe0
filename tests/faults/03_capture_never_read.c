/*  =========================================================================
    03_capture_never_read - a copy that nobody takes costs the relay nothing

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  cppzmq issue 478: a proxy whose capture socket is not read stops, for good,
//  when that socket is full, and cannot be ended.
//
//  Here the capture is a PUSH, a PUB or a PAIR, with nobody at its other end,
//  somebody who never reads, or somebody who reads slowly. All messages must
//  pass; each copy is counted as sent or as dropped; commands are answered at
//  once, and the end is immediate.
//
//  The relay must not be slowed either. That is not measured in milliseconds,
//  which depend on how busy the machine is, but in a race with a relay that
//  has no capture: how many messages does that one pass meanwhile?
//
//  A PUB drops by itself for a subscriber that is full, as publish-subscribe
//  does everywhere, so its copies count as sent.
//
//  FAULTS_MESSAGES tells how many messages are sent in each case.

#include "faults.h"

#define DEADLINE 180
#define MESSAGES 20000
#define FRAMES 2            //  Of a message
#define BODY 500            //  Bytes in its last frame
#define PING_EVERY 5000     //  Messages between two PINGs
#define READER_IVL 1        //  The slow one reads every so many msecs

#define WINDOW 100          //  Messages on their way: neither end is full

//  While the relay passes one message, one without a capture may pass so many,
//  for the copies that are made. That is so in one of several races, since a
//  busy machine does not hold up the same relay in each.
#define FACTOR 3
#define RACES 3

typedef enum { NOBODY, NEVER, SLOWLY } reader_t;

static const char *s_readers [] = {
    "nobody there", "somebody who never reads", "somebody who reads slowly"
};

static const struct {
    const char *name;       //  Of the capture's socket type
    int peer;               //  Type of who reads
} s_types [] = {
    { "PUSH", ZMQ_PULL },
    { "PUB", ZMQ_SUB },
    { "PAIR", ZMQ_PAIR }
};
#define TYPES (sizeof (s_types) / sizeof (*s_types))

typedef struct {
    zactor_t *relay;
    zsock_t *sender;
    zsock_t *receiver;
    zsock_t *reader;        //  Of the capture, or NULL
    long messages;          //  How many to send
    long sent;              //  Those sent in this race
    long passed;            //  And those that arrived
    int64_t slowest;        //  Most beats of a PING, or -1
    int64_t captured;       //  Copies read
    bool torn;              //  A copy was not whole
} bench_t;


//  --------------------------------------------------------------------------
//  The relay, a sender, a receiver

static void
s_setup (bench_t *self)
{
    memset (self, 0, sizeof (*self));
    self->messages = faults_parameter ("FAULTS_MESSAGES", MESSAGES);
    self->relay = faults_relay ("streamer");
    char *in = faults_bind (self->relay, "FRONTEND");
    char *out = faults_bind (self->relay, "BACKEND");
    self->sender = faults_connect (ZMQ_PUSH, in);
    self->receiver = faults_connect (ZMQ_PULL, out);
    zstr_free (&in);
    zstr_free (&out);
}

static void
s_cleanup (bench_t *self)
{
    zactor_destroy (&self->relay);
    zsock_destroy (&self->sender);
    zsock_destroy (&self->receiver);
    zsock_destroy (&self->reader);
}

//  Returns true if a subscriber is known, which is when copies come

static bool
s_is_heard (void *arg)
{
    bench_t *self = (bench_t *) arg;
    zstr_sendm (self->sender, "?");
    zstr_send (self->sender, "?");
    zmsg_t *msg = zmsg_recv (self->receiver);
    zmsg_destroy (&msg);
    return zsock_events (self->reader) & ZMQ_POLLIN;
}

//  Attach the capture. Returns false if copies do not come.

static bool
s_capture (bench_t *self, size_t type, reader_t who)
{
    if (who == NOBODY)
        return faults_command (self->relay, "CAPTURE", "@tcp://127.0.0.1:*",
                               s_types [type].name, NULL) == 0;
    self->reader = zsock_new (s_types [type].peer);
    zsock_set_rcvhwm (self->reader, 10);
    zsock_set_rcvbuf (self->reader, BODY);
    if (s_types [type].peer == ZMQ_SUB)
        zsock_set_subscribe (self->reader, "");
    int rc = zsock_bind (self->reader, "tcp://127.0.0.1:*");
    assert (rc != -1);
    if (faults_command (self->relay, "CAPTURE",
                        zsock_endpoint (self->reader),
                        s_types [type].name, NULL)
    || !faults_wait (s_is_heard, self, FAULTS_PATIENCE))
        return false;
    //  Those copies were for finding out only
    faults_command (self->relay, "RESET", NULL);
    return true;
}


//  --------------------------------------------------------------------------
//  Traffic

//  Read at most one copy, if the time has come

static void
s_read_slowly (bench_t *self, int64_t *next)
{
    if (zclock_mono () < *next || !(zsock_events (self->reader) & ZMQ_POLLIN))
        return;
    zmsg_t *msg = zmsg_recv (self->reader);
    if (zmsg_size (msg) != FRAMES)
        self->torn = true;
    zmsg_destroy (&msg);
    self->captured++;
    *next = zclock_mono () + READER_IVL;
}

static bool
s_send (bench_t *self)
{
    char body [BODY] = { 0 };
    void *handle = zsock_resolve (self->sender);
    memcpy (body, &self->sent, sizeof (self->sent));
    self->sent++;
    return zmq_send (handle, "head", 4, ZMQ_SNDMORE) != -1
        && zmq_send (handle, body, BODY, 0) != -1;
}

static bool
s_receive (bench_t *self)
{
    zmsg_t *msg = zmsg_recv (self->receiver);
    bool right = msg && zmsg_size (msg) == FRAMES
        && zframe_size (zmsg_last (msg)) == BODY
        && memcmp (zframe_data (zmsg_last (msg)), &self->passed,
                   sizeof (self->passed)) == 0;
    zmsg_destroy (&msg);
    self->passed++;
    return right;
}

//  The first messages of a race

static bool
s_start (bench_t *self)
{
    self->sent = self->passed = 0;
    bool right = true;
    while (right && self->sent < WINDOW)
        right = s_send (self);
    return right;
}

//  If a message has arrived, send another for it, while there are any

static bool
s_step (bench_t *self)
{
    if (!(zsock_events (self->receiver) & ZMQ_POLLIN))
        return true;
    return s_receive (self) && (self->sent == self->messages || s_send (self));
}

static void
s_time_ping (bench_t *self)
{
    int64_t beats = faults_ping (self->relay);
    if (beats == -1 || self->slowest == -1)
        self->slowest = -1;
    else
    if (beats > self->slowest)
        self->slowest = beats;
}

//  Pass messages through both relays, until the first has passed all. The
//  rival comes to its end before only if the first is slow. Returns false if
//  one did not come as it was sent.

static bool
s_race (bench_t *self, reader_t who, bench_t *rival)
{
    int64_t next = zclock_mono ();
    bool right = s_start (self) && s_start (rival);
    while (right && self->passed < self->messages) {
        zmq_pollitem_t items [2] = {
            { zsock_resolve (self->receiver), 0, ZMQ_POLLIN, 0 },
            { zsock_resolve (rival->receiver), 0, ZMQ_POLLIN, 0 }
        };
        long passed = self->passed;
        right = zmq_poll (items, 2, FAULTS_PATIENCE) > 0
             && s_step (self) && s_step (rival);
        if (who == SLOWLY)
            s_read_slowly (self, &next);
        if (self->passed > passed && passed % PING_EVERY == 0)
            s_time_ping (self);
    }
    //  What is still on its way is no part of the race
    while (right && rival->passed < rival->sent)
        right = s_receive (rival);
    return right;
}

static void
s_test (size_t type, reader_t who, bench_t *rival)
{
    const char *name = s_types [type].name;
    bench_t bench;
    s_setup (&bench);
    bool right = s_capture (&bench, type, who);
    bool slowed = true;
    int races = 0;
    for (; right && slowed && races < RACES; races++) {
        right = s_race (&bench, who, rival);
        slowed = rival->passed == rival->messages;
        printf ("# %s, %s: %ld messages, without capture %ld\n",
                name, s_readers [who], bench.passed, rival->passed);
    }
    TAP (right, "%s, %s: all messages pass", name, s_readers [who]);
    TAP (right && !slowed,
         "%s, %s: the relay is not slowed", name, s_readers [who]);
    TAP (right && faults_prompt (bench.slowest),
         "%s, %s: and answers at once", name, s_readers [who]);
    uint64_t sent = faults_counter (bench.relay, "capture.messages");
    uint64_t dropped = faults_counter (bench.relay, "capture.dropped");
    bool publishes = s_types [type].peer == ZMQ_SUB;
    printf ("# %" PRIu64 " copies were sent and %" PRIu64 " dropped\n",
            sent, dropped);
    TAP (sent + dropped == (uint64_t) (bench.messages * races)
      && (publishes || dropped > 0),
         "%s, %s: drops are counted", name, s_readers [who]);
    if (who == SLOWLY)
        TAP (bench.captured > 0 && !bench.torn,
             "%s, %s: %" PRId64 " whole copies were read",
             name, s_readers [who], bench.captured);
    TAP (faults_prompt (faults_end_relay (&bench.relay)),
         "%s, %s: the end is immediate", name, s_readers [who]);
    s_cleanup (&bench);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    bench_t bench, rival;
    s_setup (&bench);
    s_setup (&rival);
    rival.messages *= FACTOR;
    TAP (s_race (&bench, NOBODY, &rival), "messages pass without a capture");
    s_cleanup (&bench);
    for (size_t type = 0; type < TYPES; type++)
        for (reader_t who = NOBODY; who <= SLOWLY; who++)
            s_test (type, who, &rival);
    s_cleanup (&rival);
    return faults_end ();
}
