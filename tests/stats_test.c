/*  =========================================================================
    stats_test - STATS equals what senders sent and receivers received

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Sends a million mixed messages through each kind, and compares the relay's
//  counters with what the sockets on both sides counted themselves. Another
//  number of messages may be given on the command line.

#include <zrelay.h>
#include "tap.h"

#define MESSAGES        1000000
#define MOST_FRAMES     4           //  Frames in one message
#define LARGEST_FRAME   300         //  Bytes in most frames, at most
#define LARGE_EVERY     5000        //  Once in so many messages ...
#define LARGE_FRAME     100000      //  ... a frame of so many bytes
#define WINDOW          500         //  Requests that await their replies
#define PATIENCE        60000       //  Milliseconds without progress: a hang
#define DEADLINE        1800        //  Seconds for everything

//  One way to use a kind
typedef struct {
    const char *name;               //  What is tested
    zactor_fn *actor;               //  The kind
    const char *frontend;           //  Socket types to choose, or NULL for
    const char *backend;            //    those of the kind
    int client;                     //  Socket type of who sends
    int worker;                     //  Socket type of who receives
    bool replies;                   //  The worker sends everything back
} usage_t;

static const usage_t s_usages [] = {
    { "queue", zrelay_queue, NULL, NULL, ZMQ_DEALER, ZMQ_DEALER, true },
    { "forwarder", zrelay_forwarder, NULL, NULL, ZMQ_XPUB, ZMQ_SUB, false },
    { "streamer", zrelay_streamer, NULL, NULL, ZMQ_PUSH, ZMQ_PULL, false },
    { "proxy of DEALERs", zrelay_proxy, "DEALER", "DEALER",
      ZMQ_DEALER, ZMQ_DEALER, true },
    { "proxy from PULL to PUSH", zrelay_proxy, "PULL", "PUSH",
      ZMQ_PUSH, ZMQ_PULL, false },
};
#define USAGES (sizeof (s_usages) / sizeof (s_usages [0]))

//  What was sent or received
typedef struct {
    uint64_t messages;              //  Whole messages
    uint64_t frames;                //  Their frames
    uint64_t bytes;                 //  Bytes in these
} tally_t;

//  A socket that counts
typedef struct {
    zsock_t *sock;                  //  Client's or worker's
    tally_t sent;                   //  What it sent
    tally_t received;               //  What it received
    uint64_t expected;              //  Worker: messages that will come
    bool replies;                   //  Worker: send each one back
} peer_t;


//  --------------------------------------------------------------------------
//  Sockets that count

static peer_t *
s_peer_new (int type, const char *endpoint)
{
    peer_t *self = (peer_t *) zmalloc (sizeof (peer_t));
    self->sock = zsock_new (type);
    assert (self->sock);
    zsock_set_rcvtimeo (self->sock, PATIENCE);
    zsock_set_sndtimeo (self->sock, PATIENCE);
    if (type == ZMQ_SUB)
        zsock_set_subscribe (self->sock, "");
    //  A publisher that waits for its subscribers: nothing may get lost here
    if (type == ZMQ_XPUB)
        zsock_set_xpub_nodrop (self->sock, 1);
    int rc = zsock_connect (self->sock, "%s", endpoint);
    assert (rc == 0);
    return self;
}

static void
s_peer_destroy (peer_t **self_p)
{
    zsock_destroy (&(*self_p)->sock);
    freen (*self_p);
    *self_p = NULL;
}

static void
s_count (tally_t *tally, size_t size, bool more)
{
    tally->messages += !more;
    tally->frames++;
    tally->bytes += size;
}

//  Receive a message, and send it back if reply says so. Returns false if
//  there is none, or it cannot be sent, within PATIENCE.
static bool
s_receive (peer_t *self, bool reply)
{
    void *handle = zsock_resolve (self->sock);
    bool more = true;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        if (zmq_msg_recv (&frame, handle, 0) == -1)
            return false;
        size_t size = zmq_msg_size (&frame);
        more = zmq_msg_more (&frame);
        s_count (&self->received, size, more);
        if (reply) {
            if (zmq_msg_send (&frame, handle, more? ZMQ_SNDMORE: 0) == -1) {
                zmq_msg_close (&frame);
                return false;
            }
            s_count (&self->sent, size, more);
        }
        zmq_msg_close (&frame);
    }
    return true;
}

//  Send one of the mixed messages: its number decides its shape. Returns false
//  if it cannot be sent within PATIENCE.
static bool
s_send (peer_t *self, uint64_t number)
{
    static const char filling [LARGE_FRAME];
    void *handle = zsock_resolve (self->sock);
    size_t frames = 1 + number % MOST_FRAMES;
    for (size_t frame = 0; frame < frames; frame++) {
        //  Two primes spread the sizes from nothing to the largest
        size_t size = (number * 31 + frame * 17) % (LARGEST_FRAME + 1);
        if (frame == 0 && number % LARGE_EVERY == 0)
            size = LARGE_FRAME;
        bool more = frame + 1 < frames;
        if (zmq_send (handle, filling, size, more? ZMQ_SNDMORE: 0) == -1)
            return false;
        s_count (&self->sent, size, more);
    }
    return true;
}

//  Actor that is the worker, on a thread of its own
static void
s_worker (zsock_t *pipe, void *args)
{
    peer_t *self = (peer_t *) args;
    zsock_signal (pipe, 0);
    while (self->received.messages < self->expected
    &&     s_receive (self, self->replies))
        continue;
    //  Tells that it is done, then waits for $TERM
    zsock_signal (pipe, 0);
    zstr_free (&(char *) { zstr_recv (pipe) });
}


//  --------------------------------------------------------------------------
//  The relay

//  Attach one side to a free port. Returns the endpoint.
static char *
s_attach (zactor_t *relay, const char *side, const char *type)
{
    static const char anywhere [] = "tcp://127.0.0.1:*";
    if (type)
        zstr_sendx (relay, side, type, anywhere, NULL);
    else
        zstr_sendx (relay, "BIND", side, anywhere, NULL);
    int status = zsock_wait (relay);
    assert (status == ZRELAY_DONE);

    zstr_sendx (relay, "ENDPOINT", side, NULL);
    char *name = NULL;
    char *endpoint = NULL;
    zstr_recvx (relay, &name, &endpoint, NULL);
    assert (endpoint);
    zstr_free (&name);
    return endpoint;
}

//  Compare one counter
static void
s_compare (const usage_t *usage, zrelay_stats_t *stats, const char *what,
           const char *unit, uint64_t expected)
{
    char name [64];
    snprintf (name, sizeof (name), "%s.%s", what, unit);
    uint64_t actual = zrelay_stats_value (stats, name);
    if (!TAP (zrelay_stats_has (stats, name) && actual == expected,
              "%s: %s is %" PRIu64, usage->name, name, expected))
        printf ("#   it is %" PRIu64 "\n", actual);
}

static void
s_compare_tally (const usage_t *usage, zrelay_stats_t *stats, const char *what,
                 const tally_t *expected)
{
    s_compare (usage, stats, what, "messages", expected->messages);
    s_compare (usage, stats, what, "frames", expected->frames);
    s_compare (usage, stats, what, "bytes", expected->bytes);
}

static void
s_test_usage (const usage_t *usage, uint64_t messages)
{
    zactor_t *relay = zactor_new (usage->actor, NULL);
    char *frontend = s_attach (relay, "FRONTEND", usage->frontend);
    char *backend = s_attach (relay, "BACKEND", usage->backend);
    peer_t *client = s_peer_new (usage->client, frontend);
    peer_t *worker = s_peer_new (usage->worker, backend);
    if (usage->client == ZMQ_XPUB) {
        //  The relay too waits for subscribers, instead of dropping
        zstr_sendx (relay, "SET", "BACKEND", "xpub_nodrop", "1", NULL);
        int status = zsock_wait (relay);
        assert (status == ZRELAY_DONE);
        //  Publications before the subscription would be lost
        bool subscribed = s_receive (client, false);
        assert (subscribed);
        worker->sent = client->received;
    }
    worker->expected = messages;
    worker->replies = usage->replies;
    zactor_t *thread = zactor_new (s_worker, worker);

    bool going = true;
    for (uint64_t number = 0; going && number < messages; number++) {
        going = s_send (client, number);
        if (usage->replies && number >= WINDOW)
            going = going && s_receive (client, false);
    }
    while (going && usage->replies && client->received.messages < messages)
        going = s_receive (client, false);
    zsock_wait (thread);
    TAP (going && worker->received.messages == messages,
         "%s: %" PRIu64 " messages arrive", usage->name, messages);

    zrelay_stats_t *stats = zrelay_stats_query (relay);
    assert (stats);
    s_compare_tally (usage, stats, "frontend.in", &client->sent);
    s_compare_tally (usage, stats, "backend.out", &worker->received);
    s_compare_tally (usage, stats, "backend.in", &worker->sent);
    s_compare_tally (usage, stats, "frontend.out", &client->received);
    s_compare (usage, stats, "forward", "dropped", 0);
    s_compare (usage, stats, "return", "dropped", 0);

    zrelay_stats_destroy (&stats);
    zactor_destroy (&thread);
    s_peer_destroy (&client);
    s_peer_destroy (&worker);
    zactor_destroy (&relay);
    zstr_free (&frontend);
    zstr_free (&backend);
}

int main (int argc, char *argv [])
{
    uint64_t messages = argc > 1? strtoull (argv [1], NULL, 10): MESSAGES;
    TAP_DEADLINE (DEADLINE);
    for (size_t index = 0; index < USAGES; index++)
        s_test_usage (&s_usages [index], messages);
    return tap_end ();
}
