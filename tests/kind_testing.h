/*  =========================================================================
    kind_testing - what the tests of the kind interface share

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef KIND_TESTING_H_INCLUDED
#define KIND_TESTING_H_INCLUDED

#include "faults/faults.h"

//  Commands are sent without their answers being read, where several are to be
//  under way at once
#define kind_send zstr_sendx

//  A relay of a kind; calls on its pipe wait for FAULTS_PATIENCE.

static inline zactor_t *
kind_spawn (const zrelay_kind_t *kind, const char *name)
{
    zactor_t *relay = zrelay_engine_spawn (kind, name);
    assert (relay);
    zsock_set_rcvtimeo (zactor_sock (relay), FAULTS_PATIENCE);
    zsock_set_sndtimeo (zactor_sock (relay), FAULTS_PATIENCE);
    return relay;
}

//  A socket of a type that is connected to a side of the relay, which this
//  binds.

static inline zsock_t *
kind_connect (zactor_t *relay, const char *side, int type)
{
    char *endpoint = faults_bind (relay, side);
    zsock_t *sock = faults_connect (type, endpoint);
    zstr_free (&endpoint);
    return sock;
}

//  Receive a message; true if it has just these strings as its frames. What
//  came instead is told in the output.

#define kind_receives(sock, ...) \
    kind_receives_list (sock, (const char *[]) { __VA_ARGS__, NULL })

static inline bool
kind_receives_list (void *sock, const char **expected)
{
    zmsg_t *msg = zmsg_recv (sock);
    bool same = msg != NULL;
    zframe_t *frame = msg? zmsg_first (msg): NULL;
    for (; same && *expected; expected++) {
        same = frame && zframe_streq (frame, *expected);
        frame = zmsg_next (msg);
    }
    same = same && !frame;
    if (!same)
        printf ("#   %s came instead\n", msg? "this": "nothing");
    frame = same || !msg? NULL: zmsg_first (msg);
    for (; frame; frame = zmsg_next (msg)) {
        char *text = zframe_strdup (frame);
        printf ("#       '%s'\n", text);
        zstr_free (&text);
    }
    zmsg_destroy (&msg);
    return same;
}

//  A ZAP handler, as an actor, see ZeroMQ RFC 27. args say how it answers each
//  request that its socket has.

#define KIND_ZAP "inproc://zeromq.zap.01"

typedef struct {
    void (*answer) (zsock_t *sock);
} kind_zap_t;

static inline void
kind_zap (zsock_t *pipe, void *args)
{
    const kind_zap_t *self = (const kind_zap_t *) args;
    zsock_t *sock = zsock_new_rep ("@" KIND_ZAP);
    assert (sock);
    zpoller_t *poller = zpoller_new (pipe, sock, NULL);
    zsock_signal (pipe, 0);
    while (zpoller_wait (poller, -1) == sock)
        self->answer (sock);
    zpoller_destroy (&poller);
    zsock_destroy (&sock);
}

//  True if there is nothing to read now.

static inline bool
kind_silent (void *sock)
{
    return (zsock_events (sock) & ZMQ_POLLIN) == 0;
}

//  The last frame of the answer to a query, which the caller frees; NULL if it
//  was refused.

static inline char *
kind_query (zactor_t *relay, const char *name, const char *argument)
{
    zstr_sendx (relay, name, argument, NULL);
    zmsg_t *answer = zmsg_recv (relay);
    char *text = answer && zmsg_signal (answer) == -1?
        zframe_strdup (zmsg_last (answer)): NULL;
    zmsg_destroy (&answer);
    return text;
}

//  True if the last failure was explained with these words.

static inline bool
kind_explains (zactor_t *relay, const char *words)
{
    char *sentence = faults_error (relay);
    bool found = strstr (sentence, words) != NULL;
    if (!found)
        printf ("#   the sentence was: %s\n", sentence);
    zstr_free (&sentence);
    return found;
}

//  True if a count has that value now.

static inline bool
kind_counts (zactor_t *relay, const char *name, uint64_t value)
{
    uint64_t count = faults_counter (relay, name);
    if (count != value)
        printf ("#   %s is %" PRIu64 "\n", name, count);
    return count == value;
}

#endif
