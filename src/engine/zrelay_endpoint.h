/*  =========================================================================
    zrelay_endpoint - which endpoints libzmq may be asked for

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ENDPOINT_H_INCLUDED
#define ZRELAY_ENDPOINT_H_INCLUDED

#include <zrelay.h>

//  NULL if zmq_bind, or else zmq_connect, may be called with that endpoint,
//  which does not mean that it succeeds. Otherwise the reason why not. Waits
//  some msecs only for a path of ipc that this process itself listens at.
const char *
    zrelay_endpoint_refusal (const char *endpoint, bool bind);

//  True if it has to be tried in another process first, see zrelay_trial.h.
bool
    zrelay_endpoint_is_risky (const char *endpoint);

//  True if the socket needs the option ipv6 for it: it has an address of IPv6,
//  or a name to connect to that has only such addresses. May wait for a name
//  server, see zrelay_names.h.
bool
    zrelay_endpoint_wants_ipv6 (const char *endpoint, bool bind);

//  True if who connects to the one endpoint reaches a socket that is bound to
//  the other. Asks nobody for the addresses of names: of these it knows
//  localhost and that of this machine.
bool
    zrelay_endpoint_meets (const char *bound, const char *connected);

//  libzmq stops listening some time after a socket was closed. Wait until the
//  port is free, at most until then, a time of zclock_mono ().
void
    zrelay_endpoint_await_release (const char *endpoint, int64_t deadline);

//  The file of a socket that is bound by ipc, as the system knows it. libzmq
//  leaves it behind. Finding it fills in *file, which is zero if there is none;
//  it is removed only if it still is that one, and not another program's that
//  has the name now.
typedef struct {
    dev_t device;
    ino_t inode;
} zrelay_endpoint_file_t;
void
    zrelay_endpoint_find_file (const char *endpoint,
                               zrelay_endpoint_file_t *file);
void
    zrelay_endpoint_remove_file (const char *endpoint,
                                 const zrelay_endpoint_file_t *file);

void
    zrelay_endpoint_test (bool verbose);

#endif
