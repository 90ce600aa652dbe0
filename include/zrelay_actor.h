/*  =========================================================================
    zrelay_actor - what the owner of a relay needs besides its commands

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ACTOR_H_INCLUDED
#define ZRELAY_ACTOR_H_INCLUDED

#include "zrelay_engine.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A relay that was started with zactor_new () or zrelay_engine_spawn () is its
//  owner's, who ends it with
//
//      zrelay_destroy (&relay);
//
//  These functions read answers from the relay's pipe, and throw away those
//  that its owner has not read.

//  End a relay, wait until it has ended and its sockets are closed, and null
//  the pointer. Messages still inside are lost; if they matter, DRAIN first.
//  zactor_destroy () does the same only if all answers were read: it would
//  mistake one that was not for the end, and return while the relay still has
//  its endpoints. (An actor that is not a relay is destroyed after a second in
//  which its pipe is full, and not before.)
ZRELAY_EXPORT void
    zrelay_destroy (zactor_t **self_p);

//  Show each message of a flow to a function, as the command FILTER does, in
//  the place of the one before; NULL: to none. argument is handed to it.
//  Returns the status of the command, or ZRELAY_STATUS_TIMEOUT if the relay
//  does not answer in five seconds.
ZRELAY_EXPORT int
    zrelay_set_filter (zactor_t *self, zrelay_flow_id_t flow,
                       zrelay_filter_fn *function, void *argument);

//  The same with a function that sees the frames without copies.
ZRELAY_EXPORT int
    zrelay_set_message_filter (zactor_t *self, zrelay_flow_id_t flow,
                               zrelay_message_fn *function, void *argument);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_actor_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
