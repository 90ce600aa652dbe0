/*  =========================================================================
    zrelay_balancer - gives requests to idle workers, longest idle first

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_BALANCER_H_INCLUDED
#define ZRELAY_BALANCER_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  The frontend is a ROUTER for REQ and DEALER clients, and the backend is a
//  ROUTER for workers that say when they are ready:
//
//      zactor_t *balancer = zactor_new (zrelay_balancer, NULL);
//      zstr_sendx (balancer, "BIND", "FRONTEND", "tcp://127.0.0.1:5555", NULL);
//      zsock_wait (balancer);
//      zstr_sendx (balancer, "BIND", "BACKEND", "tcp://127.0.0.1:5556", NULL);
//      zsock_wait (balancer);
//
//  A request goes to the worker that has been free for the longest time, and
//  waits while none is free. A worker never has more than one, so a short
//  request does not wait behind a long one. These workers can be mixed:
//
//  - REQ sockets that first send "READY" or the byte 1, as the Guide's load
//    balancer and Simple Pirate do. They receive the client's address, an empty
//    frame and the request, and reply with the same in front. They send no
//    heartbeats, so they are lost only when their connection ends.
//  - DEALER sockets that speak the Paranoid Pirate protocol (ZeroMQ RFC 6): the
//    byte 1 says ready, the byte 2 is a heartbeat. One that has sent heartbeats
//    is lost when it stops.
//
//  A client's address is its routing id, or several frames if its request came
//  through other ROUTERs. A DEALER client that sends no empty frame in front of
//  its request gets none in front of the reply; the worker sees no difference.
//
//  When a worker is lost, the request that it had in hand goes to another one,
//  "retries" times at most. Then it is dropped: the client hears nothing, as a
//  REQ client expects, and may ask again. A reply that comes after its request
//  was given to another worker is dropped. The reply to a client that has gone
//  is dropped too, and a request that waits when its client goes.
//
//  Settings, and their defaults. "overflow" says what happens when "queue"
//  requests wait: "hold" reads no more from the clients, "drop-new" drops the
//  newest request, "drop-old" the oldest. While it holds, the relay does not
//  see that clients go:
//
//      zstr_sendx (balancer, "SET", "RELAY", "heartbeat", "1000", NULL);
//      zstr_sendx (balancer, "SET", "RELAY", "liveness", "3", NULL);
//      zstr_sendx (balancer, "SET", "RELAY", "retries", "1", NULL);
//      zstr_sendx (balancer, "SET", "RELAY", "deadline", "0", NULL);
//      zstr_sendx (balancer, "SET", "RELAY", "queue", "1000", NULL);
//      zstr_sendx (balancer, "SET", "RELAY", "queue_bytes", "67108864", NULL);
//      zstr_sendx (balancer, "SET", "RELAY", "overflow", "hold", NULL);
//
//  With retries 0 no request ever runs twice. With a deadline (milliseconds),
//  a request that is still in the relay then is dropped.
//
//  While the relay is paused, heartbeats go on and workers finish what they
//  have in hand; no request is read or given out. A DRAIN waits for the last
//  reply.
//
//  The query WORKERS returns five frames for each worker: routing id, state,
//  client whose request it has in hand, requests served, milliseconds since it
//  was last heard; see zrelay_pool_list_workers ():
//
//      zstr_send (balancer, "WORKERS");
//
//  zrelay_proxy.h shows the commands that all relays take.
//
//  The actor function, for zactor_new (). args is NULL or the relay's name, see
//  zrelay_proxy.h.
ZRELAY_EXPORT void
    zrelay_balancer (zsock_t *pipe, void *args);
//  @end

#ifdef __cplusplus
}
#endif

#endif
