/*  =========================================================================
    kind_own_test - a kind's default topic, options, and own sockets

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "kind_testing.h"

#define DEADLINE 120

//  A forwarder of one topic, unless it is told otherwise. OPTION tells an
//  option of its backend, HELD what its forward flow holds, and OPEN binds a
//  socket of its own.
typedef struct {
    void *handle;               //  That socket, libzmq's
} forwarder_t;

static void *
s_create (zrelay_engine_t *engine)
{
    (void) engine;
    forwarder_t *self = (forwarder_t *) zmalloc (sizeof (forwarder_t));
    self->handle = zsys_socket (ZMQ_PUSH, __FILE__, __LINE__);
    assert (self->handle);
    return self;
}

static void
s_destroy (void **object_p)
{
    forwarder_t *self = (forwarder_t *) *object_p;
    zsys_close (self->handle, __FILE__, __LINE__);
    freen (self);
    *object_p = NULL;
}

static int
s_option (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
          zmsg_t *answer)
{
    (void) object;
    (void) argc;
    char *value = zrelay_engine_option (engine, ZRELAY_SIDE_BACKEND, argv [0]);
    zmsg_addstr (answer, value? value: "none");
    zstr_free (&value);
    return ZRELAY_STATUS_DONE;
}

static int
s_held (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
        zmsg_t *answer)
{
    (void) object;
    (void) argc;
    (void) argv;
    zmsg_addstrf (answer, "%zu",
                  zrelay_engine_held (engine, ZRELAY_FLOW_FORWARD));
    return ZRELAY_STATUS_DONE;
}

static int
s_open (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
        zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    return zrelay_engine_bind (engine, ZRELAY_SIDE_BACKEND,
                               ((forwarder_t *) object)->handle, argv [0]);
}

//  What a flow's settings are

static int
s_flow_option (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) object;
    (void) argc;
    char *value = zrelay_engine_flow_option (engine, ZRELAY_FLOW_FORWARD,
                                             argv [0]);
    zmsg_addstr (answer, value? value: "none");
    zstr_free (&value);
    return ZRELAY_STATUS_DONE;
}

//  A handler that comes and goes while the relay runs

static zrelay_verdict_t
s_mark (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    (void) engine;
    assert (((forwarder_t *) object)->handle);
    zrelay_message_append (message, "seen", 4);
    return ZRELAY_VERDICT_PASS;
}

static int
s_watch (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
         zmsg_t *answer)
{
    (void) object;
    (void) argc;
    (void) answer;
    zrelay_engine_set_handler (engine, ZRELAY_FLOW_FORWARD,
                               streq (argv [0], "on")? s_mark: NULL);
    return ZRELAY_STATUS_DONE;
}

static const zrelay_command_t s_commands [] = {
    { ZRELAY_COMMAND, .name = "FLOW", .args = "name", .help = "tell it",
      .handler = s_flow_option, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "WATCH", .args = "word", .help = "on or off",
      .handler = s_watch },
    { ZRELAY_COMMAND, .name = "OPTION", .args = "name", .help = "tell it",
      .handler = s_option, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "HELD", .args = "", .help = "tell how many",
      .handler = s_held, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "OPEN", .args = "endpoint", .help = "bind",
      .handler = s_open },
    { .name = NULL }
};

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "weather",
    .frontend = { .types = "SUB,XSUB" },
    .backend = { .types = "PUSH,XPUB" },
    .create = s_create,
    .destroy = s_destroy,
    .commands = s_commands,
    .topic = "weather"
};

//  The next subscription or cancellation

static bool
s_hears (zsock_t *publisher, int first, const char *topic)
{
    zframe_t *frame = zframe_recv (publisher);
    bool same = frame && zframe_size (frame) == strlen (topic) + 1
             && *zframe_data (frame) == first
             && memcmp (zframe_data (frame) + 1, topic, strlen (topic)) == 0;
    zframe_destroy (&frame);
    return same;
}

static void
s_test_topic (const char *type)
{
    zactor_t *relay = kind_spawn (&s_kind, "weather");
    zsock_t *publisher = faults_listen (ZMQ_XPUB);
    char *endpoint = zsys_sprintf (">%s", zsock_endpoint (publisher));
    TAP (faults_command (relay, "FRONTEND", type, endpoint, NULL) == 0
      && faults_command (relay, "BACKEND", "XPUB", "tcp://127.0.0.1:*", NULL)
         == 0 && s_hears (publisher, 1, "weather"),
         "%s: subscribes to the kind's topic", type);
    TAP (faults_command (relay, "SUBSCRIBE", "news", "sport", NULL) == 0
      && s_hears (publisher, 1, "news") && s_hears (publisher, 0, "weather")
      && s_hears (publisher, 1, "sport"), "%s: until there are others", type);
    TAP (faults_command (relay, "UNSUBSCRIBE", "news", NULL) == 0
      && s_hears (publisher, 0, "news")
      && faults_command (relay, "UNSUBSCRIBE", "sport", NULL) == 0
      && s_hears (publisher, 1, "weather") && s_hears (publisher, 0, "sport"),
         "%s: and again when there are none", type);
    TAP (faults_command (relay, "UNSUBSCRIBE", "weather", NULL) == 3,
         "%s: it is no subscription of the user's", type);
    zstr_free (&endpoint);
    zsock_destroy (&publisher);
    zactor_destroy (&relay);
}

static bool
s_tells (zactor_t *relay, const char *query, const char *argument,
         const char *expected)
{
    char *value = kind_query (relay, query, argument);
    bool same = value && streq (value, expected);
    if (!same)
        printf ("#   %s is %s\n", argument? argument: query,
                value? value: "refused");
    zstr_free (&value);
    return same;
}

static void
s_test_options (void)
{
    zactor_t *relay = kind_spawn (&s_kind, "weather");
    faults_command (relay, "SET", "BACKEND", "xpub_nodrop", "1", NULL);
    faults_command (relay, "BACKEND", "XPUB", "@tcp://127.0.0.1:*", NULL);
    TAP (s_tells (relay, "OPTION", "xpub_nodrop", "1"),
         "an option that libzmq does not tell");
    zactor_destroy (&relay);
    relay = kind_spawn (&s_kind, "weather");
    TAP (s_tells (relay, "OPTION", "sndhwm", "none"),
         "an option of a socket that is not there");
    TAP (faults_command (relay, "BACKEND", "PUSH", "@tcp://127.0.0.1:*", NULL)
         == 0 && s_tells (relay, "OPTION", "sndhwm", "1000"),
         "one that libzmq tells");
    TAP (s_tells (relay, "OPTION", "maxframes", "0"), "one of the engine's");
    TAP (s_tells (relay, "OPTION", "curve_secretkey", "none")
      && s_tells (relay, "OPTION", "nonsense", "none"),
         "a secret, and one that does not exist");

    //  Nobody takes messages from the backend
    zsock_t *publisher = faults_listen (ZMQ_PUB);
    char *endpoint = zsys_sprintf (">%s", zsock_endpoint (publisher));
    faults_command (relay, "FRONTEND", "SUB", endpoint, NULL);
    TAP (s_tells (relay, "HELD", NULL, "0"), "a flow holds nothing");
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    while (faults_counter (relay, "forward.held") == 0
       &&  zclock_mono () < deadline)
        zstr_sendx (publisher, "weather", "rain", NULL);
    TAP (s_tells (relay, "HELD", NULL, "1"), "a flow holds a message");
    zstr_free (&endpoint);
    zsock_destroy (&publisher);
    zactor_destroy (&relay);
}

static void
s_test_sockets (void)
{
    zactor_t *relay = kind_spawn (&s_kind, "weather");
    zsock_t *listener = faults_listen (ZMQ_ROUTER);
    TAP (faults_command (relay, "OPEN", zsock_endpoint (listener), NULL) == 4
      && kind_explains (relay, "in use"), "an endpoint in use is refused");
    TAP (faults_command (relay, "OPEN", "norm://x", NULL) == 4
      && kind_explains (relay, "transport"),
         "and so is one that libzmq could not stand");
    TAP (faults_command (relay, "OPEN", "inproc://kind-own", NULL) == 0,
         "others are bound");
    zsock_destroy (&listener);
    zactor_destroy (&relay);
}

static void
s_test_handler (void)
{
    zactor_t *relay = kind_spawn (&s_kind, "weather");
    zsock_t *publisher = faults_listen (ZMQ_XPUB);
    zsock_t *puller = faults_listen (ZMQ_PULL);
    char *endpoint = zsys_sprintf (">%s", zsock_endpoint (publisher));
    faults_command (relay, "FRONTEND", "SUB", endpoint, NULL);
    zstr_free (&endpoint);
    endpoint = zsys_sprintf (">%s", zsock_endpoint (puller));
    faults_command (relay, "BACKEND", "PUSH", endpoint, NULL);
    bool heard = s_hears (publisher, 1, "weather");
    static const char *const words [] = { "off", "on", "off" };
    for (int index = 0; index < 3; index++) {
        faults_command (relay, "WATCH", words [index], NULL);
        zstr_send (publisher, "weather");
        zmsg_t *msg = zmsg_recv (puller);
        TAP (heard && msg && zmsg_size (msg) == (index == 1? 2: 1),
             "a handler is %s", words [index]);
        zmsg_destroy (&msg);
    }
    TAP (s_tells (relay, "FLOW", "overflow", "hold")
      && s_tells (relay, "FLOW", "nonsense", "none"), "a flow's options");
    zstr_free (&endpoint);
    zsock_destroy (&publisher);
    zsock_destroy (&puller);
    zactor_destroy (&relay);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    s_test_topic ("SUB");
    s_test_topic ("XSUB");
    s_test_options ();
    s_test_sockets ();
    s_test_handler ();
    return faults_end ();
}
