/*  =========================================================================
    cache - what a last value cache costs

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Usage: perf/cache [rounds [messages]]
//
//  Everything is in one process: publisher, relay and subscriber, by tcp. A
//  cache and a forwarder take turns, so that both see the same machine, and the
//  figures are medians of the rounds, or ratios of medians:
//
//  - messages of 100 bytes a second through a cache and through a forwarder,
//    with 1 and with 10,000 topics, and through a cache with 10 to 1,000,000
//    topics;
//  - memory that a topic takes, besides its 100 bytes;
//  - the time until a subscription of one more is answered, and the CPU time
//    that this takes, where 1,000 subscribers have that topic.

#include "perf.h"
#include <malloc.h>
#include <sys/resource.h>

#define ROUNDS 5
#define MESSAGES 500000
#define ROUNDS_MOST 101
#define SIZE 100
#define WINDOW 5000             //  Messages under way, so that none is dropped
#define HWM 100000
#define SUBSCRIBERS 1000
#define SUBSCRIPTIONS 100

static void
s_require (bool condition, const char *what)
{
    if (!condition) {
        fprintf (stderr, "cache: %s\n", what);
        exit (EXIT_FAILURE);
    }
}

static int64_t
s_cpu (void)
{
    struct rusage usage;
    getrusage (RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL
         + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static int
s_compare (const void *one, const void *other)
{
    double left = *(const double *) one, right = *(const double *) other;
    return left < right? -1: left > right;
}

static double
s_median (double *values, size_t count)
{
    qsort (values, count, sizeof (double), s_compare);
    return values [count / 2];
}


//  --------------------------------------------------------------------------
//  A relay with a publisher and a subscriber

typedef struct {
    zactor_t *relay;
    usage_t thread;             //  The relay's own
    zsock_t *publisher;         //  An XPUB
    zsock_t *subscriber;        //  A SUB of everything
    char *backend;              //  Endpoint
    size_t topics;              //  How many there are
} bench_t;

static char *
s_bind (zactor_t *relay, const char *side)
{
    char *name, *endpoint;
    zstr_sendx (relay, "BIND", side, "tcp://127.0.0.1:*", NULL);
    s_require (zsock_wait (relay) == 0, "cannot bind");
    zstr_sendx (relay, "ENDPOINT", side, NULL);
    zstr_recvx (relay, &name, &endpoint, NULL);
    zstr_free (&name);
    return endpoint;
}

static void
s_send (bench_t *self, size_t index)
{
    static byte body [SIZE];
    char topic [30];
    void *handle = zsock_resolve (self->publisher);
    snprintf (topic, sizeof (topic), "%07zu", index * 7919 % self->topics);
    zmq_send (handle, topic, 7, ZMQ_SNDMORE);
    zmq_send (handle, body, SIZE, 0);
}

static void
s_receive (bench_t *self)
{
    byte body [SIZE];
    void *handle = zsock_resolve (self->subscriber);
    s_require (zmq_recv (handle, body, SIZE, 0) != -1
            && zmq_recv (handle, body, SIZE, 0) != -1, "messages are missing");
}

static void
s_setup (bench_t *self, zactor_fn *actor, size_t topics)
{
    self->topics = topics;
    //  libzmq's own threads begin with the first socket
    self->publisher = zsock_new (ZMQ_XPUB);
    pid_t *before = usage_threads ();
    self->relay = zactor_new (actor, NULL);
    self->thread.pid = getpid ();
    self->thread.tid = usage_new_thread (before);
    free (before);
    static const char *const sides [] = { "FRONTEND", "BACKEND" };
    static const char *const options [] = { "rcvhwm", "sndhwm" };
    char hwm [20];
    snprintf (hwm, sizeof (hwm), "%d", HWM);
    for (int side = 0; side < 2; side++) {
        zstr_sendx (self->relay, "SET", sides [side], options [side], hwm,
                    NULL);
        zsock_wait (self->relay);
    }
    char *frontend = s_bind (self->relay, "FRONTEND");
    self->backend = s_bind (self->relay, "BACKEND");
    zsock_set_sndhwm (self->publisher, HWM);
    zsock_connect (self->publisher, "%s", frontend);
    self->subscriber = zsock_new (ZMQ_SUB);
    zsock_set_rcvhwm (self->subscriber, HWM);
    zsock_set_rcvtimeo (self->subscriber, 10000);
    zsock_connect (self->subscriber, "%s", self->backend);
    zsock_set_subscribe (self->subscriber, "");
    //  The forwarder passes the subscription on; the cache has its own
    char *wanted = zstr_recv (self->publisher);
    zstr_free (&wanted);
    zclock_sleep (100);
    zstr_free (&frontend);
}

static void
s_cleanup (bench_t *self)
{
    zsock_destroy (&self->publisher);
    zsock_destroy (&self->subscriber);
    zactor_destroy (&self->relay);
    zstr_free (&self->backend);
}

//  Messages a second; and nanoseconds of CPU time that the relay's thread takes
//  for one, which depend less on what else the machine does

typedef struct {
    double rate;
    double cpu;
} cost_t;

static cost_t
s_throughput (bench_t *self, size_t messages)
{
    sample_t first, last;
    usage_sample (&self->thread, &first);
    int64_t start = zclock_usecs ();
    size_t sent = 0, received = 0;
    for (; sent < WINDOW && sent < messages; sent++)
        s_send (self, sent);
    for (; received < messages; received++) {
        s_receive (self);
        if (sent < messages)
            s_send (self, sent++);
    }
    usage_sample (&self->thread, &last);
    return (cost_t) {
        messages * 1e6 / (double) (zclock_usecs () - start),
        (double) (last.cpu - first.cpu) / (double) messages
    };
}

//  The median of several rounds for each of two relays, which take turns

static void
s_side_by_side (size_t topics, size_t rounds, size_t messages)
{
    double rates [2] [ROUNDS_MOST], cpus [2] [ROUNDS_MOST];
    bench_t benches [2];
    s_setup (&benches [0], zrelay_forwarder, topics);
    s_setup (&benches [1], zrelay_cache, topics);
    for (int bench = 0; bench < 2; bench++)
        s_throughput (&benches [bench], topics + WINDOW);
    for (size_t round = 0; round < rounds; round++)
        for (int bench = 0; bench < 2; bench++) {
            cost_t cost = s_throughput (&benches [bench], messages);
            rates [bench] [round] = cost.rate;
            cpus [bench] [round] = cost.cpu;
        }
    double forwarder = s_median (rates [0], rounds);
    double cache = s_median (rates [1], rounds);
    printf ("%8zu topics: forwarder %8.0f/s, cache %8.0f/s, ratio %.2f; CPU of "
            "their threads %.0f and %.0f ns\n",
            topics, forwarder, cache, cache / forwarder,
            s_median (cpus [0], rounds), s_median (cpus [1], rounds));
    fflush (stdout);
    for (int bench = 0; bench < 2; bench++)
        s_cleanup (&benches [bench]);
}


//  --------------------------------------------------------------------------
//  Cost by number of topics, and memory

static void
s_by_topics (size_t topics, size_t rounds, size_t messages)
{
    malloc_trim (0);
    size_t before = mallinfo2 ().uordblks + mallinfo2 ().hblkhd;
    bench_t bench;
    s_setup (&bench, zrelay_cache, topics);
    s_throughput (&bench, topics);
    size_t after = mallinfo2 ().uordblks + mallinfo2 ().hblkhd;
    double rates [ROUNDS_MOST], cpus [ROUNDS_MOST];
    for (size_t round = 0; round < rounds; round++) {
        cost_t cost = s_throughput (&bench, messages);
        rates [round] = cost.rate;
        cpus [round] = cost.cpu;
    }
    printf ("%8zu topics: cache %8.0f/s, CPU of its thread %.0f ns", topics,
            s_median (rates, rounds), s_median (cpus, rounds));
    if (topics >= 100000)
        printf (", %.0f bytes a topic besides its %d",
                (double) (after - before) / (double) topics - SIZE, SIZE);
    printf ("\n");
    fflush (stdout);
    s_cleanup (&bench);
}


//  --------------------------------------------------------------------------
//  Cost of a subscription where many have the topic

static void
s_subscriptions (void)
{
    bench_t bench;
    s_setup (&bench, zrelay_cache, 1);
    s_throughput (&bench, 1);
    zsock_t **others = (zsock_t **) zmalloc (SUBSCRIBERS * sizeof (zsock_t *));
    for (int index = 0; index < SUBSCRIBERS; index++) {
        others [index] = zsock_new (ZMQ_SUB);
        zsock_set_rcvtimeo (others [index], 10000);
        zsock_connect (others [index], "%s", bench.backend);
        zsock_set_subscribe (others [index], "");
        zmsg_t *msg = zmsg_recv (others [index]);
        s_require (msg != NULL, "a replay is missing");
        zmsg_destroy (&msg);
    }
    double msecs [SUBSCRIPTIONS];
    int64_t cpu = s_cpu ();
    for (int count = 0; count < SUBSCRIPTIONS; count++) {
        zsock_t *late = zsock_new (ZMQ_SUB);
        zsock_set_rcvtimeo (late, 10000);
        zsock_connect (late, "%s", bench.backend);
        int64_t start = zclock_usecs ();
        zsock_set_subscribe (late, "");
        zmsg_t *msg = zmsg_recv (late);
        msecs [count] = (double) (zclock_usecs () - start) / 1000;
        s_require (msg != NULL, "a replay is missing");
        zmsg_destroy (&msg);
        zsock_destroy (&late);
    }
    cpu = s_cpu () - cpu;
    printf ("%8d subscribers: a subscription is answered in %.2f ms, and takes "
            "%.0f us of CPU in all\n", SUBSCRIBERS,
            s_median (msecs, SUBSCRIPTIONS), (double) cpu / SUBSCRIPTIONS);
    for (int index = 0; index < SUBSCRIBERS; index++)
        zsock_destroy (&others [index]);
    freen (others);
    s_cleanup (&bench);
}

int
main (int argc, char **argv)
{
    size_t rounds = argc > 1? (size_t) atoi (argv [1]): ROUNDS;
    size_t messages = argc > 2? (size_t) atoi (argv [2]): MESSAGES;
    s_require (rounds > 0 && rounds <= ROUNDS_MOST && messages > 0,
               "usage: cache [rounds [messages]]");
    zsys_set_max_sockets (0);
    s_side_by_side (1, rounds, messages);
    s_side_by_side (10000, rounds, messages);
    for (size_t topics = 10; topics <= 1000000; topics *= 10)
        s_by_topics (topics, rounds, messages);
    s_subscriptions ();
    return 0;
}
