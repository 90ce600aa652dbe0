/*  =========================================================================
    actor_test - owners of relays: starting, filters, and the end

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "faults/faults.h"

#define DEADLINE    120             //  Seconds for everything
#define ENDS        20              //  Relays that are ended
#define UNREAD      3000            //  Answers that fill a pipe
#define SOCKETS     64              //  As many as this process may have


//  --------------------------------------------------------------------------
//  The end: when zrelay_destroy () returns, the endpoints are free, whatever
//  was left in the pipe

static void
s_say (zactor_t *relay, const char *command, const char *one, const char *two)
{
    zstr_sendx (relay, command, one, two, NULL);
}

static void
s_leave_nothing (zactor_t *relay, zsock_t *client)
{
    (void) relay, (void) client;
}

static void
s_leave_statuses (zactor_t *relay, zsock_t *client)
{
    (void) client;
    for (int count = 0; count < 3; count++)
        s_say (relay, "PAUSE", NULL, NULL);
}

static void
s_leave_queries (zactor_t *relay, zsock_t *client)
{
    (void) client;
    for (int count = 0; count < UNREAD; count++)
        s_say (relay, "PING", NULL, NULL);
}

static void
s_leave_drain (zactor_t *relay, zsock_t *client)
{
    zstr_send (client, "request");
    //  It is under way, and others wait behind it
    s_say (relay, "DRAIN", "60000", NULL);
    s_say (relay, "RESET", NULL, NULL);
    s_say (relay, "STATE", NULL, NULL);
}

static void
s_leave_end (zactor_t *relay, zsock_t *client)
{
    (void) client;
    s_say (relay, "PAUSE", NULL, NULL);
    s_say (relay, "$TERM", NULL, NULL);
}

//  At 127.0.0.1 a connection of any process may have a port as soon as it is
//  free. This address is as good, and nobody connects from there.

static char *
s_bind_first (zactor_t *relay)
{
    char *address = zsys_sprintf ("tcp://127.%d.%d.9:*",
                                  1 + getpid () % 250, getpid () / 250 % 250);
    int status = faults_command (relay, "BIND", "FRONTEND", address, NULL);
    assert (status == 0);
    zstr_free (&address);
    char *name, *endpoint;
    zstr_sendx (relay, "ENDPOINT", "FRONTEND", NULL);
    zstr_recvx (relay, &name, &endpoint, NULL);
    zstr_free (&name);
    return endpoint;
}

static void
s_test_end (const char *what, void (*leave) (zactor_t *relay, zsock_t *client))
{
    char *endpoint = NULL;
    int failed = 0;
    for (int count = 0; count < ENDS; count++) {
        zactor_t *relay = faults_relay ("queue");
        int status = count == 0? 0:
            faults_command (relay, "BIND", "FRONTEND", endpoint, NULL);
        if (count == 0)
            endpoint = s_bind_first (relay);
        char *backend = faults_bind (relay, "BACKEND");
        failed += status != 0;
        zsock_t *client = faults_connect (ZMQ_DEALER, endpoint);
        leave (relay, client);
        zrelay_destroy (&relay);
        failed += relay != NULL;
        zsock_destroy (&client);
        zstr_free (&backend);
    }
    TAP (failed == 0, "%s: %d of %d relays could not be bound where the last "
         "one was", what, failed, ENDS);
    zstr_free (&endpoint);
}


//  --------------------------------------------------------------------------
//  Filters: eight bytes are a pointer only if they lead to code

static zrelay_verdict_t
s_filter (zmsg_t **msg_p, void *argument)
{
    (void) msg_p;
    (void) argument;
    return ZRELAY_VERDICT_PASS;
}

static void
s_test_filter (void)
{
    zactor_t *relay = faults_relay ("streamer");
    char *in = faults_bind (relay, "FRONTEND");
    char *out = faults_bind (relay, "BACKEND");
    TAP (faults_command (relay, "FILTER", "FORWARD", "password", "eight888",
                         NULL) == ZRELAY_STATUS_BAD_ARGUMENTS,
         "words of eight letters are not pointers");
    void *data = &relay;
    zsock_send (relay, "sspp", "FILTER", "FORWARD", data, NULL);
    TAP (zsock_wait (relay) == ZRELAY_STATUS_BAD_ARGUMENTS,
         "data are not a function");
    zsock_send (relay, "sspps8", "FILTER", "FORWARD", s_filter, NULL, "zmsg",
                (uint64_t) 12345678);
    TAP (zsock_wait (relay) == ZRELAY_STATUS_BAD_ARGUMENTS,
         "a wrong mark is refused");
    char *sentence = faults_error (relay);
    TAP (strstr (sentence, "zrelay_set_filter ()"),
         "and ERROR says what to do: %s", sentence);
    zstr_free (&sentence);
    zsock_t *source = faults_connect (ZMQ_PUSH, in);
    zsock_t *sink = faults_connect (ZMQ_PULL, out);
    zstr_send (source, "task");
    char *task = zstr_recv (sink);
    TAP (task && streq (task, "task"), "nothing of that was called");
    zstr_free (&task);
    zsock_send (relay, "sspp", "FILTER", "FORWARD", s_filter, NULL);
    TAP (zsock_wait (relay) == ZRELAY_STATUS_DONE, "a function is one");
    TAP (zrelay_set_filter (relay, ZRELAY_FLOW_FORWARD, s_filter, NULL)
         == ZRELAY_STATUS_DONE, "and so it is with a mark");
    zsock_destroy (&source);
    zsock_destroy (&sink);
    zrelay_destroy (&relay);
    zstr_free (&in);
    zstr_free (&out);
}


//  --------------------------------------------------------------------------
//  All sockets are used up: whoever needs one more says so, and nothing ends

static void
s_test_sockets (void)
{
    zactor_t *relay = faults_relay ("proxy");
    zactor_t *gate = zactor_new (zrelay_gate, NULL);
    zactor_t *host = zactor_new (zrelay_host, NULL);
    zsock_set_rcvtimeo (host, FAULTS_PATIENCE);
    void *handles [SOCKETS];
    int count = 0;
    while ((handles [count] = zsys_socket (ZMQ_PAIR, __FILE__, __LINE__)))
        count++;
    TAP (count > 0 && !zrelay_sockets_left (1), "%d sockets are used up",
         count);
    const zrelay_kind_t *kind = zrelay_kinds_find (zrelay_kinds (), "queue");
    errno = 0;
    TAP (!zrelay_engine_spawn (kind, NULL) && errno == EMFILE,
         "another relay cannot be started: %s", zmq_strerror (errno));
    errno = 0;
    TAP (!zrelay_client_connect ("tcp://127.0.0.1:9") && errno == EMFILE,
         "nor a client: %s", zmq_strerror (errno));
    int status = faults_command (relay, "FRONTEND", "PULL",
                                 "@tcp://127.0.0.1:*", NULL);
    char *sentence = faults_error (relay);
    TAP (status == ZRELAY_STATUS_REFUSED && strstr (sentence, "no socket"),
         "the relay that there is says so: %s", sentence);
    zstr_free (&sentence);
    status = faults_command (relay, "CAPTURE", "inproc://copies", NULL);
    TAP (status == ZRELAY_STATUS_REFUSED, "and so about its capture");
    zstr_sendx (gate, "EVENTS", "inproc://events", NULL);
    TAP (zsock_wait (gate) == ZRELAY_STATUS_REFUSED, "and so does a gate");
    static const char *commands [] [3] = {
        { "START", "orders", "queue" },
        { "CONTROL", "inproc://actor-control", NULL },
        { "CHECK", "/dev/null", NULL }
    };
    for (int index = 0; index < 3; index++) {
        zstr_sendx (host, commands [index] [0], commands [index] [1],
                    commands [index] [2], NULL);
        TAP (zsock_wait (host) == ZRELAY_STATUS_REFUSED, "and a host, to %s",
             commands [index] [0]);
    }

    //  Two of them are enough for an actor, and one is not
    zsys_close (handles [--count], __FILE__, __LINE__);
    //  libzmq closes it some time later, and others that there were
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    while (!zrelay_sockets_left (1) && zclock_mono () < deadline)
        zclock_sleep (1);
    while (zrelay_sockets_left (2))
        handles [count++] = zsys_socket (ZMQ_PAIR, __FILE__, __LINE__);
    TAP (zrelay_sockets_left (1) && !zrelay_engine_spawn (kind, NULL), "one is not enough");
    while (count > 0)
        zsys_close (handles [--count], __FILE__, __LINE__);
    zactor_t *other = NULL;
    for (int tries = 0; !other && tries < 1000; tries++) {
        zclock_sleep (1);
        other = zrelay_engine_spawn (kind, NULL);
    }
    TAP (other != NULL, "it can be started when there are sockets again");
    zrelay_destroy (&other);
    zactor_destroy (&host);
    zactor_destroy (&gate);
    zrelay_destroy (&relay);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    zsys_set_max_sockets (SOCKETS);
    s_test_end ("nothing unread", s_leave_nothing);
    s_test_end ("unread statuses", s_leave_statuses);
    s_test_end ("a full pipe", s_leave_queries);
    s_test_end ("a DRAIN under way", s_leave_drain);
    s_test_end ("ended before", s_leave_end);
    s_test_filter ();
    s_test_sockets ();
    return faults_end ();
}
