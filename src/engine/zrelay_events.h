/*  =========================================================================
    zrelay_events - tells what becomes of the connections that a relay makes

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_EVENTS_H_INCLUDED
#define ZRELAY_EVENTS_H_INCLUDED

#include <zrelay.h>

//  zmq_connect () succeeds for a host that does not exist. What happens then is
//  known from libzmq's monitor only, and is sent to whoever wants to know, each
//  event as the strings LINK, side, state, endpoint, reason, relay:
//
//      connected       the handshake is complete
//      disconnected    the connection has ended; libzmq tries to connect again
//      unreachable     nobody answers there, or the port is closed
//      unresolved      there is no such host
//      refused         the handshake failed: auth, protocol or other
//
//  A state comes once, until another one takes its place; the reason is empty
//  except after "refused". The endpoint is the one to connect to; once a name
//  was resolved, libzmq may report its address in place of the name.

typedef struct _zrelay_events_t zrelay_events_t;

//  name is the relay's, and must remain.
zrelay_events_t *
    zrelay_events_new (const char *name);

void
    zrelay_events_destroy (zrelay_events_t **self_p);

//  Send events to libzmq's PUSH socket from now on, which is closed at the end;
//  NULL: to none.
void
    zrelay_events_send_to (zrelay_events_t *self, void *handle);

//  True if somebody wants to know.
bool
    zrelay_events_wanted (zrelay_events_t *self);

//  The events of libzmq that have to be passed to the next function; and one
//  that is about a connection of that side, with its value.
#define ZRELAY_EVENTS (ZMQ_EVENT_CONNECTED | ZMQ_EVENT_CONNECT_DELAYED \
                     | ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED \
                     | ZMQ_EVENT_DISCONNECTED \
                     | ZMQ_EVENT_HANDSHAKE_SUCCEEDED \
                     | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL \
                     | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL \
                     | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
void
    zrelay_events_monitor (zrelay_events_t *self, const char *side,
                           uint16_t event, const char *endpoint);

void
    zrelay_events_test (bool verbose);

#endif
