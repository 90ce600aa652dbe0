/*  =========================================================================
    zrelay_usher - gives a host's commands to the gate

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_USHER_H_INCLUDED
#define ZRELAY_USHER_H_INCLUDED

#include <zrelay.h>

//  The gate reads files, which may take time, and its answers are signals
//  without a sentence. The usher gives it one command at a time, asks for the
//  sentence of each that was refused, and reports both, while the host goes on.

typedef struct _zrelay_usher_t zrelay_usher_t;

//  Called with the outcome of a command: the status, and the frames of a
//  query's answer or the sentence, which the function may take.
typedef void (zrelay_usher_fn) (void *object, int status, zmsg_t **frames_p);

zrelay_usher_t *
    zrelay_usher_new (zloop_t *loop);

//  The gate logs everything, when there is one.
void
    zrelay_usher_set_verbose (zrelay_usher_t *self);

//  True if the gate was started, so that this process has no other one.
bool
    zrelay_usher_has_gate (zrelay_usher_t *self);

//  Ends the gate. Commands without an outcome get none.
void
    zrelay_usher_destroy (zrelay_usher_t **self_p);

//  Give the gate a command, its words, which are taken. The gate is started by
//  the first one. Its outcome may be known before this function returns.
void
    zrelay_usher_give (zrelay_usher_t *self, zmsg_t **words_p,
                       zrelay_usher_fn *function, void *object);

#endif
