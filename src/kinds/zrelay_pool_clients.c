/*  =========================================================================
    zrelay_pool_clients - the clients of a pool, each with its requests

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_pool_clients.h"
#include "zrelay_pool_name.h"

//  Clients without requests that are remembered
#define IDLE_MOST 1000

struct _zrelay_pool_clients_t {
    zrelay_index_t *ids;        //  Clients by routing id
    zrelay_ring_t idle;         //  Those without requests, the oldest first
    size_t idle_count;          //  How many these are
};

static zrelay_pool_client_t *
s_client_new (zrelay_pool_clients_t *self, const void *id, size_t size)
{
    zrelay_pool_client_t *client = (zrelay_pool_client_t *)
        zmalloc (sizeof (zrelay_pool_client_t) + size);
    assert (client);
    zrelay_pool_name_set (&client->name, client + 1, id, size);
    zrelay_ring_init (&client->requests);
    zrelay_ring_init (&client->idle);
    zrelay_index_add (self->ids, &client->name, client);
    return client;
}

static void
s_stop_idling (zrelay_pool_clients_t *self, zrelay_pool_client_t *client)
{
    if (zrelay_ring_linked (&client->idle))
        self->idle_count--;
    zrelay_ring_leave (&client->idle);
}

static zrelay_pool_client_t *
s_first_idle (zrelay_pool_clients_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->idle),
                             zrelay_pool_client_t, idle);
}

zrelay_pool_clients_t *
zrelay_pool_clients_new (void)
{
    zrelay_pool_clients_t *self =
        (zrelay_pool_clients_t *) zmalloc (sizeof (zrelay_pool_clients_t));
    assert (self);
    self->ids = zrelay_index_new ();
    zrelay_ring_init (&self->idle);
    return self;
}

void
zrelay_pool_clients_destroy (zrelay_pool_clients_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_pool_clients_t *self = *self_p;
        zrelay_pool_client_t *client;
        while ((client = s_first_idle (self)))
            zrelay_pool_clients_remove (self, client);
        zrelay_index_destroy (&self->ids);
        freen (self);
        *self_p = NULL;
    }
}

zrelay_pool_client_t *
zrelay_pool_clients_find (zrelay_pool_clients_t *self,
                          const void *id, size_t size)
{
    return (zrelay_pool_client_t *) zrelay_index_find (self->ids, id, size);
}

zrelay_pool_client_t *
zrelay_pool_clients_join (zrelay_pool_clients_t *self,
                          const void *id, size_t size, zrelay_ring_t *request)
{
    zrelay_pool_client_t *client = zrelay_pool_clients_find (self, id, size);
    if (client)
        s_stop_idling (self, client);
    else
        client = s_client_new (self, id, size);
    zrelay_ring_add (&client->requests, request);
    return client;
}

void
zrelay_pool_clients_leave (zrelay_pool_clients_t *self,
                           zrelay_pool_client_t *client,
                           zrelay_ring_t *request)
{
    zrelay_ring_leave (request);
    if (zrelay_ring_first (&client->requests))
        return;
    zrelay_ring_add (&self->idle, &client->idle);
    if (self->idle_count++ == IDLE_MOST)
        zrelay_pool_clients_remove (self, s_first_idle (self));
}

void
zrelay_pool_clients_remove (zrelay_pool_clients_t *self,
                            zrelay_pool_client_t *client)
{
    s_stop_idling (self, client);
    zrelay_index_remove (self->ids, &client->name);
    freen (client);
}
