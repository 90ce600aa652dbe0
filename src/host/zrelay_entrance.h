/*  =========================================================================
    zrelay_entrance - one socket at which a host takes commands

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ENTRANCE_H_INCLUDED
#define ZRELAY_ENTRANCE_H_INCLUDED

#include "zrelay_ears.h"

//  A host has an entrance for its own pipe, and one for each control socket.
//  An entrance reads commands, takes their envelopes off, and gives each to its
//  owner as a request, which is answered whenever the answer is known:
//
//      static int
//      s_on_request (void *owner, zrelay_call_t *request, zmsg_t *words)
//      {
//          ...
//          zrelay_call_answer (&request, ZRELAY_STATUS_DONE, NULL);
//          return 0;
//      }
//
//  Answers to bare words on a pipe are signals, which say nothing of what they
//  answer. They are therefore sent in the order of the commands, and queries
//  that are answered overtake them. Nothing that a peer sends, or does not
//  read, holds up the host: a full pipe is tried again, and what a full peer of
//  a control socket does not take is dropped. A peer that awaits many answers
//  is refused more commands, so that it does not take the places of others.

typedef struct _zrelay_entrance_t zrelay_entrance_t;

//  A command that awaits its answer
typedef struct _zrelay_call_t zrelay_call_t;

//  Takes a request, to be answered, and looks at its words, of which there is
//  at least one; it may take frames out of the message. Called on the thread of
//  the loop. Returns 0, or -1 to end the loop.
typedef int (zrelay_entrance_fn) (void *owner, zrelay_call_t *request,
                                  zmsg_t *words);

//  The entrance of an actor's pipe, which remains the caller's.
zrelay_entrance_t *
    zrelay_entrance_new (zrelay_ears_t *ears, zsock_t *pipe,
                         zrelay_entrance_fn *function, void *owner);

//  The entrance of a control socket, which the entrance takes. Strangers can
//  come in there, unless only this user or this process can.
zrelay_entrance_t *
    zrelay_entrance_new_control (zrelay_ears_t *ears, zsock_t **router_p,
                                 bool strangers, zrelay_entrance_fn *function,
                                 void *owner);

//  Cut off peers of a control socket that send messages without an end; to be
//  called before the socket is bound. Returns 0, or -1 with errno if the system
//  has no sockets for this.
int
    zrelay_entrance_guard (zrelay_entrance_t *self);

//  Requests that were not answered are gone after this.
void
    zrelay_entrance_destroy (zrelay_entrance_t **self_p);

//  The last sentence of an answer given here, or "".
const char *
    zrelay_entrance_error (zrelay_entrance_t *self);

//  The control socket's endpoint, resolved, as a fresh string; NULL for a pipe.
char *
    zrelay_entrance_endpoint (zrelay_entrance_t *self);

//  Where a request came in, if that was at a control socket, and if it was one
//  where strangers can.
zrelay_entrance_t *
    zrelay_call_entrance (zrelay_call_t *self);
bool
    zrelay_call_is_remote (zrelay_call_t *self);
bool
    zrelay_call_is_strange (zrelay_call_t *self);

//  True if it is the only one that somebody at a control socket awaits an
//  answer to.
bool
    zrelay_call_is_only (zrelay_call_t *self);

//  True if it came without an envelope.
bool
    zrelay_call_is_bare (zrelay_call_t *self);

//  Answer a request, which is gone then, and null *self_p. frames are those
//  behind the status: of a query, its name and then its answer; or none, or
//  NULL. They are taken, and *frames_p is nulled.
void
    zrelay_call_answer (zrelay_call_t **self_p, int status,
                        zmsg_t **frames_p);

//  Answer a query with its name, and with a frame for each string of a block,
//  in which each has a zero byte behind it.
void
    zrelay_call_answer_packed (zrelay_call_t **self_p, const char *name,
                               zframe_t *block);

//  Answer with a status other than ZRELAY_STATUS_DONE, and a sentence.
void
    zrelay_call_refuse (zrelay_call_t **self_p, int status,
                        const char *format, ...) CHECK_PRINTF (3);

//  Forget a request without an answer; only when the host ends.
void
    zrelay_call_destroy (zrelay_call_t **self_p);

#endif
