/*  =========================================================================
    zrelay_pool_clients - the clients of a pool, each with its requests

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_POOL_CLIENTS_H_INCLUDED
#define ZRELAY_POOL_CLIENTS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_ring.h"

//  A client is found again when it goes, or when it sends the next request.
//  Some clients without requests are remembered, since most send another one.

typedef struct {
    zrelay_name_t name;         //  Its routing id; the bytes follow
    zrelay_ring_t requests;     //  Those that wait or are in hand
    zrelay_ring_t idle;         //  Link among clients without requests
} zrelay_pool_client_t;

typedef struct _zrelay_pool_clients_t zrelay_pool_clients_t;

zrelay_pool_clients_t *
    zrelay_pool_clients_new (void);

//  All requests must have left their clients.
void
    zrelay_pool_clients_destroy (zrelay_pool_clients_t **self_p);

//  The client with that routing id, or NULL.
zrelay_pool_client_t *
    zrelay_pool_clients_find (zrelay_pool_clients_t *self,
                              const void *id, size_t size);

//  Add a request, by its link, to the client with that routing id, which may be
//  new; and let it leave, after which the client may exist no more.
zrelay_pool_client_t *
    zrelay_pool_clients_join (zrelay_pool_clients_t *self,
                              const void *id, size_t size,
                              zrelay_ring_t *request);
void
    zrelay_pool_clients_leave (zrelay_pool_clients_t *self,
                               zrelay_pool_client_t *client,
                               zrelay_ring_t *request);

//  Forget a client, whose requests must have been taken from its list.
void
    zrelay_pool_clients_remove (zrelay_pool_clients_t *self,
                                zrelay_pool_client_t *client);

#endif
