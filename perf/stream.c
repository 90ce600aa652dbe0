/*  =========================================================================
    stream - tasks through somebody else's streamer, as fast as it goes

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//      perf/stream FRONTEND BACKEND
//
//  Pushes messages of 100 bytes to one endpoint and pulls them from another,
//  until a signal ends it. The relay's own counters tell how many these are.

#include <czmq.h>

#define SIZE 100

//  Milliseconds until a message that finds no room, or does not come, is given
//  up, so that a signal ends this
#define PATIENCE 100

static void
s_pull (zsock_t *pipe, void *args)
{
    zsock_t *sink = zsock_new (ZMQ_PULL);
    assert (sink);
    int rc = zsock_connect (sink, "%s", (const char *) args);
    assert (rc == 0);
    zsock_set_rcvtimeo (sink, PATIENCE);
    zsock_signal (pipe, 0);
    byte data [SIZE];
    while (!zsys_interrupted)
        zmq_recv (zsock_resolve (sink), data, sizeof (data), 0);
    zsock_destroy (&sink);
}

int
main (int argc, char **argv)
{
    if (argc < 3) {
        fprintf (stderr, "usage: %s FRONTEND BACKEND\n", argv [0]);
        return 2;
    }
    zsys_set_io_threads (2);
    zactor_t *puller = zactor_new (s_pull, argv [2]);
    zsock_t *source = zsock_new (ZMQ_PUSH);
    assert (source);
    int rc = zsock_connect (source, "%s", argv [1]);
    assert (rc == 0);
    zsock_set_sndtimeo (source, PATIENCE);
    zsock_set_linger (source, 0);
    byte data [SIZE] = { 0 };
    while (!zsys_interrupted)
        zmq_send (zsock_resolve (source), data, sizeof (data), 0);
    zsock_destroy (&source);
    //  The puller sees the signal, too, and does not read its pipe
    zactor_destroy (&puller);
    return 0;
}
