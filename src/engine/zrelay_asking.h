/*  =========================================================================
    zrelay_asking - subscriptions on their way through rules about topics

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ASKING_H_INCLUDED
#define ZRELAY_ASKING_H_INCLUDED

#include <zrelay.h>
#include "zrelay_sieve.h"

//  A subscription behind a sieve leads to those before it that bring no more
//  than is wanted. Where several sockets may ask for the same, each topic is
//  asked for once.
typedef struct _zrelay_asking_t zrelay_asking_t;

zrelay_asking_t *
    zrelay_asking_new (void);
void
    zrelay_asking_destroy (zrelay_asking_t **self_p);

//  The sieve, which outlives this, or NULL; and whether subscriptions come that
//  came before.
void
    zrelay_asking_set (zrelay_asking_t *self, zrelay_sieve_t *sieve,
                       bool repeats);
bool
    zrelay_asking_active (zrelay_asking_t *self);

//  If a message subscribes or cancels, call a function with each message that
//  it leads to, which takes that or leaves it; it is the caller's message, with
//  other frames. Returns false if it does not, or if there is no sieve.
typedef void (zrelay_asking_fn) (void *arg);
bool
    zrelay_asking_lead (zrelay_asking_t *self, zrelay_message_t *message,
                        zrelay_asking_fn *function, void *arg);

void
    zrelay_asking_test (bool verbose);

#endif
