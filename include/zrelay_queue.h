/*  =========================================================================
    zrelay_queue - shares requests of many clients among many workers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_QUEUE_H_INCLUDED
#define ZRELAY_QUEUE_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  The frontend is a ROUTER for REQ and DEALER clients, and the backend is a
//  DEALER for REP, DEALER and ROUTER workers. Requests go to the workers in
//  turn, and replies return to the client that asked:
//
//      zactor_t *queue = zactor_new (zrelay_queue, "orders");
//      zstr_sendx (queue, "BIND", "FRONTEND", "tcp://127.0.0.1:5559", NULL);
//      zsock_wait (queue);
//      zstr_sendx (queue, "BIND", "BACKEND", "tcp://127.0.0.1:5560", NULL);
//      zsock_wait (queue);
//      ...
//      zrelay_destroy (&queue);
//
//  If a client does not read its replies, those above its high-water mark are
//  dropped and counted as return.dropped_full. A reply to a client that has
//  gone is dropped and counted as return.dropped_unroutable. Neither holds up
//  other clients. Without workers, requests wait in the sockets.
//
//  Where the relay connects to workers, it gives requests in turn also to those
//  that are not there, and they wait for them. With SET BACKEND immediate 1,
//  before CONNECT, only those whose connection exists get any:
//
//      zstr_sendx (queue, "SET", "BACKEND", "immediate", "1", NULL);
//      zsock_wait (queue);
//      zstr_sendx (queue, "CONNECT", "BACKEND", "tcp://10.0.0.7:9000", NULL);
//      zsock_wait (queue);
//
//  Of two clients that choose the same ZMQ_ROUTING_ID, the second is not heard
//  while the first is connected, and libzmq does not report it. With SET
//  FRONTEND router_handover 1, the second takes the place of the first, which
//  is right where a client may come back before its old connection is known to
//  be dead.
//
//  zrelay_proxy.h shows the commands that all relays take.
//
//  The actor function, for zactor_new (). args is NULL or the relay's name, see
//  zrelay_proxy.h.
ZRELAY_EXPORT void
    zrelay_queue (zsock_t *pipe, void *args);
//  @end

#ifdef __cplusplus
}
#endif

#endif
