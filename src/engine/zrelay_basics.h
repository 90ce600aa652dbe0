/*  =========================================================================
    zrelay_basics - socket options that a relay needs, whatever the kind

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_BASICS_H_INCLUDED
#define ZRELAY_BASICS_H_INCLUDED

#include <zrelay.h>

//  They are set before those that a kind or a user chooses. handle is libzmq's
//  socket. The first and the last function return -1 with errno where they
//  fail.
int
    zrelay_basics_set (void *handle, int type);

//  Where subscribers may send longer frames to an XPUB, fewer of them wait.
void
    zrelay_basics_bound_xpub (void *handle);

//  Have an XPUB report each subscription and cancellation, so that it can be
//  attributed to its connection. What is no news goes no further, see
//  zrelay_side_heard_topic ().
int
    zrelay_basics_hear_all (void *handle);

void
    zrelay_basics_test (bool verbose);

#endif
