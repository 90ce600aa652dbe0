/*  =========================================================================
    zrelay_proxy - carries messages between any two sockets that fit

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include <zrelay.h>

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "proxy",
    .help = "carries messages between any two sockets that fit",
    .frontend = { .types = ZRELAY_ANY_TYPE },
    .backend = { .types = ZRELAY_ANY_TYPE }
};

const zrelay_kind_t *
zrelay_proxy_kind (void)
{
    return &s_kind;
}

void
zrelay_proxy (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}
