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
//  in the relay, and goes on. Every reply that it did not take is counted, and
//  once it reads, it is served again.
//
//  Meanwhile other clients make their round trips, one after the other, each
//  right behind a request of the first one, whose reply is in the way. They
//  must get all of their replies, and whenever the counters are looked at in
//  between, the relay holds nothing, has never stalled, and has dropped more.
//
//  They must not be slowed either. That is not measured in microseconds, which
//  depend on how busy the machine is, but in a race with a second relay, which
//  has a client that reads in the place of the first one: how many round trips
//  does each make while the other makes one? A busy machine can hold up either
//  of them, but not the same one in each of several races, as a relay would
//  that waits for anything.
//
//  FAULTS_ROUNDS tells how many round trips each of the others makes.

#include "faults.h"

#define DEADLINE 120
#define CLIENTS 4           //  Those that read
#define ROUNDS 1000
#define WARM_UP 100         //  Rounds that are not measured
#define REPLY 4000          //  Bytes in a reply
#define HWM "100"           //  Of the frontend
#define BATCH 20            //  Requests at a time to fill it
#define REFUSED 5           //  Batches without room for a reply: it is full
#define LOOK_EVERY 100      //  Round trips between two looks at the counters

//  The others may be slower by that, which is less than any wait would cost:
//  a factor, and round trips of the other relay, ten of which take about a
//  millisecond on a quiet machine
#define FACTOR 3
#define ALLOWANCE 10
#define RACES 5             //  In one of which they are not slower

