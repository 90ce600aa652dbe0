/*  =========================================================================
    stamp_test - programs behind a relay know who asks

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "kind_testing.h"
#include "faults/wire.h"

#define DEADLINE        120         //  Seconds for everything
#define FORGED          "admin"     //  As which somebody would like to pass


//  --------------------------------------------------------------------------
//  A ZAP handler: who comes with NULL is "guest", others are what they say if
//  their password is "right"

static void
s_answer_zap (zsock_t *socket)
{
    zmsg_t *request = zmsg_recv (socket);
    char *parts [9] = { NULL };
    for (int index = 0; request && index < 9; index++)
        parts [index] = zmsg_popstr (request);
    //  Version, number, domain, address, identity, mechanism, and who it is
    bool plain = parts [5] && streq (parts [5], "PLAIN");
    bool right = !plain || (parts [7] && streq (parts [7], "right"));
    zstr_sendx (socket, parts [0], parts [1], right? "200": "400", "",
                plain? parts [6]: "guest", "", NULL);
    for (int index = 0; index < 9; index++)
        zstr_free (&parts [index]);
    zmsg_destroy (&request);
}


//  --------------------------------------------------------------------------
//  The place of the stamp, for each pair of sockets

typedef struct {
    const char *name;
    const char *types [2];          //  Of the relay's sockets
    int peers [2];                  //  And of their peers
    const char *sent [6];           //  Frames
    const char *got [7];            //  "!" is the stamp
} place_t;

static const place_t s_places [] = {
    { "a request", { "ROUTER", "DEALER" }, { ZMQ_REQ, ZMQ_REP },
      { "body" }, { "!", "body" } },
    { "a request that forges a stamp", { "ROUTER", "DEALER" },
      { ZMQ_REQ, ZMQ_REP }, { FORGED, "body" }, { "!", FORGED, "body" } },
    { "a request with an empty frame", { "ROUTER", "DEALER" },
      { ZMQ_REQ, ZMQ_REP }, { "", FORGED, "body" }, { "!", "", FORGED, "body" }
    },
    { "a request by hand, with a forged envelope", { "ROUTER", "DEALER" },
      { ZMQ_DEALER, ZMQ_REP }, { FORGED, "", "body" }, { "!", "body" } },
    { "a task", { "PULL", "PUSH" }, { ZMQ_PUSH, ZMQ_PULL },
      { "body" }, { "!", "body" } },
    { "a task that forges a stamp", { "PULL", "PUSH" },
      { ZMQ_PUSH, ZMQ_PULL }, { "", FORGED, "body" },
      { "!", "", FORGED, "body" } },
    { "a task that is published", { "PULL", "PUB" }, { ZMQ_PUSH, ZMQ_SUB },
      { "topic", "body" }, { "topic", "!", "body" } },
    { "a publication", { "XSUB", "XPUB" }, { ZMQ_XPUB, ZMQ_SUB },
      { "topic", FORGED, "body" }, { "topic", "!", FORGED, "body" } },
};
#define PLACES (sizeof (s_places) / sizeof (*s_places))

static void
s_send (zsock_t *sock, const char *const *frames)
{
    zmsg_t *msg = zmsg_new ();
    for (; *frames; frames++)
        zmsg_addstr (msg, *frames);
    zmsg_send (&msg, sock);
}

static bool
s_receives (zsock_t *sock, const char *const *frames, const char *stamp)
{
    const char *expected [8] = { NULL };
    for (int index = 0; frames [index]; index++)
        expected [index] = streq (frames [index], "!")? stamp: frames [index];
    return kind_receives_list (sock, expected);
}

//  A publisher must know the subscription first, and a SUB's relay must have it

static void
s_settle (zsock_t *publisher, zsock_t *subscriber)
{
    zsock_set_subscribe (subscriber, "topic");
    if (zsock_type (publisher) == ZMQ_XPUB) {
        zframe_t *frame = zframe_recv (publisher);
        zframe_destroy (&frame);
        return;
    }
    zsock_set_rcvtimeo (subscriber, 10);
    zmsg_t *msg = NULL;
    while (!msg) {
        zstr_sendx (publisher, "topic", "settle", NULL);
        msg = zmsg_recv (subscriber);
    }
    zmsg_destroy (&msg);
    while ((msg = zmsg_recv (subscriber)))
        zmsg_destroy (&msg);
    zsock_set_rcvtimeo (subscriber, FAULTS_PATIENCE);
}

static void
s_test_place (const place_t *place, const char *show, const char *stamp)
{
    zactor_t *relay = faults_relay ("proxy");
    int status = faults_command (relay, "SET", "FRONTEND", "stamp", show, NULL);
    static const char *commands [] = { "FRONTEND", "BACKEND" };
    zsock_t *peers [2];
    for (int side = 0; side < 2; side++) {
        status += faults_command (relay, commands [side], place->types [side],
                                  "@tcp://127.0.0.1:*", NULL);
        char *name = NULL;
        char *endpoint = NULL;
        zstr_sendx (relay, "ENDPOINT", commands [side], NULL);
        zstr_recvx (relay, &name, &endpoint, NULL);
        peers [side] = faults_connect (place->peers [side], endpoint);
        zstr_free (&name);
        zstr_free (&endpoint);
    }
    if (place->peers [1] == ZMQ_SUB)
        s_settle (peers [0], peers [1]);
    s_send (peers [0], place->sent);
    TAP (status == 0 && s_receives (peers [1], place->got, stamp),
         "%s: %s", place->name, show);
    if (place->peers [1] == ZMQ_REP) {
        zstr_send (peers [1], "reply");
        zmsg_t *reply = zmsg_recv (peers [0]);
        TAP (reply && zframe_streq (zmsg_last (reply), "reply"),
             "and its reply finds the way back");
        zmsg_destroy (&reply);
    }
    zsock_destroy (&peers [0]);
    zsock_destroy (&peers [1]);
    zrelay_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Users

static void
s_test_plain (void)
{
    zactor_t *relay = faults_relay ("queue");
    TAP (faults_command (relay, "PLAIN", "FRONTEND", NULL) == 0
      && faults_command (relay, "SET", "FRONTEND", "stamp", "user", NULL) == 0,
         "PLAIN, and who asks");
    zsock_t *worker = kind_connect (relay, "BACKEND", ZMQ_REP);
    char *endpoint = faults_bind (relay, "FRONTEND");
    static const char *users [] = { "alice", "bob" };
    for (int index = 0; index < 2; index++) {
        zsock_t *client = zsock_new (ZMQ_REQ);
        zsock_set_plain_username (client, users [index]);
        zsock_set_plain_password (client, "right");
        zsock_set_rcvtimeo (client, FAULTS_PATIENCE);
        int rc = zsock_connect (client, "%s", endpoint);
        assert (rc == 0);
        zstr_send (client, "body");
        TAP (kind_receives (worker, users [index], "body"), "it is %s",
             users [index]);
        zstr_send (worker, "reply");
        char *reply = zstr_recv (client);
        TAP (reply && streq (reply, "reply"), "and has a reply");
        zstr_free (&reply);
        zsock_destroy (&client);
    }
    zstr_free (&endpoint);
    zsock_destroy (&worker);
    zrelay_destroy (&relay);
}

//  A peer that says in its handshake who it is, which libzmq believes if nobody
//  else knows

static int
s_impostor (const char *endpoint)
{
    static const char property [] = "\7User-Id\0\0\0\5" FORGED;
    byte greeting [WIRE_GREETING];
    wire_greeting (greeting, "NULL");
    byte ready [WIRE_READY_MAX];
    size_t size = wire_ready (ready, "PUSH");
    memcpy (ready + size, property, sizeof (property) - 1);
    size += sizeof (property) - 1;
    int fd = wire_connect (endpoint);
    wire_send (fd, greeting, sizeof (greeting));
    wire_frame (fd, WIRE_COMMAND, ready, size);
    //  A message may follow when the other end is ready as well
    byte header [2];
    if (wire_receive (fd, greeting, sizeof (greeting))
    &&  wire_receive (fd, header, sizeof (header))
    &&  wire_receive (fd, ready, header [1]))
        wire_frame (fd, 0, "body", 4);
    return fd;
}

static zrelay_verdict_t
s_look (zrelay_engine_t *engine, void *argument, zrelay_message_t *message)
{
    (void) engine;
    (void) argument;
    const char *user = zrelay_message_property (message, "User-Id");
    zrelay_message_append (message, user? user: "", user? strlen (user): 0);
    return ZRELAY_VERDICT_PASS;
}

static void
s_test_impostor (void)
{
    zactor_t *relay = faults_relay ("streamer");
    zsock_t *sink = kind_connect (relay, "BACKEND", ZMQ_PULL);
    TAP (faults_command (relay, "SET", "FRONTEND", "stamp", "user", NULL) == 0,
         "an impostor comes");
    char *endpoint = faults_bind (relay, "FRONTEND");
    int fd = s_impostor (endpoint);
    TAP (kind_receives (sink, "guest", "body"), "and is who it is");
    wire_close (fd, false);
    zstr_free (&endpoint);
    zsock_destroy (&sink);
    zrelay_destroy (&relay);
}

//  Without a ZAP handler

static void
s_test_nobody (void)
{
    zactor_t *relay = faults_relay ("streamer");
    zsock_t *sink = kind_connect (relay, "BACKEND", ZMQ_PULL);
    char *endpoint = faults_bind (relay, "FRONTEND");
    int status = zrelay_set_message_filter (relay, ZRELAY_FLOW_FORWARD, s_look,
                                            NULL);
    assert (status == 0);
    int fd = s_impostor (endpoint);
    TAP (kind_receives (sink, "body", FORGED),
         "without a ZAP handler, a peer can name itself");
    wire_close (fd, false);
    TAP (faults_command (relay, "SET", "FRONTEND", "stamp", "user", NULL)
         == ZRELAY_STATUS_BAD_STATE, "so it is too late for stamp user");
    status = zrelay_set_message_filter (relay, ZRELAY_FLOW_FORWARD, NULL, NULL);
    TAP (status == 0 && faults_command (relay, "SET", "FRONTEND", "stamp",
         "address", NULL) == 0, "but not for stamp address");
    fd = s_impostor (endpoint);
    TAP (kind_receives (sink, "127.0.0.1", "body"), "which it cannot choose");
    wire_close (fd, false);
    TAP (faults_command (relay, "SET", "FRONTEND", "stamp", "none", NULL) == 0,
         "it can be ended");
    fd = s_impostor (endpoint);
    TAP (kind_receives (sink, "body"), "and so it is");
    wire_close (fd, false);
    //  Nobody knows who comes by inproc
    TAP (faults_command (relay, "SET", "FRONTEND", "stamp", "address", NULL)
         == 0 && faults_command (relay, "BIND", "FRONTEND",
         "inproc://stamp-test", NULL) == 0, "a peer comes by inproc");
    zsock_t *source = faults_connect (ZMQ_PUSH, "inproc://stamp-test");
    zstr_send (source, "body");
    TAP (kind_receives (sink, "-", "body"), "and is unknown");
    zsock_destroy (&source);
    zstr_free (&endpoint);
    zsock_destroy (&sink);
    zrelay_destroy (&relay);

    relay = faults_relay ("streamer");
    TAP (faults_command (relay, "SET", "FRONTEND", "stamp", "user", NULL) == 0,
         "with stamp user");
    endpoint = faults_bind (relay, "FRONTEND");
    fd = s_impostor (endpoint);
    TAP (faults_counted (relay, "frontend.handshakes_failed", 1)
      && faults_counter (relay, "frontend.in.messages") == 0,
         "nobody gets in");
    wire_close (fd, false);
    zstr_free (&endpoint);
    zrelay_destroy (&relay);
}

static void
s_test_refusals (void)
{
    zactor_t *relay = faults_relay ("balancer");
    TAP (faults_command (relay, "SET", "FRONTEND", "stamp", "user", NULL)
         == ZRELAY_STATUS_BAD_STATE, "a kind with a handler refuses it");
    zrelay_destroy (&relay);
    relay = faults_relay ("queue");
    TAP (faults_command (relay, "SET", "FRONTEND", "stamp", "name", NULL)
         == ZRELAY_STATUS_BAD_ARGUMENTS, "a wrong value is refused");
    zrelay_destroy (&relay);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    for (size_t index = 0; index < PLACES; index++)
        s_test_place (&s_places [index], "address", "127.0.0.1");
    s_test_nobody ();
    s_test_refusals ();
    kind_zap_t handler = { s_answer_zap };
    zactor_t *zap = zactor_new (kind_zap, &handler);
    for (size_t index = 0; index < PLACES; index++)
        s_test_place (&s_places [index], "user", "guest");
    s_test_plain ();
    s_test_impostor ();
    zactor_destroy (&zap);
    return faults_end ();
}
