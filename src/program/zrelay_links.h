/*  =========================================================================
    zrelay_links - tells the user what becomes of the relay's connections

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_LINKS_H_INCLUDED
#define ZRELAY_LINKS_H_INCLUDED

#include "zrelay_plan.h"
#include "zrelay_report.h"

//  Reads the relay's EVENTS about the endpoints that the plan connects to.
//  Prints "NAME: SIDE connected to ENDPOINT" for each, once, and logs what is
//  in the way. Names that libzmq has resolved are known by their ports.

typedef struct _zrelay_links_t zrelay_links_t;

//  The plan and the report remain the caller's and must outlive the object,
//  which must outlive the relay.
zrelay_links_t *
    zrelay_links_new (zrelay_plan_t *plan, zrelay_report_t *report);

void
    zrelay_links_destroy (zrelay_links_t **self_p);

//  Where the relay is to send events, or NULL if it makes no connections; and
//  the socket that can be read when there is one.
const char *
    zrelay_links_endpoint (zrelay_links_t *self);
zsock_t *
    zrelay_links_sock (zrelay_links_t *self);

//  Handle one event.
void
    zrelay_links_handle (zrelay_links_t *self);

#endif
