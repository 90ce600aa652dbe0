/*  =========================================================================
    zrelay_engine_test - self test of the engine and its pipe, by relays

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_testing.h"

//  A kind that greets by itself, drops rude messages, passes on the rest, and
//  ticks. tests/kind_test.c uses all that a kind can.

typedef struct {
    zrelay_engine_t *engine;
    uint64_t greetings;         //  Answered by ourselves
    uint64_t ticks;             //  Calls of the timer
} greeter_t;

static void
s_greeter_tick (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    ((greeter_t *) object)->ticks++;
}

static void *
s_greeter_new (zrelay_engine_t *engine)
{
    greeter_t *self = (greeter_t *) zmalloc (sizeof (greeter_t));
    assert (self);
    self->engine = engine;
    assert (zrelay_engine_socket (engine, ZRELAY_SIDE_FRONTEND));
    assert (streq (zrelay_engine_name (engine), "polite"));
    zrelay_engine_timer (engine, 1, 0, s_greeter_tick, NULL);
    return self;
}

static void
s_greeter_destroy (void **object_p)
{
    freen (*object_p);
}

static zrelay_verdict_t
s_greeter_on_request (zrelay_engine_t *engine, void *object, zmsg_t **msg_p)
{
    (void) engine;
    greeter_t *self = (greeter_t *) object;
    zframe_t *body = zmsg_last (*msg_p);
    if (zframe_streq (body, "rude"))
        return ZRELAY_VERDICT_DROP;
    if (!zframe_streq (body, "hello"))
        return ZRELAY_VERDICT_PASS;
    self->greetings++;
    zframe_reset (body, "hello to you", 12);
    return ZRELAY_VERDICT_ANSWER;
}

//  WHISPER text: send to the backend out of turn

static int
s_greeter_whisper (zrelay_engine_t *engine, void *object,
                   size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    assert (object == zrelay_engine_object (engine));
    zmsg_t *msg = zmsg_new ();
    zmsg_addstr (msg, "");
    zmsg_addstr (msg, argv [0]);
    zrelay_send_t result =
        zrelay_engine_send_zmsg (engine, ZRELAY_SIDE_BACKEND, &msg);
    if (result == ZRELAY_SEND_DONE) {
        assert (!msg);
        return ZRELAY_STATUS_DONE;
    }
    assert (result == ZRELAY_SEND_FULL && zmsg_size (msg) == 2);
    zmsg_destroy (&msg);
    return zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE,
        "nobody hears %s", zrelay_engine_quote (engine, argv [0]));
}

//  COUNT is a query

static int
s_greeter_count (zrelay_engine_t *engine, void *object,
                 size_t argc, char **argv, zmsg_t *answer)
{
    (void) engine;
    (void) argc;
    (void) argv;
    zmsg_addstrf (answer, "%" PRIu64, ((greeter_t *) object)->greetings);
    return ZRELAY_STATUS_DONE;
}

static void
s_greeter_stats (zrelay_engine_t *engine, void *object, zmsg_t *answer)
{
    (void) engine;
    zrelay_engine_stat (answer, "greetings", ((greeter_t *) object)->greetings);
    zrelay_engine_stat (answer, "ticked", ((greeter_t *) object)->ticks > 0);
}

static const zrelay_command_t s_greeter_commands [] = {
    { ZRELAY_COMMAND, .name = "WHISPER", .args = "text",
      .help = "tell the workers", .handler = s_greeter_whisper },
    { ZRELAY_COMMAND, .name = "COUNT", .args = "",
      .help = "report how many were greeted", .handler = s_greeter_count,
      .flags = ZRELAY_COMMAND_QUERY },
    { .name = NULL }
};

static const zrelay_kind_t s_greeter = {
    ZRELAY_KIND,
    .name = "greeter",
    .frontend = { .types = "ROUTER", .options = "rcvhwm=100,linger=0" },
    .backend = { .types = "DEALER" },
    .on_forward_zmsg = s_greeter_on_request,
    .create = s_greeter_new,
    .destroy = s_greeter_destroy,
    .commands = s_greeter_commands,
    .stats = s_greeter_stats
};

static void
s_greeter_actor (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_greeter, pipe, args);
}

static void
s_test_kind (void)
{
    char name [] = "polite";
    zactor_t *relay = zactor_new (s_greeter_actor, name);
    assert (relay);
    memset (name, 'x', 6);      //  It was copied
    assert (zrelay_testing_status (relay, 3, "WHISPER", "psst", NULL));
    assert (zrelay_testing_error (relay, "psst"));

    zsock_t *client = zrelay_testing_connect (relay, "FRONTEND", ZMQ_DEALER);
    zsock_t *worker = zrelay_testing_connect (relay, "BACKEND", ZMQ_DEALER);
    zstr_sendx (client, "", "hello", NULL);
    assert (zrelay_testing_receives (client, "", "hello to you"));
    zstr_sendx (client, "", "rude", NULL);
    zstr_sendx (client, "", "work", NULL);
    zmsg_t *request = zmsg_recv (worker);
    assert (request && zmsg_size (request) == 3);
    zmsg_send (&request, worker);
    assert (zrelay_testing_receives (client, "", "work"));
    assert (zrelay_testing_status (relay, 0, "WHISPER", "psst", NULL));
    assert (zrelay_testing_receives (worker, "", "psst"));

    zstr_send (relay, "COUNT");
    assert (zrelay_testing_receives (zactor_sock (relay), "COUNT", "1"));
    assert (zrelay_testing_reaches (relay, "greetings", 1));
    assert (zrelay_testing_reaches (relay, "ticked", 1));
    assert (zrelay_testing_reaches (relay, "forward.dropped_handler", 1));
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zactor_destroy (&relay);
}

//  Draining waits for replies. Statuses come in the order of the commands, and
//  queries are answered at once.

static void
s_test_drain (void)
{
    zactor_t *relay = zactor_new (zrelay_queue, NULL);
    assert (zrelay_testing_status (relay, 0, "DRAIN", "0", NULL));
    assert (zrelay_testing_status (relay, 0, "RESUME", NULL, NULL));
    zsock_t *client = zrelay_testing_connect (relay, "FRONTEND", ZMQ_REQ);
    zsock_t *worker = zrelay_testing_connect (relay, "BACKEND", ZMQ_REP);
    zstr_send (client, "work");
    assert (zrelay_testing_receives (worker, "work", NULL));
    assert (zrelay_testing_status (relay, 3, "DRAIN", "20", NULL));
    assert (zrelay_testing_error (relay, "there is 1 reply that no "
            "worker has given"));

    zstr_sendx (relay, "DRAIN", "60000", NULL);
    zstr_send (relay, "PAUSE");
    zstr_sendx (relay, "HELP", "NOTHING", NULL);
    zstr_send (relay, "STATE");
    zstr_sendx (relay, "DRAIN", "60000", NULL);
    assert (zrelay_testing_receives (zactor_sock (relay), "STATE", "draining"));
    zstr_send (relay, "RESUME");
    assert (zsock_wait (relay) == 3);
    assert (zsock_wait (relay) == 3);
    assert (zsock_wait (relay) == 2);
    assert (zsock_wait (relay) == 3);
    assert (zsock_wait (relay) == 0);

    zstr_sendx (relay, "DRAIN", "60000", NULL);
    zstr_send (worker, "reply");
    assert (zsock_wait (relay) == 0);
    assert (zrelay_testing_receives (client, "reply", NULL));

    //  New work waits until RESUME
    zstr_send (client, "more");
    zsock_set_rcvtimeo (worker, 50);
    assert (!zstr_recv (worker));
    assert (zrelay_testing_status (relay, 0, "RESUME", NULL, NULL));
    zsock_set_rcvtimeo (worker, ZRELAY_TESTING_TIMEOUT);
    assert (zrelay_testing_receives (worker, "more", NULL));

    //  The relay can be destroyed in the middle of it
    zstr_sendx (relay, "DRAIN", "60000", NULL);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zactor_destroy (&relay);
}

//  Answers that nobody reads do not stop the relay

static void
s_test_unread_answers (void)
{
    zactor_t *relay = zactor_new (zrelay_streamer, NULL);
    for (int count = 0; count < 5000; count++)
        zstr_send (relay, "PING");
    for (int count = 0; count < 5000; count++)
        assert (zrelay_testing_receives (zactor_sock (relay), "PING", NULL));
    //  As many as the pipe takes together with the word to end
    for (int count = 0; count < 900; count++)
        zstr_send (relay, "PING");
    zactor_destroy (&relay);
}

void
zrelay_engine_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_engine: ");
    //  @selftest
    s_test_kind ();
    s_test_drain ();
    s_test_unread_answers ();
    //  @end
    printf ("OK\n");
}
