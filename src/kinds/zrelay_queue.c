/*  =========================================================================
    zrelay_queue - shares requests of many clients among many workers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include <zrelay.h>

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "queue",
    .help = "shares requests of many clients among many workers",
    .frontend = { .types = "ROUTER", .endpoint = "@tcp://127.0.0.1:5559",
                  .peers = "REQ and DEALER clients" },
    .backend = { .types = "DEALER", .endpoint = "@tcp://127.0.0.1:5560",
                 .peers = "REP, DEALER and ROUTER workers" }
};

const zrelay_kind_t *
zrelay_queue_kind (void)
{
    return &s_kind;
}

void
zrelay_queue (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}
