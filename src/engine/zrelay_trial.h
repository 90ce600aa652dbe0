/*  =========================================================================
    zrelay_trial - tries an endpoint that might end the process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_TRIAL_H_INCLUDED
#define ZRELAY_TRIAL_H_INCLUDED

#include <zrelay.h>

//  libzmq ends the process over some endpoints of norm, pgm and epgm: an
//  interface that is not there, a port that is in use or not for this user, a
//  right to raw sockets that is missing. It does this on a thread of its own,
//  after zmq_bind () or zmq_connect () has returned, so nobody can catch it. A
//  child process tries it first.
//
//  Returns true if the child has survived. Takes a tenth of a second, and a
//  whole one at most.
bool
    zrelay_trial_survives (int type, const char *endpoint, bool bind);

void
    zrelay_trial_test (bool verbose);

#endif
