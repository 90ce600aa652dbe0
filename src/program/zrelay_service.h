/*  =========================================================================
    zrelay_service - what a service manager wants of the program

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SERVICE_H_INCLUDED
#define ZRELAY_SERVICE_H_INCLUDED

#include "zrelay_plan.h"
#include "zrelay_report.h"

//  The options --user, --pid-file and --runtime-dir; and the messages that
//  sd_notify(3) describes, which go to the socket that NOTIFY_SOCKET names.
//  They need no library, and without that variable nothing is sent.

typedef struct _zrelay_service_t zrelay_service_t;

zrelay_service_t *
    zrelay_service_new (zrelay_plan_t *plan, zrelay_report_t *report);

//  Removes the PID file, and the runtime directory if it was made here and is
//  empty, as far as the user may.
void
    zrelay_service_destroy (zrelay_service_t **self_p);

//  Make the runtime directory, write the PID file and become the user, in this
//  order. Call it before the process has threads or opens files of others.
zrelay_exit_t
    zrelay_service_start (zrelay_service_t *self);

//  The relay is ready; and is to end, within so many msecs.
void
    zrelay_service_ready (zrelay_service_t *self);
void
    zrelay_service_stopping (zrelay_service_t *self, size_t msecs);

//  The watchdog wants to hear from the program regularly. Msecs until the relay
//  has to be asked whether it still answers, or -1 if nobody wants to hear.
//  Having been due, the next time is half of the watchdog's patience later.
long
    zrelay_service_wait (zrelay_service_t *self);
bool
    zrelay_service_due (zrelay_service_t *self);

//  The relay has answered.
void
    zrelay_service_alive (zrelay_service_t *self);

#endif
