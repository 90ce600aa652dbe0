/*  =========================================================================
    zrelay_forwarder - carries publications to subscribers, and subscriptions back

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include <zrelay.h>

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "forwarder",
    .help = "carries publications to subscribers, subscriptions back",
    .frontend = { .types = "XSUB", .endpoint = ">tcp://127.0.0.1:5556",
                  .peers = "PUB and XPUB publishers" },
    .backend = { .types = "XPUB", .endpoint = "@tcp://127.0.0.1:8100",
                 .peers = "SUB and XSUB subscribers" }
};

const zrelay_kind_t *
zrelay_forwarder_kind (void)
{
    return &s_kind;
}

void
zrelay_forwarder (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}
