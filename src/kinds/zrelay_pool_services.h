/*  =========================================================================
    zrelay_pool_services - the services of a pool, with their counts

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_POOL_SERVICES_H_INCLUDED
#define ZRELAY_POOL_SERVICES_H_INCLUDED

#include <zrelay.h>
#include "zrelay_ring.h"

//  A service is a line of work: requests wait in it, and workers serve it. It
//  exists as long as it has a user, which is a worker or a request. The service
//  without a name always exists, and appears in no statistics. Strangers may
//  name as many services as they like, so only some of those without users are
//  remembered, for their counts.

typedef struct {
    zrelay_name_t name;         //  Its bytes follow the structure
    zrelay_ring_t waiting;      //  Requests, the next one first
    zrelay_ring_t free;         //  Workers, the longest free first
    zrelay_ring_t members;      //  All workers
    zrelay_ring_t all;          //  Link among all services
    zrelay_ring_t idle;         //  Link among those without users
    size_t users;               //  Its workers and requests
    size_t workers;             //  Workers, silent ones not among them
    size_t queue;               //  Requests that wait
    size_t queue_bytes;         //  Bytes in these
    uint64_t served;            //  Requests answered
    uint64_t failed;            //  Requests dropped
    uint64_t total_us;          //  Time in workers, of those answered
    uint64_t longest_us;        //  Longest of these
} zrelay_pool_service_t;

typedef struct _zrelay_pool_services_t zrelay_pool_services_t;

zrelay_pool_services_t *
    zrelay_pool_services_new (void);

//  Their workers and requests are not looked at any more.
void
    zrelay_pool_services_destroy (zrelay_pool_services_t **self_p);

//  The service of that name, or NULL.
zrelay_pool_service_t *
    zrelay_pool_services_find (zrelay_pool_services_t *self,
                               const void *name, size_t size);

//  The service of that name, new or not, with one user more; and with one user
//  less, which may be its end.
zrelay_pool_service_t *
    zrelay_pool_services_use (zrelay_pool_services_t *self,
                              const void *name, size_t size);
void
    zrelay_pool_services_leave (zrelay_pool_services_t *self,
                                zrelay_pool_service_t *service);

//  The first service, and the next; NULL at the end.
zrelay_pool_service_t *
    zrelay_pool_services_first (zrelay_pool_services_t *self);
zrelay_pool_service_t *
    zrelay_pool_services_next (zrelay_pool_services_t *self,
                               zrelay_pool_service_t *service);

//  Count a request that a worker has answered in so many usecs.
void
    zrelay_pool_service_served (zrelay_pool_service_t *self, int64_t usecs);

//  Set all counts to 0, and forget services without users.
void
    zrelay_pool_services_reset (zrelay_pool_services_t *self);

//  For zrelay_pool_stats () and zrelay_pool_list_services ().
void
    zrelay_pool_services_stats (zrelay_pool_services_t *self, zmsg_t *answer);
void
    zrelay_pool_services_list (zrelay_pool_services_t *self, zmsg_t *answer);

#endif
