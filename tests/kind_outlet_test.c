/*  =========================================================================
    kind_outlet_test - a flow that leads to its kind, and room on a side

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "kind_testing.h"

#define DEADLINE 120

//  Msecs within which all must happen: a relay looks after its sockets every
//  five seconds, which must not be what does it
#define PROMPT 4000

//  Messages that the test sends where there is room for ROOM
#define MESSAGES 20
#define ROOM 5

//  A streamer that takes tasks itself: OUTLET on does that, ROOM gives it room
//  for so many, and ASK asks whether the backend has room.
typedef struct {
    uint64_t room;              //  How many it can take
    uint64_t taken;             //  How many it has
    uint64_t refused;           //  How many are to be refused, as they come
    uint64_t asked;             //  How often there was no room
    uint64_t told;              //  How often there was, after that
} streamer_t;

static void *
s_create (zrelay_engine_t *engine)
{
    (void) engine;
    streamer_t *self = (streamer_t *) zmalloc (sizeof (streamer_t));
    assert (self);
    return self;
}

static void
s_destroy (void **object_p)
{
    freen (*object_p);
    *object_p = NULL;
}

static zrelay_send_t
s_outlet (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    streamer_t *self = (streamer_t *) object;
    assert (zrelay_message_frames (message) > 0);
    if (zrelay_message_streq (message, 0, "bad")) {
        self->refused++;
        return ZRELAY_SEND_REFUSED;
    }
    //  The kind's own sending is not affected
    if (zrelay_message_streq (message, 0, "on")) {
        assert (zrelay_engine_send (engine, ZRELAY_SIDE_BACKEND, message)
                == ZRELAY_SEND_DONE);
        return ZRELAY_SEND_DONE;
    }
    if (self->room == 0)
        return ZRELAY_SEND_FULL;
    self->room--;
    self->taken++;
    return ZRELAY_SEND_DONE;
}

static int
s_do_outlet (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
             zmsg_t *answer)
{
    (void) object;
    (void) argc;
    (void) answer;
    zrelay_engine_set_outlet (engine, ZRELAY_FLOW_FORWARD,
                              streq (argv [0], "on")? s_outlet: NULL);
    return ZRELAY_STATUS_DONE;
}

static int
s_do_room (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
           zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    ((streamer_t *) object)->room = strtoull (argv [0], NULL, 10);
    zrelay_engine_outlet_ready (engine, ZRELAY_FLOW_FORWARD);
    return ZRELAY_STATUS_DONE;
}

static int
s_do_ask (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
          zmsg_t *answer)
{
    (void) argc;
    (void) argv;
    (void) answer;
    streamer_t *self = (streamer_t *) object;
    self->asked += !zrelay_engine_has_room (engine, ZRELAY_SIDE_BACKEND);
    return ZRELAY_STATUS_DONE;
}

static void
s_on_room (zrelay_engine_t *engine, void *object, zrelay_side_id_t side)
{
    assert (side == ZRELAY_SIDE_BACKEND);
    assert (zrelay_engine_has_room (engine, side));
    ((streamer_t *) object)->told++;
}

static const zrelay_command_t s_commands [] = {
    { ZRELAY_COMMAND, .name = "OUTLET", .args = "word", .help = "on or off",
      .handler = s_do_outlet },
    { ZRELAY_COMMAND, .name = "ROOM", .args = "number", .help = "take so many",
      .handler = s_do_room },
    { ZRELAY_COMMAND, .name = "ASK", .args = "", .help = "is there room?",
      .handler = s_do_ask },
    { .name = NULL }
};

static const zrelay_counter_t s_counters [] = {
    { ZRELAY_COUNTER, .name = "taken",
      .offset = offsetof (streamer_t, taken) },
    { ZRELAY_COUNTER, .name = "refused",
      .offset = offsetof (streamer_t, refused) },
    { ZRELAY_COUNTER, .name = "asked",
      .offset = offsetof (streamer_t, asked) },
    { ZRELAY_COUNTER, .name = "told", .offset = offsetof (streamer_t, told) },
    { .name = NULL }
};

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "taker",
    .frontend = { .types = "PULL" },
    .backend = { .types = "PUSH" },
    .create = s_create,
    .destroy = s_destroy,
    .commands = s_commands,
    .counters = s_counters,
    .on_room = s_on_room
};

//  True when a count gets that value, and keeps it

static bool
s_comes_to (zactor_t *relay, const char *name, uint64_t value)
{
    int64_t deadline = zclock_mono () + PROMPT;
    while (faults_counter (relay, name) != value && zclock_mono () < deadline)
        zclock_sleep (1);
    return kind_counts (relay, name, value);
}

static void
s_push (zsock_t *pusher, const char *text, int count)
{
    for (; count > 0; count--)
        zstr_send (pusher, text);
}

//  The kind is full: what the flow's overflow says happens

static void
s_test_full (const char *overflow, uint64_t held, uint64_t dropped)
{
    zactor_t *relay = kind_spawn (&s_kind, "taker");
    faults_command (relay, "SET", "FORWARD", "overflow", overflow, NULL);
    faults_command (relay, "SET", "FORWARD", "queue", "3", NULL);
    char *endpoint = faults_bind (relay, "BACKEND");
    zsock_t *puller = faults_connect (ZMQ_PULL, endpoint);
    zsock_t *pusher = kind_connect (relay, "FRONTEND", ZMQ_PUSH);
    faults_command (relay, "OUTLET", "on", NULL);
    faults_command (relay, "ROOM", "5", NULL);
    s_push (pusher, "task", MESSAGES);
    TAP (s_comes_to (relay, "taken", ROOM)
      && s_comes_to (relay, "forward.held", held)
      && s_comes_to (relay, "forward.dropped_overflow", dropped),
         "%s: the kind takes what it has room for", overflow);
    TAP (kind_counts (relay, "backend.out", 0), "%s: the output gets nothing",
         overflow);
    faults_command (relay, "ROOM", "100", NULL);
    TAP (s_comes_to (relay, "taken", MESSAGES - dropped)
      && kind_counts (relay, "forward.held", 0),
         "%s: it takes the others when it has room", overflow);
    s_push (pusher, "bad", 2);
    TAP (s_comes_to (relay, "forward.dropped_refused", 2)
      && kind_counts (relay, "refused", 2),
         "%s: what it refuses is counted", overflow);
    s_push (pusher, "on", 1);
    TAP (kind_receives (puller, "on"), "%s: it can send to the output",
         overflow);
    faults_command (relay, "ROOM", "0", NULL);
    s_push (pusher, "last", 1);
    TAP (s_comes_to (relay, "forward.held", 1), "%s: one more", overflow);
    faults_command (relay, "OUTLET", "off", NULL);
    TAP (kind_receives (puller, "last"),
         "%s: the output gets what was held, at the end", overflow);
    zstr_free (&endpoint);
    zsock_destroy (&pusher);
    zsock_destroy (&puller);
    zactor_destroy (&relay);
}

static void
s_test_room (void)
{
    zactor_t *relay = kind_spawn (&s_kind, "taker");
    char *endpoint = faults_bind (relay, "BACKEND");
    faults_command (relay, "ASK", NULL);
    TAP (kind_counts (relay, "asked", 1) && kind_counts (relay, "told", 0),
         "a PUSH without peers has no room");
    zsock_t *puller = faults_connect (ZMQ_PULL, endpoint);
    TAP (s_comes_to (relay, "told", 1), "it says so when there is room");
    faults_command (relay, "ASK", NULL);
    TAP (kind_counts (relay, "asked", 1) && kind_counts (relay, "told", 1),
         "not if there was room at once");
    zsock_destroy (&puller);
    zstr_free (&endpoint);
    zactor_destroy (&relay);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    s_test_full ("hold", 1, 0);
    s_test_full ("drop-new", 3, MESSAGES - ROOM - 3);
    s_test_full ("drop-old", 3, MESSAGES - ROOM - 3);
    s_test_room ();
    return faults_end ();
}
