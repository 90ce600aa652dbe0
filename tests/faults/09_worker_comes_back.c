/*  =========================================================================
    09_worker_comes_back - under its old name, and is served again

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  libzmq issue 4603: a peer with a routing id of its own is gone, comes back
//  under the same id, and is not served any more.
//
//  Here workers and clients with a fixed id are killed, or stand still with
//  their connection open, and others come under the same id:
//
//  - who was killed is replaced without further ado, behind a ROUTER and
//    behind a DEALER; what was sent in between is counted as dropped, and not
//    lost silently;
//  - who stands still is replaced at once where the option router_handover is
//    set, and else when heartbeats have found out. Without either, libzmq
//    keeps the first of two peers of the same id, and does not serve the other.

#include "faults.h"

#define DEADLINE 120
#define ROUNDS 10           //  Deaths
#define ABSENT 20           //  Requests for a worker that is not there
#define HEARTBEAT_IVL "100"
//  Not less, since on a busy machine one that goes on may be late, too
#define HEARTBEAT_TIMEOUT "2000"
#define NAME "worker"       //  Routing id


//  --------------------------------------------------------------------------
//  Processes

//  Says READY and then replies, telling who it is

static int
s_worker (int argc, char **argv)
{
    (void) argc;
    zsock_t *sock = zsock_new (ZMQ_DEALER);
    zsock_set_identity (sock, NAME);
    int rc = zsock_connect (sock, "%s", argv [0]);
    assert (rc == 0);
    if (streq (argv [1], "ROUTER"))
        zstr_send (sock, "READY");
    zmsg_t *msg;
    while ((msg = zmsg_recv (sock))) {
        zmsg_addstrf (msg, "%d", (int) getpid ());
        zmsg_send (&msg, sock);
    }
    zsock_destroy (&sock);
    return EXIT_SUCCESS;
}

//  A client that sends one request

static int
s_client (int argc, char **argv)
{
    (void) argc;
    zsock_t *sock = zsock_new (ZMQ_DEALER);
    zsock_set_identity (sock, NAME);
    int rc = zsock_connect (sock, "%s", argv [0]);
    assert (rc == 0);
    zstr_send (sock, "first");
    zmsg_t *msg;
    while ((msg = zmsg_recv (sock)))
        zmsg_destroy (&msg);
    zsock_destroy (&sock);
    return EXIT_SUCCESS;
}


//  --------------------------------------------------------------------------
//  Workers behind a ROUTER, whom clients address by their id

typedef struct {
    zactor_t *relay;
    zsock_t *client;
    char *out;                  //  Where workers connect
    int number;                 //  Of the last request
} bench_t;

static void
s_setup (bench_t *self, const char *option, const char *value,
         const char *option2, const char *value2)
{
    memset (self, 0, sizeof (*self));
    self->relay = faults_relay ("proxy");
    faults_command (self->relay, "FRONTEND", "DEALER", "tcp://127.0.0.1:*",
                    NULL);
    if (option)
        faults_command (self->relay, "SET", "BACKEND", option, value, NULL);
    if (option2)
        faults_command (self->relay, "SET", "BACKEND", option2, value2, NULL);
    faults_command (self->relay, "BACKEND", "ROUTER", "tcp://127.0.0.1:*",
                    NULL);
    char *in = faults_bind (self->relay, "FRONTEND");
    self->out = faults_bind (self->relay, "BACKEND");
    self->client = faults_connect (ZMQ_DEALER, in);
    zstr_free (&in);
}

static void
s_cleanup (bench_t *self)
{
    zactor_destroy (&self->relay);
    zsock_destroy (&self->client);
    zstr_free (&self->out);
}

//  True if the next message from a worker is that; from tells who sent it

static bool
s_receives (bench_t *self, const char *text, pid_t from)
{
    char *name = NULL, *body = NULL, *sender = NULL;
    zstr_recvx (self->client, &name, &body, &sender, NULL);
    bool right = name && streq (name, NAME) && body && streq (body, text)
        && (from == 0 || (sender && atoi (sender) == (int) from));
    if (!right)
        printf ("#   received %s %s %s, not %s from %d\n", name? name: "",
                body? body: "", sender? sender: "", text, (int) from);
    zstr_free (&name);
    zstr_free (&body);
    zstr_free (&sender);
    return right;
}

static bool
s_serves (bench_t *self, pid_t worker)
{
    char request [20];
    snprintf (request, sizeof (request), "%d", ++self->number);
    zstr_sendx (self->client, NAME, request, NULL);
    return s_receives (self, request, worker);
}

static pid_t
s_start (bench_t *self)
{
    return faults_spawn ("worker", self->out, "ROUTER", NULL);
}

static bool
s_nobody (void *arg)
{
    return faults_counter ((zactor_t *) arg, "backend.peers") == 0;
}

static void
s_test_killed (void)
{
    bench_t bench;
    s_setup (&bench, NULL, NULL, NULL, NULL);
    int round = 0;
    bool right = true;
    for (; round < ROUNDS && right; round++) {
        pid_t worker = s_start (&bench);
        right = s_receives (&bench, "READY", 0) && s_serves (&bench, worker);
        faults_kill (worker);
        right = right
             && faults_wait (s_nobody, bench.relay, FAULTS_PATIENCE);
        for (int count = 0; count < ABSENT; count++)
            zstr_sendx (bench.client, NAME, "nobody", NULL);
        right = right && faults_counted (bench.relay, "frontend.in.messages",
                                         bench.number + (round + 1) * ABSENT);
    }
    TAP (right, "ROUTER: a worker was killed and came back %d times", round);
    uint64_t dropped =
        faults_counter (bench.relay, "forward.dropped_unroutable");
    TAP (dropped == (uint64_t) (round * ABSENT),
         "ROUTER: %" PRIu64 " requests in its absence are counted", dropped);
    s_cleanup (&bench);
}

static void
s_test_handover (void)
{
    bench_t bench;
    s_setup (&bench, "router_handover", "1", NULL, NULL);
    pid_t first = s_start (&bench);
    TAP (s_receives (&bench, "READY", 0) && s_serves (&bench, first),
         "ROUTER with router_handover: a worker is served");
    faults_stop (first);
    pid_t second = s_start (&bench);
    TAP (s_receives (&bench, "READY", 0) && s_serves (&bench, second),
         "ROUTER with router_handover: who replaces one that stands still is "
         "served at once");
    faults_kill (first);
    TAP (s_serves (&bench, second),
         "ROUTER with router_handover: also when the other one dies");
    faults_kill (second);
    s_cleanup (&bench);
}

static void
s_test_heartbeat (void)
{
    bench_t bench;
    s_setup (&bench, "heartbeat_ivl", HEARTBEAT_IVL,
             "heartbeat_timeout", HEARTBEAT_TIMEOUT);
    pid_t first = s_start (&bench);
    TAP (s_receives (&bench, "READY", 0) && s_serves (&bench, first),
         "ROUTER with heartbeats: a worker is served");
    faults_stop (first);
    TAP (faults_wait (s_nobody, bench.relay, FAULTS_PATIENCE),
         "ROUTER with heartbeats: the relay finds out that it stands still");
    pid_t second = s_start (&bench);
    TAP (s_receives (&bench, "READY", 0) && s_serves (&bench, second),
         "ROUTER with heartbeats: who replaces it is served");
    faults_kill (first);
    faults_kill (second);
    s_cleanup (&bench);
}


//  --------------------------------------------------------------------------
//  Workers behind a DEALER, and clients before a ROUTER

static bool
s_asks (zsock_t *client, const char *request, pid_t worker)
{
    char *body = NULL, *sender = NULL;
    zstr_send (client, request);
    zstr_recvx (client, &body, &sender, NULL);
    bool right = body && streq (body, request)
              && sender && atoi (sender) == (int) worker;
    zstr_free (&body);
    zstr_free (&sender);
    return right;
}

static void
s_test_dealer (void)
{
    zactor_t *relay = faults_relay ("queue");
    char *in = faults_bind (relay, "FRONTEND");
    char *out = faults_bind (relay, "BACKEND");
    zsock_t *client = faults_connect (ZMQ_DEALER, in);
    int round = 0;
    bool right = true;
    for (; round < ROUNDS && right; round++) {
        pid_t worker = faults_spawn ("worker", out, "DEALER", NULL);
        right = s_asks (client, "hello", worker)
             && s_asks (client, "again", worker);
        faults_kill (worker);
        right = right && faults_wait (s_nobody, relay, FAULTS_PATIENCE);
    }
    TAP (right, "DEALER: a worker was killed and came back %d times", round);
    zsock_destroy (&client);
    zstr_free (&in);
    zstr_free (&out);
    zactor_destroy (&relay);
}

static void
s_test_client (void)
{
    zactor_t *relay = faults_relay ("queue");
    faults_command (relay, "SET", "FRONTEND", "router_handover", "1", NULL);
    char *in = faults_bind (relay, "FRONTEND");
    char *out = faults_bind (relay, "BACKEND");
    pid_t worker = faults_spawn ("worker", out, "DEALER", NULL);

    pid_t first = faults_spawn ("client", in, NULL);
    TAP (faults_counted (relay, "frontend.out.messages", 1),
         "a client is served");
    faults_stop (first);
    zsock_t *client = zsock_new (ZMQ_DEALER);
    zsock_set_identity (client, NAME);
    zsock_set_rcvtimeo (client, FAULTS_PATIENCE);
    int rc = zsock_connect (client, "%s", in);
    assert (rc == 0);
    TAP (s_asks (client, "second", worker),
         "and another of the same id when it stands still");
    faults_kill (first);
    TAP (s_asks (client, "third", worker), "or dies");
    zsock_destroy (&client);
    faults_kill (worker);
    zstr_free (&in);
    zstr_free (&out);
    zactor_destroy (&relay);
}

int
main (int argc, char **argv)
{
    static const faults_role_t roles [] = {
        { "worker", s_worker },
        { "client", s_client },
        { NULL, NULL }
    };
    faults_begin (argc, argv, roles);
    TAP_DEADLINE (DEADLINE);
    s_test_killed ();
    s_test_handover ();
    s_test_heartbeat ();
    s_test_dealer ();
    s_test_client ();
    return faults_end ();
}
