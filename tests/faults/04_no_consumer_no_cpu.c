/*  =========================================================================
    04_no_consumer_no_cpu - a relay that can do nothing uses no CPU

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  libzmq issues 3407 and 4071: a proxy with input for which there is no
//  output asks for it again and again, and takes a whole core.
//
//  Here a relay is brought into each of the states in which it has to wait,
//  mostly with input at hand. For some time then this process, all its
//  threads together, must use next to no CPU, and the relay must still
//  answer at once.
//
//  FAULTS_INTERVAL tells for how many msecs the CPU is watched in each state.

#include "faults.h"

#define DEADLINE 120
#define INTERVAL 500
#define PERCENT 3           //  Of one core that may be used
#define ATTEMPTS 5          //  Intervals until the relay is at rest
#define BODY 1000           //  Bytes in a message
#define FULL 150            //  A socket that cannot be written to for so many
                            //  msecs is full for good
#define ENOUGH 20000        //  Messages after which nothing is to be full

//  One state: how to get there
typedef struct {
    const char *name;       //  The state
    const char *kind;       //  The relay
    const char *frontend;   //  Socket types to choose, or NULL
    const char *backend;
    int sender;             //  Socket type of who sends, or -1
    int reader;             //  And of who never reads, or -1 for nobody
    const char *option [3]; //  Something to SET before
    const char *command [2];    //  A command before sending, with an argument
    const char *later;      //  A command after sending
} state_t;

static const state_t s_states [] = {
    { .name = "nothing is attached", .kind = "streamer",
      .sender = -1, .reader = -1 },
    { .name = "a streamer has input and no consumer", .kind = "streamer",
      .sender = ZMQ_PUSH, .reader = -1 },
    { .name = "a streamer's consumer is full", .kind = "streamer",
      .sender = ZMQ_PUSH, .reader = ZMQ_PULL },
    { .name = "a queue has requests and no worker", .kind = "queue",
      .sender = ZMQ_DEALER, .reader = -1 },
    { .name = "a queue's worker is full", .kind = "queue",
      .sender = ZMQ_DEALER, .reader = ZMQ_DEALER },
    { .name = "a PUSH has nobody to tell what a SUB hears", .kind = "proxy",
      .frontend = "SUB", .backend = "PUSH",
      .command = { "SUBSCRIBE", "" }, .sender = ZMQ_XPUB, .reader = -1 },
    { .name = "a forwarder has a publisher and no subscriber",
      .kind = "forwarder", .sender = ZMQ_XPUB, .reader = -1 },
    { .name = "a subscriber is full and nothing may be dropped",
      .kind = "forwarder", .option = { "BACKEND", "xpub_nodrop", "1" },
      .sender = ZMQ_XPUB, .reader = ZMQ_SUB },
    { .name = "a capture is full", .kind = "streamer",
      .command = { "CAPTURE", "@tcp://127.0.0.1:*" },
      .sender = ZMQ_PUSH, .reader = -1 },
    { .name = "a queue of dropped messages is full", .kind = "streamer",
      .option = { "FORWARD", "overflow", "drop-old" },
      .sender = ZMQ_PUSH, .reader = -1 },
    { .name = "the rate is used up", .kind = "streamer",
      .option = { "FRONTEND", "rate", "1" },
      .sender = ZMQ_PUSH, .reader = ZMQ_PULL },
    { .name = "the relay is paused", .kind = "streamer",
      .command = { "PAUSE", NULL },
      .sender = ZMQ_PUSH, .reader = ZMQ_PULL },
    { .name = "the relay is drained", .kind = "streamer",
      .sender = ZMQ_PUSH, .reader = -1, .later = "DRAIN" },
};
#define STATES (sizeof (s_states) / sizeof (*s_states))

//  Send until nothing moves any more, or it is clear that something always
//  will because the relay drops

static void
s_fill (zsock_t *sender)
{
    zmq_pollitem_t item = {
        .socket = zsock_resolve (sender), .events = ZMQ_POLLOUT
    };
    char body [BODY] = { 0 };
    //  An XPUB says that it can be written to also when it is full; here it
    //  refuses then
    int refused = 0;
    for (int count = 0; count < ENOUGH && refused < FULL; count++)
        if (zmq_poll (&item, 1, FULL) == 0)
            return;
        else
        if (zmq_send (item.socket, body, BODY, ZMQ_DONTWAIT) == BODY)
            refused = 0;
        else {
            refused++;
            zclock_sleep (1);
        }
}

static zsock_t *
s_sender_new (const state_t *state, const char *endpoint)
{
    if (state->sender == -1)
        return NULL;
    zsock_t *sock = faults_connect (state->sender, endpoint);
    if (state->sender == ZMQ_XPUB)
        zsock_set_xpub_nodrop (sock, 1);
    return sock;
}

static zsock_t *
s_reader_new (const state_t *state, const char *endpoint)
{
    if (state->reader == -1)
        return NULL;
    zsock_t *sock = zsock_new (state->reader);
    zsock_set_rcvhwm (sock, 10);
    if (state->reader == ZMQ_SUB)
        zsock_set_subscribe (sock, "");
    int rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    return sock;
}

//  Wait for the subscription, without which an XPUB sends nothing

static void
s_await_subscription (const state_t *state, zsock_t *sender)
{
    bool comes = state->reader == ZMQ_SUB || state->frontend;
    if (state->sender == ZMQ_XPUB && comes) {
        zframe_t *frame = zframe_recv (sender);
        TAP (frame != NULL, "%s: after a subscription", state->name);
        zframe_destroy (&frame);
    }
}

//  Percent of a core that is used in the next msecs

static int64_t
s_use (zactor_t *relay)
{
    int64_t interval = faults_parameter ("FAULTS_INTERVAL", INTERVAL);
    zmq_pollitem_t item = {
        .socket = zsock_resolve (relay), .events = ZMQ_POLLIN
    };
    int64_t start = zclock_usecs ();
    int64_t cpu = faults_cpu ();
    //  Nothing will come
    zmq_poll (&item, 1, interval);
    cpu = faults_cpu () - cpu;
    return cpu * 100 / (zclock_usecs () - start);
}

//  It may have to finish something first

static int64_t
s_use_at_rest (zactor_t *relay)
{
    int64_t use = PERCENT;
    for (int attempt = 0; attempt < ATTEMPTS && use >= PERCENT; attempt++)
        use = s_use (relay);
    return use;
}

static void
s_test (const state_t *state)
{
    zactor_t *relay = faults_relay (state->kind);
    if (state->frontend) {
        faults_command (relay, "FRONTEND", state->frontend,
                        "tcp://127.0.0.1:*", NULL);
        faults_command (relay, "BACKEND", state->backend,
                        "tcp://127.0.0.1:*", NULL);
    }
    if (state->option [0])
        faults_command (relay, "SET", state->option [0], state->option [1],
                        state->option [2], NULL);
    zsock_t *sender = NULL;
    zsock_t *reader = NULL;
    if (state->sender != -1) {
        char *in = faults_bind (relay, "FRONTEND");
        char *out = faults_bind (relay, "BACKEND");
        reader = s_reader_new (state, out);
        sender = s_sender_new (state, in);
        zstr_free (&in);
        zstr_free (&out);
    }
    if (state->command [0])
        faults_command (relay, state->command [0], state->command [1], NULL);
    if (sender) {
        s_await_subscription (state, sender);
        s_fill (sender);
    }
    if (state->later)
        faults_command (relay, state->later, NULL);

    int64_t use = s_use_at_rest (relay);
    TAP (use < PERCENT, "%s: %" PRId64 " %% of a core", state->name, use);
    TAP (faults_prompt (faults_ping (relay)), "%s: and answers at once",
         state->name);
    zactor_destroy (&relay);
    zsock_destroy (&sender);
    zsock_destroy (&reader);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    for (size_t index = 0; index < STATES; index++)
        s_test (&s_states [index]);
    return faults_end ();
}
