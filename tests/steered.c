/*  =========================================================================
    steered - runs one relay, which other programs steer

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For tests in Python, see Steered in zrelay_testing.py:
//
//      steered KIND
//
//  It prints one line, "control ENDPOINT". REQ sockets that connect there give
//  the relay's commands, in the format of zrelay_client.h. The commands of
//  several sockets can be under way at once.

#include <zrelay.h>
#include <sys/prctl.h>

//  The relay returns an envelope that stands between two empty frames: here the
//  socket's routing id and the empty frame that a REQ sends

static void
s_pass_command (zsock_t *control, zactor_t *relay)
{
    zmsg_t *msg = zmsg_recv (control);
    if (!msg)
        return;
    zmsg_pushmem (msg, NULL, 0);
    zmsg_send (&msg, relay);
    zmsg_destroy (&msg);
}

static void
s_pass_answer (zsock_t *control, zactor_t *relay)
{
    zmsg_t *msg = zmsg_recv (relay);
    if (!msg)
        return;
    zframe_t *empty = zmsg_pop (msg);
    zframe_destroy (&empty);
    zmsg_send (&msg, control);
    zmsg_destroy (&msg);
}

static void
s_serve (zsock_t *control, zactor_t *relay)
{
    zpoller_t *poller = zpoller_new (control, relay, NULL);
    assert (poller);
    void *which = zpoller_wait (poller, -1);
    while (which) {
        if (which == control)
            s_pass_command (control, relay);
        else
            s_pass_answer (control, relay);
        which = zpoller_wait (poller, -1);
    }
    zpoller_destroy (&poller);
}

int
main (int argc, char **argv)
{
    //  A test that is killed must not leave a relay behind
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    const zrelay_kind_t *kind = argc == 2?
        zrelay_kinds_find (zrelay_kinds (), argv [1]): NULL;
    if (!kind) {
        fprintf (stderr, "Usage: %s KIND\n", argv [0]);
        return EXIT_FAILURE;
    }
    zactor_t *relay = zrelay_engine_spawn (kind, NULL);
    zsock_t *control = zsock_new_router ("@tcp://127.0.0.1:*");
    assert (relay && control);
    printf ("control %s\n", zsock_endpoint (control));
    fflush (stdout);
    s_serve (control, relay);
    zactor_destroy (&relay);
    zsock_destroy (&control);
    return EXIT_SUCCESS;
}
