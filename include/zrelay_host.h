/*  =========================================================================
    zrelay_host - runs many relays, and lets others steer them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_HOST_H_INCLUDED
#define ZRELAY_HOST_H_INCLUDED

#include "zrelay_kinds.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  An actor that runs relays by name. An application can embed a whole broker,
//  and the program is a thin shell around it:
//
//      zactor_t *host = zactor_new (zrelay_host, NULL);
//
//  The argument is NULL, or a table of kinds, ended by NULL, from which START
//  chooses; NULL stands for zrelay_kinds ().
//
//  Start a relay, which is of a kind and has a name (letters, digits, "_", "-"
//  and ".", at most 127). Stop it again; its messages are lost unless a number
//  of milliseconds says how long it may drain first. STOP is answered when the
//  relay has ended:
//
//      zstr_sendx (host, "START", "orders", "queue", NULL);
//      zsock_wait (host);
//      zstr_sendx (host, "STOP", "orders", NULL);
//      zstr_sendx (host, "STOP", "orders", "1000", NULL);
//
//  Wait for the end of a relay, whoever stops it. As statuses come in the order
//  of the commands, give this in an envelope, see zrelay_client.h:
//
//      zstr_sendx (host, "", "my number", "", "WAIT", "orders", NULL);
//
//  Give any command that a relay's own pipe accepts (see zrelay_proxy.h),
//  behind RELAY and its name. The answer is that of the relay. A relay that is
//  slow to answer does not hold up others. The class zrelay_client does this
//  for you, see zrelay_client_set_relay ():
//
//      zstr_sendx (host, "RELAY", "orders", "BIND", "FRONTEND",
//                  "tcp://127.0.0.1:5559", NULL);
//      zstr_sendx (host, "RELAY", "orders", "STATS", NULL);   //  query
//
//  List the relays: a query, answered by LIST, name, kind, name, kind ... in
//  the order in which they were started:
//
//      zstr_send (host, "LIST");
//
//  Bring the relays to where a file in the form of ZeroMQ RFC 17 (ZDCF) wants
//  them, see zrelay.conf(5). Relays whose section is as it was are not touched,
//  unless somebody has stopped them: then they are started again.
//  If anything is wrong, nothing changes; if the system then refuses something,
//  such as an address, every step is taken back. Without a name, the last file
//  is read again. The text may come from elsewhere than the file:
//
//      zstr_sendx (host, "LOAD", "relays.conf", NULL);
//      zstr_sendx (host, "LOAD", "relays.conf", text, NULL);
//      zstr_send (host, "LOAD");
//
//  Report everything that is wrong with a file, without starting anything: a
//  query, answered by CHECK and then four frames for each finding: "error" or
//  "warning", its place (FILE:LINE, or ""), its path in the tree, and a
//  sentence:
//
//      zstr_sendx (host, "CHECK", "relays.conf", NULL);
//
//  Let others steer. They send what this pipe takes, in the format that
//  zrelay_client.h describes, from a REQ or a DEALER. FILTER and $TERM are
//  refused to them, and except at a path of ipc also CONTROL, GATE, CHECK, LOAD
//  with a name, and what kinds reserve for the relay's owner, such as SAVE. As
//  long as there is exactly one relay, a command that the host does not have
//  goes to that relay, as at an endpoint of ZRELAY_CONTROL.
//
//  The socket of an ipc path is for this user alone. By tcp, name a certificate
//  and the folder of those of its clients, or "any", as CURVE does in
//  zrelay_gate.h. Without them, by tcp or by an ipc name outside of the file
//  system, everybody who can connect can steer; this takes the word "anybody"
//  and a space before the endpoint. If the host's gate runs by then, such a
//  socket is in a ZAP domain, and nobody can end the process there as UNBIND in
//  zrelay_proxy.h describes; GATE CLEAR control starts it. In an endpoint,
//  %p stands for the process id, and %n for the number of the control socket
//  within the process, from 1. CONTROLS lists the endpoints, resolved:
//
//      zstr_sendx (host, "CONTROL", "ipc:///run/user/1000/zrelay", NULL);
//      zstr_sendx (host, "CONTROL", "tcp://10.0.0.7:5550", "relay.cert",
//                  "operators/", NULL);
//      zstr_send (host, "CONTROLS");                          //  query
//
//  Give the process's gate a command, see zrelay_gate.h. The host starts the
//  gate when it is first needed, and ends it after its relays:
//
//      zstr_sendx (host, "GATE", "ALLOW", "orders/frontend", "10.0.0.0/8",
//                  NULL);
//
//  Commands are answered as a relay answers them: with a status, or a query
//  with a message that begins with its name (that of the relay's query, behind
//  RELAY), and ERROR returns a sentence about the last failure. Statuses come
//  in the order of the commands. At most 1000 commands to one relay, and 100 of
//  one peer of a control socket, can be unanswered at a time; more are refused
//  with status 3:
//
//      zstr_send (host, "ERROR");                             //  query
//      zstr_send (host, "HELP");                              //  query
//      zstr_send (host, "PING");                              //  query
//
//  Log commands from now on, and have the relays and the gate do so, with the
//  peers that come, go and are refused:
//
//      zstr_send (host, "VERBOSE");
//
//  Hear what becomes of the connections that relays of a file make, from the
//  next LOAD on, see EVENTS in zrelay_proxy.h:
//
//      zstr_sendx (host, "EVENTS", "inproc://links", NULL);
//
//  End the host, its relays, their control sockets and the gate:
//
//      zactor_destroy (&host);
//
//  This is the host's constructor as a zactor_fn:
ZRELAY_EXPORT void
    zrelay_host (zsock_t *pipe, void *args);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_host_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
