/*  =========================================================================
    zrelay_queue - shares requests of many clients among many workers

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
    .name = "queue",
    .help = "shares requests of many clients among many workers",
    .frontend = { .types = "ROUTER", .endpoint = "@tcp://127.0.0.1:5559",
                  .peers = "REQ and DEALER clients" },
    .backend = { .types = "DEALER", .endpoint = "@tcp://127.0.0.1:5560",
                 .peers = "REP, DEALER and ROUTER workers" }
};

const zrelay_kind_t *
zrelay_queue_kind (void)
{
    return &s_kind;
}

void
zrelay_queue (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_queue_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_queue: ");

    //  @selftest
    zactor_t *queue = zactor_new (zrelay_queue, "test");
    assert (queue);
    zsock_t *client = zrelay_testing_connect (queue, "FRONTEND", ZMQ_REQ);
    zsock_t *worker = zrelay_testing_connect (queue, "BACKEND", ZMQ_REP);

    for (int count = 0; count < 100; count++) {
        zstr_sendf (client, "request %d", count);
        char *request = zstr_recv (worker);
        assert (request);
        zstr_sendx (worker, request, "reply", NULL);
        assert (zrelay_testing_receives (client, request, "reply"));
        zstr_free (&request);
    }
    zrelay_stats_t *stats = zrelay_stats_query (queue);
    assert (stats);
    assert (streq (zrelay_stats_kind (stats), "queue"));
    assert (streq (zrelay_stats_name (stats), "test"));
    assert (streq (zrelay_stats_state (stats), "active"));
    assert (zrelay_stats_value (stats, "frontend.in.messages") == 100);
    assert (zrelay_stats_value (stats, "frontend.out.messages") == 100);
    assert (zrelay_stats_value (stats, "backend.in.messages") == 100);
    assert (zrelay_stats_value (stats, "backend.out.messages") == 100);
    zrelay_stats_destroy (&stats);

    //  A reply to a client that has gone is dropped and counted
    zstr_send (client, "last words");
    assert (zrelay_testing_receives (worker, "last words", NULL));
    assert (zrelay_testing_reaches (queue, "frontend.peers", 1));
    zsock_destroy (&client);
    assert (zrelay_testing_reaches (queue, "frontend.peers", 0));
    zstr_send (worker, "to whom?");
    assert (zrelay_testing_reaches (queue, "return.dropped_unroutable", 1));

    zsock_destroy (&worker);
    zactor_destroy (&queue);
    //  @end
    printf ("OK\n");
}
