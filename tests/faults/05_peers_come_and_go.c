/*  =========================================================================
    05_peers_come_and_go - what peers leave behind does not pile up

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  libzmq issues 1256 and 4474: a socket on which nobody calls does not handle
//  the connections that come and go, and memory grows with each.
//
//  Peers connect to both sides of a queue and of a forwarder, get more or less
//  far with their hand-shake, subscribe, send half a message, and vanish, in
//  good order or not. Meanwhile the relays have nothing to do, or carry
//  messages, or are paused with nothing in them. What is there after the first
//  quarter must not grow, also not while they are still paused.
//
//  Were there messages waiting to be read, libzmq would keep what is left of
//  the peers that vanished until these are read, to deliver in turn what they
//  may have sent.
//
//  FAULTS_PEERS    how many peers come and go (default 20000)

#include "faults.h"
#include "wire.h"

#define DEADLINE 300
#define PEERS 20000

//  Growth that is allowed, in KiB, between a quarter and the end
#define GROWTH 2048

//  A relay that received nothing for so many msecs will receive nothing more
#define QUIET 100

static const struct {
    const char *kind;           //  Relay
    const char *name;           //  Of what is between
    const char *sides [2];      //  Types of the peers of its sides
} s_kinds [] = {
    { "queue", "requests", { "DEALER", "REP" } },
    { "forwarder", "news", { "PUB", "SUB" } }
};
static const char *s_sides [] = { "FRONTEND", "BACKEND" };

//  One relay with its lasting peers
typedef struct {
    zactor_t *relay;
    char *endpoints [2];        //  By side
    zsock_t *source;            //  Client, or publisher
    zsock_t *sink;              //  Worker, or subscriber
} bench_t;

static bench_t s_benches [2];   //  By s_kinds


//  --------------------------------------------------------------------------
//  Relays and their lasting peers

static void
s_setup (void)
{
    for (int index = 0; index < 2; index++) {
        bench_t *bench = &s_benches [index];
        bench->relay = faults_relay (s_kinds [index].kind);
        for (int side = 0; side < 2; side++)
            bench->endpoints [side] =
                faults_bind (bench->relay, s_sides [side]);
        bool queue = index == 0;
        bench->source = faults_connect (queue? ZMQ_DEALER: ZMQ_PUB,
                                        bench->endpoints [0]);
        bench->sink = faults_connect (queue? ZMQ_DEALER: ZMQ_SUB,
                                      bench->endpoints [1]);
        if (!queue)
            zsock_set_subscribe (bench->sink, "news");
    }
}


//  Some messages more, and whatever has arrived. Requests that a vanished
//  worker was given are lost, so nothing is waited for.

static void
s_carry (void)
{
    for (int index = 0; index < 2; index++) {
        bench_t *bench = &s_benches [index];
        void *source = zsock_resolve (bench->source);
        void *sink = zsock_resolve (bench->sink);
        for (int count = 0; count < 3; count++) {
            zmq_send (source, "news", 4, ZMQ_DONTWAIT | ZMQ_SNDMORE);
            zmq_send (source, "body", 4, ZMQ_DONTWAIT);
        }
        char body [64];
        if (index == 0) {
            int size;
            while ((size = zmq_recv (sink, body, sizeof (body), ZMQ_DONTWAIT))
                   != -1) {
                int more = zsock_rcvmore (bench->sink)? ZMQ_SNDMORE: 0;
                zmq_send (sink, body, (size_t) size, ZMQ_DONTWAIT | more);
            }
            while (zmq_recv (source, body, sizeof (body), ZMQ_DONTWAIT) != -1)
                ;
        }
        else
            while (zmq_recv (sink, body, sizeof (body), ZMQ_DONTWAIT) != -1)
                ;
    }
}

//  True once messages have stopped coming in

static bool
s_is_quiet (void *arg)
{
    uint64_t *before = (uint64_t *) arg;
    uint64_t now = 0;
    for (int index = 0; index < 2; index++)
        now += faults_counter (s_benches [index].relay, "frontend.in.messages")
             + faults_counter (s_benches [index].relay, "backend.in.messages");
    bool quiet = now == *before;
    *before = now;
    zclock_sleep (QUIET);
    return quiet;
}

static void
s_pause (bool pause)
{
    uint64_t before = 0;
    if (pause)
        faults_wait (s_is_quiet, &before, FAULTS_PATIENCE);
    for (int index = 0; index < 2; index++)
        faults_command (s_benches [index].relay, pause? "PAUSE": "RESUME",
                        NULL);
}

//  True if a message gets through, at the latest once all those before it
//  have. Several, because a vanished worker may have been given one.

static bool
s_serves (bench_t *bench)
{
    char body [64];
    bool queue = bench == &s_benches [0];
    void *source = zsock_resolve (bench->source);
    void *sink = zsock_resolve (bench->sink);
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    while (zclock_mono () < deadline) {
        zmq_send (source, queue? "last": "news last", queue? 4: 9,
                  ZMQ_DONTWAIT);
        zmq_pollitem_t item = { .socket = sink, .events = ZMQ_POLLIN };
        zmq_poll (&item, 1, 100);
        int size;
        bool last = false;
        while ((size = zmq_recv (sink, body, sizeof (body), ZMQ_DONTWAIT))
               != -1)
            last = last || (size >= 4 && memcmp (body + size - 4, "last", 4)
                            == 0);
        if (last)
            return true;
    }
    return false;
}


//  --------------------------------------------------------------------------
//  Peers that come and go

//  How far a peer gets. A queue that is paused keeps whole messages, as it
//  has to, so then there are none.

enum { CONNECTED, HALF_GREETED, GREETED, READY, HALF_FRAME, HALF_MESSAGE,
       WHOLE_MESSAGE, STAGES };

static void
s_talk (int fd, const char *type, int number, int stage)
{
    if (stage < READY) {
        byte greeting [WIRE_GREETING];
        wire_greeting (greeting, "NULL");
        size_t size = stage == CONNECTED? 0:
                      stage == HALF_GREETED? WIRE_SIGNATURE + 1: WIRE_GREETING;
        wire_send (fd, greeting, size);
        return;
    }
    if (!wire_handshake (fd, type))
        return;
    char topic [32];
    bool subscribes = streq (type, "SUB");
    int size = snprintf (topic, sizeof (topic), "%snews %d",
                         subscribes? "\1": "", number % 1000);
    if (subscribes && stage > READY)
        wire_frame (fd, 0, topic, (size_t) size);
    if (stage == WHOLE_MESSAGE && !subscribes) {
        wire_frame (fd, WIRE_MORE, "news", 4);
        wire_frame (fd, 0, topic, (size_t) size);
    }
    if (stage >= HALF_MESSAGE && !subscribes)
        wire_frame (fd, WIRE_MORE, topic, (size_t) size);
    if (stage >= HALF_FRAME)
        wire_half_frame (fd, WIRE_MORE, 1000, 300);
}

//  The number says where to, how far, and how it goes. Three of four vanish in
//  a way that leaves nothing behind in the system, or it would run out of
//  ports.

static bool
s_come_and_go (int number, bool paused)
{
    int kind = number % 2;
    int side = number / 2 % 2;
    int stage = number / 4 % STAGES;
    if (paused && stage == WHOLE_MESSAGE)
        stage = HALF_MESSAGE;
    int fd = wire_connect (s_benches [kind].endpoints [side]);
    if (fd == -1)
        return false;
    s_talk (fd, s_kinds [kind].sides [side], number, stage);
    wire_close (fd, number / (4 * STAGES) % 4 > 0);
    return true;
}

//  So many of them, from the number first on: a third while there is nothing
//  else to do, a third while messages pass, and a third while the relays are
//  paused, which they are in the end. Returns how many could not even connect.

static int
s_storm (int first, int count)
{
    enum { IDLE, BUSY, PAUSED, MOODS };
    int refused = 0;
    int mood = IDLE;
    for (int index = 0; index < count; index++) {
        if (mood < PAUSED && index * MOODS / count == PAUSED)
            s_pause (true);
        mood = index * MOODS / count;
        refused += !s_come_and_go (first + index, mood == PAUSED);
        if (mood == BUSY)
            s_carry ();
    }
    return refused;
}


//  --------------------------------------------------------------------------
//  What is left of them

static bool
s_only_lasting (void *arg)
{
    (void) arg;
    s_carry ();
    for (int index = 0; index < 2; index++)
        if (faults_counter (s_benches [index].relay, "frontend.peers") != 1
        ||  faults_counter (s_benches [index].relay, "backend.peers") != 1)
            return false;
    return true;
}

static bool
s_descriptors_are (void *arg)
{
    return faults_descriptors () <= *(int *) arg;
}

static void
s_resume (void)
{
    s_pause (false);
    if (!faults_naive ())
        TAP (faults_wait (s_only_lasting, NULL, FAULTS_PATIENCE),
             "of the peers only the lasting ones are still there");
    for (int index = 0; index < 2; index++)
        TAP (s_serves (&s_benches [index]), "%s get through the %s",
             s_kinds [index].name, s_kinds [index].kind);
}

static bool
s_memory_is_below (void *arg)
{
    return faults_memory (0) < *(int64_t *) arg;
}

static void
s_check_memory (int64_t before, const char *when)
{
    if (FAULTS_SANITIZED) {
        char name [40];
        snprintf (name, sizeof (name), "memory %s", when);
        TAP_SKIP (name, "sanitizers keep it");
        return;
    }
    int64_t limit = before + GROWTH;
    bool below = faults_wait (s_memory_is_below, &limit, FAULTS_PATIENCE);
    TAP (below, "memory grew by %" PRId64 " KiB %s, less than %d",
         faults_memory (0) - before, when, GROWTH);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    int peers = (int) faults_parameter ("FAULTS_PEERS", PEERS);
    s_setup ();
    s_resume ();
    int descriptors = faults_descriptors ();

    int64_t start = zclock_mono ();
    int refused = s_storm (0, peers / 4);
    s_resume ();
    int64_t before = faults_memory (0);
    printf ("#   %" PRId64 " KiB after %d peers\n", before, peers / 4);
    refused += s_storm (peers / 4, peers - peers / 4);
    TAP (refused == 0, "all of %d peers could connect", peers);
    printf ("#   %d peers in %" PRId64 " ms\n", peers, zclock_mono () - start);
    s_check_memory (before, "while paused");
    TAP (faults_wait (s_descriptors_are, &descriptors, FAULTS_PATIENCE),
         "there are %d descriptors, as in the beginning", descriptors);
    s_resume ();
    s_check_memory (before, "in the end");

    for (int index = 0; index < 2; index++) {
        bench_t *bench = &s_benches [index];
        zsock_destroy (&bench->source);
        zsock_destroy (&bench->sink);
        TAP (faults_prompt (faults_end_relay (&bench->relay)),
             "the %s ends at once", s_kinds [index].kind);
        for (int side = 0; side < 2; side++)
            zstr_free (&bench->endpoints [side]);
    }
    return faults_end ();
}
