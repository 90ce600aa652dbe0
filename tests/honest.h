/*  =========================================================================
    honest - clients and workers that keep to the protocols

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Peers of a balancer or a majordomo, in each form that these serve. They
//  never wait, so one thread can drive many; a peer stays on its thread:
//
//      honest_t *worker = honest_new (HONEST_WORKER_PPP, backend, NULL);
//      honest_t *client = honest_new (HONEST_CLIENT_REQ, frontend, NULL);
//      while (honest_counts (client)->answered < 100) {
//          honest_turn (worker);
//          honest_turn (client);
//      }
//
//  A client asks one thing after the other, each under a name of its own, and
//  checks that it gets one reply to each, and no other client's.

#ifndef HONEST_H_INCLUDED
#define HONEST_H_INCLUDED

#include "faults/faults.h"

typedef enum {
    HONEST_CLIENT_REQ,          //  Of a balancer
    HONEST_CLIENT_DEALER,       //  With an empty frame in front
    HONEST_CLIENT_BARE,         //  A DEALER without
    HONEST_CLIENT_CHAINED,      //  Whose requests come by two more ROUTERs
    HONEST_WORKER_READY,        //  REQ, of the Guide's load balancer
    HONEST_WORKER_PIRATE,       //  REQ, Simple Pirate
    HONEST_WORKER_PPP,          //  DEALER, Paranoid Pirate
    HONEST_CLIENT_MDP1_REQ,     //  Of a majordomo, version 0.1
    HONEST_CLIENT_MDP1,         //  The same with a DEALER
    HONEST_CLIENT_MDP2,         //  Version 0.2
    HONEST_CLIENT_MMI,          //  Asks the broker itself, not a worker
    HONEST_WORKER_MDP1,
    HONEST_WORKER_MDP2,
    HONEST_FORMS
} honest_form_t;

//  What a peer has seen
typedef struct {
    uint64_t asked;             //  Client: requests sent
    uint64_t answered;          //  Client: replies by honest workers
    uint64_t misled;            //  Client: replies by others
    uint64_t teased;            //  Client: partial ones by others, which may be
                                //  all that it gets
    uint64_t served;            //  Worker: requests replied to
    uint64_t disconnected;      //  Worker: times that it was told to go
    uint64_t deserted;          //  Worker: times that it missed heartbeats
    //  What must never be
    uint64_t malformed;         //  Messages that are not of the protocol
    uint64_t twice;             //  Replies to what was answered before
    uint64_t astray;            //  Replies to other clients
    uint64_t forged;            //  Replies marked HONEST_FORGED
} honest_counts_t;

//  The last frame of every reply by an honest worker
#define HONEST_MARK "honest"
//  The first frame of replies by those who were never given the request
#define HONEST_FORGED "forged"

typedef struct _honest_t honest_t;

//  A peer of that form, connected to the endpoint. service is that of its
//  requests or its work, or NULL for a balancer; it must outlive the peer.
honest_t *
    honest_new (honest_form_t form, const char *endpoint, const char *service);

//  linger is how many msecs its last messages may take to leave.
void
    honest_destroy (honest_t **self_p, int linger);

//  Do what can be done now: ask, reply, send heartbeats. Returns true if the
//  peer received something.
bool
    honest_turn (honest_t *self);

//  A worker keeps each request for so many turns before it replies.
void
    honest_set_pace (honest_t *self, unsigned turns);

//  A worker leaves, and comes back by another connection. A client that waits
//  does so too, and asks again.
void
    honest_return (honest_t *self);

//  A client asks no more, or again.
void
    honest_set_silent (honest_t *self, bool silent);

//  True if a client waits for a reply.
bool
    honest_waits (honest_t *self);

bool
    honest_is_worker (honest_t *self);
bool
    honest_form_works (honest_form_t form);

const char *
    honest_name (honest_t *self);

const honest_counts_t *
    honest_counts (honest_t *self);

//  The routing id of a client that a worker on this thread was given a request
//  of, one of the last HONEST_CLIENTS; NULL if there is none.
#define HONEST_CLIENTS 64
zframe_t *
    honest_client_id (unsigned which);

//  Forget these, at the end of the thread.
void
    honest_end (void);

#endif
