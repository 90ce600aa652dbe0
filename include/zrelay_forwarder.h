/*  =========================================================================
    zrelay_forwarder - carries publications to subscribers, subscriptions back

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_FORWARDER_H_INCLUDED
#define ZRELAY_FORWARDER_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  The frontend is an XSUB for PUB and XPUB publishers, and the backend is an
//  XPUB for SUB and XSUB subscribers:
//
//      zactor_t *forwarder = zactor_new (zrelay_forwarder, NULL);
//      zstr_sendx (forwarder, "CONNECT", "FRONTEND", "tcp://feed:5556", NULL);
//      zsock_wait (forwarder);
//      zstr_sendx (forwarder, "BIND", "BACKEND", "tcp://127.0.0.1:8100", NULL);
//      zsock_wait (forwarder);
//
//  Subscriptions travel from the subscribers to the publishers, so publishers
//  do not send messages that nobody wants. SUBSCRIBE adds subscriptions of the
//  relay itself. A topic of more than 4096 bytes is dropped and counted as
//  return.dropped_size.
//
//  As always in publish-subscribe, a subscriber that is too slow loses
//  messages once its high-water mark is reached, and libzmq does not count
//  them. With SET BACKEND xpub_nodrop 1 the relay waits for that subscriber
//  instead, and so do all other subscribers.
//
//  When a subscriber asks for a topic that another one has already, the
//  publishers are not told. Publishers that greet every subscriber need SET
//  BACKEND xpub_verbose 1 before the backend is attached; then the relay passes
//  on each subscription.
//
//  Forwarders that are connected in a ring send each message round for ever,
//  since it does not say where it has been; only a relay that would connect to
//  itself is refused. Two ways to the same publisher, such as a name and its
//  address, bring each message twice.
//
//  zrelay_proxy.h shows the commands that all relays take.
//
//  The actor function, for zactor_new (). args is NULL or the relay's name, see
//  zrelay_proxy.h.
ZRELAY_EXPORT void
    zrelay_forwarder (zsock_t *pipe, void *args);
//  @end

#ifdef __cplusplus
}
#endif

#endif
