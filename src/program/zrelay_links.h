/*  =========================================================================
    zrelay_links - tells the user what becomes of relays' connections

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

//  Reads the EVENTS of relays about the endpoints that they connect to. Prints
//  "NAME: SIDE connected to ENDPOINT" for each, once, and logs what is in the
//  way. libzmq reports a name that it has resolved as an address; plans say what
//  the user has called it, which is known by the port.

typedef struct _zrelay_links_t zrelay_links_t;

//  The report remains the caller's and must outlive the object, which must
//  outlive the relays. quiet: log, but print nothing. Returns NULL if the system
//  has no socket for this, which all other functions take for an object that
//  hears nothing, except for the next and zrelay_links_handle ().
zrelay_links_t *
    zrelay_links_new (zrelay_report_t *report, bool quiet);

void
    zrelay_links_destroy (zrelay_links_t **self_p);

//  Add a plan, which must remain until all are forgotten.
void
    zrelay_links_add (zrelay_links_t *self, zrelay_plan_t *plan);
void
    zrelay_links_purge (zrelay_links_t *self);

//  True if the plan of that relay connects that side there.
bool
    zrelay_links_makes (zrelay_links_t *self, const char *relay,
                        const char *side, const char *endpoint);

//  Where relays are to send events, or NULL; and the socket that can be read
//  when there is one.
const char *
    zrelay_links_endpoint (zrelay_links_t *self);
zsock_t *
    zrelay_links_sock (zrelay_links_t *self);

//  Handle one event.
void
    zrelay_links_handle (zrelay_links_t *self);

#endif
