/*  =========================================================================
    zrelay_hosts - how many connections each address has

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_HOSTS_H_INCLUDED
#define ZRELAY_HOSTS_H_INCLUDED

#include <zrelay.h>

typedef struct _zrelay_hosts_t zrelay_hosts_t;

//  The connections of one address
typedef struct _zrelay_host_t zrelay_host_t;

zrelay_hosts_t *
    zrelay_hosts_new (void);

//  All must have left.
void
    zrelay_hosts_destroy (zrelay_hosts_t **self_p);

//  One more has come from this address, of the form tcp://HOST:PORT. Returns
//  NULL, and counts nothing, if it has none.
zrelay_host_t *
    zrelay_hosts_join (zrelay_hosts_t *self, const char *address);

//  One of them has left; it may be NULL already.
void
    zrelay_hosts_leave (zrelay_hosts_t *self, zrelay_host_t **host_p);

//  How many there are; host may be NULL.
size_t
    zrelay_hosts_count (const zrelay_host_t *host);

void
    zrelay_hosts_test (bool verbose);

#endif
