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

//  Ask for the secret. Returns 1 if anything comes then, 0 if not, and -1 if
//  there is no connection.

static int
s_take (const char *endpoint)
{
    static const char topic [] = "\x01secret";
    int fd = wire_connect (endpoint);
    if (fd == -1)
        return -1;
    int result = -1;
    byte data;
    if (wire_handshake (fd, "SUB")
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
        int result = s_take (self->traffic->out);
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
    while ((msg = zmsg_recv_nowait (honest)))
        zmsg_destroy (&msg);
    TAP ((msg = zmsg_recv (honest)) || faults_naive (),
         "who may still has it");
    zmsg_destroy (&msg);
    TAP (faults_prompt (faults_end_relay (&relay)), "ends at once");
    zsock_destroy (&honest);
    zsock_destroy (&traffic.publisher);
    zstr_free (&traffic.out);
    zstr_free (&in);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    snprintf (s_file, sizeof (s_file), ".who-may-what-%d", (int) getpid ());
    int attempts = (int) faults_parameter ("ATTEMPTS", ATTEMPTS);
    s_test_leaks ("forwarder", false, attempts);
    s_test_leaks ("forwarder", true, attempts);
    unlink (s_file);
    return faults_end ();
}
