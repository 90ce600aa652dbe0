/*  =========================================================================
    07_subscriptions - none missing, none too many, none left over

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Three reports of what becomes of subscriptions in a proxy:
//
//  CZMQ issue 1905: a SUB frontend that nobody subscribed receives nothing,
//  and there is no way to subscribe it. Here SUBSCRIBE does that, and
//  UNSUBSCRIBE ends it.
//
//  libzmq issue 448: an XPUB that is to tell of every subscription, for
//  publishers who greet each subscriber, does not get it past a forwarder.
//  Here each one reaches the publisher through two of them, and the last
//  cancellation too, however the subscribers leave.
//
//  pyzmq issue 1514: subscriptions in great numbers get lost or eat up the
//  memory. Here one peer subscribes to a million topics and cancels them:
//  each must arrive, and the memory must come back. FAULTS_TOPICS tells
//  another number.

#include "faults.h"

#define DEADLINE 300
#define ROUNDS 50           //  Of subscribers who come and go
#define TOPICS 1000000
#define TOPIC_SIZE 14       //  "topic-" and 8 digits
#define LEFT_OVER 8192      //  KiB that may remain: the allocator's own


//  --------------------------------------------------------------------------
//  What a publisher hears and says

//  True if the next thing it hears is that subscription, or, with 0, the
//  cancellation

static bool
s_hears (zsock_t *publisher, byte what, const char *topic)
{
    zframe_t *frame = zframe_recv (publisher);
    bool right = frame && zframe_size (frame) == strlen (topic) + 1
        && zframe_data (frame) [0] == what
        && memcmp (zframe_data (frame) + 1, topic, strlen (topic)) == 0;
    zframe_destroy (&frame);
    return right;
}

//  True if the next message of a subscriber or puller is that

static bool
s_gets (zsock_t *sock, const char *message)
{
    char *string = zstr_recv (sock);
    bool right = string && streq (string, message);
    if (!right)
        printf ("#   got %s, not %s\n", string? string: "nothing", message);
    zstr_free (&string);
    return right;
}

static zsock_t *
s_publisher_new (void)
{
    zsock_t *sock = faults_listen (ZMQ_XPUB);
    zsock_set_xpub_verbose (sock, 1);
    return sock;
}


//  --------------------------------------------------------------------------
//  A SUB that nobody subscribed

static void
s_test_sub (void)
{
    zsock_t *publisher = s_publisher_new ();
    zactor_t *relay = faults_relay ("proxy");
    char *connect = zsys_sprintf (">%s", zsock_endpoint (publisher));
    faults_command (relay, "FRONTEND", "SUB", connect, NULL);
    faults_command (relay, "BACKEND", "PUSH", "@tcp://127.0.0.1:*", NULL);
    char *endpoint = faults_bind (relay, "BACKEND");
    zsock_t *puller = faults_connect (ZMQ_PULL, endpoint);

    //  What is published before is heard by nobody
    zstr_send (publisher, "A1");
    TAP (faults_command (relay, "SUBSCRIBE", "A", "C", NULL) == 0
      && s_hears (publisher, 1, "A") && s_hears (publisher, 1, "C"),
         "a SUB is subscribed at any time");
    zstr_send (publisher, "A2");
    TAP (s_gets (puller, "A2"), "and what it hears passes");
    TAP (faults_command (relay, "UNSUBSCRIBE", "A", NULL) == 0
      && s_hears (publisher, 0, "A"), "until it is cancelled");
    zstr_send (publisher, "A3");
    zstr_send (publisher, "C1");
    TAP (s_gets (puller, "C1"), "and others stay");

    zactor_destroy (&relay);
    zsock_destroy (&puller);
    zsock_destroy (&publisher);
    zstr_free (&endpoint);
    zstr_free (&connect);
}


//  --------------------------------------------------------------------------
//  A chain of two forwarders

typedef struct {
    zsock_t *publisher;
    zactor_t *forwarders [2];   //  The publisher's, and the subscribers'
    char *out;                  //  Where subscribers connect
} chain_t;

static void
s_chain_setup (chain_t *self)
{
    self->publisher = s_publisher_new ();
    char *in = strdup (zsock_endpoint (self->publisher));
    for (int index = 0; index < 2; index++) {
        self->forwarders [index] = faults_relay ("forwarder");
        faults_command (self->forwarders [index],
                        "SET", "BACKEND", "xpub_verbose", "1", NULL);
        faults_command (self->forwarders [index],
                        "CONNECT", "FRONTEND", in, NULL);
        zstr_free (&in);
        in = faults_bind (self->forwarders [index], "BACKEND");
    }
    self->out = in;
}

static void
s_chain_cleanup (chain_t *self)
{
    zactor_destroy (&self->forwarders [1]);
    zactor_destroy (&self->forwarders [0]);
    zsock_destroy (&self->publisher);
    zstr_free (&self->out);
}

//  Two subscribers of one topic come, hear, and leave. The topic is another
//  one in each round, so that nothing of the last one can help.

static bool
s_come_and_go (chain_t *self, int round)
{
    char topic [20], first [30], second [30];
    snprintf (topic, sizeof (topic), "topic-%d-", round);
    snprintf (first, sizeof (first), "%sfirst", topic);
    snprintf (second, sizeof (second), "%ssecond", topic);
    zsock_t *one = faults_connect (ZMQ_SUB, self->out);
    zsock_t *two = faults_connect (ZMQ_SUB, self->out);

    zsock_set_subscribe (one, topic);
    bool right = s_hears (self->publisher, 1, topic);
    zsock_set_subscribe (two, topic);
    right = right && s_hears (self->publisher, 1, topic);
    zstr_send (self->publisher, first);
    right = right && s_gets (one, first) && s_gets (two, first);

    //  The other one stays subscribed
    if (round % 2)
        zsock_set_unsubscribe (one, topic);
    else
        zsock_destroy (&one);
    zstr_send (self->publisher, second);
    right = right && s_gets (two, second);

    //  The last one tells the publisher
    zsock_destroy (&two);
    right = right && s_hears (self->publisher, 0, topic);
    zsock_destroy (&one);
    return right;
}

static void
s_test_chain (void)
{
    chain_t chain;
    s_chain_setup (&chain);
    int round = 0;
    while (round < ROUNDS && s_come_and_go (&chain, round))
        round++;
    TAP (round == ROUNDS, "each subscription passes two forwarders, and the "
         "last cancellation, %d times", round);

    //  A relay's own subscription is not lost with that of a subscriber
    zactor_t *relay = chain.forwarders [0];
    TAP (faults_command (relay, "SUBSCRIBE", "own", NULL) == 0
      && s_hears (chain.publisher, 1, "own"), "a relay subscribes itself");
    zsock_t *one = faults_connect (ZMQ_SUB, chain.out);
    zsock_set_subscribe (one, "own");
    TAP (s_hears (chain.publisher, 1, "own"),
         "a subscriber of the same topic passes");
    zsock_destroy (&one);
    one = faults_connect (ZMQ_SUB, chain.out);
    zsock_set_subscribe (one, "other");
    //  It comes after the cancellation, of which the publisher hears nothing
    TAP (s_hears (chain.publisher, 1, "other"),
         "its cancellation leaves the relay subscribed");
    TAP (faults_command (relay, "UNSUBSCRIBE", "own", NULL) == 0
      && s_hears (chain.publisher, 0, "own"), "until that is cancelled");
    zsock_destroy (&one);
    s_chain_cleanup (&chain);
}


//  --------------------------------------------------------------------------
//  A million

//  Send that many, and await them at the other end. Returns how many came.

static long
s_tell_all (zsock_t *subscriber, zsock_t *publisher, byte what, long count)
{
    char frame [40];
    frame [0] = (char) what;
    for (long number = 0; number < count; number++) {
        snprintf (frame + 1, sizeof (frame) - 1, "topic-%08ld", number);
        zmq_send (zsock_resolve (subscriber), frame, TOPIC_SIZE + 1, 0);
    }
    long heard = 0;
    while (heard < count
       &&  zmq_recv (zsock_resolve (publisher), frame, sizeof (frame), 0)
           == TOPIC_SIZE + 1
       &&  frame [0] == (char) what)
        heard++;
    return heard;
}

//  Topics from the beginning, the middle and the end, and one beyond

static bool
s_hears_samples (zsock_t *subscriber, zsock_t *publisher, long count)
{
    const long samples [] = { 0, count / 3, count / 2, count - 1 };
    bool right = true;
    for (int index = 0; index < 4 && right; index++) {
        char message [40];
        snprintf (message, sizeof (message), "topic-%08ld!", samples [index]);
        zstr_sendf (publisher, "topic-%08ld!", count);
        zstr_send (publisher, message);
        right = s_gets (subscriber, message);
    }
    return right;
}

static void
s_test_million (void)
{
    long count = faults_parameter ("FAULTS_TOPICS", TOPICS);
    zsock_t *publisher = s_publisher_new ();
    zactor_t *relay = faults_relay ("forwarder");
    if (!faults_naive ()) {
        faults_command (relay, "SET", "BACKEND", "subscriptions", "0", NULL);
        faults_command (relay, "SET", "BACKEND", "subscriptions_bytes", "0",
                        NULL);
    }
    faults_command (relay, "CONNECT", "FRONTEND", zsock_endpoint (publisher),
                    NULL);
    char *endpoint = faults_bind (relay, "BACKEND");
    //  A subscriber, too, drops what is above its high-water mark
    zsock_t *subscriber = zsock_new (ZMQ_XSUB);
    zsock_set_sndhwm (subscriber, 0);
    zsock_set_rcvtimeo (subscriber, FAULTS_PATIENCE);
    int rc = zsock_connect (subscriber, "%s", endpoint);
    assert (rc == 0);
    zstr_free (&endpoint);

    int64_t before = faults_memory (0);
    int64_t start = zclock_mono ();
    TAP (s_tell_all (subscriber, publisher, 1, count) == count,
         "%ld subscriptions of one peer reach the publisher", count);
    int64_t most = faults_memory (0);
    int64_t subscribed = zclock_mono ();
    TAP (s_hears_samples (subscriber, publisher, count), "and work");
    TAP (faults_prompt (faults_ping (relay)), "and the relay answers");
    TAP (s_tell_all (subscriber, publisher, 0, count) == count,
         "and so do %ld cancellations", count);
    printf ("# %" PRId64 " ms to subscribe, %" PRId64 " ms to cancel\n",
            subscribed - start, zclock_mono () - subscribed);
    int64_t after = faults_memory (0);
    printf ("# memory: %" PRId64 " KiB before, %" PRId64 " KiB with them, "
            "%" PRId64 " KiB after\n", before, most, after);
    if (FAULTS_SANITIZED)
        TAP_SKIP ("and the memory comes back", "sanitizers keep it");
    else
        TAP (after < before + LEFT_OVER, "and the memory comes back");

    zactor_destroy (&relay);
    zsock_destroy (&subscriber);
    zsock_destroy (&publisher);
}


//  --------------------------------------------------------------------------
//  Somebody cancels what others have. An XSUB sends what it is told to.

static void
s_send_topic (zsock_t *sock, const char *message)
{
    zframe_t *frame = zframe_new (message, strlen (message + 1) + 1);
    zframe_send (&frame, sock, 0);
}

static void
s_test_cancel_for_others (void)
{
    zsock_t *publisher = s_publisher_new ();
    zactor_t *relay = faults_relay ("forwarder");
    faults_command (relay, "CONNECT", "FRONTEND", zsock_endpoint (publisher),
                    NULL);
    char *out = faults_bind (relay, "BACKEND");
    zsock_t *subscriber = faults_connect (ZMQ_SUB, out);
    zsock_set_subscribe (subscriber, "news");
    bool subscribed = s_hears (publisher, 1, "news");
    zsock_t *hostile = faults_connect (ZMQ_XSUB, out);
    s_send_topic (hostile, "\0news");
    s_send_topic (hostile, "\1later");
    //  Had the cancellation passed, it would come first
    TAP (subscribed && s_hears (publisher, 1, "later"),
         "nobody cancels a topic for others");
    zstr_send (publisher, "news");
    TAP (s_gets (subscriber, "news"), "and they go on to hear it");
    zactor_destroy (&relay);
    zsock_destroy (&hostile);
    zsock_destroy (&subscriber);
    zsock_destroy (&publisher);
    zstr_free (&out);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    s_test_sub ();
    s_test_cancel_for_others ();
    s_test_chain ();
    s_test_million ();
    return faults_end ();
}
