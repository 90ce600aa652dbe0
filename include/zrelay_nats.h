/*  =========================================================================
    zrelay_nats - relays that are joined to others by NATS servers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_NATS_H_INCLUDED
#define ZRELAY_NATS_H_INCLUDED

#include "zrelay_engine.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  Kinds of relay that can be joined to relays on other machines, by way of
//  NATS servers. They are in a library of their own, libzrelay-nats, because
//  they need libnats. The program zrelay uses it if it is installed. Each is
//  what the kind of the same name in libzrelay is, and has more commands. Until
//  JOIN is given, there is no difference; then messages are also copied.
//
//  This is the class zrelay_nats as an actor:
//
//      zactor_t *relay = zrelay_engine_spawn (zrelay_nats_forwarder_kind (),
//                                             "news");
//
//  Join the relays of this kind that have joined the same name, through the
//  first of these servers that can be reached, and through another one when
//  that is lost. A URL may have a name and a password, nats://me:secret@host,
//  and with tls:// the connection is encrypted. The name has letters, digits,
//  "_" and "-", at most 64. The status is 0 also where no server can be
//  reached: the relay goes on alone, and tries again until LEAVE.
//
//      zstr_sendx (relay, "JOIN", "nats://one:4222,nats://two:4222/news",
//                  NULL);
//      zsock_wait (relay);
//
//  Leave them. What waits is still sent if that takes only a moment.
//
//      zstr_sendx (relay, "LEAVE", NULL);
//      zsock_wait (relay);
//
//  PEERS without a side returns the number of the others, and then the name of
//  each, in a frame of its own: its machine and the relay, such as "host/news".
//  A relay that is silent for 7 seconds is no longer listed.
//
//      zstr_sendx (relay, "PEERS", NULL);
//      zmsg_t *sites = zmsg_recv (relay);
//
//  JOINED returns nothing but its own name if the relay is not joined; else the
//  name that it has joined, "1" if it is connected or "0" if not, and the
//  server or what failed.
//
//      zstr_sendx (relay, "JOINED", NULL);
//      zmsg_t *joined = zmsg_recv (relay);
//
//  SET RELAY and GET RELAY know these options besides. The files are read when
//  JOIN is given, and whenever it has to connect anew.
//
//      join_creds      file with a user's JWT and seed, as nsc makes it
//      join_ca         file with certificates of authorities to trust
//      join_cert       file with the relay's own certificate
//      join_key        file with the key of that
//      join_buffer     bytes that may wait for the servers, and as many that
//                      may wait for the relay (16777216)
//      join_patience   milliseconds for which a flow whose overflow is hold
//                      waits for room, before messages are dropped (1000)
//
//  A queue has these instead of join_patience:
//
//      retries         how often a request is given again if the site that had
//                      it is lost, or all workers of this site are (1)
//      deadline        milliseconds from its arrival until a request without a
//                      reply is dropped (0: never)
//
//  And a streamer, whose tasks go through a work queue of JetStream:
//
//      join_window     tasks that may wait until the servers have stored them;
//                      then the forward flow does what its overflow says (1000)
//      join_replicas   servers that store each task; 0: three in a cluster, one
//                      otherwise (0)
//      join_ack_wait   milliseconds after which the tasks of a lost site are
//                      given to others; the first site decides (10000)
//
//  A flow whose overflow is drop-new or drop-old does not wait: see
//  zrelay_proxy.h. What a forwarder drops so, is not sent to other sites, and is
//  counted as join.missed; the site's own peers get it all the same. doc/join.md
//  says what is guaranteed, and explains the counters.
//
//  Everyone who may publish on subjects that begin with the name is trusted, as
//  a peer of all the relays is. Restrict that at the servers.

//  The kinds
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_nats_forwarder_kind (void);
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_nats_queue_kind (void);
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_nats_streamer_kind (void);

//  All of them, ended by NULL.
ZRELAY_EXPORT const zrelay_kind_t *const *
    zrelay_nats_kinds (void);
//  @end

#ifdef __cplusplus
}
#endif

#endif
