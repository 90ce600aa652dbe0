/*  =========================================================================
    10_consumer_stopped - every message arrives when it goes on

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  A consumer stands still for some time, under load: it is stopped by a
//  signal, its machine swaps, its disk is slow.
//
//  Here that happens to the only consumer of a relay that holds what it
//  cannot deliver. Meanwhile the relay must answer commands, and memory must
//  stay within what the high-water marks allow, so that the sender has to
//  wait. When the consumer goes on, every message must arrive, once and in
//  order.
//
//  FAULTS_STOPPED tells for how many msecs it stands still.

#include "faults.h"

#define DEADLINE 60         //  Seconds, and the time it stands still
#define STOPPED 2000
#define RUNNING 300         //  Msecs that it runs before and after
#define HWM 100             //  Of all sockets
#define BODY 10000          //  Bytes in a message
#define PING_IVL 50
#define END UINT64_MAX      //  Number of the last message

//  KiB of memory that this process may use more: the sender's queue, the
//  relay's two, as much again for what is on its way and for what the
//  allocator does with it, and something of libzmq's own
#define MOST_MEMORY (2 * 3 * HWM * BODY / 1024 + 4096)

static const struct {
    const char *name;       //  What is tested
    const char *kind;       //  The relay
    int sender;             //  Socket types of its peers
    int consumer;
} s_cases [] = {
    { "streamer", "streamer", ZMQ_PUSH, ZMQ_PULL },
    { "queue", "queue", ZMQ_DEALER, ZMQ_DEALER },
    { "forwarder with xpub_nodrop", "forwarder", ZMQ_XPUB, ZMQ_SUB },
};
#define CASES (sizeof (s_cases) / sizeof (*s_cases))


//  --------------------------------------------------------------------------
//  The consumer: exits with success if all came, once and in order

static int
s_consumer (int argc, char **argv)
{
    (void) argc;
    zsock_t *sock = zsock_new (atoi (argv [1]));
    zsock_set_rcvhwm (sock, HWM);
    if (zsock_type (sock) == ZMQ_SUB)
        zsock_set_subscribe (sock, "");
    int rc = zsock_connect (sock, "%s", argv [0]);
    assert (rc == 0);
    uint64_t expected = 0;
    uint64_t wrong = 0;
    bool ended = false;
    while (!ended) {
        zmsg_t *msg = zmsg_recv (sock);
        if (!msg)
            return EXIT_FAILURE;
        uint64_t number;
        memcpy (&number, zframe_data (zmsg_last (msg)), sizeof (number));
        if (number == END)
            ended = true;
        else {
            wrong += number != expected;
            expected = number + 1;
        }
        zmsg_destroy (&msg);
    }
    printf ("# %" PRIu64 " messages were consumed, %" PRIu64
            " at the wrong place\n", expected, wrong);
    zsock_destroy (&sock);
    return wrong? EXIT_FAILURE: EXIT_SUCCESS;
}


//  --------------------------------------------------------------------------
//  Sender and relay

typedef struct {
    zactor_t *relay;
    zsock_t *sender;
    pid_t consumer;
    uint64_t sent;              //  Messages
    int64_t slowest;            //  Most beats of a PING, or -1
    int64_t most;               //  Memory in KiB
} bench_t;

static void
s_setup (bench_t *self, size_t index)
{
    memset (self, 0, sizeof (*self));
    self->relay = faults_relay (s_cases [index].kind);
    const char *sides [] = { "FRONTEND", "BACKEND" };
    char hwm [20];
    snprintf (hwm, sizeof (hwm), "%d", HWM);
    for (int side = 0; side < 2; side++) {
        faults_command (self->relay, "SET", sides [side], "sndhwm", hwm, NULL);
        faults_command (self->relay, "SET", sides [side], "rcvhwm", hwm, NULL);
    }
    self->sender = zsock_new (s_cases [index].sender);
    zsock_set_sndhwm (self->sender, HWM);
    zsock_set_rcvtimeo (self->sender, FAULTS_PATIENCE);
    if (s_cases [index].sender == ZMQ_XPUB) {
        faults_command (self->relay, "SET", "BACKEND", "xpub_nodrop", "1",
                        NULL);
        zsock_set_xpub_nodrop (self->sender, 1);
    }
    char *in = faults_bind (self->relay, "FRONTEND");
    char *out = faults_bind (self->relay, "BACKEND");
    int rc = zsock_connect (self->sender, "%s", in);
    assert (rc == 0);
    char type [20];
    snprintf (type, sizeof (type), "%d", s_cases [index].consumer);
    self->consumer = faults_spawn ("consumer", out, type, NULL);
    zstr_free (&in);
    zstr_free (&out);
    //  What is published before the subscription is there, nobody hears
    if (s_cases [index].sender == ZMQ_XPUB) {
        zframe_t *frame = zframe_recv (self->sender);
        zframe_destroy (&frame);
    }
}

static void
s_cleanup (bench_t *self)
{
    zactor_destroy (&self->relay);
    zsock_destroy (&self->sender);
}

//  Returns false if the socket is full

static bool
s_send (bench_t *self, uint64_t number)
{
    static byte body [BODY];
    memcpy (body, &number, sizeof (number));
    if (zmq_send (zsock_resolve (self->sender), body, BODY, ZMQ_DONTWAIT)
        == -1) {
        //  A full XPUB does not tell a poll when it is no longer full
        zclock_sleep (1);
        return false;
    }
    return true;
}

//  Send as much as is taken for so many msecs, and watch the relay

static void
s_run (bench_t *self, int64_t msecs)
{
    int64_t until = zclock_mono () + msecs;
    int64_t next = zclock_mono () + PING_IVL;
    while (zclock_mono () < until) {
        if (s_send (self, self->sent))
            self->sent++;
        if (zclock_mono () < next)
            continue;
        next = zclock_mono () + PING_IVL;
        int64_t ping = faults_ping (self->relay);
        if (ping == -1 || self->slowest == -1)
            self->slowest = -1;
        else
        if (ping > self->slowest)
            self->slowest = ping;
        int64_t memory = faults_memory (getpid ());
        self->most = memory > self->most? memory: self->most;
    }
}

static bool
s_send_end (void *arg)
{
    return s_send ((bench_t *) arg, END);
}

static void
s_test (size_t index, int64_t stopped)
{
    const char *name = s_cases [index].name;
    bench_t bench;
    s_setup (&bench, index);
    int64_t before = faults_memory (0);
    s_run (&bench, RUNNING);
    uint64_t sent = bench.sent;
    faults_stop (bench.consumer);
    s_run (&bench, stopped);
    uint64_t waiting = bench.sent - sent;
    faults_continue (bench.consumer);
    s_run (&bench, RUNNING);
    bool ended = faults_wait (s_send_end, &bench, FAULTS_PATIENCE);
    printf ("# %s: %" PRIu64 " messages were sent, %" PRIu64 " of them while "
            "the consumer stood still\n", name, bench.sent, waiting);
    TAP (ended && faults_await (bench.consumer) == 0,
         "%s: every message arrives, once and in order", name);
    printf ("# slowest answer %" PRId64 " beats; memory %" PRId64 " KiB "
            "before, %" PRId64 " KiB at most, %d KiB more allowed\n",
            bench.slowest, before, bench.most, MOST_MEMORY);
    TAP (faults_prompt (bench.slowest),
         "%s: the relay answers at once meanwhile", name);
    if (FAULTS_SANITIZED)
        TAP_SKIP (name, "sanitizers keep memory");
    else
        TAP (bench.most < before + MOST_MEMORY,
             "%s: memory stays within the high-water marks", name);
    TAP (faults_counter (bench.relay, "backend.out.messages")
         == bench.sent + 1 && faults_counter (bench.relay, "forward.dropped")
         == 0, "%s: nothing was dropped", name);
    s_cleanup (&bench);
}

int
main (int argc, char **argv)
{
    static const faults_role_t roles [] = {
        { "consumer", s_consumer },
        { NULL, NULL }
    };
    faults_begin (argc, argv, roles);
    int64_t stopped = faults_parameter ("FAULTS_STOPPED", STOPPED);
    TAP_DEADLINE ((unsigned) (CASES * (size_t) stopped / 1000 + DEADLINE));
    for (size_t index = 0; index < CASES; index++)
        s_test (index, stopped);
    return faults_end ();
}
