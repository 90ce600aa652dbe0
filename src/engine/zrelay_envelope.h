/*  =========================================================================
    zrelay_envelope - what comes before a command, and goes back with its answer

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ENVELOPE_H_INCLUDED
#define ZRELAY_ENVELOPE_H_INCLUDED

#include <czmq.h>

//  An envelope is all frames up to and with the first empty one. On an actor's
//  pipe, where commands may come without one, an empty frame announces it, and
//  there is at least one frame between the two. At a ROUTER it begins with the
//  routing id, which may be anything.

//  Move the envelope of a message into a new one. Returns NULL if there is
//  none.
zmsg_t *
    zrelay_envelope_take (zmsg_t *msg, bool announced);

void
    zrelay_envelope_test (bool verbose);

#endif
