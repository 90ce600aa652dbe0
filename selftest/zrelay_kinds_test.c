/*  =========================================================================
    zrelay_kinds_test - self tests of the kinds, by relays

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_testing.h"


//  --------------------------------------------------------------------------
//  The queue

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


//  --------------------------------------------------------------------------
//  The forwarder

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


//  --------------------------------------------------------------------------
//  The streamer

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


//  --------------------------------------------------------------------------
//  The proxy

void
zrelay_proxy_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_proxy: ");

    //  @selftest
    //  As in zproxy's own test
    zactor_t *proxy = zactor_new (zrelay_proxy, NULL);
    assert (proxy);
    assert (zrelay_testing_status (proxy, 0, "FRONTEND", "PULL",
                                   "inproc://proxy-test-frontend"));
    assert (zrelay_testing_status (proxy, 0, "BACKEND", "PUSH",
                                   "inproc://proxy-test-backend"));
    zsock_t *faucet = zsock_new_push (">inproc://proxy-test-frontend");
    zsock_t *sink = zsock_new_pull (">inproc://proxy-test-backend");
    assert (faucet && sink);
    zstr_sendx (faucet, "Hello", "World", NULL);
    assert (zrelay_testing_receives (sink, "Hello", "World"));

    //  A capture sees what passes
    zsock_t *capture = zsock_new_pull ("@inproc://proxy-test-capture");
    assert (zrelay_testing_status (proxy, 0, "CAPTURE",
                                   "inproc://proxy-test-capture", NULL));
    zstr_sendx (faucet, "Hello", "World", NULL);
    assert (zrelay_testing_receives (capture, "Hello", "World"));
    assert (zrelay_testing_receives (sink, "Hello", "World"));

    //  What is wrong is refused with a reason
    assert (zrelay_testing_status (proxy, 1, "FRONT", "PULL", "inproc://x"));
    assert (zrelay_testing_error (proxy, "FRONT"));
    assert (zrelay_testing_status (proxy, 2, "FRONTEND", "PULLS",
                                   "inproc://x"));
    assert (zrelay_testing_error (proxy, "PULLS"));
    assert (zrelay_testing_status (proxy, 2, "BACKEND", "PULL", "inproc://x"));
    assert (zrelay_testing_error (proxy, "neither side sends"));
    assert (zrelay_testing_status (proxy, 3, "FRONTEND", "SUB", "inproc://x"));
    assert (zrelay_testing_error (proxy, "in use"));
    assert (zrelay_testing_status (proxy, 4, "BIND", "FRONTEND",
                                   "tcp://nowhere"));
    assert (zrelay_testing_error (proxy, "tcp://nowhere"));

    //  And nothing was changed by it
    zstr_sendx (faucet, "Hello", "World", NULL);
    assert (zrelay_testing_receives (sink, "Hello", "World"));
    zsock_destroy (&faucet);
    zsock_destroy (&sink);
    zsock_destroy (&capture);
    zactor_destroy (&proxy);
    //  @end
    printf ("OK\n");
}


//  --------------------------------------------------------------------------
//  The cache

void
zrelay_cache_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_cache: ");

    //  @selftest
    zactor_t *cache = zactor_new (zrelay_cache, NULL);
    assert (cache);
    zsock_t *subscriber = zrelay_testing_connect (cache, "BACKEND", ZMQ_SUB);
    zsock_t *publisher = zrelay_testing_connect (cache, "FRONTEND", ZMQ_XPUB);
    //  It wants everything before anybody has subscribed
    assert (s_test_subscription (publisher, "\1", 1));
    zstr_sendx (publisher, "oslo", "rain", NULL);
    zstr_sendx (publisher, "rome", "wind", NULL);
    zstr_sendx (publisher, "rome", "sun", NULL);
    assert (zrelay_testing_reaches (cache, "frontend.in.messages", 3));
    assert (zrelay_testing_reaches (cache, "topics", 2));

    //  Who comes late gets the last value, and then the next one
    zsock_set_subscribe (subscriber, "ro");
    assert (zrelay_testing_receives (subscriber, "rome", "sun"));
    zstr_sendx (publisher, "rome", "cloud", NULL);
    assert (zrelay_testing_receives (subscriber, "rome", "cloud"));
    assert (zrelay_testing_reaches (cache, "replayed", 1));

    //  A snapshot
    assert (zrelay_testing_status (cache, 0, "LOOKUP", "inproc://cache-test",
                                   NULL));
    zsock_t *script = zsock_new_dealer (">inproc://cache-test");
    assert (script);
    zsock_set_rcvtimeo (script, ZRELAY_TESTING_TIMEOUT);
    zstr_sendx (script, "ICANHAZ?", "", NULL);
    assert (zrelay_testing_receives (script, "oslo", "rain"));
    assert (zrelay_testing_receives (script, "rome", "cloud"));
    char *end = zstr_recv (script);
    assert (end && streq (end, "KTHXBAI"));
    zstr_free (&end);

    zsock_destroy (&script);
    zsock_destroy (&subscriber);
    zsock_destroy (&publisher);
    zactor_destroy (&cache);
    //  @end
    printf ("OK\n");
}
