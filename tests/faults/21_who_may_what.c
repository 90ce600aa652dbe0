/*  =========================================================================
    21_who_may_what - peers that take, send or cancel what they may not

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Honest peers come from 127.0.0.2, others from 127.0.0.1.
//
//  The hard part is a subscriber. libzmq's XPUB has a subscription before
//  anybody can look at it, and takes in subscriptions also in the middle of a
//  burst, in the call that sends a message. Whoever asks for what it may not
//  have must be cut before the next message is sent. So some ask amid full
//  traffic, thousands of times, and count what they get.

#include "faults.h"
#include "wire.h"

#include <sys/socket.h>

#define DEADLINE 300
#define ATTACKERS 2
#define ATTEMPTS 1000           //  Of each attacker, with each form of messages
#define QUIET 300               //  Msecs in which nothing comes

static char s_file [64];        //  The permissions

static void
s_write (const char *text)
{
    char name [80];
    snprintf (name, sizeof (name), "%s.new", s_file);
    FILE *file = fopen (name, "w");
    assert (file);
    fputs (text, file);
    fclose (file);
    chmod (name, 0600);
    int rc = rename (name, s_file);
    assert (rc == 0);
}

static zactor_t *
s_relay (const char *kind, const char *rules)
{
    s_write (rules);
    zactor_t *relay = faults_relay (kind);
    int status = faults_command (relay, "PERMIT", s_file, NULL);
    assert (status == 0);
    return relay;
}

//  Connect from another address than 127.0.0.1

static zsock_t *
s_honest (int type, const char *endpoint)
{
    zsock_t *sock = zsock_new (type);
    zsock_set_rcvtimeo (sock, FAULTS_PATIENCE);
    zsock_set_sndtimeo (sock, FAULTS_PATIENCE);
    if (type == ZMQ_SUB)
        zsock_set_subscribe (sock, "");
    int rc = zsock_connect (sock, "tcp://127.0.0.2:0;%s",
                            endpoint + strlen ("tcp://"));
    assert (rc == 0);
    return sock;
}

static bool
s_gets (zsock_t *sock, const char *expected)
{
    char *string = zstr_recv (sock);
    bool right = string && streq (string, expected);
    if (!right)
        printf ("#   %s instead of %s\n", string? string: "nothing", expected);
    zstr_free (&string);
    return right;
}

static bool
s_gets_cancellation (zsock_t *publisher, const char *topic)
{
    size_t size = strlen (topic);
    zframe_t *frame = zframe_recv (publisher);
    bool right = frame && zframe_size (frame) == size + 1
              && zframe_data (frame) [0] == 0
              && memcmp (zframe_data (frame) + 1, topic, size) == 0;
    zframe_destroy (&frame);
    return right;
}

static bool
s_gets_nothing (zsock_t *sock)
{
    zsock_set_rcvtimeo (sock, QUIET);
    char *string = zstr_recv (sock);
    zsock_set_rcvtimeo (sock, FAULTS_PATIENCE);
    bool nothing = !string;
    zstr_free (&string);
    return nothing;
}


//  --------------------------------------------------------------------------
//  An attack amid full traffic

typedef struct {
    char *out;                  //  Where subscribers connect
    zsock_t *publisher;
    bool parts;                 //  It sends messages of two frames
    volatile bool stop;         //  The publisher has to end
    volatile uint64_t sent;     //  Messages that it sent
} traffic_t;

typedef struct {
    traffic_t *traffic;
    int attempts;               //  That it makes
    int made;                   //  Those where it was connected
    int leaks;                  //  Those where it got a message
} attacker_t;

static void *
s_publish (void *arg)
{
    traffic_t *self = (traffic_t *) arg;
    for (; !self->stop; self->sent++) {
        if (self->parts)
            zstr_sendx (self->publisher, "secret", "of the house", NULL);
        else
            zstr_send (self->publisher, "secret of the house");
    }
    return NULL;
}

//  Ask for the secret, also behind another frame. Returns 1 if anything comes
//  then, 0 if not, and -1 if there is no connection.

static int
s_take (const char *endpoint, bool behind)
{
    static const char topic [] = "\x01secret";
    int fd = wire_connect (endpoint);
    if (fd == -1)
        return -1;
    int result = -1;
    byte data;
    if (wire_handshake (fd, "SUB")
    && (!behind || wire_frame (fd, WIRE_MORE, "words", 5))
    &&  wire_frame (fd, 0, topic, sizeof (topic) - 1))
        result = recv (fd, &data, 1, 0) > 0;
    wire_close (fd, true);
    return result;
}

static void *
s_attack (void *arg)
{
    attacker_t *self = (attacker_t *) arg;
    for (int attempt = 0; attempt < self->attempts; attempt++) {
        int result = s_take (self->traffic->out, attempt % 2);
        self->made += result >= 0;
        self->leaks += result > 0;
    }
    return NULL;
}

static void
s_test_leaks (const char *kind, bool parts, int attempts)
{
    zactor_t *relay = s_relay (kind,
        "anybody publish\n"
        "address 127.0.0.2 subscribe\n"
        "anybody subscribe public\n");
    char *in = faults_bind (relay, "FRONTEND");
    traffic_t traffic = { .parts = parts };
    traffic.out = faults_bind (relay, "BACKEND");
    traffic.publisher = faults_connect (ZMQ_PUB, in);
    zsock_t *honest = s_honest (ZMQ_SUB, traffic.out);
    pthread_t publisher;
    pthread_create (&publisher, NULL, s_publish, &traffic);
    zmsg_t *msg = zmsg_recv (honest);
    TAP (msg, "%s: who may has the secret", kind);
    zmsg_destroy (&msg);

    attacker_t attackers [ATTACKERS];
    pthread_t threads [ATTACKERS];
    for (int index = 0; index < ATTACKERS; index++) {
        attackers [index] = (attacker_t) {
            .traffic = &traffic, .attempts = attempts };
        pthread_create (&threads [index], NULL, s_attack, &attackers [index]);
    }
    int made = 0;
    int leaks = 0;
    for (int index = 0; index < ATTACKERS; index++) {
        pthread_join (threads [index], NULL);
        made += attackers [index].made;
        leaks += attackers [index].leaks;
    }
    uint64_t passed = faults_counter (relay, "backend.out.messages");
    //  It has not read meanwhile
    while ((msg = zmsg_recv_nowait (honest)))
        zmsg_destroy (&msg);
    bool goes_on = faults_counted (relay, "backend.out.messages", passed + 100);
    for (int count = 0; count < 100 && goes_on; count++) {
        msg = zmsg_recv (honest);
        goes_on = msg != NULL;
        zmsg_destroy (&msg);
    }
    traffic.stop = true;
    pthread_join (publisher, NULL);
    printf ("# %s: %d tries, amid %" PRIu64 " messages\n",
            parts? "two frames": "one frame", made, passed);
    TAP (made == ATTACKERS * attempts, "many ask");
    TAP (leaks == 0, "who may not gets nothing: %d leaks", leaks);
    TAP (faults_counter (relay, "backend.cut_permit") >= (uint64_t) made,
         "and is cut and counted");
    TAP (faults_counter (relay, "return.dropped_permit") >= (uint64_t) made,
         "and so is what it asked for");
    TAP (goes_on, "who may still has it");
    TAP (faults_prompt (faults_end_relay (&relay)), "ends at once");
    zsock_destroy (&honest);
    zsock_destroy (&traffic.publisher);
    zstr_free (&traffic.out);
    zstr_free (&in);
}



//  Subscribers that may not send anything to publishers do so. The relay reads
//  some of it only to know who has subscribed, before it sends.

#define WORDS 2000

static void
s_test_words (void)
{
    zactor_t *relay = s_relay ("forwarder",
                               "anybody publish\nanybody subscribe\n");
    char *in = faults_bind (relay, "FRONTEND");
    traffic_t traffic = { .out = faults_bind (relay, "BACKEND") };
    traffic.publisher = faults_connect (ZMQ_PUB, in);
    zsock_t *listener = faults_connect (ZMQ_XPUB, in);
    zsock_t *subscriber = faults_connect (ZMQ_XSUB, traffic.out);
    zsock_set_sndhwm (subscriber, 0);
    zstr_send (subscriber, "\1secret");
    TAP (s_gets (listener, "\1secret"), "who subscribes may");
    pthread_t publisher;
    pthread_create (&publisher, NULL, s_publish, &traffic);
    for (int count = 0; count < WORDS; count++) {
        char *secret = zstr_recv (subscriber);
        if (count == 0)
            TAP (secret, "and hears");
        zstr_free (&secret);
        zstr_send (subscriber, "words");
    }
    TAP (faults_counted (relay, "return.dropped_permit", WORDS),
         "but not say anything to publishers, amid %" PRIu64 " messages",
         traffic.sent);
    traffic.stop = true;
    pthread_join (publisher, NULL);
    TAP (s_gets_nothing (listener), "who hear nothing");
    TAP (faults_prompt (faults_end_relay (&relay)), "ends at once");
    zsock_destroy (&subscriber);
    zsock_destroy (&listener);
    zsock_destroy (&traffic.publisher);
    zstr_free (&traffic.out);
    zstr_free (&in);
}


//  --------------------------------------------------------------------------
//  What each kind drops, and what passes

typedef struct {
    const char *kind;
    const char *types;          //  Of a proxy's sides, or NULL
    int sender;                 //  Type of the socket at the frontend
    int receiver;               //  And at the backend
    const char *counter;        //  Counts what is dropped
} case_t;

static const case_t s_cases [] = {
    { "forwarder", NULL, ZMQ_PUB, ZMQ_SUB, "forward.dropped_permit" },
    { "cache", NULL, ZMQ_PUB, ZMQ_SUB, "forward.dropped_permit" },
    { "streamer", NULL, ZMQ_PUSH, ZMQ_PULL, "forward.dropped_permit" },
    { "queue", NULL, ZMQ_REQ, ZMQ_REP, "forward.dropped_permit" },
    { "queue", NULL, ZMQ_DEALER, ZMQ_REP, "forward.dropped_permit" },
    { "balancer", NULL, ZMQ_REQ, ZMQ_REQ, "forward.dropped_permit" },
    { "proxy", "PULL PUSH", ZMQ_PUSH, ZMQ_PULL, "forward.dropped_permit" },
    { "proxy", "PULL XPUB", ZMQ_PUSH, ZMQ_SUB, "forward.dropped_permit" }
};

static void
s_attach (zactor_t *relay, const case_t *self)
{
    char frontend [10], backend [10];
    if (!self->types)
        return;
    sscanf (self->types, "%9s %9s", frontend, backend);
    faults_command (relay, "FRONTEND", frontend, "tcp://127.0.0.1:*", NULL);
    faults_command (relay, "BACKEND", backend, "tcp://127.0.0.1:*", NULL);
}

//  A worker of the balancer, or a REP, is ready

static void
s_prepare (const case_t *self, zactor_t *relay, zsock_t *receiver)
{
    if (self->receiver == ZMQ_REQ) {
        zstr_send (receiver, "READY");
        faults_counted (relay, "backend.in.messages", 1);
    }
    if (self->receiver == ZMQ_SUB)
        faults_counted (relay, "backend.in.messages", 1);
}

//  A DEALER makes the empty frame itself

static void
s_say (const case_t *self, zsock_t *sender, const char *text)
{
    if (self->sender == ZMQ_DEALER)
        zstr_sendx (sender, "", text, NULL);
    else
        zstr_send (sender, text);
}

//  The receiver of a balancer gets the client's address before the text

static bool
s_hears (zsock_t *receiver, const char *text)
{
    zmsg_t *msg = zmsg_recv (receiver);
    bool right = msg && zframe_streq (zmsg_last (msg), text);
    zmsg_destroy (&msg);
    return right;
}

static void
s_test_case (const case_t *self)
{
    zactor_t *relay = s_relay (self->kind,
        "address 127.0.0.2 publish good\n"
        "address 127.0.0.2 request good\n"
        "address 127.0.0.2 subscribe\n"
        "address 127.0.0.2 reply\n");
    s_attach (relay, self);
    char *in = faults_bind (relay, "FRONTEND");
    char *out = faults_bind (relay, "BACKEND");
    zsock_t *receiver = s_honest (self->receiver, out);
    zsock_t *good = s_honest (self->sender, in);
    zsock_t *bad = faults_connect (self->sender, in);
    s_prepare (self, relay, receiver);
    //  A PUB drops what it is given before it knows of a subscriber
    bool dropped = false;
    for (int look = 0; look < 500 && !dropped; look++) {
        if (look == 0 || self->sender == ZMQ_PUB)
            s_say (self, bad, "good, but from elsewhere");
        zclock_sleep (10);
        dropped = faults_counter (relay, self->counter) > 0;
    }
    TAP (dropped, "%s, %s: who may not send loses it", self->kind,
         zsys_sockname (self->sender));
    for (int look = 0; self->sender == ZMQ_PUB && look < 500
         && faults_counter (relay, "backend.out.messages") == 0; look++) {
        s_say (self, good, "bad");
        s_say (self, good, "good");
        zclock_sleep (10);
    }
    if (self->sender != ZMQ_PUB)
        s_say (self, good, "good");
    TAP (s_hears (receiver, "good"), "and who may does not");
    TAP (faults_prompt (faults_end_relay (&relay)), "ends at once");
    zsock_destroy (&receiver);
    zsock_destroy (&good);
    zsock_destroy (&bad);
    zstr_free (&in);
    zstr_free (&out);
}


//  --------------------------------------------------------------------------
//  A worker that may not be one, and a user

static void
s_test_reply (void)
{
    zactor_t *relay = s_relay ("balancer",
        "anybody request\naddress 127.0.0.2 reply\n");
    char *in = faults_bind (relay, "FRONTEND");
    char *out = faults_bind (relay, "BACKEND");
    zsock_t *thief = faults_connect (ZMQ_REQ, out);
    zstr_send (thief, "READY");
    TAP (faults_counted (relay, "return.dropped_permit", 1),
         "who may not reply is no worker");
    zsock_t *worker = s_honest (ZMQ_REQ, out);
    zstr_send (worker, "READY");
    zsock_t *client = faults_connect (ZMQ_REQ, in);
    zstr_send (client, "work");
    TAP (s_hears (worker, "work") && s_gets_nothing (thief),
         "and gets no work");
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zsock_destroy (&thief);
    TAP (faults_prompt (faults_end_relay (&relay)), "ends at once");
    zstr_free (&in);
    zstr_free (&out);
}

static zsock_t *
s_user (const char *name, const char *endpoint, const char *topic)
{
    zsock_t *sock = zsock_new (ZMQ_SUB);
    zsock_set_plain_username (sock, name);
    zsock_set_plain_password (sock, name);
    zsock_set_rcvtimeo (sock, FAULTS_PATIENCE);
    zsock_set_subscribe (sock, topic);
    int rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    return sock;
}

static void
s_test_users (void)
{
    char passwords [80];
    snprintf (passwords, sizeof (passwords), "%s.passwords", s_file);
    FILE *file = fopen (passwords, "w");
    assert (file);
    fputs ("alice=alice\nbob=bob\n", file);
    fclose (file);
    chmod (passwords, 0600);
    zactor_t *gate = zactor_new (zrelay_gate, NULL);
    zstr_sendx (gate, "PLAIN", "*", passwords, NULL);
    int rc = zsock_wait (gate);
    assert (rc == 0);

    zactor_t *relay = s_relay ("forwarder",
        "anybody publish\nuser alice subscribe\nuser bob subscribe b\n");
    faults_command (relay, "DOMAIN", "BACKEND", "global", NULL);
    faults_command (relay, "PLAIN", "BACKEND", NULL);
    char *in = faults_bind (relay, "FRONTEND");
    char *out = faults_bind (relay, "BACKEND");
    zsock_t *publisher = faults_connect (ZMQ_XPUB, in);
    zsock_t *alice = s_user ("alice", out, "a");
    TAP (s_gets (publisher, "\1a"), "a user has what is permitted");
    zsock_t *bob = s_user ("bob", out, "b");
    TAP (s_gets (publisher, "\1b"), "and so has another one");
    zsock_set_subscribe (bob, "a");
    TAP (faults_counted (relay, "backend.cut_permit", 1),
         "who asks for another's topic is cut");
    zstr_send (publisher, "a");
    TAP (s_gets (alice, "a"), "the other one is not");

    //  Rights that are taken away count before the next message after a second
    s_write ("anybody publish\nuser bob subscribe b\n");
    zclock_sleep (1100);
    zstr_send (publisher, "a");
    TAP (faults_counted (relay, "backend.cut_permit", 2),
         "who loses a right is cut");
    TAP (s_gets_nothing (alice), "before the next message");
    //  And given back
    s_write ("anybody publish\nuser alice subscribe\n");
    zclock_sleep (1100);
    bool again = false;
    zsock_set_rcvtimeo (alice, 20);
    for (int look = 0; look < 500 && !again; look++) {
        zstr_send (publisher, "a");
        char *string = zstr_recv (alice);
        again = string != NULL;
        zstr_free (&string);
    }
    TAP (again, "and comes back when it has it again");
    zsock_destroy (&alice);
    zsock_destroy (&bob);
    zsock_destroy (&publisher);
    TAP (faults_prompt (faults_end_relay (&relay)), "ends at once");
    zactor_destroy (&gate);
    unlink (passwords);
    zstr_free (&in);
    zstr_free (&out);
}


//  --------------------------------------------------------------------------
//  Cancelling for others

static void
s_test_cancel (const char *kind)
{
    zactor_t *relay = faults_relay (kind);
    char *in = faults_bind (relay, "FRONTEND");
    char *out = faults_bind (relay, "BACKEND");
    zsock_t *publisher = faults_connect (ZMQ_XPUB, in);
    zsock_t *honest = faults_connect (ZMQ_SUB, out);
    zsock_set_subscribe (honest, "news");
    TAP (s_gets (publisher, "\1news"), "%s: somebody subscribes", kind);
    //  One that never subscribed, and one that did, and cancels twice
    zsock_set_rcvtimeo (publisher, QUIET);
    int fd = wire_connect (out);
    assert (fd != -1);
    bool shaken = wire_handshake (fd, "SUB");
    assert (shaken);
    wire_frame (fd, 0, "\0news", 5);
    wire_frame (fd, 0, "\1news", 5);
    wire_frame (fd, 0, "\0news", 5);
    wire_frame (fd, 0, "\0news", 5);
    wire_frame (fd, 0, "\1last", 5);
    TAP (s_gets (publisher, "\1last"), "others cannot cancel it");
    wire_close (fd, false);
    TAP (s_gets_cancellation (publisher, "last"), "nor by leaving");
    zstr_send (publisher, "news");
    TAP (s_gets (honest, "news"), "and who has it goes on to have it");
    zsock_set_rcvtimeo (publisher, FAULTS_PATIENCE);
    zsock_set_unsubscribe (honest, "news");
    TAP (s_gets_cancellation (publisher, "news"),
         "until it cancels it itself");
    zsock_destroy (&honest);
    zsock_destroy (&publisher);
    TAP (faults_prompt (faults_end_relay (&relay)), "ends at once");
    zstr_free (&in);
    zstr_free (&out);
}

//  Who cancels, and is gone before the relay reads that. Subscribers by inproc
//  have no connection that would tell them apart.

static bool
s_has_no_peers (void *arg)
{
    return faults_counter ((zactor_t *) arg, "backend.peers") == 0;
}

static void
s_come_and_go (const char *endpoint)
{
    for (int index = 0; index < 20; index++) {
        int fd = wire_connect (endpoint);
        bool shaken = fd != -1 && wire_handshake (fd, "SUB");
        assert (shaken);
        wire_frame (fd, 0, "\0news", 5);
        if (index % 2) {
            wire_frame (fd, 0, "\1news", 5);
            wire_frame (fd, 0, "\1news", 5);
            wire_frame (fd, 0, "\0news", 5);
            wire_frame (fd, 0, "\0news", 5);
        }
        wire_close (fd, false);
    }
}

//  Somebody else comes when they have gone

static bool
s_hears_of (const char *endpoint, const char *topic, zsock_t *publisher)
{
    char expected [20];
    snprintf (expected, sizeof (expected), "\1%s", topic);
    zsock_t *sock = faults_connect (ZMQ_SUB, endpoint);
    zsock_set_subscribe (sock, topic);
    bool right = s_gets (publisher, expected);
    zsock_destroy (&sock);
    return right && s_gets_cancellation (publisher, topic);
}

#define FAULT(condition) \
    (!(condition) && printf ("#   not true: %s\n", #condition))

static bool
s_survives_those (void)
{
    zactor_t *relay = faults_relay ("forwarder");
    char *in = faults_bind (relay, "FRONTEND");
    char *out = faults_bind (relay, "BACKEND");
    faults_command (relay, "BIND", "BACKEND", "inproc://who-may-what", NULL);
    zsock_t *publisher = faults_connect (ZMQ_XPUB, in);
    zsock_t *honest = faults_connect (ZMQ_SUB, "inproc://who-may-what");
    zsock_set_subscribe (honest, "news");
    bool fault = FAULT (s_gets (publisher, "\1news"));
    faults_command (relay, "PAUSE", NULL);
    s_come_and_go (out);
    fault |= FAULT (faults_wait (s_has_no_peers, relay, FAULTS_PATIENCE));
    faults_command (relay, "RESUME", NULL);
    fault |= FAULT (s_hears_of (out, "last", publisher));
    zstr_send (publisher, "news");
    fault |= FAULT (s_gets (honest, "news"));
    zsock_set_unsubscribe (honest, "news");
    fault |= FAULT (s_gets_cancellation (publisher, "news"));
    zsock_destroy (&honest);
    zsock_destroy (&publisher);
    fault |= FAULT (faults_prompt (faults_end_relay (&relay)));
    zstr_free (&in);
    zstr_free (&out);
    return !fault;
}

//  Which connections have come and gone when their messages are read differs

#define ROUNDS 30

static void
s_test_gone (void)
{
    int right = 0;
    for (int round = 0; round < ROUNDS; round++)
        right += s_survives_those ();
    TAP (right == ROUNDS, "others cancel it, and are gone: who has it by inproc"
         " has it until it cancels it, %d times of %d", right, ROUNDS);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    snprintf (s_file, sizeof (s_file), ".who-may-what-%d", (int) getpid ());
    for (size_t index = 0; index < sizeof (s_cases) / sizeof (*s_cases);
         index++)
        s_test_case (&s_cases [index]);
    s_test_reply ();
    s_test_users ();
    s_test_cancel ("forwarder");
    s_test_gone ();
    int attempts = (int) faults_parameter ("ATTEMPTS", ATTEMPTS);
    s_test_words ();
    s_test_leaks ("forwarder", false, attempts);
    s_test_leaks ("forwarder", true, attempts);
    s_test_leaks ("cache", false, attempts);
    unlink (s_file);
    return faults_end ();
}
