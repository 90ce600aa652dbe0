/*  =========================================================================
    zrelay_titanic - a majordomo whose requests and replies are on disk

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_TITANIC_H_INCLUDED
#define ZRELAY_TITANIC_H_INCLUDED

#include "zrelay_engine.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A broker of the Majordomo protocol that can also be a Titanic (ZeroMQ RFC
//  9): clients leave requests with it, and fetch the replies later. Requests
//  and replies are in a store, see zrelay_store.h, so they survive the loss of
//  the broker, of clients, and of workers. It is in libzrelay-store, because it
//  needs LMDB. The program zrelay uses it if that is installed. It is what
//  zrelay_majordomo is, and has one more command; until that is given, there is
//  no difference:
//
//      zactor_t *broker = zrelay_engine_spawn (zrelay_titanic_kind (), NULL);
//
//  Keep requests in a directory, which is made if it does not exist (not so its
//  parents). Those that are there already are given to workers as these come.
//  Refused with status 4, and nothing is changed there, if the store is
//  damaged, in use by another relay, or not Titanic's. Only the owner of the
//  relay may give this command, and once.
//
//      zstr_sendx (broker, "TITANIC", "/var/lib/orders", NULL);
//      zsock_wait (broker);
//
//  From then on the broker itself serves three services. To clients, they look
//  like any others. No worker can serve them.
//
//      service             body of a request           body of the reply
//
//      titanic.request     a service, and the frames   200 and a UUID; the
//                          of a request to it          request is stored then
//      titanic.reply       a UUID                      200 and the frames of
//                                                      the reply; or 300:
//                                                      there is none yet
//      titanic.close       a UUID                      200: the request and
//                                                      its reply are deleted,
//                                                      or were not there
//
//  Others: 400: no such UUID, or for titanic.request, no service that can be
//  asked; 500: there is no room, or the disk failed. A UUID is 32 hexadecimal
//  digits, which nobody can guess. Whoever has it can fetch the reply, as often
//  as wanted, until the request is closed or expires.
//
//  A stored request is given to workers of its service as other requests are,
//  until one of them has replied: at least once, so workers must be able to
//  take a request twice. "retries" and "deadline" say when a worker's attempt
//  is over; then the request rests for a second, and is given out again.
//
//      zstr_sendx (broker, "SET", "RELAY", "titanic_expiry", "604800000",
//                  NULL);
//      zstr_sendx (broker, "SET", "RELAY", "titanic_requests", "100000", NULL);
//      zstr_sendx (broker, "SET", "RELAY", "titanic_bytes", "1073741824",
//                  NULL);
//      zstr_sendx (broker, "SET", "RELAY", "titanic_sync", "second", NULL);
//
//  titanic_expiry is the number of milliseconds after which a request is
//  deleted that has no reply; and a reply, from when it came: 0: never.
//  titanic_requests bounds the requests that are stored, answered or not;
//  titanic_bytes the bytes in those without a reply, 64 more for each frame.
//  Beyond, titanic.request answers 500. When there are as many bytes in
//  replies, stored requests wait, and no more replies come.
//
//  titanic_sync says what a crash of the machine may cost: with "always",
//  titanic.request and titanic.close answer 200 when the disk has it; with
//  "second", it has it after a second at most; with "never", later. A crash of
//  the process costs nothing that was answered.
//
//  STATS has counters that begin with "titanic."; see doc/titanic.md.

//  The kind, whose name is "majordomo".
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_titanic_kind (void);

//  All kinds of this library, ended by NULL: this one.
ZRELAY_EXPORT const zrelay_kind_t *const *
    zrelay_titanic_kinds (void);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_titanic_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
