/*  =========================================================================
    zrelay_proxy - carries messages between any two sockets that fit

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PROXY_H_INCLUDED
#define ZRELAY_PROXY_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A relay whose socket types the caller chooses, zproxy's drop-in. The
//  commands below are those of every relay; the kinds with fixed types -
//  queue, forwarder, streamer - need no FRONTEND and BACKEND.
//
//      zactor_t *proxy = zactor_new (zrelay_proxy, NULL);
//
//  Each command gets exactly one answer, in order. A command that does
//  something is answered with a status, read with zsock_wait (): 0 done,
//  1 unknown command, 2 bad arguments, 3 not possible in this state,
//  4 refused by the system. A query is answered with a message that starts
//  with its own name, or with a status if it failed. What is refused changes
//  nothing. To hear what was wrong, and what is allowed:
//
//      zstr_send (proxy, "ERROR");
//      zstr_recvx (proxy, &name, &sentence, NULL);
//
//  Choose the socket types and attach: a comma-separated list of endpoints,
//  "@" before one binds, ">" connects, nothing binds. Topics may follow, for
//  SUB and XSUB. A pair of types through which nothing can flow is refused;
//  HELP FRONTEND tells which. HEARTBEAT_IVL, HEARTBEAT_TIMEOUT and
//  HEARTBEAT_TTL, each followed by a number, may take the place of topics:
//
//      zstr_sendx (proxy, "FRONTEND", "PULL", "@tcp://127.0.0.1:5557", NULL);
//      zsock_wait (proxy);
//      zstr_sendx (proxy, "BACKEND", "PUB", "@tcp://127.0.0.1:5558", NULL);
//      zsock_wait (proxy);
//
//  Attach and detach at any time. "tcp://127.0.0.1:*" takes a free port,
//  which ENDPOINT tells:
//
//      zstr_sendx (proxy, "BIND", "FRONTEND", "tcp://127.0.0.1:*", NULL);
//      zstr_sendx (proxy, "CONNECT", "BACKEND", "tcp://10.0.0.7:9000", NULL);
//      zstr_sendx (proxy, "UNBIND", "FRONTEND", endpoint, NULL);
//      zstr_sendx (proxy, "DISCONNECT", "BACKEND", endpoint, NULL);
//      zstr_sendx (proxy, "ENDPOINT", "FRONTEND", NULL);      //  query
//
//  Subscribe on the side that is SUB or XSUB. Topics are a set: the same one
//  twice is one. The empty topic is everything; the longest has 4096 bytes:
//
//      zstr_sendx (proxy, "SUBSCRIBE", "weather", "news", NULL);
//      zstr_sendx (proxy, "UNSUBSCRIBE", "news", NULL);
//
//  Socket options by their zsock name, before or after attaching. An option
//  that only acts on later connections returns 0 and says so in ERROR; set
//  sndhwm and rcvhwm before binding. What is set before FRONTEND or BACKEND
//  has chosen a type is kept for then:
//
//      zstr_sendx (proxy, "SET", "BACKEND", "sndhwm", "10000", NULL);
//      zstr_sendx (proxy, "GET", "BACKEND", "sndhwm", NULL);  //  query
//
//  The engine's own options of a side: "rate", messages a second that are
//  read from it (0: no limit; what is above waits in the socket), with
//  "rate_burst", how many may come at once; "maxmsgsize", bytes in one
//  message (-1: no limit), and "maxframes", frames in one message (0: no
//  limit); a message above is dropped and counted. Those of a flow: "burst",
//  messages moved in one turn; "overflow", what to do when the output is
//  full: "hold" one message and stop reading, or go on reading, keep up to
//  "queue" messages, and then drop the newest, "drop-new", or the oldest,
//  "drop-old":
//
//      zstr_sendx (proxy, "SET", "FORWARD", "overflow", "drop-old", NULL);
//      zstr_sendx (proxy, "SET", "FORWARD", "queue", "5000", NULL);
//
//  The relay's own: "spin", microseconds that it goes on looking for messages
//  before it sleeps (0: none, the default; at most 1000000). This takes a
//  whole core while messages come, and saves the time to wake up where cores
//  are to spare:
//
//      zstr_sendx (proxy, "SET", "RELAY", "spin", "50", NULL);
//
//  Copy what passes to a PUSH (the default), PUB or PAIR socket. It connects,
//  unless "@" asks for a bind. With prefixes, each copy starts with a frame
//  that tells its flow. A capture that nobody reads never slows the relay;
//  what it cannot take is counted. Without arguments the capture stops:
//
//      zstr_sendx (proxy, "CAPTURE", "inproc://log", NULL);
//      zstr_sendx (proxy, "CAPTURE", "inproc://log", "PUSH", "I", "O", NULL);
//      zstr_sendx (proxy, "CAPTURE", NULL);
//
//  Show each message of a flow to a function, see zrelay_handler_fn, which
//  may change, replace, drop or answer it. NULL removes it. The function is
//  called on the relay's thread:
//
//      zsock_send (proxy, "sspp", "FILTER", "FORWARD", s_filter, argument);
//
//  Stop both flows and let them go on. Sockets queue up to their high-water
//  marks meanwhile, and nothing is lost. Subscriptions, for which there is no
//  such mark, go on:
//
//      zstr_send (proxy, "PAUSE");
//      zstr_send (proxy, "RESUME");
//
//  Take no new work and let what is inside finish, within so many
//  milliseconds (default 1000): what waits in the input sockets is passed
//  on, and where requests went through a ROUTER or REP frontend, replies are
//  awaited. Then the answer comes, 0 or, if time ran out, 3. Until RESUME the
//  relay reads no new work, and answers to other commands wait for this one's.
//  If the relay is destroyed then, what its sockets have not sent yet gets the
//  same time to leave, unless SET linger said otherwise:
//
//      zstr_sendx (proxy, "DRAIN", "5000", NULL);
//
//  Security, before attaching; a zauth actor of the application does the
//  rest. Keys are in Z85, as from zcert_public_txt (), zcert_secret_txt ():
//
//      zstr_sendx (proxy, "DOMAIN", "FRONTEND", "global", NULL);
//      zstr_sendx (proxy, "PLAIN", "FRONTEND", NULL);
//      zstr_sendx (proxy, "CURVE", "FRONTEND", public_txt, secret_txt, NULL);
//
//  When zauth has ended, libzmq lets in everybody but on PLAIN. This, after
//  DOMAIN and before attaching, keeps them out (status 3 without a DOMAIN):
//
//      zstr_sendx (proxy, "SET", "FRONTEND", "zap_enforce_domain", "1", NULL);
//
//  Queries. STATS is read by the class zrelay_stats; RESET sets the counters
//  to zero. STATE is idle (a side has no endpoint), active, paused or
//  draining. PEERS gives a count and then one frame for each peer, its
//  address; see doc/ for what is counted:
//
//      zstr_send (proxy, "STATS");
//      zstr_send (proxy, "RESET");                 //  answered by a status
//      zstr_send (proxy, "STATE");
//      zstr_sendx (proxy, "PEERS", "FRONTEND", NULL);
//      zstr_send (proxy, "HELP");
//      zstr_sendx (proxy, "HELP", "BIND", NULL);
//      zstr_send (proxy, "PING");
//
//  Log commands and what they did through zsys:
//
//      zstr_send (proxy, "VERBOSE");
//
//  End, and close the sockets. Returns within milliseconds in every state;
//  what is still inside is lost, and logged if the relay held it; DRAIN first
//  if it matters. Read all answers before, since zactor_destroy () would take
//  an unread status for the end:
//
//      zactor_destroy (&proxy);
//
//  The actor function, for zactor_new (); args is NULL or a string that names
//  the relay in logs and statistics.
ZRELAY_EXPORT void
    zrelay_proxy (zsock_t *pipe, void *args);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_proxy_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
