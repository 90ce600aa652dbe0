/*  =========================================================================
    kind_send_test - what becomes of each message that a kind sends

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  A sender sends what a command says, and reports the result and whether the
//  message was left whole. To have a peer vanish in the midst of a message,
//  this program stands between the library and libzmq: its own zmq_msg_send ()
//  kills the peer before a given frame and waits until libzmq has noticed.

#define _GNU_SOURCE
#include "kind_testing.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>

#define DEADLINE        240         //  Seconds for everything
#define FRAMES          5           //  Of a message whose peer vanishes
#define FILL_MOST       20000       //  Messages after which a peer is not full
#define FILL_BODY       20000       //  Bytes in each of these

//  libzmq looks for word from its threads at most once in 3 million ticks of
//  the processor's clock, unless there is nothing to send or receive; in msecs
//  this is more
#define LOOK_IVL        20


//  --------------------------------------------------------------------------
//  Between the library and libzmq

static __thread int s_frames_left = -1;     //  Until the peer is killed by the
                                            //  relay's thread; -1: it is not
static pid_t s_victim;              //  That peer
static int s_victim_fd;             //  The relay's end of its connection
static bool s_noticed;              //  libzmq has closed that

static void
s_kill_victim (void)
{
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    kill (s_victim, SIGKILL);
    while (fcntl (s_victim_fd, F_GETFD) != -1 && zclock_mono () < deadline)
        zclock_sleep (1);
    s_noticed = fcntl (s_victim_fd, F_GETFD) == -1;
    zclock_sleep (LOOK_IVL);
}

int
zmq_msg_send (zmq_msg_t *frame, void *socket, int flags)
{
    static int (*function) (zmq_msg_t *frame, void *socket, int flags);
    if (!function) {
        void *symbol = dlsym (RTLD_NEXT, "zmq_msg_send");
        assert (symbol);
        memcpy (&function, &symbol, sizeof (function));
    }
    if (s_frames_left >= 0 && s_frames_left-- == 0)
        s_kill_victim ();
    return function (frame, socket, flags);
}


//  --------------------------------------------------------------------------
//  The sender

typedef struct {
    zrelay_message_t *id;       //  Routing id of who was heard last
    uint64_t heard;             //  Messages
} sender_t;

static const char *s_results [] = {
    [ZRELAY_SEND_DONE] = "done", [ZRELAY_SEND_FULL] = "full",
    [ZRELAY_SEND_UNROUTABLE] = "unroutable",
    [ZRELAY_SEND_REFUSED] = "refused", [ZRELAY_SEND_LOST] = "lost"
};

static void *
s_sender_new (zrelay_engine_t *engine)
{
    (void) engine;
    return zmalloc (sizeof (sender_t));
}

static void
s_sender_destroy (void **object_p)
{
    sender_t *self = (sender_t *) *object_p;
    zrelay_message_destroy (&self->id);
    freen (self);
    *object_p = NULL;
}

//  Whoever is heard is the next victim

static zrelay_verdict_t
s_sender_on_message (zrelay_engine_t *engine, void *object,
                     zrelay_message_t *message)
{
    (void) engine;
    sender_t *self = (sender_t *) object;
    size_t last = zrelay_message_frames (message) - 1;
    s_victim_fd = zmq_msg_get (zrelay_message_frame (message, last),
                               ZMQ_SRCFD);
    zrelay_message_destroy (&self->id);
    self->id = zrelay_message_take (message);
    self->heard++;
    return ZRELAY_VERDICT_KEPT;
}

static zrelay_side_id_t
s_side (const char *word)
{
    return streq (word, "FRONTEND")? ZRELAY_SIDE_FRONTEND: ZRELAY_SIDE_BACKEND;
}

static bool
s_is_whole (zrelay_message_t *message, size_t count, char **frames)
{
    bool whole = zrelay_message_frames (message) == count;
    for (size_t index = 0; index < count; index++)
        whole = whole && zrelay_message_streq (message, index, frames [index]);
    return whole;
}

static bool
s_is_whole_zmsg (zmsg_t *msg, size_t count, char **frames)
{
    bool whole = msg && zmsg_size (msg) == count;
    zframe_t *frame = whole? zmsg_first (msg): NULL;
    for (size_t index = 0; index < count; index++) {
        whole = whole && frame && zframe_streq (frame, frames [index]);
        frame = whole? zmsg_next (msg): NULL;
    }
    return whole;
}

//  The result, and "whole", "gone" or, which must not be, "torn"

static void
s_report (zmsg_t *answer, zrelay_send_t result, bool whole, bool gone)
{
    zmsg_addstrf (answer, "%s %s", s_results [result],
                  gone? "gone": whole? "whole": "torn");
}

//  SEND form side frame ...

static int
s_sender_send (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) object;
    zrelay_side_id_t side = s_side (argv [1]);
    if (streq (argv [0], "message")) {
        zrelay_message_t *message = zrelay_message_new ();
        for (size_t index = 2; index < argc; index++)
            zrelay_message_append (message, argv [index], strlen (argv [index]));
        zrelay_send_t result = zrelay_engine_send (engine, side, message);
        s_report (answer, result, s_is_whole (message, argc - 2, argv + 2),
                  argc > 2 && zrelay_message_frames (message) == 0);
        zrelay_message_destroy (&message);
    }
    else {
        zmsg_t *msg = zmsg_new ();
        for (size_t index = 2; index < argc; index++)
            zmsg_addstr (msg, argv [index]);
        zrelay_send_t result = zrelay_engine_send_zmsg (engine, side, &msg);
        s_report (answer, result, s_is_whole_zmsg (msg, argc - 2, argv + 2),
                  !msg);
        zmsg_destroy (&msg);
    }
    return ZRELAY_STATUS_DONE;
}

//  LOSE side frame: kill the victim before that frame of a message to it, which
//  on a ROUTER begins with its routing id

static int
s_sender_lose (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) argc;
    sender_t *self = (sender_t *) object;
    zrelay_side_id_t side = s_side (argv [0]);
    zrelay_message_t *message = zrelay_message_new ();
    if (side == ZRELAY_SIDE_FRONTEND)
        zrelay_message_append (message, zrelay_message_data (self->id, 0),
                               zrelay_message_size (self->id, 0));
    while (zrelay_message_frames (message) < FRAMES)
        zrelay_message_append (message, "part", 4);
    s_frames_left = atoi (argv [1]);
    zrelay_send_t result = zrelay_engine_send (engine, side, message);
    s_frames_left = -1;
    size_t left = zrelay_message_frames (message);
    s_report (answer, result, left == FRAMES, left == 0);
    zrelay_message_destroy (&message);
    return ZRELAY_STATUS_DONE;
}

//  FILL: send to who was heard last until that one is full

static int
s_sender_fill (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) argc, (void) argv;
    sender_t *self = (sender_t *) object;
    char body [FILL_BODY] = { 0 };
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_send_t result = ZRELAY_SEND_DONE;
    int sent = 0;
    while (result == ZRELAY_SEND_DONE && sent < FILL_MOST) {
        zrelay_message_append (message, zrelay_message_data (self->id, 0),
                               zrelay_message_size (self->id, 0));
        zrelay_message_append (message, body, sizeof (body));
        result = zrelay_engine_send (engine, ZRELAY_SIDE_FRONTEND, message);
        sent += result == ZRELAY_SEND_DONE;
    }
    bool whole = zrelay_message_frames (message) == 2
              && zrelay_message_size (message, 1) == sizeof (body);
    zmsg_addstrf (answer, "%d", sent);
    s_report (answer, result, whole, zrelay_message_frames (message) == 0);
    zrelay_message_destroy (&message);
    return ZRELAY_STATUS_DONE;
}

static const zrelay_command_t s_sender_commands [] = {
    { ZRELAY_COMMAND, .name = "SEND", .args = "form to [frame ...]",
      .help = "a message", .handler = s_sender_send,
      .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "LOSE", .args = "side frame",
      .help = "a message", .handler = s_sender_lose,
      .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "FILL", .args = "", .help = "a peer",
      .handler = s_sender_fill, .flags = ZRELAY_COMMAND_QUERY },
    { .name = NULL }
};

static const zrelay_counter_t s_sender_counters [] = {
    { ZRELAY_COUNTER, .name = "heard", .offset = offsetof (sender_t, heard) },
    { .name = NULL }
};

#define SENDER(kind_name, front, back) \
    ZRELAY_KIND, .name = kind_name, .frontend = { .types = front }, \
    .backend = { .types = back }, \
    .create = s_sender_new, .destroy = s_sender_destroy, \
    .on_forward = s_sender_on_message, .on_return = s_sender_on_message, \
    .commands = s_sender_commands, .counters = s_sender_counters

static const zrelay_kind_t s_sender = { SENDER ("sender", "ROUTER", "DEALER") };
static const zrelay_kind_t s_pusher = { SENDER ("pusher", "PULL", "PUSH") };
static const zrelay_kind_t s_subscriber = { SENDER ("subscriber", "SUB", "XSUB") };
static const zrelay_kind_t s_single = { SENDER ("single", "ROUTER", NULL) };


//  --------------------------------------------------------------------------
//  Refusals leave the message whole and count nothing

static bool
s_result (zactor_t *relay, const char *expected)
{
    zmsg_t *answer = zmsg_recv (relay);
    char *text = answer? zframe_strdup (zmsg_last (answer)): strdup ("nothing");
    bool right = streq (text, expected);
    if (!right)
        printf ("#   the result was: %s\n", text);
    zstr_free (&text);
    zmsg_destroy (&answer);
    return right;
}

//  All counts of messages that were sent or dropped, added up

static uint64_t
s_counted (zactor_t *relay)
{
    zrelay_stats_t *stats = zrelay_stats_query (relay);
    assert (stats);
    uint64_t sum = zrelay_stats_value (stats, "frontend.out.messages")
                 + zrelay_stats_value (stats, "backend.out.messages")
                 + zrelay_stats_value (stats, "forward.dropped")
                 + zrelay_stats_value (stats, "return.dropped");
    zrelay_stats_destroy (&stats);
    return sum;
}

static const struct {
    const zrelay_kind_t *kind;
    const char *side;
    const char *frames [3];
    const char *result;
    const char *what;
} s_refusals [] = {
    { &s_sender, "BACKEND", { "one", "two" }, "full whole",
      "to a DEALER without peers" },
    { &s_pusher, "BACKEND", { "one", "two" }, "full whole",
      "to a PUSH without peers" },
    { &s_sender, "FRONTEND", { "nobody", "two" }, "unroutable whole",
      "to a ROUTER's peer that is not there" },
    { &s_sender, "FRONTEND", { "alone" }, "unroutable whole",
      "to a ROUTER without a body" },
    { &s_sender, "FRONTEND", { NULL }, "unroutable whole",
      "to a ROUTER without frames" },
    { &s_pusher, "FRONTEND", { "one", "two" }, "refused whole", "to a PULL" },
    { &s_subscriber, "FRONTEND", { "one", "two" }, "refused whole", "to a SUB" },
    { &s_single, "BACKEND", { "one", "two" }, "refused whole",
      "to a side that is not there" },
};
#define REFUSALS (sizeof (s_refusals) / sizeof (*s_refusals))

static void
s_test_refusals (const char *form)
{
    for (size_t index = 0; index < REFUSALS; index++) {
        const char *const *frames = s_refusals [index].frames;
        zactor_t *relay = kind_spawn (s_refusals [index].kind, NULL);
        kind_send (relay, "SEND", form, s_refusals [index].side, frames [0],
                   frames [1], frames [2], NULL);
        bool right = s_result (relay, s_refusals [index].result);
        TAP (right && s_counted (relay) == 0, "%s %s: %s", form,
             s_refusals [index].what, s_refusals [index].result);
        zactor_destroy (&relay);
    }
}

//  Of a topic that is too long, libzmq would make something else

static void
s_test_long_topic (void)
{
    char topic [20000];
    memset (topic, 1, sizeof (topic) - 1);
    topic [sizeof (topic) - 1] = 0;
    zactor_t *relay = kind_spawn (&s_subscriber, NULL);
    kind_send (relay, "SEND", "message", "BACKEND", topic, NULL);
    TAP (s_result (relay, "refused whole") && s_counted (relay) == 0,
         "message to an XSUB with too long a topic: refused whole");
    zactor_destroy (&relay);
}

static void
s_test_done (const char *form)
{
    zactor_t *relay = kind_spawn (&s_sender, NULL);
    zsock_t *client = zsock_new (ZMQ_DEALER);
    zsock_set_identity (client, "client");
    zsock_set_rcvtimeo (client, FAULTS_PATIENCE);
    char *endpoint = faults_bind (relay, "FRONTEND");
    int rc = zsock_connect (client, "%s", endpoint);
    assert (rc == 0);
    zsock_t *worker = kind_connect (relay, "BACKEND", ZMQ_DEALER);
    zstr_send (client, "hello");
    zstr_send (worker, "hello");
    bool heard = faults_counted (relay, "heard", 2);
    kind_send (relay, "SEND", form, "FRONTEND", "client", "", "two", NULL);
    TAP (heard && s_result (relay, "done gone")
      && kind_receives (client, "", "two"), "%s to a ROUTER: done", form);
    kind_send (relay, "SEND", form, "BACKEND", "one", "two", NULL);
    TAP (s_result (relay, "done gone") && kind_receives (worker, "one", "two"),
         "%s to a DEALER: done", form);
    TAP (kind_counts (relay, "frontend.out.messages", 1)
      && kind_counts (relay, "backend.out.messages", 1)
      && s_counted (relay) == 2, "%s: both are counted as sent", form);
    zstr_free (&endpoint);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Peers in processes of their own

//  ENDPOINT: say hello, and then read nothing

static int
s_peer (int argc, char **argv)
{
    assert (argc == 1);
    zsock_t *sock = zsock_new (ZMQ_DEALER);
    zsock_set_rcvhwm (sock, 1);
    int rc = zsock_connect (sock, "%s", argv [0]);
    assert (rc == 0);
    zstr_send (sock, "hello");
    while (pause () == -1);
    return 0;
}

static const faults_role_t s_roles [] = {
    { "peer", s_peer }, { NULL, NULL }
};

//  Bind both sides, without which a relay does not read; returns the endpoint
//  of the one

static char *
s_bind (zactor_t *relay, const char *side)
{
    char *other = faults_bind (relay, streq (side, "FRONTEND")? "BACKEND":
                                                                "FRONTEND");
    zstr_free (&other);
    return faults_bind (relay, side);
}

//  A peer of a ROUTER that can take no more

static void
s_test_full (void)
{
    zactor_t *relay = kind_spawn (&s_sender, NULL);
    faults_command (relay, "SET", "FRONTEND", "sndhwm", "5", NULL);
    char *endpoint = s_bind (relay, "FRONTEND");
    pid_t peer = faults_spawn ("peer", endpoint, NULL);
    bool heard = faults_counted (relay, "heard", 1);
    zstr_send (relay, "FILL");
    zmsg_t *answer = zmsg_recv (relay);
    char *name = answer? zmsg_popstr (answer): NULL;
    char *number = answer? zmsg_popstr (answer): NULL;
    char *result = answer? zmsg_popstr (answer): NULL;
    TAP (heard && result && streq (result, "full whole"),
         "to a ROUTER's peer that is full: full whole");
    TAP (number && kind_counts (relay, "frontend.out.messages",
                                (uint64_t) atoi (number))
      && s_counted (relay) == (uint64_t) atoi (number),
         "to a ROUTER's peer that is full: what was sent is counted");
    zstr_free (&name);
    zstr_free (&number);
    zstr_free (&result);
    zmsg_destroy (&answer);
    faults_kill (peer);
    zstr_free (&endpoint);
    zactor_destroy (&relay);
}

//  The victim vanishes before a frame of a message to it. A ROUTER takes frames
//  after the first without a word, whatever has become of the peer, so that
//  such a message counts as sent, as it would if the peer had vanished behind
//  it.

static void
s_test_lost (const char *side, bool captured, int frame)
{
    zactor_t *relay = kind_spawn (&s_sender, NULL);
    zsock_t *capture = zsock_new_pull ("@inproc://kind-send-capture");
    if (captured)
        faults_command (relay, "CAPTURE", "inproc://kind-send-capture", NULL);
    char *endpoint = s_bind (relay, side);
    s_victim = faults_spawn ("peer", endpoint, NULL);
    bool heard = faults_counted (relay, "heard", 1);
    s_noticed = false;
    char number [12];
    snprintf (number, sizeof (number), "%d", frame);
    kind_send (relay, "LOSE", side, number, NULL);
    bool front = streq (side, "FRONTEND");
    bool lost = frame > 0 && !front;
    const char *result = lost? "lost gone": frame > 0? "done gone":
                         front? "unroutable whole": "full whole";
    bool right = s_result (relay, result);
    TAP (heard && s_noticed && right, "%s%s: the peer vanishes before frame "
         "%d: %s", front? "ROUTER": "DEALER", captured? ", captured": "", frame,
         result);
    TAP (kind_counts (relay, front? "return.dropped_lost":
                                    "forward.dropped_lost", lost)
      && s_counted (relay) == (frame > 0),
         "%s%s: the peer vanishes before frame %d: %s",
         front? "ROUTER": "DEALER", captured? ", captured": "", frame,
         lost? "counted as lost": frame > 0? "counted as sent":
         "not counted");
    faults_kill (s_victim);

    //  The next message is whole
    zsock_t *peer = zsock_new (ZMQ_DEALER);
    zsock_set_identity (peer, "peer");
    zsock_set_rcvtimeo (peer, FAULTS_PATIENCE);
    int rc = zsock_connect (peer, "%s", endpoint);
    assert (rc == 0);
    zstr_send (peer, "hello");
    heard = faults_counted (relay, "heard", 2);
    if (front)
        kind_send (relay, "SEND", "message", side, "peer", "next", "one", NULL);
    else
        kind_send (relay, "SEND", "message", side, "next", "one", NULL);
    TAP (heard && s_result (relay, "done gone")
      && kind_receives (peer, "next", "one"), "%s%s: the next message is whole",
         front? "ROUTER": "DEALER", captured? ", captured": "");
    zsock_destroy (&peer);
    zsock_destroy (&capture);
    zstr_free (&endpoint);
    zactor_destroy (&relay);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE);
    s_test_refusals ("message");
    s_test_refusals ("zmsg");
    s_test_long_topic ();
    s_test_done ("message");
    s_test_done ("zmsg");
    s_test_full ();
    for (int frame = 0; frame < FRAMES; frame++) {
        s_test_lost ("BACKEND", false, frame);
        s_test_lost ("FRONTEND", false, frame);
    }
    s_test_lost ("BACKEND", true, 2);
    s_test_lost ("FRONTEND", true, 2);
    return faults_end ();
}
