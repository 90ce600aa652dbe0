/*  =========================================================================
    zrelay_http - serves metrics, health and the page over HTTP

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_HTTP_H_INCLUDED
#define ZRELAY_HTTP_H_INCLUDED

#include "zrelay_report.h"

//  Runs in two threads of its own: one serves the connections, and one asks the
//  relays, within a time limit. A relay never waits for either, and a reader
//  that is slow or silent keeps nobody else waiting. zrelay_site.h lists the
//  paths. Built without libmicrohttpd, it only says so.

typedef struct _zrelay_http_t zrelay_http_t;

//  Listen at HOST:PORT; HOST is a name, an IP address, in brackets if it has
//  colons, or "*", and PORT 0 a free one. token is a file with the token of
//  those who may steer, or NULL: nobody may. Returns NULL, with the reason
//  reported, if that is not possible.
zrelay_http_t *
    zrelay_http_new (const char *address, const char *token,
                     zrelay_report_t *report);

//  Stop serving; must come before the host is gone.
void
    zrelay_http_destroy (zrelay_http_t **self_p);

//  Serve the relays of a host, through a control endpoint inside the process.
//  Until then, connections wait. Signals must be blocked, since its threads
//  inherit that. lines, an autofree list, gets a line that says where it is.
//  Returns ZRELAY_EXIT_NOT_YET, or reports what is wrong and returns
//  ZRELAY_EXIT_FAILED.
zrelay_exit_t
    zrelay_http_start (zrelay_http_t *self, zrelay_client_t *host,
                       zlist_t *lines);

#endif
