/*  =========================================================================
    zrelay_ears - listen to sockets for less than a zloop's readers do

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_EARS_H_INCLUDED
#define ZRELAY_EARS_H_INCLUDED

#include <zrelay.h>

//  Whenever something comes to one of its sockets, a zloop asks each of them
//  what it has, twice, and each question costs two system calls. An ear polls
//  the descriptor behind a socket instead, which says that something may have
//  come. It says so once, and to whoever uses the socket next; so a socket that
//  is used outside the ear's function must be looked at then.

//  All ears of a loop
typedef struct _zrelay_ears_t zrelay_ears_t;

//  The ear for one socket
typedef struct _zrelay_ear_t zrelay_ear_t;

//  What became of a call of an ear's function
typedef enum {
    ZRELAY_EAR_EMPTY,           //  There was nothing
    ZRELAY_EAR_READ,            //  A message was read, there may be more
    ZRELAY_EAR_GONE,            //  The ear was destroyed meanwhile
    ZRELAY_EAR_END              //  The loop is to end
} zrelay_ear_result_t;

//  Reads a message, if there is one, without waiting.
typedef zrelay_ear_result_t (zrelay_ear_fn) (void *owner);

zrelay_ears_t *
    zrelay_ears_new (zloop_t *loop);

//  To be called when there are no ears left, and the loop is over.
void
    zrelay_ears_destroy (zrelay_ears_t **self_p);

zloop_t *
    zrelay_ears_loop (zrelay_ears_t *self);

//  Listen to a libzmq socket, which must outlive the ear.
zrelay_ear_t *
    zrelay_ear_new (zrelay_ears_t *ears, void *handle, zrelay_ear_fn *function,
                    void *owner);
void
    zrelay_ear_destroy (zrelay_ear_t **self_p);

//  The socket was used elsewhere. self may be NULL.
void
    zrelay_ear_look (zrelay_ear_t *self);

//  Do not listen for a while.
void
    zrelay_ear_pause (zrelay_ear_t *self);
void
    zrelay_ear_resume (zrelay_ear_t *self);

#endif
