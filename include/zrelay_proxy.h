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
//  A relay whose socket types the caller chooses; it is zproxy's drop-in. All
//  relays take the commands below, except that the kinds with fixed types -
//  queue, forwarder, streamer - do not need FRONTEND and BACKEND.
//
//      zactor_t *proxy = zactor_new (zrelay_proxy, NULL);
//
//  Each command gets exactly one answer. A command that acts is answered with
//  a status, which zsock_wait () returns: ZRELAY_STATUS_DONE (0) done,
//  ZRELAY_STATUS_UNKNOWN (1) unknown command, ZRELAY_STATUS_BAD_ARGUMENTS (2)
//  bad arguments, ZRELAY_STATUS_BAD_STATE (3) not possible in this state,
//  ZRELAY_STATUS_REFUSED (4) refused by the system. A query is answered with a
//  message that begins with the query's name, or with a status if it failed. A
//  refused command changes nothing. ERROR returns a sentence about the command
//  before it, behind that command's name: "BIND: cannot bind the frontend ...".
//  It says what was wrong and what is allowed, and is empty if nothing was. One
//  about a DRAIN comes with the DRAIN's late answer:
//
//      zstr_send (proxy, "ERROR");
//      zstr_recvx (proxy, &name, &sentence, NULL);
//
//  Statuses come in the order of the commands. Queries are answered at once,
//  even while a DRAIN is under way. The class zrelay_client tells answers
//  apart and limits the time to wait for them. zsock_wait () throws away
//  whatever is no signal: call it after a command that acts, never while the
//  answer to a query is still to be read.
//
//  To read answers from a zloop without waiting, keep a FIFO of the commands
//  that act: a status does not say to which command it belongs, but statuses
//  come in the order of the commands. The answer to a query begins with its
//  name; a query that failed is answered with a status, in its turn, so put
//  queries in the FIFO too, and take one out when its answer comes:
//
//      static int
//      s_on_answer (zloop_t *loop, zsock_t *pipe, void *arg)
//      {
//          zlist_t *fifo = (zlist_t *) arg;    //  Commands sent, in order
//          zmsg_t *answer = zmsg_recv (pipe);
//          int status = answer? zmsg_signal (answer): -1;
//          char *name = status == -1? zmsg_popstr (answer): NULL;
//          char *command = name? name: (char *) zlist_first (fifo);
//          printf ("%s: %s\n", command, status > 0? "failed": "done");
//          zlist_remove (fifo, command);
//          zstr_free (&name);
//          zmsg_destroy (&answer);
//          return 0;
//      }
//
//      zlist_autofree (fifo);
//      zlist_comparefn (fifo, (zlist_compare_fn *) strcmp);
//      zloop_reader (loop, zactor_sock (proxy), s_on_answer, fifo);
//
//  Choose the socket types and attach both sides. The endpoints are a list,
//  separated by commas. "@" before an endpoint binds and ">" connects; the
//  default is to bind. Topics for a SUB or XSUB may follow. A pair of types
//  through which nothing can flow is refused, and HELP FRONTEND lists the pairs
//  that work. HEARTBEAT_IVL, HEARTBEAT_TIMEOUT and HEARTBEAT_TTL, each followed
//  by milliseconds, may stand among the topics:
//
//      zstr_sendx (proxy, "FRONTEND", "PULL", "@tcp://127.0.0.1:5557", NULL);
//      zsock_wait (proxy);
//      zstr_sendx (proxy, "BACKEND", "PUB", "@tcp://127.0.0.1:5558", NULL);
//      zsock_wait (proxy);
//
//  Between two ROUTERs, a client names its worker and the worker its client:
//  the first two frames, the sender's routing id and the receiver's, which the
//  sender put in front, change places on their way, after a filter. The sender
//  is named as it named itself (ZMQ_ROUTING_ID), or by an id that can be used
//  to reply to it.
//
//  Attach and detach at any time. "tcp://127.0.0.1:*" takes a free port, and
//  ENDPOINT returns the endpoints with their ports:
//
//      zstr_sendx (proxy, "BIND", "FRONTEND", "tcp://127.0.0.1:*", NULL);
//      zstr_sendx (proxy, "CONNECT", "BACKEND", "tcp://10.0.0.7:9000", NULL);
//      zstr_sendx (proxy, "UNBIND", "FRONTEND", endpoint, NULL);
//      zstr_sendx (proxy, "DISCONNECT", "BACKEND", endpoint, NULL);
//      zstr_sendx (proxy, "ENDPOINT", "FRONTEND", NULL);      //  query
//
//  With the word "marked", each endpoint begins with "@" if it is bound, and
//  with ">" if it is connected. CAPTURE takes the place of a side for the
//  endpoints of a capture:
//
//      zstr_sendx (proxy, "ENDPOINT", "BACKEND", "marked", NULL);
//      zstr_sendx (proxy, "ENDPOINT", "CAPTURE", "marked", NULL);
//
//  An endpoint may have any transport that this libzmq has, such as
//  "ws://127.0.0.1:5557" for peers that speak WebSocket (RFC 45). pgm, epgm and
//  norm are tried in a child process first, which takes a tenth of a second,
//  since libzmq would end the process over some of their endpoints. An address
//  of IPv6, "tcp://[::1]:5557", and a name to connect to that has only such
//  addresses need no option; for "tcp://*" the option "ipv6" says what it is. A
//  name other than that of a network interface cannot be bound. CONNECT to a
//  name may wait for a name server, for a fifth of a second at most. UNBIND,
//  and the relay's end, remove the file of an ipc socket:
//
//      zstr_sendx (proxy, "BIND", "FRONTEND", "ws://127.0.0.1:*", NULL);
//      zstr_sendx (proxy, "CONNECT", "BACKEND", "tcp://[fd00::2]:9000", NULL);
//
//  UNBIND, and the relay's end, are not safe from strangers on a side without a
//  ZAP domain: the first bytes of ZMTP 1.0, sent just then, can make libzmq
//  4.3.4 end the process. With a domain, see DOMAIN below, libzmq refuses ZMTP
//  1.0. The program sets one on each side that binds at its start, and on
//  captures; the library does not, since an application's zauth would then be
//  asked about peers that it lets in unasked.
//
//  Subscribe on the side that is a SUB or an XSUB. The relay keeps a set of
//  topics, so a topic given twice counts once. The empty topic matches
//  everything. A topic has at most 4096 bytes:
//
//      zstr_sendx (proxy, "SUBSCRIBE", "weather", "news", NULL);
//      zstr_sendx (proxy, "UNSUBSCRIBE", "news", NULL);
//
//  Set socket options by their zsock names, before or after attaching. If an
//  option acts on later connections only, the status is 0 and ERROR says so;
//  set sndhwm and rcvhwm before you bind. Options that are set before FRONTEND
//  or BACKEND has chosen a type apply as soon as it has:
//
//      zstr_sendx (proxy, "SET", "BACKEND", "sndhwm", "10000", NULL);
//      zstr_sendx (proxy, "GET", "BACKEND", "sndhwm", NULL);  //  query
//
//  A side also has these options. "rate" is the number of messages that the
//  relay reads from it in a second (0: no limit); more than that wait in the
//  socket. "rate_burst" is the number that may come at once. "maxmsgsize" is
//  the number of bytes in one message (-1: no limit), and "maxframes" is the
//  number of frames (0: no limit); messages above either are dropped and
//  counted.
//
//  On a side that is an XPUB, "subscriptions" is the number of topics to which
//  one peer may have subscribed (default 10000, 0: no limit), and
//  "subscriptions_bytes" is the number of bytes in all of them (default 131072,
//  0: no limit). The relay cuts the connection of a peer that asks for more.
//  Longer frames than 4160 bytes, which hold the longest topic, end the
//  connection too; set maxmsgsize there if subscribers send more than
//  subscriptions. The relay sets "rcvhwm" to 100 there, or to less if frames
//  may be longer, and "rcvbuf" to 65536. After a flood of subscriptions, the
//  system takes no newcomer from that address until the relay has tidied up, or
//  for 30 seconds.
//
//  "ipc_mode" and "ipc_group" say which users of this machine an ipc endpoint
//  lets in: the permissions, in octal, and the group of its file. They act on
//  endpoints that are bound later, whatever the umask is. A user who may write
//  to the file may connect. The group is given by its name or number, and the
//  process must be a member of it; with a group alone, the mode is 0660. An
//  empty value takes back what was set. An endpoint without a file, ipc://* or
//  ipc://@NAME, is refused while one of them is set:
//
//      zstr_sendx (proxy, "SET", "FRONTEND", "ipc_mode", "0660", NULL);
//      zstr_sendx (proxy, "SET", "FRONTEND", "ipc_group", "orders", NULL);
//      zstr_sendx (proxy, "BIND", "FRONTEND", "ipc:///run/orders/in", NULL);
//
//  With the option "stamp" of a side, the programs behind the relay are told
//  who sent each message that it received there: "user", the user id that the
//  ZAP handler gave the peer (for zauth with CURVE, its public key), or
//  "address", its IP address. It is one frame more, in front of the body:
//  behind the first empty frame of a ROUTER's or DEALER's message, or, if there
//  is none, behind the routing id; behind the topic, which is the first frame
//  where a PUB or a SUB takes part; else before all frames. A peer cannot forge
//  it: it is always there, and is "-" if nothing is known, as of peers that
//  come by inproc. "user" has to be set before attaching, and makes the side
//  insist on a ZAP handler (zap_domain, unless that is set, and
//  zap_enforce_domain): without one, a peer could name itself. Subscriptions
//  get no stamp. A kind that handles the messages of that side, such as the
//  balancer, refuses it, since it knows the properties itself:
//
//      zstr_sendx (proxy, "SET", "FRONTEND", "stamp", "user", NULL);
//
//  A flow has these options. "burst" is the number of messages that it moves
//  in one turn. "overflow" says what to do when the output is full: "hold" one
//  message and stop reading, or continue to read, keep up to "queue" messages,
//  and then drop the newest, "drop-new", or the oldest, "drop-old". With
//  "hold", the default, "queue" does nothing:
//
//      zstr_sendx (proxy, "SET", "FORWARD", "overflow", "drop-old", NULL);
//      zstr_sendx (proxy, "SET", "FORWARD", "queue", "5000", NULL);
//
//  With "spool", messages that the output cannot take go to disk, into the
//  directory that the option of that name says. They leave it, in order, when
//  the output takes them, and before anything newer; those that are there when
//  the relay ends, however it ends, are there when it starts again. "spool" is
//  set last, as the relay reads the whole spool then, and it may be set in any
//  state. "" closes it, and leaves what is in there. This needs a spooler, see
//  zrelay_spooler.h; zrelay_store.h says what a spool survives:
//
//      zstr_sendx (proxy, "SET", "FORWARD", "overflow", "spool", NULL);
//      zstr_sendx (proxy, "SET", "FORWARD", "spool", "/var/lib/app", NULL);
//
//  "spool_bytes" and "spool_messages" bound it; 0, the default, means as much
//  as the disk has. When it is full, "spool_full" says what to do: "hold", the
//  default, and read no more, or "drop-new" or "drop-old". When the disk is
//  full, the flow holds in any case, and says so in the log. "spool_sync" says
//  what a crash of the machine may cost: with "always" nothing that STATS
//  reported as spooled, with "second", the default, about a second, and with
//  "never" whatever the disk had not got yet. With "durable" set to 1, every
//  message goes through the spool before it is sent:
//
//      zstr_sendx (proxy, "SET", "FORWARD", "spool_bytes", "10000000", NULL);
//      zstr_sendx (proxy, "SET", "FORWARD", "spool_full", "drop-old", NULL);
//      zstr_sendx (proxy, "SET", "FORWARD", "spool_sync", "always", NULL);
//      zstr_sendx (proxy, "SET", "FORWARD", "durable", "1", NULL);
//
//  The relay itself has the option "spin", the microseconds for which it looks
//  for more messages before it sleeps (default 0, at most 1000000). This uses a
//  whole core while messages come. Where there are cores to spare, it saves the
//  time to wake up:
//
//      zstr_sendx (proxy, "SET", "RELAY", "spin", "50", NULL);
//
//  Copy all messages to a PUSH (the default), PUB or PAIR socket. It connects,
//  unless "@" stands before the endpoint. With prefixes, each copy begins with
//  a frame that names its flow: the first prefix for forward, the second for
//  return. Without them, copies do not show which messages are requests and
//  which are replies. A capture that is not read never slows the relay; copies
//  that it cannot take are dropped and counted. A capture that binds takes over
//  the security of the frontend, or else of the backend, as it is then, and so
//  it does with ipc_mode and ipc_group; SET RELAY capture_security none, before
//  CAPTURE, opens it to everybody. Without arguments, the capture stops:
//
//      zstr_sendx (proxy, "CAPTURE", "inproc://log", NULL);
//      zstr_sendx (proxy, "CAPTURE", "inproc://log", "PUSH", "I", "O", NULL);
//      zstr_sendx (proxy, "CAPTURE", NULL);
//
//  Show each message of a flow to a function, which may change, replace, drop
//  or answer it. It is called on the relay's thread and must not wait. NULL
//  removes it. The function has one of two forms. "zmsg", the default, is a
//  zrelay_filter_fn, which gets a zmsg_t with copies of the frames:
//
//      zrelay_verdict_t s_filter (zmsg_t **msg_p, void *argument);
//      zrelay_set_filter (proxy, ZRELAY_FLOW_FORWARD, s_filter, argument);
//
//  "message" is a zrelay_message_fn, which sees the frames without copies:
//
//      zrelay_verdict_t s_look (zrelay_engine_t *engine, void *argument,
//                               zrelay_message_t *message);
//      zrelay_set_message_filter (proxy, ZRELAY_FLOW_FORWARD, s_look,
//                                 argument);
//
//  Those functions, see zrelay_actor.h, give the command FILTER and read its
//  status. Both pointers travel as their bytes, and the form may follow. Bytes
//  that are not the address of code are refused, for any word may have as many
//  letters; zrelay_set_filter () adds a mark that only this process knows:
//
//      zsock_send (proxy, "sspps", "FILTER", "FORWARD", s_look, argument,
//                  "message");
//
//  Either can ask for the properties of the peer that sent the message, such as
//  "User-Id" and "Peer-Address": with zrelay_message_property (), or with
//  zframe_meta () of a zmsg's last frame.
//
//  Restrict the topics that a flow passes, and rename them, by their first
//  bytes. Messages from SUB, XSUB, PULL and PAIR have topics: the first bytes
//  of their first frame. A message passes if it begins with the topic of a rule
//  "only", where there are any, and not with that of a rule "except"; then the
//  first rule "rename" that fits replaces its topic. Publishers are asked for
//  nothing that would not pass. Messages that do not pass count as dropped by
//  the filter, and each rule counts the messages that it was about. A command
//  of its own, and not SET, gives rules, since there may be any number, and
//  they have counts. It is refused with status 3 once a side is attached:
//
//      zstr_sendx (proxy, "RULE", "FORWARD", "only", "orders.", NULL);
//      zstr_sendx (proxy, "RULE", "FORWARD", "except", "orders.test.", NULL);
//      zstr_sendx (proxy, "RULE", "FORWARD", "rename", "orders.", "uk.", NULL);
//      zstr_sendx (proxy, "RULE", "FORWARD", "none", NULL);
//
//  List them, a query: for each rule its name, topic, new topic, and count:
//
//      zstr_sendx (proxy, "RULES", "FORWARD", NULL);
//
//  Stop both flows, and start them again. While they are stopped, messages wait
//  in the sockets, up to their high-water marks, and none is lost.
//  Subscriptions, for which there is no such mark, continue to flow. PAUSE is
//  refused while a DRAIN is under way. RESUME of a relay that is not paused has
//  status 0, and does nothing: zproxy answers so in every state, and programs
//  use it to make sure that a proxy runs:
//
//      zstr_send (proxy, "PAUSE");
//      zstr_send (proxy, "RESUME");
//
//  Take no new work, and let the work inside finish, within a number of
//  milliseconds (default 1000). The relay passes on the messages that wait in
//  its input sockets. If requests went through a ROUTER or REP frontend, it
//  waits for their replies, as long as a worker is connected. A worker that the
//  relay connected to has gone when an attempt to connect again has failed; one
//  that was never there may still come. By inproc, only a DEALER knows when its
//  last worker has gone, and only while fewer replies are missing than half of
//  its sndhwm. So it is with all workers of a socket that an application brought
//  (zrelay_device.h), where those that it connected to never count as gone. Then
//  the answer comes: 0, or 3 if something was left or RESUME ended the DRAIN.
//  ERROR says what was left, such as replies that no worker has given. The relay
//  reads no new work until RESUME. If you destroy it instead, its sockets have
//  the same time again to send their last messages, unless SET linger said
//  otherwise. DRAIN also ends a PAUSE:
//
//      zstr_sendx (proxy, "DRAIN", "5000", NULL);
//
//  Set up security before attaching; a zauth actor of the application checks
//  the peers. Keys are in Z85, as zcert_public_txt () and zcert_secret_txt ()
//  return them:
//
//      zstr_sendx (proxy, "DOMAIN", "FRONTEND", "global", NULL);
//      zstr_sendx (proxy, "PLAIN", "FRONTEND", NULL);
//      zstr_sendx (proxy, "CURVE", "FRONTEND", public_txt, secret_txt, NULL);
//
//  DOMAIN RELAY gives a domain to sockets that bind later and take over no
//  security of a side: a capture, and those of the kind's own, such as a
//  cache's for snapshots:
//
//      zstr_sendx (proxy, "DOMAIN", "RELAY", "global", NULL);
//
//  After zauth has ended, libzmq lets everybody in, except on a PLAIN side. The
//  following option, set after DOMAIN and before attaching, keeps them out. It
//  is refused with status 3 if the side has no domain:
//
//      zstr_sendx (proxy, "SET", "FRONTEND", "zap_enforce_domain", "1", NULL);
//
//  Look at the relay. The class zrelay_stats reads the answer to STATS, and
//  doc/counters.md explains each counter. COUNTERS returns the same names and
//  values in one frame, each with a zero byte behind it, which costs a relay
//  and its client a fraction. RESET sets the counters to zero.
//  STATE returns idle (a side has no endpoint), active, paused or draining.
//  PEERS returns the number of peers, and then the address of each in a frame
//  of its own; it does not know peers that connect by inproc. HELP lists the
//  commands. All are queries, except for RESET:
//
//      zstr_send (proxy, "STATS");
//      zstr_send (proxy, "COUNTERS");
//      zstr_send (proxy, "RESET");                 //  answered by a status
//      zstr_send (proxy, "STATE");
//      zstr_sendx (proxy, "PEERS", "FRONTEND", NULL);
//      zstr_send (proxy, "HELP");
//      zstr_sendx (proxy, "HELP", "BIND", NULL);
//      zstr_send (proxy, "PING");
//
//  End all connections of a side that come from an IP address; "ipc" those of
//  ipc, and "*" all. Peers connect again by themselves, if they are let in: use
//  it after a peer was taken off a list, see EVENTS in zrelay_gate.h:
//
//      zstr_sendx (proxy, "CUT", "FRONTEND", "10.0.0.7", NULL);
//
//  CONNECT succeeds for a host that does not exist. EVENTS sends what becomes
//  of the connections that the relay makes to a PULL socket, each event as the
//  frames LINK, side, state, endpoint, reason, and the relay's name. The state
//  is connected (the handshake is complete), disconnected, unreachable (nobody
//  answers there), unresolved (there is no such host), or refused (the
//  handshake failed; the reason is auth, protocol or other). It comes when it
//  changes. Bind that socket before this, and give this command before CONNECT:
//
//      zstr_sendx (proxy, "EVENTS", "inproc://proxy-events", NULL);
//
//  Let peers do only what a file permits. Each line says who, a right, and
//  perhaps the beginning of a topic or a message; the rest is refused:
//
//      #   WHO             RIGHT       BEGINNING
//      user alice          subscribe   weather.
//      address 10.0.0.0/8  publish     sensors.
//      anybody             request
//
//  A user is a peer's User-Id, as a zrelay_gate gives it; an address may be a
//  network. A word in double quotes may have spaces, \", \\, and bytes such as
//  \x00. To subscribe is for the peers of an XPUB: whoever asks for a topic
//  without that beginning is cut off, before the next message is sent. Other
//  messages without permission are dropped and counted. At the frontend they
//  are requests (ROUTER, REP, DEALER, REQ), or publications (SUB, XSUB, PULL,
//  PAIR, XPUB); what comes from the backend needs the right to reply. Of
//  requests and replies, the first frame counts that is not empty, behind the
//  routing id. Peers by inproc may do everything. A PUB side sends nothing.
//
//  Others must not be able to write to the file. A wrong line is refused, and
//  its number is in the sentence (status 4). A change counts within a second;
//  if somebody has lost a right, all subscribers are cut off, and come back.
//  While the file is missing or wrong, nobody may do anything. What is refused
//  is logged, at most once a second. PERMIT is possible once. It is refused for
//  sockets of an application, and where a kind has bound one of its own (LOOKUP
//  of a cache); such a one cannot be bound later either:
//
//      zstr_sendx (proxy, "PERMIT", "who_may_what", NULL);
//
//  Log commands and their results through zsys, and each peer that comes, goes,
//  is refused or is cut off, with its address and the reason:
//
//      zstr_send (proxy, "VERBOSE");
//
//  End the relay and close its sockets, within milliseconds in every state.
//  Messages still inside are lost, and those that the relay held are logged; if
//  they matter, DRAIN first. See zrelay_actor.h; zactor_destroy () does the
//  same only if all answers were read, since it would mistake one for the end:
//
//      zrelay_destroy (&proxy);
//
//  The actor function, for zactor_new (). args is NULL or a string, the relay's
//  name in logs and statistics. A name consists of letters, digits, "_", "-"
//  and "."; other characters become "_", and 127 are kept.
ZRELAY_EXPORT void
    zrelay_proxy (zsock_t *pipe, void *args);
//  @end

#ifdef __cplusplus
}
#endif

#endif
