/*  =========================================================================
    zrelay_majordomo - shares requests among workers, service by service

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_MAJORDOMO_H_INCLUDED
#define ZRELAY_MAJORDOMO_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A broker of the Majordomo protocol, versions 0.1 (ZeroMQ RFC 7) and 0.2 (RFC
//  18). Clients and workers share one ROUTER, the frontend, which may have any
//  number of endpoints:
//
//      zactor_t *broker = zactor_new (zrelay_majordomo, NULL);
//      zstr_sendx (broker, "BIND", "FRONTEND", "tcp://127.0.0.1:5555", NULL);
//      zsock_wait (broker);
//
//  A worker registers for one service, and a client names the service that it
//  asks for. A request goes to the service's worker that has been free for the
//  longest time, and waits while there is none. Clients of one version may be
//  served by workers of the other; a 0.1 client gets no partial replies, which
//  are dropped. A name has at most 255 bytes.
//
//  The care for work in hand is that of zrelay_balancer.h: a worker is lost if
//  its connection ends or it falls silent for "liveness" times "heartbeat"
//  milliseconds, and its request goes to another worker, "retries" times at
//  most; not one that was answered in part.
//
//  One socket cannot hold back clients without its workers. So the requests
//  that wait are bounded: "service_queue" for one service and "queue"
//  altogether, and so are their bytes, by "service_bytes" and "queue_bytes". A
//  request beyond a bound is dropped. The defaults:
//
//      zstr_sendx (broker, "SET", "RELAY", "heartbeat", "1000", NULL);
//      zstr_sendx (broker, "SET", "RELAY", "liveness", "3", NULL);
//      zstr_sendx (broker, "SET", "RELAY", "retries", "1", NULL);
//      zstr_sendx (broker, "SET", "RELAY", "deadline", "0", NULL);
//      zstr_sendx (broker, "SET", "RELAY", "queue", "10000", NULL);
//      zstr_sendx (broker, "SET", "RELAY", "queue_bytes", "268435456", NULL);
//      zstr_sendx (broker, "SET", "RELAY", "service_queue", "1000", NULL);
//      zstr_sendx (broker, "SET", "RELAY", "service_bytes", "67108864", NULL);
//
//  "deadline" is the number of milliseconds after which a request expires,
//  whether it waits or is in hand; 0: never.
//
//  Management (RFC 8): "mmi.service" answers 200 if the service named in the
//  body has a worker, else 404. "mmi.services", which is ours, answers 200 and
//  then the name of each service that has a worker, a frame each. Others whose
//  names begin with "mmi." answer 501, and no worker may serve them.
//
//  A message that is not of the protocol is dropped and counted as
//  forward.dropped_invalid. If a worker sent it, the worker is told to
//  disconnect, and is lost; so is one that is ready twice, or replies to a
//  client whose request it never had.
//
//  While the relay is paused, heartbeats go on and replies pass; requests wait.
//  A DRAIN waits for the last reply to what had come before; later requests
//  wait until RESUME.
//
//  Queries: SERVICES returns seven frames for each service, see
//  zrelay_pool_list_services (): name, workers, requests waiting, served and
//  failed, and mean and greatest time in a worker, in microseconds. WORKERS
//  returns five for each worker, of one service or of all, see
//  zrelay_pool_list_workers ():
//
//      zstr_send (broker, "SERVICES");
//      zstr_sendx (broker, "WORKERS", "coffee", NULL);
//
//  zrelay_titanic.h has a majordomo that keeps requests on disk, and
//  zrelay_broker.h is for kinds that serve some services themselves.
//
//  zrelay_proxy.h shows the commands that all relays take.
//
//  The actor function, for zactor_new (). args is NULL or the relay's name, see
//  zrelay_proxy.h.
ZRELAY_EXPORT void
    zrelay_majordomo (zsock_t *pipe, void *args);
//  @end

#ifdef __cplusplus
}
#endif

#endif
