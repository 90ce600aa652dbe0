/*  =========================================================================
    zrelay_client - steers a relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CLIENT_H_INCLUDED
#define ZRELAY_CLIENT_H_INCLUDED

#include "zrelay_library.h"
#include "zrelay_stats.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  Gives commands to a relay and reads the answers, each call within a time
//  limit:
//
//      zactor_t *queue = zactor_new (zrelay_queue, "orders");
//      zrelay_client_t *client = zrelay_client_new (queue);
//      if (zrelay_client_command (client, "BIND", "FRONTEND",
//                                 "tcp://127.0.0.1:5559", NULL) != 0)
//          puts (zrelay_client_error (client));
//      char *state = zrelay_client_ask (client, "STATE", NULL);
//      ...
//      zstr_free (&state);
//      zrelay_client_destroy (&client);
//      zrelay_destroy (&queue);
//
//  The client numbers its commands and recognises an answer by its number. It
//  therefore never takes one answer for another: not that of an earlier
//  command, not one that came too late, and not that of a DRAIN which is still
//  under way. A client that reads an actor's pipe throws away the answers to
//  commands that the application sent there itself, so leave all steering to
//  the client while it exists. Only one thread at a time may use a client.
//
//  A call ends when the answer or the time limit comes, whichever is first.
//  Signals do not end it, even if zsys_interrupted is set: a program that has
//  been asked to end may still want to DRAIN its relays.
//
//  The format, for clients in other languages: a command is its words, one in
//  each frame, behind an envelope of any frames (here one, a number of 10
//  digits) that ends with an empty frame. The answer is the same envelope with
//  its empty frame, the status as a decimal string, and then the frames of a
//  query's answer (the first is the query's name, which this class takes off)
//  or, if the status is not "0", one sentence that says what was wrong. This is
//  the format that a REQ socket sends and receives by itself, and the one that
//  ZRELAY_CONTROL, see zrelay_device.h, accepts. An actor's pipe answers bare
//  words with signals; there, one more empty frame precedes the command, and
//  also its answer.

typedef struct _zrelay_client_t zrelay_client_t;

//  A client that steers the relay at the other end of an actor or a socket,
//  zsock_t or libzmq's, which remains the caller's and must outlive the client.
//  A PAIR is used as an actor's pipe, a DEALER as one that is connected to a
//  control endpoint, for example with keys of its own. Returns NULL, with errno
//  EINVAL, if the socket has another type.
ZRELAY_EXPORT zrelay_client_t *
    zrelay_client_new (void *relay);

//  A client that steers the relay at a control endpoint, such as one that
//  ZRELAY_CONTROL names. The relay need not be there yet: a call waits for it
//  within its time limit, and a command that no relay took by then is not given
//  later (over inproc it is). Returns NULL, with errno EINVAL or as
//  zmq_connect () sets it, if the endpoint is malformed, or EPROTONOSUPPORT if
//  it is not tcp, ipc or inproc.
ZRELAY_EXPORT zrelay_client_t *
    zrelay_client_connect (const char *endpoint);

ZRELAY_EXPORT void
    zrelay_client_destroy (zrelay_client_t **self_p);

//  Steer that relay of a zrelay_host from now on: each command goes behind RELAY
//  and this name. NULL: give commands to the host itself, or to the relay that
//  is alone there. The name is copied.
ZRELAY_EXPORT void
    zrelay_client_set_relay (zrelay_client_t *self, const char *name);

//  Longest time for one call, in milliseconds, from 0 (default 5000). A call
//  that takes longer ends with ZRELAY_STATUS_TIMEOUT and leaves the client
//  usable; the relay may still carry out the command. DRAIN takes as long as it
//  says, so allow it more.
ZRELAY_EXPORT void
    zrelay_client_set_timeout (zrelay_client_t *self, size_t msecs);

//  Give a command, its words as strings ended by NULL. Returns the status that
//  the relay gave, or, if it gave none:
//      ZRELAY_STATUS_TIMEOUT        the time limit came first
//      ZRELAY_STATUS_REFUSED        the socket has been closed or its context
//                                   terminated
//      ZRELAY_STATUS_BAD_ARGUMENTS  the command has no words
ZRELAY_EXPORT int
    zrelay_client_command (zrelay_client_t *self, const char *command, ...)
    ZRELAY_SENTINEL;

//  Run a query, its words as strings ended by NULL. Returns the frames of its
//  answer, without its name, for the caller to destroy; there may be none.
//  Returns NULL if the query failed: see zrelay_client_status ().
ZRELAY_EXPORT zmsg_t *
    zrelay_client_query (zrelay_client_t *self, const char *query, ...)
    ZRELAY_SENTINEL;

//  The same if only the first frame matters: returns it as a string, for the
//  caller to free with zstr_free (), or "" if the answer has no frames. Returns
//  NULL if the query failed.
ZRELAY_EXPORT char *
    zrelay_client_ask (zrelay_client_t *self, const char *query, ...)
    ZRELAY_SENTINEL;

//  Give any command, as a message of its words, which may hold any bytes
//  (FILTER takes pointers), and return its status, as zrelay_client_command ().
//  Takes the message, overwrites its frames, since they may hold keys, and
//  nulls *words_p. If frames_p is not NULL, *frames_p becomes the frames of the
//  answer, for the caller to destroy, or NULL if the command failed.
ZRELAY_EXPORT int
    zrelay_client_execute (zrelay_client_t *self, zmsg_t **words_p,
                           zmsg_t **frames_p);

//  The statistics, for the caller to destroy, or NULL if STATS failed. If its
//  answer is malformed, the status is ZRELAY_STATUS_REFUSED.
ZRELAY_EXPORT zrelay_stats_t *
    zrelay_client_stats (zrelay_client_t *self);

//  Status of the last call, and its sentence: what was wrong, and what is
//  allowed; "" if the status is ZRELAY_STATUS_DONE. The string remains the
//  client's, until the next call.
ZRELAY_EXPORT int
    zrelay_client_status (zrelay_client_t *self);
ZRELAY_EXPORT const char *
    zrelay_client_error (zrelay_client_t *self);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_client_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
