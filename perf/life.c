/*  =========================================================================
    life - how soon a relay carries, how soon it ends, what it costs idle

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  Starts a relay, binds both sides by inproc, sends a message through it and
//  ends it, again and again: prints for zrelay's kinds and for zproxy the 50th
//  and 99th percentile and the longest time to the first message and to the
//  end. Then lets many relays idle, bound by tcp, and prints what CPU time and
//  memory each takes.
//
//      perf/life [LIVES [IDLE]]

#include "perf.h"

#define LIVES_DEFAULT 500
#define IDLE_DEFAULT 500

//  How long idle relays are watched, in msecs
#define IDLE_MSECS 3000

//  Percentiles are of so many parts
#define PARTS 100

typedef struct {
    const char *name;           //  Make
    const kind_t *kind;
    bool idles;                 //  zproxy takes minutes to bind so many
} being_t;

static const being_t s_beings [] = {
    { "zrelay", &perf_streamer, true },
    { "zrelay", &perf_queue, true },
    { "zrelay", &perf_forwarder, true },
    { "zproxy", &perf_streamer, false },
    { NULL, NULL, false }
};

static int
s_compare (const void *left, const void *right)
{
    int64_t one = *(const int64_t *) left;
    int64_t other = *(const int64_t *) right;
    return one < other? -1: one > other;
}

static void
s_print (const char *what, int64_t *times, int count)
{
    qsort (times, count, sizeof (int64_t), s_compare);
    printf ("  %s %8.3f %8.3f %8.3f", what, times [count / 2] / 1e6,
            times [(int64_t) count * 99 / PARTS] / 1e6,
            times [count - 1] / 1e6);
}

//  Both ends of the way through a relay; a publisher is not known at once

static void
s_pass_message (zsock_t *source, zsock_t *sink)
{
    if (zsock_type (sink) == ZMQ_XSUB) {
        zstr_send (sink, "\1");
        zmq_pollitem_t item = { zsock_resolve (source), 0, ZMQ_POLLIN, 0 };
        zmq_poll (&item, 1, -1);
    }
    zstr_send (source, "first");
    zmsg_t *msg = zmsg_recv (sink);
    assert (msg);
    zmsg_destroy (&msg);
}

static void
s_live (const being_t *being, int64_t *born, int64_t *died)
{
    //  A name is not free again at once
    static int number;
    number++;
    relay_t relay = { .name = being->name, .kind = being->kind, .count = 1 };
    snprintf (relay.ends [FRONT], PERF_ENDPOINT_SIZE, "inproc://f%d", number);
    snprintf (relay.ends [BACK], PERF_ENDPOINT_SIZE, "inproc://b%d", number);
    zsock_t *source = zsock_new (being->kind->source);
    zsock_t *sink = zsock_new (being->kind->sink);
    assert (source && sink);
    int64_t start = usage_clock ();
    zactor_t *actor = perf_relay_start (&relay);
    zsock_connect (source, "%s", relay.ends [FRONT]);
    zsock_connect (sink, "%s", relay.ends [BACK]);
    s_pass_message (source, sink);
    *born = usage_clock () - start;
    start = usage_clock ();
    zactor_destroy (&actor);
    *died = usage_clock () - start;
    zsock_destroy (&source);
    zsock_destroy (&sink);
}

static void
s_measure_lives (const being_t *being, int lives)
{
    int64_t *born = (int64_t *) zmalloc (lives * sizeof (int64_t));
    int64_t *died = (int64_t *) zmalloc (lives * sizeof (int64_t));
    assert (born && died);
    //  The first one is not counted: it makes what all share
    s_live (being, &born [0], &died [0]);
    for (int life = 0; life < lives; life++)
        s_live (being, &born [life], &died [life]);
    printf ("%-7s %-9s", being->name, being->kind->name);
    s_print ("", born, lives);
    s_print ("|", died, lives);
    printf ("\n");
    freen (born);
    freen (died);
}

//  Processor time of all of this process, which waits meanwhile itself

static void
s_measure_idle (const being_t *being, int count)
{
    usage_t usage = { getpid (), 0 };
    sample_t before, start, stop;
    usage_sample (&usage, &before);
    usage_details (&usage, &before);
    relay_t relay = { .name = being->name, .kind = being->kind,
        .count = count, .ends = { "tcp://127.0.0.1:*", "tcp://127.0.0.1:*" } };
    perf_relay_start (&relay);
    zclock_sleep (IDLE_MSECS / 10);
    usage_sample (&usage, &start);
    zclock_sleep (IDLE_MSECS);
    usage_sample (&usage, &stop);
    usage_details (&usage, &stop);
    printf ("%-7s %-9s %6d idle: %7.1f KiB each; all together %6.2f %% of a "
            "core\n", being->name, being->kind->name, count,
            (double) (stop.resident - before.resident) / count,
            100 * (double) (stop.cpu - start.cpu)
            / (double) (stop.at - start.at));
}

static void
s_fork_idle (const being_t *being, int count)
{
    fflush (stdout);
    pid_t pid = fork ();
    if (pid == 0) {
        perf_relay_prepare (being->kind);
        //  Memory that CZMQ takes in any program does not belong to the relays
        zsock_t *dummy = zsock_new (ZMQ_PAIR);
        assert (dummy);
        s_measure_idle (being, count);
        fflush (stdout);
        _exit (EXIT_SUCCESS);
    }
    waitpid (pid, NULL, 0);
}

int
main (int argc, char *argv [])
{
    int lives = argc > 1? atoi (argv [1]): LIVES_DEFAULT;
    int idle = argc > 2? atoi (argv [2]): IDLE_DEFAULT;
    if (lives < 1 || idle < 1) {
        fprintf (stderr, "life: usage: life [LIVES [IDLE]]\n");
        return 2;
    }
    //  In processes of their own, and before this one has threads
    for (const being_t *being = s_beings; being->name; being++)
        if (being->idles)
            s_fork_idle (being, idle);
    perf_relay_prepare (&perf_streamer);
    printf ("%d lives, msecs      to the first message               | "
            "to the end\n%17s  %9s %8s %8s  | %8s %8s %8s\n", lives, "", "p50",
            "p99", "max", "p50", "p99", "max");
    for (const being_t *being = s_beings; being->name; being++)
        s_measure_lives (being, lives);
    return 0;
}
