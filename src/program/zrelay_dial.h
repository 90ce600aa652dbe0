/*  =========================================================================
    zrelay_dial - connects to relays that run already

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_DIAL_H_INCLUDED
#define ZRELAY_DIAL_H_INCLUDED

#include "zrelay_report.h"

typedef struct _zrelay_dial_t zrelay_dial_t;

//  Connect to a control endpoint; NULL stands for that in ZRELAY_CONTROL, or
//  else for that of zrelay run. By tcp, curve names the file of our certificate
//  and server that of the other party; both may be NULL. word is the command of
//  the user, for reports. Returns NULL, with the reason reported, if there can
//  be no connection; nobody need be there yet.
zrelay_dial_t *
    zrelay_dial_new (const char *word, const char *endpoint,
                     const char *curve, const char *server,
                     zrelay_report_t *report);

void
    zrelay_dial_destroy (zrelay_dial_t **self_p);

//  The client, and the endpoint that it is connected to; they remain the
//  dial's.
zrelay_client_t *
    zrelay_dial_client (zrelay_dial_t *self);
const char *
    zrelay_dial_endpoint (zrelay_dial_t *self);

#endif
