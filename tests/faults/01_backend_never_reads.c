/*  =========================================================================
    01_backend_never_reads - a relay whose output takes nothing still obeys

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  libzmq issue 1382: a steerable proxy whose backend is a PUSH without
//  readers waits in a send, and neither PAUSE nor TERMINATE reaches it.
//
//  Here the output has no peer at all, or one that never reads. Messages are
//  sent until everything is full. Then each command must be answered at once,
//  and so must be the end; and when at last somebody reads, all messages
//  are there, once and in order.

#include "faults.h"

#define DEADLINE 120
#define BODY 1000           //  Bytes in a message
#define FULL 150            //  A socket that cannot be written to for so many
                            //  msecs is full for good

static const struct {
    const char *name;       //  What is tested
    const char *kind;       //  The relay
    const char *frontend;   //  Socket types to choose, or NULL
    const char *backend;
    int sender;             //  Socket type of who sends
    int reader;             //  And of who does not read
} s_cases [] = {
    { "streamer", "streamer", NULL, NULL, ZMQ_PUSH, ZMQ_PULL },
    { "queue", "queue", NULL, NULL, ZMQ_DEALER, ZMQ_DEALER },
    { "proxy from PULL to PUSH", "proxy", "PULL", "PUSH", ZMQ_PUSH, ZMQ_PULL },
    { "proxy of DEALERs", "proxy", "DEALER", "DEALER",
      ZMQ_DEALER, ZMQ_DEALER },
};
#define CASES (sizeof (s_cases) / sizeof (*s_cases))

//  One relay with its peers
typedef struct {
    size_t index;           //  Of its case
    zactor_t *relay;
    zsock_t *sender;
    zsock_t *reader;        //  NULL if nobody is there
    char *out;              //  Where a reader can connect
    int64_t sent;           //  Messages sent
} bench_t;

static int64_t s_slowest;   //  Most beats that a command took

static bool
s_prompt (int64_t beats)
{
    s_slowest = beats > s_slowest? beats: s_slowest;
    return faults_prompt (beats);
}

static void
s_connect_reader (bench_t *self)
{
    self->reader = zsock_new (s_cases [self->index].reader);
    zsock_set_rcvhwm (self->reader, 10);
    zsock_set_rcvtimeo (self->reader, FAULTS_PATIENCE);
    int rc = zsock_connect (self->reader, "%s", self->out);
    assert (rc == 0);
}

static void
s_setup (bench_t *self, size_t index, bool reader)
{
    memset (self, 0, sizeof (*self));
    self->index = index;
    self->relay = faults_relay (s_cases [index].kind);
    char *in;
    if (s_cases [index].frontend) {
        faults_command (self->relay, "FRONTEND", s_cases [index].frontend,
                        "tcp://127.0.0.1:*", NULL);
        faults_command (self->relay, "BACKEND", s_cases [index].backend,
                        "tcp://127.0.0.1:*", NULL);
    }
    in = faults_bind (self->relay, "FRONTEND");
    self->out = faults_bind (self->relay, "BACKEND");
    if (reader)
        s_connect_reader (self);
    self->sender = faults_connect (s_cases [index].sender, in);
    zstr_free (&in);
}

static int64_t
s_cleanup (bench_t *self)
{
    int64_t beats = faults_end_relay (&self->relay);
    zsock_destroy (&self->sender);
    zsock_destroy (&self->reader);
    zstr_free (&self->out);
    return beats;
}

//  Send numbered messages until nothing moves any more

static void
s_fill (bench_t *self)
{
    void *handle = zsock_resolve (self->sender);
    zmq_pollitem_t item = { .socket = handle, .events = ZMQ_POLLOUT };
    char body [BODY] = { 0 };
    while (zmq_poll (&item, 1, FULL) > 0) {
        memcpy (body, &self->sent, sizeof (self->sent));
        if (zmq_send (handle, body, BODY, ZMQ_DONTWAIT) == BODY)
            self->sent++;
    }
}

//  Read all that was sent; returns how many came in order

static int64_t
s_read (bench_t *self)
{
    if (!self->reader)
        s_connect_reader (self);
    int64_t expected = 0;
    while (expected < self->sent) {
        zmsg_t *msg = zmsg_recv (self->reader);
        zframe_t *frame = msg? zmsg_last (msg): NULL;
        bool right = frame && zframe_size (frame) == BODY
            && memcmp (zframe_data (frame), &expected, sizeof (expected)) == 0;
        zmsg_destroy (&msg);
        if (!right)
            break;
        expected++;
    }
    return expected;
}

static bool
s_obeys (bench_t *self, const char *command, const char *side,
         const char *argument)
{
    zstr_sendx (self->relay, command, side, argument, NULL);
    return s_prompt (faults_answer (self->relay))
        && zsock_wait (self->relay) == 0;
}

static void
s_test (size_t index, bool reader)
{
    bench_t bench;
    s_setup (&bench, index, reader);
    const char *name = s_cases [index].name;
    const char *who = reader? "a peer that never reads": "no peer";
    s_fill (&bench);
    printf ("# %s, %s: full with %" PRId64 " messages\n", name, who,
            bench.sent);

    TAP (s_prompt (faults_ping (bench.relay)),
         "%s, %s: answers at once", name, who);
    TAP (s_obeys (&bench, "BIND", "BACKEND", "tcp://127.0.0.1:*")
      && s_obeys (&bench, "PAUSE", NULL, NULL)
      && s_obeys (&bench, "RESUME", NULL, NULL),
         "%s, %s: obeys at once", name, who);
    TAP (s_read (&bench) == bench.sent,
         "%s, %s: nothing was lost or changed its place", name, who);
    TAP (s_prompt (s_cleanup (&bench)), "%s, %s: ends at once when empty",
         name, who);

    s_setup (&bench, index, reader);
    s_fill (&bench);
    TAP (s_prompt (s_cleanup (&bench)), "%s, %s: ends at once when full",
         name, who);

    s_setup (&bench, index, reader);
    s_fill (&bench);
    s_obeys (&bench, "PAUSE", NULL, NULL);
    TAP (s_prompt (s_cleanup (&bench)), "%s, %s: ends at once when paused",
         name, who);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    for (size_t index = 0; index < CASES; index++) {
        s_test (index, false);
        s_test (index, true);
    }
    printf ("# the slowest answer took %" PRId64 " beats\n", s_slowest);
    return faults_end ();
}
