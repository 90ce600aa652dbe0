/*  =========================================================================
    zrelay_spooler - where relays keep messages that their output cannot take

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>

//  Written once, before relays spool, and read by their threads
static const zrelay_spooler_t *s_spooler;

void
zrelay_spooler_provide (const zrelay_spooler_t *spooler)
{
    assert (spooler && spooler->size >= sizeof (zrelay_spooler_t));
    __atomic_store_n (&s_spooler, spooler, __ATOMIC_RELEASE);
}

const zrelay_spooler_t *
zrelay_spooler_provided (void)
{
    return __atomic_load_n (&s_spooler, __ATOMIC_ACQUIRE);
}
