/*  =========================================================================
    zrelay_pipe - reads commands from a socket, and answers them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PIPE_H_INCLUDED
#define ZRELAY_PIPE_H_INCLUDED

#include <zrelay.h>

//  A socket that brings commands to an engine: an actor's pipe, or a control
//  socket to which anybody may have connected. How both look on the wire is
//  said in zrelay_client.h.

typedef struct _zrelay_pipe_t zrelay_pipe_t;

//  Take commands from a libzmq socket, which remains the caller's. Strangers
//  are not given commands that are for the owner only.
typedef enum {
    ZRELAY_PIPE_OWNER,          //  An actor's pipe
    ZRELAY_PIPE_STRANGERS       //  A ROUTER
} zrelay_pipe_from_t;

zrelay_pipe_t *
    zrelay_pipe_new (zrelay_engine_t *engine, void *handle,
                     zrelay_pipe_from_t from);

//  To be called after the engine was destroyed, whose kind may still give
//  answers until then.
void
    zrelay_pipe_destroy (zrelay_pipe_t **self_p);

#endif
