/*  =========================================================================
    zrelay_hush - has a socket send without a look at what comes in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_HUSH_H_INCLUDED
#define ZRELAY_HUSH_H_INCLUDED

#include <zrelay.h>

//  A send on a libzmq socket may first take in what its peers have sent, which
//  for an XPUB are subscriptions: the message then goes to a subscriber of whom
//  nobody knows. libzmq looks whether anything has come at the descriptor
//  ZMQ_FD. Between begin and end, that number stands for another descriptor at
//  which nothing ever comes, and what libzmq's threads write to it is kept.

typedef struct _zrelay_hush_t zrelay_hush_t;

//  Returns NULL if the system has no descriptors to give.
zrelay_hush_t *
    zrelay_hush_new (void *handle);

//  To be called before the socket is closed.
void
    zrelay_hush_destroy (zrelay_hush_t **self_p);

//  Not to be called one within the other. Returns false if the system refuses;
//  then there is nothing to end.
bool
    zrelay_hush_begin (zrelay_hush_t *self);
void
    zrelay_hush_end (zrelay_hush_t *self);

//  Becomes readable when something was written too late for end to pass it on;
//  and pass it on.
int
    zrelay_hush_fd (zrelay_hush_t *self);
void
    zrelay_hush_forward (zrelay_hush_t *self);

void
    zrelay_hush_test (bool verbose);

#endif
