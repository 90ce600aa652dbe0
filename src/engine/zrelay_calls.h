/*  =========================================================================
    zrelay_calls - a kind's timers and readers, in the engine's loop

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CALLS_H_INCLUDED
#define ZRELAY_CALLS_H_INCLUDED

#include <zrelay.h>

//  Functions of a kind's that the loop calls: after some time, or when a socket
//  or a descriptor can be read.
typedef struct _zrelay_calls_t zrelay_calls_t;

//  Called after each of them, which may have changed anything. Returns -1 if
//  the loop has to end, or 0.
typedef int (zrelay_called_fn) (zrelay_engine_t *engine);

//  The loop and the engine outlive it.
zrelay_calls_t *
    zrelay_calls_new (zrelay_engine_t *engine, zloop_t *loop,
                      zrelay_called_fn *called);
void
    zrelay_calls_destroy (zrelay_calls_t **self_p);

//  See the functions of the same names in zrelay_engine.h.
int
    zrelay_calls_timer (zrelay_calls_t *self, size_t msecs, size_t times,
                        zrelay_timer_fn *function, void *object);
void
    zrelay_calls_timer_end (zrelay_calls_t *self, int timer);
void
    zrelay_calls_reader (zrelay_calls_t *self, void *sock, int fd,
                         zrelay_reader_fn *function, void *object);
void
    zrelay_calls_reader_end (zrelay_calls_t *self, void *sock, int fd);

#endif
