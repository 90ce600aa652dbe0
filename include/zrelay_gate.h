/*  =========================================================================
    zrelay_gate - decides who gets in, for every socket of the process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_GATE_H_INCLUDED
#define ZRELAY_GATE_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  The gate answers libzmq's questions about peers (ZAP 1.0, ZeroMQ RFC 27), as
//  CZMQ's zauth does, for relays and for any other sockets of the process:
//
//      zactor_t *gate = zactor_new (zrelay_gate, NULL);
//
//  A process has one ZAP handler, at inproc://zeromq.zap.01. If another one is
//  there, such as a zauth, every command is refused with status 4, until that
//  one has ended. Destroy the gate after the sockets that it guards: without a
//  handler, libzmq lets peers in (see zap_enforce_domain in zmq_setsockopt(3)).
//
//      zactor_destroy (&gate);
//
//  Rules are made for a domain, which is what a socket has as its ZAP domain:
//  DOMAIN of a relay's side, zsock_set_zap_domain (). The domain "*" has the
//  rules for all domains without rules of their own. A domain without any rule
//  lets in everybody whose socket has no mechanism (NULL), and nobody by PLAIN
//  or CURVE. libzmq does not ask about NULL peers of a socket without a domain.
//
//  A command is answered by a signal: 0 done, 1 unknown command, 2 bad
//  arguments, 4 refused by the system (a file, another handler). Read it with
//  zsock_wait () before the next command. ERROR returns a sentence about the
//  last failure. A refused command changes nothing.
//
//  Let in only peers from some networks, or refuse those from some. A network
//  is an IP address, or one with a length such as 10.0.0.0/8 or fe80::/10. IPv4
//  peers of a socket with ipv6 (::ffff:127.0.0.1) are IPv4 peers. If both are
//  given, a peer must be in an allowed network and in no denied one. An ipc
//  peer is in no network. Repeated commands add networks:
//
//      zstr_sendx (gate, "ALLOW", "orders/frontend", "10.0.0.0/8", NULL);
//      zstr_sendx (gate, "DENY", "orders/frontend", "10.6.6.0/24", NULL);
//
//  Let in CURVE clients whose public certificates, as zcert_save () writes
//  them, are files of a folder. Files can be added, changed and removed at any
//  time; the gate notices it within a second, and a removal at once. "*" or
//  "any" lets in every client that has the server's public key. The peer's
//  User-Id is the "name" in its certificate's metadata, or else its public key;
//  the metadata becomes properties of its messages:
//
//      zstr_sendx (gate, "CURVE", "orders/frontend", "clients", NULL);
//
//  Let in PLAIN clients that have a line "name=password" in a file. The file
//  may change at any time, which counts at once. The User-Id is the name:
//
//      zstr_sendx (gate, "PLAIN", "orders/frontend", "passwords", NULL);
//
//  Files must be regular files, not links, and writable only by their owner, as
//  must the folder; a password file must be readable only by its owner. The
//  commands refuse others, and a password file with a wrong line, whose number
//  is in the sentence. If that happens later, it is logged, and nobody gets in
//  by this rule until it is mended; peers are told that this is temporary.
//
//  Forget the rules of a domain:
//
//      zstr_sendx (gate, "CLEAR", "orders/frontend", NULL);
//
//  A failure costs time: the second failure in a row of an address (of a /64 of
//  IPv6), and with PLAIN of a user there, delays the answer by FIRST msecs, and
//  each further one by twice as many, up to MOST (default 100 and 5000). Until
//  then the passwords of that user, from that address, are not even looked at.
//  Failures are forgotten one by one, each after 2 * MOST. At most 8 answers to
//  an address wait, and 256 in all; others are given at once. 0 0 stops this:
//
//      zstr_sendx (gate, "DELAY", "100", "5000", NULL);
//
//  Hear who is no longer welcome, because a certificate or a line was removed
//  or changed. Messages are sent to a PULL socket that you have bound: REVOKED,
//  the domain, the user's name, and an address from which that user was let in,
//  or "ipc", or "*" if it may be any. The gate cannot cut connections, but a
//  relay can, see CUT in zrelay_proxy.h:
//
//      zsock_t *events = zsock_new_pull ("@inproc://gate-events");
//      zstr_sendx (gate, "EVENTS", "inproc://gate-events", NULL);
//
//  Counts of answers by reason, and of what there is: a query, answered by
//  STATS, name, value, name, value ... as strings. With a domain, only counts
//  of that domain. RESET sets them to zero:
//
//      zstr_send (gate, "STATS");
//      zstr_sendx (gate, "STATS", "orders/frontend", NULL);
//      zstr_send (gate, "RESET");
//
//      allowed             let in
//      refused_address     by ALLOW or DENY
//      refused_key         no certificate with that key
//      refused_password    no such user, or another password
//      refused_mechanism   no rule for NULL, PLAIN or CURVE in this domain
//      delayed             too soon after a failure; may come again
//      busy                files cannot be read, or too many wait; as delayed
//      malformed           no ZAP request
//      waiting             answers that wait now
//      certificates, users known now
//
//  Who is refused is logged, with addresses, at most once a second. VERBOSE
//  logs every answer and command too. HELP lists the commands, PING does
//  nothing:
//
//      zstr_send (gate, "VERBOSE");
//      zstr_send (gate, "HELP");                   //  a query
//      zstr_send (gate, "ERROR");                  //  a query: what was wrong
//                                                  //  with the command before
//      zstr_send (gate, "PING");
//
//  This is the gate's constructor as a zactor_fn. args is NULL:
ZRELAY_EXPORT void
    zrelay_gate (zsock_t *pipe, void *args);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_gate_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
