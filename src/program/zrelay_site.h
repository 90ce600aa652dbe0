/*  =========================================================================
    zrelay_site - what the HTTP server shows, and to whom

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SITE_H_INCLUDED
#define ZRELAY_SITE_H_INCLUDED

#include "zrelay_snapshot.h"

//  Knows what each path is, and who may do what; knows nothing about
//  connections. These are the paths:
//
//      GET /                       the page, with /page.css and /page.js
//      GET /healthz                200 as long as the process answers
//      GET /readyz                 200 if every relay is attached, else 503
//      GET /metrics                for Prometheus
//      GET /stats.json             the statistics of all relays
//      GET /relays/NAME.json       peers, endpoints and settings of one
//      POST /relays/NAME/COMMAND   pause, resume, drain or reset it
//
//  Nobody may POST unless there is a token, which comes as "Authorization:
//  Bearer TOKEN", and no page of another origin may.

typedef struct _zrelay_site_t zrelay_site_t;

//  Statuses of HTTP
typedef enum {
    ZRELAY_SITE_OK = 200,
    ZRELAY_SITE_ACCEPTED = 202,
    ZRELAY_SITE_BAD = 400,
    ZRELAY_SITE_UNAUTHORIZED = 401,
    ZRELAY_SITE_FORBIDDEN = 403,
    ZRELAY_SITE_NOT_FOUND = 404,
    ZRELAY_SITE_NOT_ALLOWED = 405,
    ZRELAY_SITE_CONFLICT = 409,
    ZRELAY_SITE_TOO_LARGE = 413,
    ZRELAY_SITE_UNAVAILABLE = 503,
    ZRELAY_SITE_TIMEOUT = 504
} zrelay_site_status_t;

//  A request. A header that is missing is NULL.
typedef struct {
    const char *method;         //  GET, HEAD, POST
    const char *path;           //  Decoded, without what follows "?"
    const char *host;           //  Host
    const char *origin;         //  Origin
    const char *fetch_site;     //  Sec-Fetch-Site
    const char *authorization;  //  Authorization
} zrelay_site_request_t;

//  An answer
typedef struct {
    zrelay_site_status_t status;    //  Of HTTP
    const char *type;           //  Media type
    const char *allow;          //  Methods to name in Allow, or NULL
    char *body;                 //  To be freed, unless it is constant
    size_t size;                //  Bytes in body
    bool constant;              //  It is not to be freed
} zrelay_site_answer_t;

//  token is who may steer, or NULL: nobody. With local, only names of this
//  machine may stand in Host: a name that somebody else's DNS has pointed at
//  it is refused.
zrelay_site_t *
    zrelay_site_new (const char *token, bool local);

void
    zrelay_site_destroy (zrelay_site_t **self_p);

//  Answer what needs no relay: also from several threads at once. Returns false
//  if relays have to be asked.
bool
    zrelay_site_answer (zrelay_site_t *self,
                        const zrelay_site_request_t *request,
                        zrelay_site_answer_t *answer);

//  Answer a request of the other sort, which was not refused before. The
//  statistics are asked for once, until zrelay_site_forget ().
void
    zrelay_site_ask (zrelay_site_t *self, zrelay_client_t *client,
                     const char *path, zrelay_site_answer_t *answer);
void
    zrelay_site_forget (zrelay_site_t *self);

#endif
