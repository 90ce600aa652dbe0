/*  =========================================================================
    17_too_many_peers - connections that say nothing, and come back

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Every connection takes a descriptor. 256 idle ones kept everybody else out
//  of a process that had so many, and kept a core busy: libzmq goes on trying
//  to accept.
//
//  Here a relay runs in a process with few descriptors. 300 connections that
//  never shake hands and 300 that say nothing after it want to stay, and come
//  back when they are cut. Clients, old ones and new ones, get their replies
//  meanwhile. Afterwards the relay is as idle as before.
//
//  Then the limits that a user sets: connections and connections_per_address.

#include "faults.h"
#include "wire.h"
#include <sys/resource.h>

#define DEADLINE 120
#define DESCRIPTORS 256
#define FLOOD 300               //  Connections of each sort
#define ATTACK_MSECS 6000
#define IDLE_CLIENTS 5          //  That have asked once, long ago


//  --------------------------------------------------------------------------
//  Connections that come back, in a process of their own, for ever

static int
s_flood (int argc, char **argv)
{
    assert (argc == 3);
    bool shakes = streq (argv [1], "idle");
    int count = atoi (argv [2]);
    int *fds = (int *) malloc ((size_t) count * sizeof (int));
    assert (fds);
    for (int index = 0; index < count; index++)
        fds [index] = -1;
    for (;; zclock_sleep (10))
        for (int index = 0; index < count; index++) {
            if (fds [index] != -1 && wire_discard (fds [index]))
                continue;
            if (fds [index] != -1)
                wire_close (fds [index], true);
            fds [index] = wire_connect (argv [0]);
            //  Does not wait for the answer, which may never come
            byte greeting [WIRE_GREETING];
            byte ready [WIRE_READY_MAX];
            wire_greeting (greeting, "NULL");
            size_t size = wire_ready (ready, "DEALER");
            if (fds [index] != -1 && shakes
            &&  wire_send (fds [index], greeting, sizeof (greeting)))
                wire_frame (fds [index], WIRE_COMMAND, ready, size);
        }
    return 0;
}


//  --------------------------------------------------------------------------
//  A relay in a process with few descriptors, which answers questions

static int
s_relay (int argc, char **argv)
{
    assert (argc == 1);
    struct rlimit limit = { DESCRIPTORS, DESCRIPTORS };
    int rc = setrlimit (RLIMIT_NOFILE, &limit);
    assert (rc == 0);
    zsock_t *control = zsock_new (ZMQ_REP);
    rc = zsock_connect (control, "%s", argv [0]);
    assert (rc == 0);
    zactor_t *relay = faults_relay ("queue");
    faults_command (relay, "SET", "FRONTEND", "handshake_ivl", "500", NULL);
    char *frontend = faults_bind (relay, "FRONTEND");
    char *backend = faults_bind (relay, "BACKEND");
    char *question;
    while ((question = zstr_recv (control))) {
        if (streq (question, "FRONTEND"))
            zstr_send (control, frontend);
        else
        if (streq (question, "BACKEND"))
            zstr_send (control, backend);
        else
        if (streq (question, "CPU"))
            zstr_sendf (control, "%" PRId64, faults_cpu ());
        else
            zstr_sendf (control, "%" PRIu64, faults_counter (relay, question));
        zstr_free (&question);
    }
    return 0;
}

//  --------------------------------------------------------------------------
//  Few descriptors

static void
s_test_descriptors (void)
{
    zsock_t *control = faults_listen (ZMQ_REQ);
    pid_t relay = faults_spawn ("relay", zsock_endpoint (control), NULL);
    char *frontend = faults_question (control, "FRONTEND");
    char *backend = faults_question (control, "BACKEND");
    faults_worker_t works = { backend, NULL };
    zactor_t *worker = zactor_new (faults_worker, &works);
    zsock_t *idle [IDLE_CLIENTS];
    bool served = true;
    for (int index = 0; index < IDLE_CLIENTS; index++) {
        idle [index] = faults_connect (ZMQ_DEALER, frontend);
        served = served && faults_ask (idle [index], "an idle");
    }
    TAP (served, "clients are served");
    TAP (faults_quiet (control), "and the relay is quiet");

    char number [10];
    snprintf (number, sizeof (number), "%d", FLOOD);
    pid_t half_open = faults_spawn ("flood", frontend, "half", number, NULL);
    pid_t silent = faults_spawn ("flood", frontend, "idle", number, NULL);
    zsock_t *old = faults_connect (ZMQ_DEALER, frontend);
    int64_t until = zclock_mono () + ATTACK_MSECS;
    int asked = 0, came = 0;
    while (served && zclock_mono () < until) {
        served = faults_ask (old, "an old");
        asked++;
        if (asked % 20 == 0) {
            zsock_t *client = faults_connect (ZMQ_DEALER, frontend);
            served = served && faults_ask (client, "a new");
            zsock_destroy (&client);
            came += served;
        }
    }
    TAP (served && came > 0, "%d half-open and %d silent connections that come "
         "back: %d requests have their replies, and %d new clients", FLOOD,
         FLOOD, asked, came);
    int64_t cut = faults_number (control, "frontend.cut_connections");
    TAP (cut > 0, "%" PRId64 " connections were cut", cut);
    printf ("# %" PRId64 " peers, %" PRId64 " handshakes failed\n",
            faults_number (control, "frontend.peers"),
            faults_number (control, "frontend.handshakes_failed"));
    served = true;
    for (int index = 0; index < IDLE_CLIENTS; index++)
        served = served && faults_ask (idle [index], "an idle");
    TAP (served, "clients that were idle meanwhile are served");

    faults_kill (half_open);
    faults_kill (silent);
    zclock_sleep (1000);
    TAP (faults_quiet (control), "a second afterwards the relay is quiet");
    TAP (faults_number (control, "frontend.peers") == IDLE_CLIENTS + 1,
         "and only clients are there");

    zactor_destroy (&worker);
    for (int index = 0; index < IDLE_CLIENTS; index++)
        zsock_destroy (&idle [index]);
    zsock_destroy (&old);
    faults_kill (relay);
    zsock_destroy (&control);
    zstr_free (&frontend);
    zstr_free (&backend);
}


//  --------------------------------------------------------------------------
//  Limits that a user sets

#define CLIENTS 10

static void
s_test_limit (const char *option, const char *value, const char *source,
              uint64_t least)
{
    zactor_t *relay = faults_relay ("queue");
    int status = faults_command (relay, "SET", "FRONTEND", option, value, NULL);
    char *frontend = faults_bind (relay, "FRONTEND");
    char *backend = faults_bind (relay, "BACKEND");
    faults_worker_t works = { backend, NULL };
    zactor_t *worker = zactor_new (faults_worker, &works);
    zsock_t *clients [CLIENTS];
    bool served = status == 0;
    for (int index = 0; index < CLIENTS; index++) {
        clients [index] = faults_connect (ZMQ_DEALER, frontend);
        served = served && faults_ask (clients [index], "an old");
    }
    TAP (served, "%s %s: as many clients are served", option, value);

    //  As many again from another address or the same; none may take a place
    zsock_t *others [CLIENTS * 2];
    for (int index = 0; index < CLIENTS * 2; index++) {
        others [index] = zsock_new (ZMQ_DEALER);
        zsock_connect (others [index], "tcp://%s:0;%s", source,
                       frontend + strlen ("tcp://"));
    }
    TAP (faults_counted (relay, "frontend.cut_connections", least),
         "%s: those above it are cut, and counted", option);
    for (int index = 0; index < CLIENTS; index++)
        served = served && faults_ask (clients [index], "an old");
    TAP (served && faults_counter (relay, "frontend.peers") >= CLIENTS,
         "%s: the first remain", option);

    for (int index = 0; index < CLIENTS; index++)
        zsock_destroy (&clients [index]);
    for (int index = 0; index < CLIENTS * 2; index++)
        zsock_destroy (&others [index]);
    zactor_destroy (&worker);
    TAP (faults_prompt (faults_end_relay (&relay)), "%s: ends at once", option);
    zstr_free (&frontend);
    zstr_free (&backend);
}

//  Without shortage nobody has to go for having said nothing

static void
s_test_idle (void)
{
    zactor_t *relay = faults_relay ("queue");
    char *frontend = faults_bind (relay, "FRONTEND");
    zsock_t *clients [CLIENTS];
    for (int index = 0; index < CLIENTS; index++)
        clients [index] = faults_connect (ZMQ_DEALER, frontend);
    TAP (faults_counted (relay, "frontend.peers", CLIENTS), "peers come");
    zclock_sleep (3000);
    TAP (faults_counter (relay, "frontend.peers") == CLIENTS
      && faults_counter (relay, "frontend.cut") == 0,
         "and stay, though they say nothing");
    for (int index = 0; index < CLIENTS; index++)
        zsock_destroy (&clients [index]);
    faults_end_relay (&relay);
    zstr_free (&frontend);
}

static const faults_role_t s_roles [] = {
    { "flood", s_flood },
    { "relay", s_relay },
    { NULL, NULL }
};

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE);
    s_test_descriptors ();
    s_test_limit ("connections", "10", "127.0.0.1", 1);
    s_test_limit ("connections_per_address", "10", "127.0.0.1", 1);
    s_test_limit ("connections_per_address", "15", "127.0.0.2", 5);
    s_test_idle ();
    return faults_end ();
}
