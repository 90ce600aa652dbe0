/*  =========================================================================
    naive - a relay as one writes it in an afternoon, for tests to catch

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef NAIVE_H_INCLUDED
#define NAIVE_H_INCLUDED

#include <czmq.h>

//  The actor function, for zactor_new (). args is the name of a kind of
//  relay: "queue", "forwarder", "streamer" or "proxy".
//
//  It polls its sockets and the pipe, receives what is there and sends it on
//  with calls that wait, as the proxies of the Guide and of CZMQ do. It knows
//  as many of a relay's commands as tests need to get it to work, answers
//  them as a relay does, and asserts that they succeed. It asks peers for
//  passwords and keys, but does not know what a domain is for.
//
//  The environment variable ZRELAY_NAIVE chooses another style: "spin" moves
//  a message only when the output is writable, and asks again at once;
//  "frames" moves frame by frame without waiting, and goes on with the next
//  frame when one was refused; "trust" looks at what subscribers send, and
//  asserts that it is what they have to send; "share" reads only what it can
//  send on, and has counters that all relays of the process share; "insist"
//  waits for a client that does not read its replies; "hesitate" waits for it
//  too, but not for long, and counts the reply as dropped then.
void
    naive_relay (zsock_t *pipe, void *args);

#endif
