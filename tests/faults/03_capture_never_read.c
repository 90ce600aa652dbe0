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
//  pass, in about the time they take without a capture; each copy is counted
//  as sent or as dropped; commands are answered at once, and the end is
//  immediate.
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

//  The relay may be slower by that, for the copies it makes: a factor, and
//  msecs for the scheduler of a busy machine
#define FACTOR 3
#define ALLOWANCE 300

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
s_receive (bench_t *self, int64_t number)
{
    zmsg_t *msg = zmsg_recv (self->receiver);
    bool right = msg && zmsg_size (msg) == FRAMES
        && zframe_size (zmsg_last (msg)) == BODY
        && memcmp (zframe_data (zmsg_last (msg)), &number,
                   sizeof (number)) == 0;
    zmsg_destroy (&msg);
    return right;
}

//  Pass messages. Returns msecs that it took, or -1 if one did not come;
//  slowest is the time of the slowest PING.

static int64_t
s_pass (bench_t *self, reader_t who, int64_t *slowest)
{
    int64_t start = zclock_mono ();
    int64_t next = start;
    void *handle = zsock_resolve (self->sender);
    char body [BODY] = { 0 };
    *slowest = 0;
    //  A window, so that neither end is full
    const long window = 100;
    for (long number = 0; number < self->messages + window; number++) {
        if (number < self->messages) {
            memcpy (body, &number, sizeof (number));
            if (zmq_send (handle, "head", 4, ZMQ_SNDMORE) == -1
            ||  zmq_send (handle, body, BODY, 0) == -1)
                return -1;
        }
        if (number >= window && !s_receive (self, number - window))
            return -1;
        if (who == SLOWLY)
            s_read_slowly (self, &next);
        if (number % PING_EVERY == 0) {
            int64_t msecs = faults_ping (self->relay);
            *slowest = msecs < 0 || msecs > *slowest? msecs: *slowest;
            if (msecs < 0)
                return -1;
        }
    }
    return zclock_mono () - start;
}

static void
s_test (size_t type, reader_t who, int64_t without)
{
    const char *name = s_types [type].name;
    bench_t bench;
    s_setup (&bench);
    bool captured = s_capture (&bench, type, who);
    int64_t slowest;
    int64_t with = captured? s_pass (&bench, who, &slowest): -1;
    printf ("# %s, %s: %" PRId64 " ms, without capture %" PRId64 " ms\n",
            name, s_readers [who], with, without);
    TAP (with >= 0 && with < without * FACTOR + ALLOWANCE,
         "%s, %s: the relay is not slowed", name, s_readers [who]);
    TAP (with >= 0 && slowest >= 0 && slowest < FAULTS_PROMPT,
         "%s, %s: and answers at once", name, s_readers [who]);

    uint64_t sent = faults_counter (bench.relay, "capture.messages");
    uint64_t dropped = faults_counter (bench.relay, "capture.dropped");
    bool publishes = s_types [type].peer == ZMQ_SUB;
    printf ("# %" PRIu64 " copies were sent and %" PRIu64 " dropped\n",
            sent, dropped);
    TAP (sent + dropped == (uint64_t) bench.messages
      && (publishes || dropped > 0),
         "%s, %s: drops are counted", name, s_readers [who]);
    if (who == SLOWLY)
        TAP (bench.captured > 0 && !bench.torn,
             "%s, %s: %" PRId64 " whole copies were read",
             name, s_readers [who], bench.captured);
    TAP (faults_end_relay (&bench.relay) < FAULTS_PROMPT,
         "%s, %s: the end is immediate", name, s_readers [who]);
    s_cleanup (&bench);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    bench_t bench;
    s_setup (&bench);
    int64_t slowest;
    int64_t without = s_pass (&bench, NOBODY, &slowest);
    s_cleanup (&bench);
    TAP (without >= 0, "messages pass without a capture");

    for (size_t type = 0; type < TYPES; type++)
        for (reader_t who = NOBODY; who <= SLOWLY; who++)
            s_test (type, who, without);
    return faults_end ();
}
