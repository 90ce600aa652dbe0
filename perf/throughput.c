/*  =========================================================================
    throughput - zrelay side by side with zmq_proxy and zproxy

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  Carries the same messages from a PUSH to a PULL through zrelay's streamer,
//  CZMQ's zproxy and libzmq's zmq_proxy in turn, several times over, and
//  prints the median of each in messages a second, and the medians of
//  zrelay's ratios to the other two, run by run. For the queue it is a
//  DEALER's requests and their echoes.
//
//      perf/throughput [ROUNDS]
//
//  All are threads of this process, with the same clients, connected by ipc.

#include <zrelay.h>

#define ROUNDS_DEFAULT 7

typedef struct {
    const char *title;
    int frames;                 //  In a message
    size_t size;                //  Bytes in a frame
    int count;                  //  Messages in a round
} load_t;

static const load_t s_loads [] = {
    { "1 frame of 64 bytes", 1, 64, 400000 },
    { "3 frames of 1 KiB", 3, 1024, 60000 },
    { "1 frame of 64 KiB", 1, 65536, 8000 }
};

typedef struct {
    const char *name;
    zactor_fn *actor;
} peer_t;

static void
s_zmq_proxy (zsock_t *pipe, void *args);

static const peer_t s_peers [] = {
    { "zrelay", zrelay_proxy },
    { "zproxy", zproxy },
    { "zmq_proxy", s_zmq_proxy }
};
#define PEERS (int) (sizeof (s_peers) / sizeof (*s_peers))

typedef struct {
    const char *name;
    const char *types [2];      //  Of the relay's sockets
    int source;                 //  Of the clients'
    int sink;
    bool echoes;                //  The sink returns what it gets
} pattern_t;

static const pattern_t s_patterns [] = {
    { "streamer", { "PULL", "PUSH" }, ZMQ_PUSH, ZMQ_PULL, false },
    { "queue", { "ROUTER", "DEALER" }, ZMQ_DEALER, ZMQ_DEALER, true }
};
#define PATTERNS (int) (sizeof (s_patterns) / sizeof (*s_patterns))

//  Requests in flight through a queue, below every high-water mark
#define WINDOW 500


//  --------------------------------------------------------------------------
//  zmq_proxy as an actor that takes zproxy's FRONTEND and BACKEND

static zsock_t *
s_attach_as_told (zsock_t *pipe)
{
    char *command, *type, *endpoint;
    zstr_recvx (pipe, &command, &type, &endpoint, NULL);
    static const char *names [] = { "PULL", "PUSH", "ROUTER", "DEALER" };
    static const int types [] = { ZMQ_PULL, ZMQ_PUSH, ZMQ_ROUTER, ZMQ_DEALER };
    int index = 0;
    while (strneq (names [index], type))
        index++;
    zsock_t *sock = zsock_new (types [index]);
    int rc = zsock_bind (sock, "%s", endpoint);
    assert (rc >= 0);
    zstr_free (&command);
    zstr_free (&type);
    zstr_free (&endpoint);
    zsock_signal (pipe, 0);
    return sock;
}

static void
s_zmq_proxy (zsock_t *pipe, void *args)
{
    (void) args;
    zsock_signal (pipe, 0);
    zsock_t *frontend = s_attach_as_told (pipe);
    zsock_t *backend = s_attach_as_told (pipe);
    //  It ends when the pipe says TERMINATE
    zmq_proxy_steerable (zsock_resolve (frontend), zsock_resolve (backend),
                         NULL, zsock_resolve (pipe));
    zsock_destroy (&frontend);
    zsock_destroy (&backend);
}


//  --------------------------------------------------------------------------
//  The clients

typedef struct {
    const load_t *load;
    const pattern_t *pattern;
    const char *endpoint;
} job_t;

static void
s_send (void *handle, const load_t *load, byte *data)
{
    for (int frame = 1; frame <= load->frames; frame++)
        zmq_send (handle, data, load->size,
                  frame < load->frames? ZMQ_SNDMORE: 0);
}

static void
s_receive (void *handle, zmq_msg_t *frame, void *echo)
{
    bool more;
    do {
        zmq_msg_recv (frame, handle, 0);
        more = zmq_msg_more (frame);
        if (echo)
            zmq_msg_send (frame, echo, more? ZMQ_SNDMORE: 0);
    }
    while (more);
}

static void
s_sink (zsock_t *pipe, void *args)
{
    job_t *job = (job_t *) args;
    zsock_t *sock = zsock_new (job->pattern->sink);
    zsock_connect (sock, "%s", job->endpoint);
    void *handle = zsock_resolve (sock);
    zsock_signal (pipe, 0);
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    for (int count = 0; count < job->load->count; count++)
        s_receive (handle, &frame, job->pattern->echoes? handle: NULL);
    zmq_msg_close (&frame);
    zsock_signal (pipe, 0);
    char *term = zstr_recv (pipe);
    zstr_free (&term);
    zsock_destroy (&sock);
}

static void
s_source (job_t *job, zsock_t *sock)
{
    void *handle = zsock_resolve (sock);
    byte *data = (byte *) zmalloc (job->load->size);
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    for (int count = 0; count < job->load->count; count++) {
        s_send (handle, job->load, data);
        if (job->pattern->echoes && count >= WINDOW)
            s_receive (handle, &frame, NULL);
    }
    for (int count = 0; job->pattern->echoes && count < WINDOW; count++)
        s_receive (handle, &frame, NULL);
    zmq_msg_close (&frame);
    freen (data);
}

//  zproxy ends the process when its port is taken, and cannot tell which it
//  took, so this is by ipc, with a name of its own for each run

static char *
s_free_endpoint (void)
{
    static int number = 0;
    return zsys_sprintf ("ipc:///tmp/zrelay-perf-%d-%d", (int) getpid (),
                         number++);
}

static void
s_free_again (char **endpoint_p)
{
    unlink (*endpoint_p + strlen ("ipc://"));
    zstr_free (endpoint_p);
}

static void
s_tell (zactor_t *relay, const char *side, const char *type,
        const char *endpoint)
{
    zstr_sendx (relay, side, type, endpoint, NULL);
    int rc = zsock_wait (relay);
    assert (rc == 0);
}

//  Messages a second

static double
s_run (const peer_t *peer, const pattern_t *pattern, const load_t *load)
{
    char *front = s_free_endpoint ();
    char *back = s_free_endpoint ();
    zactor_t *relay = zactor_new (peer->actor, NULL);
    s_tell (relay, "FRONTEND", pattern->types [0], front);
    s_tell (relay, "BACKEND", pattern->types [1], back);
    job_t in = { load, pattern, front };
    job_t out = { load, pattern, back };
    zactor_t *sink = zactor_new (s_sink, &out);
    zsock_t *sock = zsock_new (pattern->source);
    zsock_connect (sock, "%s", front);

    int64_t start = zclock_usecs ();
    s_source (&in, sock);
    zsock_wait (sink);
    double seconds = (double) (zclock_usecs () - start) / 1e6;

    zactor_destroy (&sink);
    zsock_destroy (&sock);
    if (peer->actor == s_zmq_proxy)
        zstr_send (relay, "TERMINATE");
    zactor_destroy (&relay);
    s_free_again (&front);
    s_free_again (&back);
    return load->count / seconds;
}


//  --------------------------------------------------------------------------
//  Rounds

static int
s_compare (const void *left, const void *right)
{
    double one = *(const double *) left;
    double other = *(const double *) right;
    return one < other? -1: one > other;
}

static double
s_median (double *values, int count)
{
    qsort (values, count, sizeof (double), s_compare);
    return values [count / 2];
}

static void
s_compete (const pattern_t *pattern, const load_t *load, int rounds)
{
    double *speeds [PEERS];
    double *ratios [PEERS];
    for (int peer = 0; peer < PEERS; peer++) {
        speeds [peer] = (double *) zmalloc (rounds * sizeof (double));
        ratios [peer] = (double *) zmalloc (rounds * sizeof (double));
    }
    for (int round = 0; round < rounds; round++) {
        for (int peer = 0; peer < PEERS; peer++)
            speeds [peer] [round] = s_run (&s_peers [peer], pattern, load);
        for (int peer = 0; peer < PEERS; peer++)
            ratios [peer] [round] = speeds [0] [round] / speeds [peer] [round];
    }
    printf ("%-9s %-20s", pattern->name, load->title);
    for (int peer = 0; peer < PEERS; peer++)
        printf (" %9.0f", s_median (speeds [peer], rounds));
    for (int peer = 1; peer < PEERS; peer++)
        printf ("  %5.2f", s_median (ratios [peer], rounds));
    printf ("\n");
    for (int peer = 0; peer < PEERS; peer++) {
        freen (speeds [peer]);
        freen (ratios [peer]);
    }
}

int
main (int argc, char *argv [])
{
    int rounds = argc > 1? atoi (argv [1]): ROUNDS_DEFAULT;
    assert (rounds > 0);
    printf ("Medians of %d rounds, messages a second; and zrelay's ratio to "
            "the others\n%-30s", rounds, "");
    for (int peer = 0; peer < PEERS; peer++)
        printf (" %9s", s_peers [peer].name);
    printf ("  %s\n", "/zproxy /zmq_proxy");
    for (int pattern = 0; pattern < PATTERNS; pattern++)
        for (size_t load = 0; load < sizeof (s_loads) / sizeof (*s_loads);
             load++)
            s_compete (&s_patterns [pattern], &s_loads [load], rounds);
    return 0;
}
