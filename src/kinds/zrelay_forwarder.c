/*  =========================================================================
    zrelay_forwarder - carries publications to subscribers, and subscriptions back

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
    .name = "forwarder",
    .help = "carries publications to subscribers, subscriptions back",
    .frontend = { .types = "XSUB", .endpoint = ">tcp://127.0.0.1:5556",
                  .peers = "PUB and XPUB publishers" },
    .backend = { .types = "XPUB", .endpoint = "@tcp://127.0.0.1:8100",
                 .peers = "SUB and XSUB subscribers" }
};

const zrelay_kind_t *
zrelay_forwarder_kind (void)
{
    return &s_kind;
}

void
zrelay_forwarder (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}


//  --------------------------------------------------------------------------
//  Selftest

//  The next subscription or cancellation that reached the publisher

static bool
s_test_subscription (zsock_t *publisher, const char *expected, size_t size)
{
    zframe_t *frame = zframe_recv (publisher);
    bool same = frame && zframe_size (frame) == size
             && memcmp (zframe_data (frame), expected, size) == 0;
    zframe_destroy (&frame);
    return same;
}

void
zrelay_forwarder_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_forwarder: ");

    //  @selftest
    zactor_t *forwarder = zactor_new (zrelay_forwarder, NULL);
    assert (forwarder);
    zsock_t *publisher = zrelay_testing_connect (forwarder, "FRONTEND",
                                                 ZMQ_XPUB);
    zsock_t *subscriber = zrelay_testing_connect (forwarder, "BACKEND",
                                                  ZMQ_SUB);

    //  The subscriber's topic travels to the publisher
    zsock_set_subscribe (subscriber, "weather");
    assert (s_test_subscription (publisher, "\1weather", 8));
    zstr_sendx (publisher, "sport", "not wanted", NULL);
    zstr_sendx (publisher, "weather.oslo", "rain", NULL);
    assert (zrelay_testing_receives (subscriber, "weather.oslo", "rain"));

    //  And so does the relay's own
    assert (zrelay_testing_status (forwarder, 0, "SUBSCRIBE", "news", NULL));
    assert (s_test_subscription (publisher, "\1news", 5));
    assert (zrelay_testing_status (forwarder, 0, "UNSUBSCRIBE", "news", NULL));
    assert (s_test_subscription (publisher, "\0news", 5));
    assert (zrelay_testing_status (forwarder, 3, "UNSUBSCRIBE", "news", NULL));
    assert (zrelay_testing_error (forwarder, "not subscribed"));

    //  What the publisher sent unwanted never reached the relay
    assert (zrelay_testing_reaches (forwarder, "frontend.in.messages", 1));

    zsock_destroy (&publisher);
    zsock_destroy (&subscriber);
    zactor_destroy (&forwarder);
    //  @end
    printf ("OK\n");
}
