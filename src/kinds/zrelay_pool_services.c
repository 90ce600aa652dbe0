/*  =========================================================================
    zrelay_pool_services - the services of a pool, with their counts

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_pool_services.h"
#include "zrelay_pool_name.h"

//  Services without users whose counts are kept
#define IDLE_MOST 1000

struct _zrelay_pool_services_t {
    zrelay_index_t *names;      //  Services by name
    zrelay_pool_service_t *nameless;    //  The one without a name
    zrelay_pool_service_t *recent;      //  The one looked for last, or NULL
    zrelay_ring_t all;          //  All services
    zrelay_ring_t idle;         //  Those without users, the oldest first
    size_t idle_count;          //  How many these are
};

static zrelay_pool_service_t *
s_service_new (zrelay_pool_services_t *self, const void *name, size_t size)
{
    zrelay_pool_service_t *service = (zrelay_pool_service_t *)
        zmalloc (sizeof (zrelay_pool_service_t) + size);
    assert (service);
    zrelay_pool_name_set (&service->name, service + 1, name, size);
    zrelay_ring_init (&service->waiting);
    zrelay_ring_init (&service->free);
    zrelay_ring_init (&service->members);
    zrelay_ring_init (&service->all);
    zrelay_ring_init (&service->idle);
    zrelay_ring_add (&self->all, &service->all);
    zrelay_index_add (self->names, &service->name, service);
    return service;
}

static void
s_service_destroy (zrelay_pool_services_t *self, zrelay_pool_service_t *service)
{
    if (self->recent == service)
        self->recent = NULL;
    zrelay_index_remove (self->names, &service->name);
    zrelay_ring_leave (&service->all);
    zrelay_ring_leave (&service->idle);
    freen (service);
}

static zrelay_pool_service_t *
s_first_idle (zrelay_pool_services_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->idle),
                             zrelay_pool_service_t, idle);
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_pool_services_t *
zrelay_pool_services_new (void)
{
    zrelay_pool_services_t *self =
        (zrelay_pool_services_t *) zmalloc (sizeof (zrelay_pool_services_t));
    assert (self);
    self->names = zrelay_index_new ();
    zrelay_ring_init (&self->all);
    zrelay_ring_init (&self->idle);
    self->nameless = s_service_new (self, "", 0);
    return self;
}

void
zrelay_pool_services_destroy (zrelay_pool_services_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_pool_services_t *self = *self_p;
        zrelay_pool_service_t *service;
        while ((service = zrelay_pool_services_first (self)))
            s_service_destroy (self, service);
        zrelay_index_destroy (&self->names);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Services come and go

zrelay_pool_service_t *
zrelay_pool_services_find (zrelay_pool_services_t *self,
                           const void *name, size_t size)
{
    if (size == 0)
        return self->nameless;
    zrelay_pool_service_t *recent = self->recent;
    if (!recent || recent->name.size != size
    ||  memcmp (recent->name.data, name, size) != 0)
        self->recent = (zrelay_pool_service_t *)
            zrelay_index_find (self->names, name, size);
    return self->recent;
}

zrelay_pool_service_t *
zrelay_pool_services_use (zrelay_pool_services_t *self,
                          const void *name, size_t size)
{
    zrelay_pool_service_t *service =
        zrelay_pool_services_find (self, name, size);
    if (!service)
        service = s_service_new (self, name, size);
    service->users++;
    if (zrelay_ring_linked (&service->idle)) {
        zrelay_ring_leave (&service->idle);
        self->idle_count--;
    }
    return service;
}

void
zrelay_pool_services_leave (zrelay_pool_services_t *self,
                            zrelay_pool_service_t *service)
{
    if (--service->users > 0 || service == self->nameless)
        return;
    if (!service->served && !service->failed) {
        s_service_destroy (self, service);
        return;
    }
    zrelay_ring_add (&self->idle, &service->idle);
    if (self->idle_count == IDLE_MOST)
        s_service_destroy (self, s_first_idle (self));
    else
        self->idle_count++;
}

zrelay_pool_service_t *
zrelay_pool_services_first (zrelay_pool_services_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->all),
                             zrelay_pool_service_t, all);
}

zrelay_pool_service_t *
zrelay_pool_services_next (zrelay_pool_services_t *self,
                           zrelay_pool_service_t *service)
{
    return ZRELAY_RING_ITEM (zrelay_ring_next (&self->all, &service->all),
                             zrelay_pool_service_t, all);
}


//  --------------------------------------------------------------------------
//  Counts

void
zrelay_pool_service_served (zrelay_pool_service_t *self, int64_t usecs)
{
    self->served++;
    self->total_us += (uint64_t) usecs;
    if (self->longest_us < (uint64_t) usecs)
        self->longest_us = (uint64_t) usecs;
}

void
zrelay_pool_services_reset (zrelay_pool_services_t *self)
{
    zrelay_pool_service_t *service;
    while ((service = s_first_idle (self)))
        s_service_destroy (self, service);
    self->idle_count = 0;
    service = zrelay_pool_services_first (self);
    for (; service; service = zrelay_pool_services_next (self, service)) {
        service->served = 0;
        service->failed = 0;
        service->total_us = 0;
        service->longest_us = 0;
    }
}

static void
s_service_stats (zrelay_pool_service_t *service, zmsg_t *answer)
{
    const struct {
        const char *name;
        uint64_t value;
    } counts [] = {
        { "service.workers", service->workers },
        { "service.waiting", service->queue },
        { "service.served", service->served },
        { "service.failed", service->failed }
    };
    for (size_t index = 0; index < sizeof (counts) / sizeof (*counts); index++)
        zrelay_engine_stat_of (answer, counts [index].name, "service",
                               service->name.data, service->name.size,
                               counts [index].value);
}

void
zrelay_pool_services_stats (zrelay_pool_services_t *self, zmsg_t *answer)
{
    zrelay_pool_service_t *service = zrelay_pool_services_first (self);
    for (; service; service = zrelay_pool_services_next (self, service))
        if (service != self->nameless)
            s_service_stats (service, answer);
}

static void
s_list_service (zrelay_pool_service_t *service, zmsg_t *answer)
{
    char room [ZRELAY_LABEL_ROOM];
    zmsg_addstr (answer, zrelay_engine_encode (room, service->name.data,
                                               service->name.size));
    uint64_t mean = service->served == 0? 0:
                    service->total_us / service->served;
    const uint64_t numbers [] = {
        service->workers, service->queue, service->served, service->failed,
        mean, service->longest_us
    };
    for (size_t index = 0; index < sizeof (numbers) / sizeof (*numbers);
         index++)
        zmsg_addstrf (answer, "%" PRIu64, numbers [index]);
}

void
zrelay_pool_services_list (zrelay_pool_services_t *self, zmsg_t *answer)
{
    zrelay_pool_service_t *service = zrelay_pool_services_first (self);
    for (; service; service = zrelay_pool_services_next (self, service))
        if (service != self->nameless)
            s_list_service (service, answer);
}
