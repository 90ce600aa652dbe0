/*  =========================================================================
    zrelay_streamer - carries tasks from many pushers to many pullers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_STREAMER_H_INCLUDED
#define ZRELAY_STREAMER_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  The frontend is a PULL for PUSH sockets, and the backend is a PUSH for PULL
//  sockets. Tasks go to the pullers in turn:
//
//      zactor_t *streamer = zactor_new (zrelay_streamer, NULL);
//      zstr_sendx (streamer, "BIND", "FRONTEND", "tcp://127.0.0.1:5557", NULL);
//      zsock_wait (streamer);
//      zstr_sendx (streamer, "BIND", "BACKEND", "tcp://127.0.0.1:5558", NULL);
//      zsock_wait (streamer);
//
//  When no puller can take more, the relay holds one task and stops reading.
//  The pushers notice that their sockets are full, and nothing is lost. Where
//  the relay connects to pullers, tasks wait also for those that are not there,
//  unless SET BACKEND immediate 1 came before CONNECT.
//
//  zrelay_proxy.h shows the commands that all relays take.
//
//  The actor function, for zactor_new (). args is NULL or the relay's name, see
//  zrelay_proxy.h.
ZRELAY_EXPORT void
    zrelay_streamer (zsock_t *pipe, void *args);
//  @end

#ifdef __cplusplus
}
#endif

#endif
