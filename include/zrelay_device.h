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
//  the relays: put zrelay_device (), zrelay_run () and zrelay_steer () in
//  their place. (Programs that cannot be changed get them by LD_PRELOAD of
//  libzrelay-preload.so.)
//
//      void *frontend = zmq_socket (context, ZMQ_ROUTER);
//      zmq_bind (frontend, "tcp://127.0.0.1:5559");
//      void *backend = zmq_socket (context, ZMQ_DEALER);
//      zmq_bind (backend, "tcp://127.0.0.1:5560");
//      zrelay_run (frontend, backend, NULL);   //  Until the context ends
//
//  All sockets are the caller's: libzmq's, or zsock_t, of any type, from one
//  context or several. Their options remain as they are and they are not
//  closed. While a function runs, its thread has them for itself. frontend and
//  backend may be the same socket: what it receives it sends.
//
//  What differs from libzmq's functions:
//  - an output that is full never stops the other direction, the control
//    socket, or the end of the context: one message is held, whole;
//  - copies that the capture socket cannot take now never stop the relay: up
//    to 1000 wait for it, what is more is dropped and counted;
//  - no word on the control socket ends the process; unknown ones are ignored.
//
//  After EINTR, or after TERMINATE while a message was held, the caller can
//  call again with the same sockets in the same thread, and nothing is lost.
//
//  Two variables of the environment are for whoever runs the program:
//
//      ZRELAY_LOG=1             tell on standard error when a function begins
//                               and ends, and what it has carried
//      ZRELAY_CONTROL=endpoint  bind a REP socket there, which takes the
//                               commands of zrelay_proxy.h, a frame for each
//                               word, and answers with the status as a string
//                               ("0": done) and, if it was a query, what that
//                               tells, or, if it failed, why. %p in it stands
//                               for the number of the process, %n for that of
//                               the relay within it, from 1. Whoever can
//                               connect can steer: choose a place that others
//                               cannot reach, such as ipc:///run/mine/%p-%n
//
//  FILTER and $TERM, and CAPTURE but for its end, are refused there. SET acts
//  on the caller's sockets.

//  As zmq_device (): type is ZMQ_QUEUE, ZMQ_FORWARDER or ZMQ_STREAMER, and
//  serves as the relay's name; the sockets decide what happens. Returns -1,
//  with errno as zrelay_run ().
ZRELAY_EXPORT int
    zrelay_device (int type, void *frontend, void *backend);

//  As zmq_proxy (): carry messages both ways, as far as the types of the
//  sockets allow, and copy them to capture, a PUB, DEALER, PUSH or PAIR,
//  unless it is NULL. Returns -1, with errno
//      ETERM     a context of these sockets was terminated
//      EINTR     a signal was caught
//      EFAULT    frontend or backend is NULL
//      ENOTSOCK  one of them is no socket, or was closed meanwhile
ZRELAY_EXPORT int
    zrelay_device_run (void *frontend, void *backend, void *capture);

//  As zmq_proxy_steerable (): control is a PAIR, REP, SUB, PULL or any other
//  socket that receives, or NULL. It takes messages of one frame: PAUSE,
//  RESUME, TERMINATE, and STATISTICS, which is answered with eight frames of
//  an uint64_t in the order of the host's bytes: messages and their bytes
//  received by the frontend, sent by it, received by the backend, sent by it;
//  as in libzmq, the routing id that comes from a ROUTER counts among the
//  bytes. On a REP, all other words are answered with an empty frame. Returns
//  0 after TERMINATE, else -1 with errno as zrelay_run ().
ZRELAY_EXPORT int
    zrelay_device_steer (void *frontend, void *backend, void *capture, void *control);

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
