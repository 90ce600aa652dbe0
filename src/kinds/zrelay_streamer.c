/*  =========================================================================
    zrelay_streamer - carries tasks from many pushers to many pullers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include <zrelay.h>

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "streamer",
    .help = "carries tasks from many pushers to many pullers",
    .frontend = { .types = "PULL", .endpoint = "@tcp://127.0.0.1:5557",
                  .peers = "PUSH sockets" },
    .backend = { .types = "PUSH", .endpoint = "@tcp://127.0.0.1:5558",
                 .peers = "PULL sockets" }
};

const zrelay_kind_t *
zrelay_streamer_kind (void)
{
    return &s_kind;
}

void
zrelay_streamer (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}
