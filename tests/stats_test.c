/*  =========================================================================
    stats_test - STATS equals what senders sent and receivers received

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Sends a million mixed messages, of one to five frames of up to 64 KiB,
//  through the kinds and through several pairs of a proxy. The relays' counters
//  must equal those of the sockets on both sides, to the message, the frame and
//  the byte. An argument sets the number of messages, in thousandths of a
//  million.
//
//  Relays count the frames on the wire. A ROUTER adds a routing id to each
//  message that it receives and removes one from each that it sends, so this
//  frame does not count there. It does count behind a relay's ROUTER, where the
//  DEALER sends it.

#include <zrelay.h>
#include "tap.h"

#define MOST_FRAMES     5           //  Frames in one message
#define SMALL_FRAME     200         //  Bytes in most frames, at most
#define LARGE_FRAME     65536       //  Bytes in the others
#define LARGE_EVERY     64          //  One in so many frames is large
#define WINDOW          200         //  Requests that await their replies
#define PEERS_MOST      2           //  Clients, and workers, at most
#define PATIENCE        60000       //  Milliseconds without progress: a hang
#define DEADLINE        900         //  Seconds for everything
#define SEED            20231117    //  Messages are the same each time

#if defined (__SANITIZE_ADDRESS__) || defined (__SANITIZE_THREAD__)
#   define THOUSANDTHS  100         //  Sanitizers make everything slow
#else
#   define THOUSANDTHS  1000
#endif

//  One way to use a kind
typedef struct {
    const char *name;               //  Name of the test
    zactor_fn *actor;               //  The kind
    const char *frontend;           //  Socket types to choose, or NULL for
    const char *backend;            //    those of the kind
    int client;                     //  Socket type of the senders
    int worker;                     //  Socket type of the receivers
    size_t peers;                   //  Number of clients, and of workers
    bool replies;                   //  Workers send everything back
    uint64_t thousands;             //  Messages
} usage_t;

static const usage_t s_usages [] = {
    { "queue with DEALERs as workers", zrelay_queue, NULL, NULL,
      ZMQ_DEALER, ZMQ_DEALER, 2, true, 150 },
    { "queue with ROUTERs as workers", zrelay_queue, NULL, NULL,
      ZMQ_DEALER, ZMQ_ROUTER, 2, true, 150 },
    { "forwarder", zrelay_forwarder, NULL, NULL,
      ZMQ_XPUB, ZMQ_SUB, 1, false, 200 },
    { "streamer", zrelay_streamer, NULL, NULL,
      ZMQ_PUSH, ZMQ_PULL, 2, false, 200 },
    { "proxy of DEALERs", zrelay_proxy, "DEALER", "DEALER",
      ZMQ_DEALER, ZMQ_DEALER, 1, true, 100 },
    { "proxy of PAIRs", zrelay_proxy, "PAIR", "PAIR",
      ZMQ_PAIR, ZMQ_PAIR, 1, true, 40 },
    { "proxy from PULL to PUSH", zrelay_proxy, "PULL", "PUSH",
      ZMQ_PUSH, ZMQ_PULL, 2, false, 50 },
    { "proxy from SUB to PUSH", zrelay_proxy, "SUB", "PUSH",
      ZMQ_XPUB, ZMQ_PULL, 1, false, 50 },
    { "proxy from PULL to PUB", zrelay_proxy, "PULL", "PUB",
      ZMQ_PUSH, ZMQ_SUB, 1, false, 50 },
    { "proxy from REP to REQ", zrelay_proxy, "REP", "REQ",
      ZMQ_REQ, ZMQ_REP, 2, true, 10 },
    { "cache", zrelay_cache, NULL, NULL,
      ZMQ_XPUB, ZMQ_SUB, 1, false, 200 },
};
#define USAGES (sizeof (s_usages) / sizeof (s_usages [0]))

//  Counts of one direction
typedef struct {
    uint64_t messages;              //  Whole messages
    uint64_t frames;                //  Their frames
    uint64_t bytes;                 //  Bytes in the frames
} tally_t;

//  A socket that counts, and the thread that it is used on
typedef struct {
    const usage_t *usage;           //  How the relay is used
    zsock_t *sock;                  //  The socket
    int type;                       //  Its type
    zactor_t *thread;               //  The thread
    tally_t sent;                   //  Messages that the socket sent
    tally_t received;               //  Messages that it received
    uint64_t count;                 //  Client: messages to send
    uint32_t random;                //  Client: state of the generator
    bool failed;                    //  Client: a message or reply was missing
} peer_t;

//  A relay with its clients and workers
typedef struct {
    const usage_t *usage;           //  How the relay is used
    zactor_t *relay;                //  The relay
    peer_t clients [PEERS_MOST];    //  Send to its frontend
    peer_t workers [PEERS_MOST];    //  Receive from its backend
    uint64_t messages;              //  All clients' messages
    tally_t subscriptions;          //  Subscriptions that passed the relay
} bench_t;


//  --------------------------------------------------------------------------
//  Sockets that count

//  Count one frame. The first frame of a ROUTER is the routing id.

static void
s_count (const peer_t *self, tally_t *tally, size_t size, bool first, bool more)
{
    if (self->type != ZMQ_ROUTER || !first) {
        tally->frames++;
        tally->bytes += size;
    }
    if (!more)
        __atomic_add_fetch (&tally->messages, 1, __ATOMIC_RELEASE);
}

//  Receive a message, and send it back if reply is true. Returns false if no
//  message comes in time, or if it cannot be sent.

static bool
s_receive (peer_t *self, bool reply, int flags)
{
    static const size_t frames_most = MOST_FRAMES + 2;
    void *handle = zsock_resolve (self->sock);
    zmq_msg_t frames [MOST_FRAMES + 2];
    size_t count = 0;
    bool more = true;
    while (more) {
        assert (count < frames_most);
        zmq_msg_t *frame = &frames [count];
        zmq_msg_init (frame);
        if (zmq_msg_recv (frame, handle, flags) == -1)
            return false;
        more = zmq_msg_more (frame);
        s_count (self, &self->received, zmq_msg_size (frame), count == 0, more);
        count++;
    }
    bool sent = true;
    for (size_t index = 0; index < count; index++) {
        size_t size = zmq_msg_size (&frames [index]);
        more = index + 1 < count;
        if (reply)
            sent = zmq_msg_send (&frames [index], handle,
                                 more? ZMQ_SNDMORE: 0) != -1;
        if (reply && sent)
            s_count (self, &self->sent, size, index == 0, more);
        zmq_msg_close (&frames [index]);
    }
    return sent;
}

//  Return a random number from 0 to most. This is George Marsaglia's xorshift,
//  with its first triple for 32 bits ("Xorshift RNGs", 2003).

static uint32_t
s_random (peer_t *self, uint32_t most)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 17;
    self->random ^= self->random << 5;
    return self->random % (most + 1);
}

//  Send one of the mixed messages. Returns false if it cannot be sent in time.

static bool
s_send (peer_t *self)
{
    static const char filling [LARGE_FRAME];
    void *handle = zsock_resolve (self->sock);
    size_t frames = 1 + s_random (self, MOST_FRAMES - 1);
    for (size_t frame = 0; frame < frames; frame++) {
        bool large = s_random (self, LARGE_EVERY - 1) == 0;
        size_t size = s_random (self, large? LARGE_FRAME: SMALL_FRAME);
        bool more = frame + 1 < frames;
        if (zmq_send (handle, filling, size, more? ZMQ_SNDMORE: 0) == -1)
            return false;
        s_count (self, &self->sent, size, frame == 0, more);
    }
    return true;
}


//  --------------------------------------------------------------------------
//  Threads

//  Send all messages and receive the replies, then signal that this is done

static void
s_client (zsock_t *pipe, void *args)
{
    peer_t *self = (peer_t *) args;
    bool replies = self->usage->replies;
    uint64_t window = self->type == ZMQ_REQ? 1: WINDOW;
    bool going = true;
    zsock_signal (pipe, 0);
    for (uint64_t number = 0; going && number < self->count; number++) {
        going = s_send (self);
        if (replies && number + 1 >= window)
            going = going && s_receive (self, false, 0);
    }
    while (going && replies && self->received.messages < self->count)
        going = s_receive (self, false, 0);
    self->failed = !going;
    zsock_signal (pipe, 0);
    zstr_free (&(char *) { zstr_recv (pipe) });
}

//  Receive messages, and send them back, until the pipe says to end

static void
s_worker (zsock_t *pipe, void *args)
{
    peer_t *self = (peer_t *) args;
    zmq_pollitem_t items [2] = {
        { .socket = zsock_resolve (pipe), .events = ZMQ_POLLIN },
        { .socket = zsock_resolve (self->sock), .events = ZMQ_POLLIN }
    };
    zsock_signal (pipe, 0);
    while (zmq_poll (items, 2, -1) >= 0 && !items [0].revents)
        while (s_receive (self, self->usage->replies, ZMQ_DONTWAIT))
            continue;
    zstr_free (&(char *) { zstr_recv (pipe) });
}


//  --------------------------------------------------------------------------
//  The relay and its peers

//  Attach one side to a free port. Returns the endpoint.

static char *
s_attach (zactor_t *relay, const char *side, const char *type)
{
    static const char anywhere [] = "tcp://127.0.0.1:*";
    //  A relay's SUB must subscribe, and its PUB must not drop anything
    const char *topic = type && streq (type, "SUB")? "": NULL;
    if (type && streq (type, "PUB")) {
        zstr_sendx (relay, "SET", side, "xpub_nodrop", "1", NULL);
        zsock_wait (relay);
    }
    if (type)
        zstr_sendx (relay, side, type, anywhere, topic, NULL);
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

static void
s_connect (peer_t *self, const usage_t *usage, int type, const char *endpoint)
{
    self->usage = usage;
    self->type = type;
    self->sock = zsock_new (type);
    assert (self->sock);
    zsock_set_rcvtimeo (self->sock, PATIENCE);
    zsock_set_sndtimeo (self->sock, PATIENCE);
    if (type == ZMQ_SUB)
        zsock_set_subscribe (self->sock, "");
    //  No message may be lost: sockets that would drop it wait, or have room
    if (type == ZMQ_XPUB)
        zsock_set_xpub_nodrop (self->sock, 1);
    if (type == ZMQ_ROUTER)
        zsock_set_sndhwm (self->sock, 0);
    int rc = zsock_connect (self->sock, "%s", endpoint);
    assert (rc == 0);
}

//  A PUB does not report subscriptions. We therefore send empty messages until
//  one arrives, and then a message of one byte, which is the last of them.

static void
s_try_subscription (bench_t *self)
{
    peer_t *worker = &self->workers [0];
    void *handle = zsock_resolve (self->clients [0].sock);
    zsock_set_rcvtimeo (worker->sock, 1);
    do
        zmq_send (handle, "", 0, 0);
    while (!s_receive (worker, false, 0));
    zsock_set_rcvtimeo (worker->sock, PATIENCE);
    zmq_send (handle, "A", 1, 0);
    bool received = true;
    while (received && worker->received.bytes == 0)
        received = s_receive (worker, false, 0);
    assert (received);
    memset (&worker->received, 0, sizeof (worker->received));
    zstr_send (self->relay, "RESET");
    zsock_wait (self->relay);
}

//  Messages that are published before the subscription would be lost. The
//  subscription passes the relay as a message only between XSUB and XPUB.

static void
s_await_subscription (bench_t *self)
{
    peer_t *client = &self->clients [0];
    if (client->type == ZMQ_XPUB) {
        bool subscribed = s_receive (client, false, 0);
        assert (subscribed);
        if (!self->usage->frontend)
            self->subscriptions = client->received;
        memset (&client->received, 0, sizeof (client->received));
    }
    else
    if (self->workers [0].type == ZMQ_SUB)
        s_try_subscription (self);
}

static void
s_bench_begin (bench_t *self, const usage_t *usage, uint64_t thousandths)
{
    memset (self, 0, sizeof (*self));
    self->usage = usage;
    self->relay = zactor_new (usage->actor, NULL);
    if (!usage->backend && usage->worker == ZMQ_SUB) {
        zstr_sendx (self->relay, "SET", "BACKEND", "xpub_nodrop", "1", NULL);
        zsock_wait (self->relay);
    }
    char *frontend = s_attach (self->relay, "FRONTEND", usage->frontend);
    char *backend = s_attach (self->relay, "BACKEND", usage->backend);
    for (size_t index = 0; index < usage->peers; index++) {
        peer_t *client = &self->clients [index];
        s_connect (&self->workers [index], usage, usage->worker, backend);
        s_connect (client, usage, usage->client, frontend);
        client->count = usage->thousands * thousandths / usage->peers;
        client->random = SEED + (uint32_t) index;
        self->messages += client->count;
    }
    s_await_subscription (self);
    zstr_free (&frontend);
    zstr_free (&backend);
}

static void
s_bench_end (bench_t *self)
{
    for (size_t index = 0; index < self->usage->peers; index++) {
        zsock_destroy (&self->clients [index].sock);
        zsock_destroy (&self->workers [index].sock);
    }
    zactor_destroy (&self->relay);
}

static uint64_t
s_arrived (bench_t *self)
{
    uint64_t arrived = 0;
    for (size_t index = 0; index < self->usage->peers; index++)
        arrived += __atomic_load_n (&self->workers [index].received.messages,
                                    __ATOMIC_ACQUIRE);
    return arrived;
}

//  Send all messages. Returns true if they and their replies arrive.

static bool
s_bench_run (bench_t *self)
{
    size_t peers = self->usage->peers;
    for (size_t index = 0; index < peers; index++)
        self->workers [index].thread = zactor_new (s_worker,
                                                   &self->workers [index]);
    for (size_t index = 0; index < peers; index++)
        self->clients [index].thread = zactor_new (s_client,
                                                   &self->clients [index]);
    bool done = true;
    for (size_t index = 0; index < peers; index++) {
        zsock_wait (self->clients [index].thread);
        done = done && !self->clients [index].failed;
        zactor_destroy (&self->clients [index].thread);
    }
    int64_t deadline = zclock_mono () + PATIENCE;
    while (done && s_arrived (self) < self->messages
        && zclock_mono () < deadline)
        zclock_sleep (1);
    for (size_t index = 0; index < peers; index++)
        zactor_destroy (&self->workers [index].thread);
    return done && s_arrived (self) == self->messages;
}


//  --------------------------------------------------------------------------
//  Comparing

static void
s_add (tally_t *sum, const tally_t *tally)
{
    sum->messages += tally->messages;
    sum->frames += tally->frames;
    sum->bytes += tally->bytes;
}

//  Add up the counts of all peers of one side

static void
s_sum (bench_t *self, peer_t *peers, tally_t *sent, tally_t *received)
{
    memset (sent, 0, sizeof (*sent));
    memset (received, 0, sizeof (*received));
    for (size_t index = 0; index < self->usage->peers; index++) {
        s_add (sent, &peers [index].sent);
        s_add (received, &peers [index].received);
    }
}

static uint64_t
s_value (zrelay_stats_t *stats, const char *what, const char *unit)
{
    char name [64];
    snprintf (name, sizeof (name), "%s.%s", what, unit);
    return zrelay_stats_has (stats, name)? zrelay_stats_value (stats, name)
                                         : UINT64_MAX;
}

static void
s_compare (const usage_t *usage, zrelay_stats_t *stats, const char *what,
           const tally_t *expected)
{
    tally_t found = {
        s_value (stats, what, "messages"),
        s_value (stats, what, "frames"),
        s_value (stats, what, "bytes")
    };
    if (!TAP (memcmp (&found, expected, sizeof (found)) == 0,
              "%s: %s is %" PRIu64 " messages, %" PRIu64 " frames, %" PRIu64
              " bytes", usage->name, what, expected->messages,
              expected->frames, expected->bytes))
        printf ("#   it is %" PRIu64 ", %" PRIu64 ", %" PRIu64 "\n",
                found.messages, found.frames, found.bytes);
}

static void
s_test_usage (const usage_t *usage, uint64_t thousandths)
{
    bench_t bench;
    s_bench_begin (&bench, usage, thousandths);
    TAP (s_bench_run (&bench), "%s: %" PRIu64 " messages arrive", usage->name,
         bench.messages);
    zrelay_stats_t *stats = zrelay_stats_query (bench.relay);
    assert (stats);
    tally_t sent, received;
    s_sum (&bench, bench.clients, &sent, &received);
    //  A cache has subscriptions of its own
    if (usage->actor != zrelay_cache)
        s_add (&received, &bench.subscriptions);
    s_compare (usage, stats, "frontend.in", &sent);
    s_compare (usage, stats, "frontend.out", &received);
    s_sum (&bench, bench.workers, &sent, &received);
    s_add (&sent, &bench.subscriptions);
    s_compare (usage, stats, "backend.in", &sent);
    s_compare (usage, stats, "backend.out", &received);
    TAP (s_value (stats, "forward", "dropped") == 0
         && s_value (stats, "return", "dropped") == 0,
         "%s: nothing is dropped", usage->name);
    zrelay_stats_destroy (&stats);
    s_bench_end (&bench);
}

int
main (int argc, char *argv [])
{
    uint64_t thousandths = argc > 1? strtoull (argv [1], NULL, 10)
                                   : THOUSANDTHS;
    TAP_DEADLINE (DEADLINE);
    for (size_t index = 0; index < USAGES; index++)
        s_test_usage (&s_usages [index], thousandths);
    return tap_end ();
}
