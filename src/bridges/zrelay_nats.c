/*  =========================================================================
    zrelay_nats - relays that are joined to others by NATS servers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay_nats.h>

const zrelay_kind_t *const *
zrelay_nats_kinds (void)
{
    static const zrelay_kind_t *kinds [4];
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock (&mutex);
    kinds [0] = zrelay_nats_queue_kind ();
    kinds [1] = zrelay_nats_forwarder_kind ();
    kinds [2] = zrelay_nats_streamer_kind ();
    pthread_mutex_unlock (&mutex);
    return kinds;
}