typedef struct {
    zactor_t *relay;
    zactor_t *worker;
    zsock_t *clients [CLIENTS];
    zsock_t *other;         //  The one that reads or does not
    bool reads;             //  Which of both
    char *in;               //  Where clients connect
    bool failed;            //  A reply did not come
    uint64_t sent;          //  Requests of all
    uint64_t received;      //  Replies
    uint64_t passed;        //  Replies delivered, before the last batch
    int refused;            //  Batches in a row of which none was
    uint64_t dropped;       //  Replies dropped, at the last look
    long looks;             //  Looks at its counters
    long bad_looks;         //  That found it held up, or nothing dropped
    long trips;             //  Round trips made in this race
    long all_trips;         //  And in all before
    long most;              //  And no more than that
    long then;              //  Those of its rival when the last one began
    int64_t *laps;          //  Round trips of its rival during each of its own
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
s_setup (bench_t *self, bool reads, long most)
{
    memset (self, 0, sizeof (*self));
    self->reads = reads;
    self->most = most;
    self->laps = (int64_t *) zmalloc ((size_t) most * sizeof (int64_t));
    assert (self->laps);
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
    free (self->laps);
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

//  All that the other client sent was carried or counted

static bool
s_is_accounted (void *arg)
{
    bench_t *self = (bench_t *) arg;
    return faults_counter (self->relay, "backend.out.messages") == self->sent
        && faults_counter (self->relay, "frontend.out.messages")
         + faults_counter (self->relay, "return.dropped_full") == self->sent;
}

//  Send a batch, until no reply finds room any more, also not in buffers of
//  the system that grow

static bool
s_is_full (void *arg)
{
    bench_t *self = (bench_t *) arg;
    if (!s_is_accounted (self))
        return false;
    uint64_t passed = faults_counter (self->relay, "frontend.out.messages");
    self->dropped = faults_counter (self->relay, "return.dropped_full");
    self->refused = self->dropped > 0 && passed == self->passed?
                    self->refused + 1: 0;
    if (self->refused == REFUSED)
        return true;
    self->passed = passed;
    for (int count = 0; count < BATCH; count++)
        s_request (self, self->other);
    return false;
}


//  --------------------------------------------------------------------------
//  The race

static zsock_t *
s_runner (bench_t *self)
{
    return self->clients [self->trips % CLIENTS];
}

//  The next round trip, behind a request of the other client

static void
s_start (bench_t *self, bench_t *rival)
{
    self->then = rival->trips;
    s_request (self, self->other);
    s_request (self, s_runner (self));
}

//  Nothing is held or has stalled, and more was dropped

static void
s_look (bench_t *self)
{
    uint64_t dropped = faults_counter (self->relay, "return.dropped_full");
    if (dropped <= self->dropped
    ||  faults_counter (self->relay, "return.held") > 0
    ||  faults_counter (self->relay, "return.stalls") > 0
    ||  faults_counter (self->relay, "forward.held") > 0)
        self->bad_looks++;
    self->dropped = dropped;
    self->looks++;
}

static void
s_arrive (bench_t *self, bench_t *rival)
{
    s_reply (self, s_runner (self));
    self->laps [self->trips++] = rival->trips - self->then;
    if (self->reads)
        s_reply (self, self->other);
    else
    if (self->trips % LOOK_EVERY == 0)
        s_look (self);
    if (!self->failed && self->trips < self->most)
        s_start (self, rival);
}

//  A round trip that has begun is no part of the race any more

static void
s_finish (bench_t *self)
{
    self->all_trips += self->trips;
    if (self->failed || self->trips == self->most)
        return;
    s_reply (self, s_runner (self));
    if (self->reads)
        s_reply (self, self->other);
}

//  Both run until the first is through, or the second, which makes so many
//  more round trips that the first cannot have kept up then

static void
s_race (bench_t *first, bench_t *second)
{
    first->trips = second->trips = 0;
    s_start (first, second);
    s_start (second, first);
    while (first->trips < first->most && second->trips < second->most
       && !first->failed && !second->failed) {
        zmq_pollitem_t items [2] = {
            { zsock_resolve (s_runner (first)), 0, ZMQ_POLLIN, 0 },
            { zsock_resolve (s_runner (second)), 0, ZMQ_POLLIN, 0 }
        };
        if (zmq_poll (items, 2, FAULTS_PATIENCE) < 1)
            first->failed = second->failed = true;
        if (items [0].revents)
            s_arrive (first, second);
        if (items [1].revents)
            s_arrive (second, first);
    }
    s_finish (first);
    s_finish (second);
}

//  Laps below which percent of all are, after the warm-up

static int64_t
s_laps (bench_t *self, double percent)
{
    long skip = WARM_UP * CLIENTS;
    if (skip > self->trips / 2)
        skip = self->trips / 2;
    return faults_percentile (self->laps + skip, (size_t) (self->trips - skip),
                              percent);
}

static bool
s_keeps_up (bench_t *first, bench_t *second, double percent)
{
    int64_t with = s_laps (first, percent);
    int64_t without = s_laps (second, percent);
    printf ("# %g percent of its round trips take no longer than %" PRId64
            " of the other relay; the other way round it is %" PRId64 "\n",
            percent, with, without);
    return with < without * FACTOR + ALLOWANCE;
}

//  True if the first was not slowed in one race

static bool
s_races (bench_t *first, bench_t *second)
{
    bool right = false;
    for (int race = 0; race < RACES && !right && !first->failed; race++) {
        s_race (first, second);
        printf ("# %ld round trips beside a client that never reads, %ld of "
                "the other relay\n", first->trips, second->trips);
        if (first->trips < first->most || second->trips == 0)
            continue;
        //  Both are told
        right = s_keeps_up (first, second, 50);
        right = s_keeps_up (first, second, 99) && right;
    }
    return right;
}


//  --------------------------------------------------------------------------
//  And then

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
    long trips = (faults_parameter ("FAULTS_ROUNDS", ROUNDS) + WARM_UP)
               * CLIENTS;
    bench_t bench, rival;
    s_setup (&bench, false, trips);
    s_setup (&rival, true, trips * FACTOR + ALLOWANCE);
    TAP (faults_wait (s_is_full, &bench, FAULTS_PATIENCE),
         "replies that a client does not take are counted");
    bool kept_up = s_races (&bench, &rival);
    TAP (!rival.failed && rival.all_trips > 0,
         "all clients are served when all read");
    TAP (!bench.failed && bench.all_trips >= trips,
         "the others are served when one never reads");
    TAP (bench.looks >= trips / LOOK_EVERY && bench.bad_looks == 0,
         "%ld times between their replies, nothing was held up and more had "
         "been dropped", bench.looks);
    TAP (kept_up, "the others are not slowed");
    s_cleanup (&rival);
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
