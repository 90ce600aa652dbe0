/*  =========================================================================
    zrelay_device - relays between libzmq's sockets, in the caller's thread

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_DEVICE_H_INCLUDED
#define ZRELAY_DEVICE_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  zmq_device (), zmq_proxy () and zmq_proxy_steerable () with the engine of
//  the relays. Call zrelay_device (), zrelay_device_run () and
//  zrelay_device_steer () in their place. (For programs that you cannot change,
//  LD_PRELOAD of libzrelay-preload.so does the same.)
//
//      void *frontend = zmq_socket (context, ZMQ_ROUTER);
//      zmq_bind (frontend, "tcp://127.0.0.1:5559");
//      void *backend = zmq_socket (context, ZMQ_DEALER);
//      zmq_bind (backend, "tcp://127.0.0.1:5560");
//      zrelay_device_run (frontend, backend, NULL);    //  To the context's end
//
//  All sockets are the caller's: libzmq's sockets or zsock_t, of any type, from
//  one context or several. The functions do not change their options and do not
//  close them. While a function runs, no other thread may use them. frontend
//  and backend may be the same socket, which then sends what it receives.
//
//  These are the differences from libzmq's functions:
//  - A full output never stops the other direction, the control socket, or the
//    end of the context: messages wait in their socket until it can take them.
//  - A full capture socket never stops the relay: up to 1000 copies wait for
//    it, and more than that are dropped and counted.
//  - No message on the control socket ends the process; unknown words are
//    ignored.
//  - Between an XPUB with ZMQ_XPUB_VERBOSE and an XSUB, the last cancellation
//    of a topic reaches the publishers. ZMQ_XPUB_VERBOSER, which libzmq does
//    not tell from it, must not be set: the first cancellation counts as the
//    last.
//  - Between two ROUTERs, the first two frames change places, see
//    zrelay_proxy.h.
//  - Whoever knows one of the routing ids that a ROUTER gave its peers knows the
//    next, and can end the process by it (libzmq). So workers and captures see
//    such ids hidden, and the relay reveals them in what comes back. An
//    application that ends the relay and then sends to its ROUTER itself, to an
//    id that it saw behind the relay, has to call zrelay_device_reveal ().
//
//  After EINTR or TERMINATE nothing is lost. The relay reads a message only if
//  its output can take it, so the caller can read the socket, or call again, in
//  any thread. (Three outputs may leave a message with the relay, which the
//  next call with the same sockets sends: an XPUB with ZMQ_XPUB_NODROP, one whose
//  peer leaves at that moment, and one that took 200000 messages without being
//  full, and then is: it is not asked before each message, which takes longer
//  than to move one.)
//
//  Three environment variables are for the person who runs the program:
//
//      ZRELAY_LOG=1             report on standard error when a function begins
//                               and ends, and how many messages it carried
//      ZRELAY_CONTROL=endpoint  bind a socket there for REQ clients, and for
//                               zrelay_client_connect (). It takes the commands
//                               of zrelay_proxy.h, a frame for each word. It
//                               answers with the status as a string ("0": done)
//                               and then the frames of a query's answer or, if
//                               the command failed, the sentence that says why.
//                               LIST names the relay, and RELAY and its name
//                               may precede a command, as at a zrelay_host.
//                               In the endpoint, %p stands for the process id,
//                               and %n for the number of the relay within the
//                               process, from 1. The socket of an ipc path,
//                               such as ipc:///run/mine/%p-%n, is for this
//                               user alone. By tcp, or by an ipc name outside
//                               of the file system, anybody who can connect can
//                               steer; this takes the word "anybody" and a
//                               space before the endpoint
//
//      ZRELAY_SHOW_IDS=1        do not hide routing ids, for a program that uses
//                               them itself after the relay has ended
//
//  FILTER, $TERM, and CAPTURE with arguments are refused there. SET acts on the
//  caller's sockets.

//  Like zmq_device (). type is ZMQ_QUEUE, ZMQ_FORWARDER or ZMQ_STREAMER, and
//  only names the relay; the sockets decide how messages travel. Returns -1,
//  with errno as for zrelay_device_run ().
ZRELAY_EXPORT int
    zrelay_device (int type, void *frontend, void *backend);

//  Like zmq_proxy (). Carries messages both ways, as far as the types of the
//  sockets allow, and copies them to capture, a PUB, DEALER, PUSH or PAIR
//  socket, unless that is NULL. Returns -1, with errno:
//      ETERM     a context of these sockets was terminated
//      EINTR     a signal was caught
//      EFAULT    frontend or backend is NULL
//      ENOTSOCK  one of them is not a socket, or was closed meanwhile
ZRELAY_EXPORT int
    zrelay_device_run (void *frontend, void *backend, void *capture);

//  Like zmq_proxy_steerable (). control is a PAIR, REP, SUB, PULL or any other
//  socket that receives, or NULL. It takes messages of one frame, which ROUTERs
//  never get: PAUSE, RESUME, TERMINATE and STATISTICS. STATISTICS is answered
//  with eight frames, each an uint64_t in the host's byte order: messages and
//  bytes received by the frontend, sent by it, received by the backend, and
//  sent by it. As in libzmq, a ROUTER's routing ids count among the bytes. A
//  REP answers all other words with an empty frame. Returns 0 after TERMINATE,
//  or else -1 with errno as for zrelay_device_run ().
ZRELAY_EXPORT int
    zrelay_device_steer (void *frontend, void *backend, void *capture,
                         void *control);

//  Turn a routing id, as workers and captures see it, into that which the
//  ROUTER knows, in its place. Other ids stay as they are.
ZRELAY_EXPORT void
    zrelay_device_reveal (void *id, size_t size);

//  Names that version 0.1 had for the last two functions, kept for one version.
ZRELAY_EXPORT int
    zrelay_run (void *frontend, void *backend, void *capture);
ZRELAY_EXPORT int
    zrelay_steer (void *frontend, void *backend, void *capture, void *control);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_device_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
