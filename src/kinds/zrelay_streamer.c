/*  =========================================================================
    zrelay_streamer - carries tasks from many pushers to many pullers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include <zrelay.h>
#include "../../selftest/zrelay_testing.h"

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "streamer",
    .help = "carries tasks from many pushers to many pullers",
    .frontend = { .types = "PULL", .endpoint = "@tcp://127.0.0.1:5557",
                  .peers = "PUSH sockets" },
    .backend = { .types = "PUSH", .endpoint = "@tcp://127.0.0.1:5558",
                 .peers = "PULL sockets" }
};

const zrelay_kind_t *
zrelay_streamer_kind (void)
{
    return &s_kind;
}

void
zrelay_streamer (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_streamer_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_streamer: ");

    //  @selftest
    zactor_t *streamer = zactor_new (zrelay_streamer, NULL);
    assert (streamer);
    zsock_t *pusher = zrelay_testing_connect (streamer, "FRONTEND", ZMQ_PUSH);

    //  Without a backend it reads nothing
    for (int count = 0; count < 1000; count++)
        zstr_sendf (pusher, "%d", count);
    zsock_t *puller = zrelay_testing_connect (streamer, "BACKEND", ZMQ_PULL);
    for (int count = 0; count < 1000; count++) {
        char *task = zstr_recv (puller);
        assert (task && atoi (task) == count);
        zstr_free (&task);
    }
    assert (zrelay_testing_reaches (streamer, "backend.out.messages", 1000));
    assert (zrelay_testing_reaches (streamer, "forward.dropped", 0));

    //  A paused streamer lets tasks wait
    assert (zrelay_testing_status (streamer, 0, "PAUSE", NULL, NULL));
    zstr_send (pusher, "later");
    zsock_set_rcvtimeo (puller, 50);
    assert (!zstr_recv (puller));
    assert (zrelay_testing_status (streamer, 0, "RESUME", NULL, NULL));
    zsock_set_rcvtimeo (puller, ZRELAY_TESTING_TIMEOUT);
    assert (zrelay_testing_receives (puller, "later", NULL));

    zsock_destroy (&pusher);
    zsock_destroy (&puller);
    zactor_destroy (&streamer);
    //  @end
    printf ("OK\n");
}
