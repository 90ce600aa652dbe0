/*  =========================================================================
    ping - how soon a relay answers while it is flooded

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  Floods a relay in both directions and measures the round trip of PING on
//  its pipe meanwhile. Prints, for each kind, the 50th and 99th percentile and
//  the longest of them, in microseconds, and what the relay carried.
//
//      perf/ping [PINGS]
//
//  The clients are threads of this process, connected by tcp on the loopback
//  address; with fewer cores than threads, waiting for a core is part of it.

#include <zrelay.h>

#define PINGS_DEFAULT 10000
#define MESSAGE_SIZE 64

//  How many messages a flooder sends between two looks at its pipe
#define VOLLEY 100

typedef struct {
    int type;                   //  Of its socket
    bool sends;                 //  As fast as it can
    bool echoes;                //  Sends back what it received
    char *endpoint;             //  Where to
} peer_t;

//  Receive a volley of frames, and send them back if so told

static void
s_receive (peer_t *peer, void *handle, zmq_msg_t *frame)
{
    bool more = false;
    for (int count = 0; count < VOLLEY || more; count++) {
        if (zmq_msg_recv (frame, handle, ZMQ_DONTWAIT) == -1)
            break;
        more = zmq_msg_more (frame);
        if (peer->echoes)
            zmq_msg_send (frame, handle,
                          ZMQ_DONTWAIT | (more? ZMQ_SNDMORE: 0));
    }
}

static void
s_flooder (zsock_t *pipe, void *args)
{
    peer_t *peer = (peer_t *) args;
    zsock_t *sock = zsock_new (peer->type);
    assert (sock);
    int rc = zsock_connect (sock, "%s", peer->endpoint);
    assert (rc == 0);
    zsock_signal (pipe, 0);
    void *handle = zsock_resolve (sock);
    byte message [MESSAGE_SIZE] = { 'A' };
    //  A subscriber asks for everything, and is not sent anything else
    if (peer->type == ZMQ_XSUB)
        zmq_send (handle, "\1", 1, 0);
    zmq_msg_t received;
    zmq_msg_init (&received);
    while (!(zsock_events (pipe) & ZMQ_POLLIN)) {
        for (int count = 0; peer->sends && count < VOLLEY; count++)
            zmq_send (handle, message, sizeof (message), ZMQ_DONTWAIT);
        if (peer->type != ZMQ_PUSH)
            s_receive (peer, handle, &received);
    }
    zmq_msg_close (&received);
    zsock_destroy (&sock);
}

static char *
s_bind (zactor_t *relay, const char *side)
{
    char *name, *endpoint;
    zstr_sendx (relay, "BIND", side, "tcp://127.0.0.1:*", NULL);
    int rc = zsock_wait (relay);
    assert (rc == 0);
    zstr_sendx (relay, "ENDPOINT", side, NULL);
    zstr_recvx (relay, &name, &endpoint, NULL);
    zstr_free (&name);
    return endpoint;
}

static int
s_compare (const void *left, const void *right)
{
    int64_t one = *(const int64_t *) left;
    int64_t other = *(const int64_t *) right;
    return one < other? -1: one > other;
}

static void
s_measure (zactor_t *relay, const char *kind, int pings)
{
    int64_t *times = (int64_t *) zmalloc (pings * sizeof (int64_t));
    assert (times);
    for (int index = 0; index < pings; index++) {
        int64_t start = zclock_usecs ();
        zstr_send (relay, "PING");
        char *answer = zstr_recv (relay);
        times [index] = zclock_usecs () - start;
        zstr_free (&answer);
    }
    qsort (times, pings, sizeof (int64_t), s_compare);
    zrelay_stats_t *stats = zrelay_stats_query (relay);
    printf ("%-10s %7" PRId64 " %7" PRId64 " %7" PRId64 "   %10" PRIu64
            " %10" PRIu64 "\n", kind, times [pings / 2],
            times [(int) ((double) pings * 0.99)], times [pings - 1],
            zrelay_stats_value (stats, "frontend.in.messages"),
            zrelay_stats_value (stats, "backend.in.messages"));
    zrelay_stats_destroy (&stats);
    freen (times);
}

static void
s_run (zactor_fn *actor, const char *kind, int client, int worker, int pings)
{
    zactor_t *relay = zactor_new (actor, NULL);
    peer_t peers [2] = {
        { client, true, false, s_bind (relay, "FRONTEND") },
        { worker, false, worker == ZMQ_DEALER, s_bind (relay, "BACKEND") }
    };
    zactor_t *flooders [2];
    for (int side = 0; side < 2; side++)
        flooders [side] = zactor_new (s_flooder, &peers [side]);
    s_measure (relay, kind, pings);
    for (int side = 0; side < 2; side++) {
        zactor_destroy (&flooders [side]);
        zstr_free (&peers [side].endpoint);
    }
    zactor_destroy (&relay);
}

int
main (int argc, char *argv [])
{
    int pings = argc > 1? atoi (argv [1]): PINGS_DEFAULT;
    assert (pings > 0);
    printf ("%d PINGs, usecs    p50     p99     max   messages in at the "
            "frontend, backend\n", pings);
    s_run (zrelay_streamer, "streamer", ZMQ_PUSH, ZMQ_PULL, pings);
    s_run (zrelay_forwarder, "forwarder", ZMQ_XPUB, ZMQ_XSUB, pings);
    s_run (zrelay_queue, "queue", ZMQ_DEALER, ZMQ_DEALER, pings);
    return 0;
}
