/*  =========================================================================
    zrelay_hosted - one relay that a host runs

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_HOSTED_H_INCLUDED
#define ZRELAY_HOSTED_H_INCLUDED

#include "zrelay_entrance.h"

//  A relay on a thread of its own, and the commands that it has not answered
//  yet. Unlike a zactor, which waits for its thread to begin and to end, this
//  class never waits: the host goes on whatever a relay does.

typedef struct _zrelay_hosted_t zrelay_hosted_t;

//  Called when the relay has ended; it may be destroyed then.
typedef void (zrelay_hosted_fn) (void *owner, zrelay_hosted_t *self);

//  Start a relay. Returns NULL with errno if the system has no sockets or
//  threads left. kind must outlive it.
zrelay_hosted_t *
    zrelay_hosted_new (zrelay_ears_t *ears, const zrelay_kind_t *kind,
                       const char *name, zrelay_hosted_fn *on_ended,
                       void *owner);

//  Ends the relay, and waits for that if it has not happened yet. Requests that
//  were not answered are destroyed.
void
    zrelay_hosted_destroy (zrelay_hosted_t **self_p);

const char *
    zrelay_hosted_name (zrelay_hosted_t *self);
const zrelay_kind_t *
    zrelay_hosted_kind (zrelay_hosted_t *self);

//  The kind's own command of that name, or NULL.
const zrelay_command_t *
    zrelay_hosted_own_command (const zrelay_kind_t *kind, const char *command);

//  Give the relay a command, its words, which are taken, as is the request; the
//  relay's answer answers it. If that is not possible, the request is refused.
void
    zrelay_hosted_give (zrelay_hosted_t *self, zrelay_call_t **request_p,
                        zmsg_t **words_p);

//  Give the relay a command, whose answer nobody waits for. The words are
//  taken.
void
    zrelay_hosted_tell (zrelay_hosted_t *self, zmsg_t **words_p);

//  Answer a request when the relay has ended, or refuse it if there are too many
//  such. Takes it.
void
    zrelay_hosted_wait (zrelay_hosted_t *self, zrelay_call_t **request_p);

//  End the relay, after a drain of that many milliseconds if it is not "". The
//  request is answered when it has ended, before on_ended is called.
void
    zrelay_hosted_stop (zrelay_hosted_t *self, zrelay_call_t **request_p,
                        const char *msecs);

#endif
