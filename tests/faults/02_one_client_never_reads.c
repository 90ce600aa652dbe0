/*  =========================================================================
    02_one_client_never_reads - its loss is its own, and is counted

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  CZMQ issue 1393: through a ROUTER and DEALER proxy, one client that sends
//  requests and never reads the replies gets in the way of the others.
//
//  Here a client does that until its replies pile up to the high-water mark
//  in the relay, and goes on. Meanwhile others measure their round trips,
//  whose median and 99th percentile must stay what they were with a client
//  that reads in its place. Every reply that the first one did not take is
//  counted, and once it reads, it is served again.
//
//  FAULTS_ROUNDS tells how many round trips each of the others makes.

#include "faults.h"

#define DEADLINE 120
#define CLIENTS 4           //  Those that read
#define ROUNDS 1000
#define WARM_UP 100         //  Rounds that are not measured
#define REPLY 4000          //  Bytes in a reply
#define HWM "100"           //  Of the frontend

//  The others may be slower by that, which is less than any wait would cost:
//  a factor, and microseconds for the scheduler of a busy machine
#define FACTOR 3
#define ALLOWANCE 1000

typedef struct {
    int64_t p50;            //  Usecs
    int64_t p99;
} times_t;

typedef struct {
    zactor_t *relay;
    zactor_t *worker;
    zsock_t *clients [CLIENTS];
    zsock_t *other;         //  The one that reads or does not
    char *in;               //  Where clients connect
    long rounds;            //  Round trips of each client
    bool failed;            //  A reply did not come
    uint64_t sent;          //  Requests of all
    uint64_t received;      //  Replies
} bench_t;

//  Replies to everything

static void
s_worker (zsock_t *pipe, void *args)
{
    zsock_t *sock = zsock_new (ZMQ_DEALER);
    int rc = zsock_connect (sock, "%s", (const char *) args);
    assert (rc == 0);
    zpoller_t *poller = zpoller_new (pipe, sock, NULL);
    byte *body = (byte *) zmalloc (REPLY);
    zsock_signal (pipe, 0);
    while (zpoller_wait (poller, -1) == sock) {
        zmsg_t *msg = zmsg_recv (sock);
        zframe_reset (zmsg_last (msg), body, REPLY);
        zmsg_send (&msg, sock);
    }
    free (body);
    zpoller_destroy (&poller);
    zsock_destroy (&sock);
}

static void
s_setup (bench_t *self)
{
    memset (self, 0, sizeof (*self));
    self->rounds = faults_parameter ("FAULTS_ROUNDS", ROUNDS);
    self->relay = faults_relay ("queue");
    faults_command (self->relay, "SET", "FRONTEND", "sndhwm", HWM, NULL);
    self->in = faults_bind (self->relay, "FRONTEND");
    char *out = faults_bind (self->relay, "BACKEND");
    self->worker = zactor_new (s_worker, out);
    assert (self->worker);
    zstr_free (&out);
    for (int index = 0; index < CLIENTS; index++)
        self->clients [index] = faults_connect (ZMQ_DEALER, self->in);
    self->other = zsock_new (ZMQ_DEALER);
    zsock_set_rcvhwm (self->other, 1);
    zsock_set_rcvbuf (self->other, 16 * REPLY);
    zsock_set_rcvtimeo (self->other, FAULTS_PATIENCE);
    int rc = zsock_connect (self->other, "%s", self->in);
    assert (rc == 0);
}

static void
s_cleanup (bench_t *self)
{
    faults_end_relay (&self->relay);
    for (int index = 0; index < CLIENTS; index++)
        zsock_destroy (&self->clients [index]);
    zsock_destroy (&self->other);
    zactor_destroy (&self->worker);
    zstr_free (&self->in);
}

static void
s_request (bench_t *self, zsock_t *client)
{
    //  What does not fit into the client's own queue was not sent
    if (zmq_send (zsock_resolve (client), "?", 1, ZMQ_DONTWAIT) == 1)
        self->sent++;
}

static void
s_reply (bench_t *self, zsock_t *client)
{
    zframe_t *frame = zframe_recv (client);
    if (frame)
        self->received++;
    else
        self->failed = true;
    zframe_destroy (&frame);
}

//  Returns how long the round trips of the others took

static times_t
s_measure (bench_t *self, bool reads)
{
    size_t count = 0;
    int64_t *times = (int64_t *)
        zmalloc ((size_t) (self->rounds * CLIENTS) * sizeof (int64_t));
    for (long round = -WARM_UP; round < self->rounds && !self->failed; round++)
        for (int index = 0; index < CLIENTS && !self->failed; index++) {
            s_request (self, self->other);
            int64_t start = zclock_usecs ();
            s_request (self, self->clients [index]);
            s_reply (self, self->clients [index]);
            if (round >= 0)
                times [count++] = zclock_usecs () - start;
            if (reads)
                s_reply (self, self->other);
        }
    times_t result = { 0, 0 };
    if (!self->failed) {
        result.p50 = faults_percentile (times, count, 50);
        result.p99 = faults_percentile (times, count, 99);
    }
    free (times);
    return result;
}

//  Send until replies to the other client had to be dropped

static bool
s_is_full (void *arg)
{
    bench_t *self = (bench_t *) arg;
    for (int count = 0; count < 100; count++)
        s_request (self, self->other);
    return faults_counter (self->relay, "return.dropped_full") > 0;
}

//  All that the other client sent was carried or counted

static bool
s_is_accounted (void *arg)
{
    bench_t *self = (bench_t *) arg;
    return faults_counter (self->relay, "backend.out.messages") == self->sent
        && faults_counter (self->relay, "frontend.out.messages")
         + faults_counter (self->relay, "return.dropped_full") == self->sent;
}

//  It reads until it has all that was not dropped

static bool
s_has_all (void *arg)
{
    bench_t *self = (bench_t *) arg;
    while (zsock_events (self->other) & ZMQ_POLLIN)
        s_reply (self, self->other);
    return self->received
        == faults_counter (self->relay, "frontend.out.messages");
}

static bool
s_round_trip (bench_t *self)
{
    s_request (self, self->other);
    s_reply (self, self->other);
    return !self->failed;
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    bench_t bench;
    s_setup (&bench);
    times_t without = s_measure (&bench, true);
    bool served = !bench.failed;
    s_cleanup (&bench);
    TAP (served, "all clients are served when all read");

    s_setup (&bench);
    TAP (faults_wait (s_is_full, &bench, FAULTS_PATIENCE),
         "replies that a client does not take are counted");
    times_t with = s_measure (&bench, false);
    printf ("# the others' round trips: median %" PRId64 " us, p99 %" PRId64
            " us\n", without.p50, without.p99);
    printf ("# with a client that never reads: median %" PRId64 " us, p99 %"
            PRId64 " us\n", with.p50, with.p99);
    TAP (!bench.failed
      && with.p50 < without.p50 * FACTOR + ALLOWANCE
      && with.p99 < without.p99 * FACTOR + ALLOWANCE,
         "the others are not slowed");
    TAP (faults_wait (s_is_accounted, &bench, FAULTS_PATIENCE),
         "every reply was delivered or is counted as dropped");
    printf ("# %" PRIu64 " replies to it were dropped\n",
            faults_counter (bench.relay, "return.dropped_full"));
    TAP (faults_wait (s_has_all, &bench, FAULTS_PATIENCE),
         "what was delivered is there when the client reads at last");
    TAP (s_round_trip (&bench), "and it is served again");
    s_cleanup (&bench);
    return faults_end ();
}
