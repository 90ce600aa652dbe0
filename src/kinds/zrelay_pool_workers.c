/*  =========================================================================
    zrelay_pool_workers - the workers of a pool, and when they are due

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_pool_workers.h"
#include "zrelay_pool_name.h"

//  A worker that fell silent is forgotten after so many times the silence that
//  made it lost
#define SILENCES_KEPT 10

//  By zrelay_worker_state_t
static const char *const s_states [] = { "free", "busy", "owing", "silent" };

struct _zrelay_pool_workers_t {
    zrelay_pool_numbers_t *numbers;     //  The kind's
    zrelay_index_t *ids;        //  Workers by routing id
    zrelay_ring_t watched;      //  Workers that send heartbeats, the one heard
                                //  longest ago first
    zrelay_ring_t silent;       //  Workers lost for silence, likewise
    zrelay_ring_t beating;      //  Workers that are sent heartbeats, the one
                                //  sent something longest ago first
    int64_t grace_until;        //  The relay stood still: nobody is lost
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_pool_workers_t *
zrelay_pool_workers_new (zrelay_pool_numbers_t *numbers)
{
    zrelay_pool_workers_t *self =
        (zrelay_pool_workers_t *) zmalloc (sizeof (zrelay_pool_workers_t));
    assert (self);
    self->numbers = numbers;
    self->ids = zrelay_index_new ();
    zrelay_ring_init (&self->watched);
    zrelay_ring_init (&self->silent);
    zrelay_ring_init (&self->beating);
    return self;
}

void
zrelay_pool_workers_destroy (zrelay_pool_workers_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_pool_workers_t *self = *self_p;
        zrelay_index_destroy (&self->ids);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Workers come and go

zrelay_worker_t *
zrelay_pool_workers_find (zrelay_pool_workers_t *self,
                          const void *id, size_t size)
{
    return (zrelay_worker_t *) zrelay_index_find (self->ids, id, size);
}

zrelay_worker_t *
zrelay_pool_workers_add (zrelay_pool_workers_t *self,
                         const void *id, size_t size,
                         zrelay_pool_service_t *service,
                         bool beats, int64_t now)
{
    zrelay_worker_t *worker =
        (zrelay_worker_t *) zmalloc (sizeof (zrelay_worker_t) + size);
    assert (worker);
    zrelay_pool_name_set (&worker->id, worker + 1, id, size);
    zrelay_index_add (self->ids, &worker->id, worker);
    worker->service = service;
    worker->beats = beats;
    worker->heard_at = now;
    zrelay_ring_init (&worker->free);
    zrelay_ring_init (&worker->member);
    zrelay_ring_init (&worker->silence);
    zrelay_ring_init (&worker->beat);
    zrelay_ring_add (&service->members, &worker->member);
    zrelay_pool_workers_appear (self, worker);
    return worker;
}

void
zrelay_pool_workers_remove (zrelay_pool_workers_t *self,
                            zrelay_worker_t **worker_p)
{
    zrelay_worker_t *worker = *worker_p;
    zrelay_ring_leave (&worker->free);
    zrelay_ring_leave (&worker->member);
    zrelay_ring_leave (&worker->silence);
    zrelay_ring_leave (&worker->beat);
    zrelay_index_remove (self->ids, &worker->id);
    freen (worker);
    *worker_p = NULL;
}

void
zrelay_pool_workers_appear (zrelay_pool_workers_t *self,
                            zrelay_worker_t *worker)
{
    worker->service->workers++;
    self->numbers->workers++;
    zrelay_pool_workers_sent (self, worker, worker->heard_at);
}

void
zrelay_pool_workers_disappear (zrelay_pool_workers_t *self,
                               zrelay_worker_t *worker)
{
    worker->service->workers--;
    self->numbers->workers--;
    self->numbers->lost++;
    self->numbers->workers_free -= worker->state == ZRELAY_WORKER_FREE;
    zrelay_ring_leave (&worker->free);
    zrelay_ring_leave (&worker->silence);
    zrelay_ring_leave (&worker->beat);
}


//  --------------------------------------------------------------------------
//  States

void
zrelay_pool_workers_set_free (zrelay_pool_workers_t *self,
                              zrelay_worker_t *worker)
{
    worker->state = ZRELAY_WORKER_FREE;
    zrelay_ring_add (&worker->service->free, &worker->free);
    self->numbers->workers_free++;
}

void
zrelay_pool_workers_set_busy (zrelay_pool_workers_t *self,
                              zrelay_worker_t *worker)
{
    zrelay_ring_leave (&worker->free);
    self->numbers->workers_free--;
    worker->state = ZRELAY_WORKER_BUSY;
}

void
zrelay_pool_workers_set_silent (zrelay_pool_workers_t *self,
                                zrelay_worker_t *worker)
{
    worker->owes = worker->state != ZRELAY_WORKER_FREE;
    worker->state = ZRELAY_WORKER_SILENT;
    zrelay_ring_add (&self->silent, &worker->silence);
}

//  A worker goes to the end of an order, unless it has gone there so lately that
//  it makes no difference. Its neighbours are others each time, and among many
//  workers in no cache of the processor.

static inline void
s_go_last (zrelay_pool_workers_t *self, zrelay_ring_t *order,
           zrelay_ring_t *link, int64_t *gone_at, int64_t now)
{
    int64_t part = self->numbers->heartbeat / ZRELAY_POOL_BEAT_PARTS;
    if (zrelay_ring_linked (link) && now - *gone_at < part)
        return;
    zrelay_ring_add (order, link);
    *gone_at = now;
}

void
zrelay_pool_workers_heard (zrelay_pool_workers_t *self,
                           zrelay_worker_t *worker)
{
    if (worker->watched && worker->state != ZRELAY_WORKER_SILENT)
        s_go_last (self, &self->watched, &worker->silence,
                   &worker->watched_at, worker->heard_at);
}

void
zrelay_pool_workers_sent (zrelay_pool_workers_t *self,
                          zrelay_worker_t *worker, int64_t now)
{
    worker->beat_at = now;
    if (worker->beats)
        s_go_last (self, &self->beating, &worker->beat, &worker->beating_at,
                   now);
}

int
zrelay_worker_form (zrelay_worker_t *self)
{
    return self->form;
}

zrelay_worker_state_t
zrelay_worker_state (zrelay_worker_t *self)
{
    return self->state;
}

const void *
zrelay_worker_service (zrelay_worker_t *self, size_t *size)
{
    *size = self->service->name.size;
    return self->service->name.data;
}


//  --------------------------------------------------------------------------
//  What is due

static int64_t
s_silence (zrelay_pool_workers_t *self)
{
    return self->numbers->heartbeat * self->numbers->liveness;
}

zrelay_worker_t *
zrelay_pool_workers_first_watched (zrelay_pool_workers_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->watched),
                             zrelay_worker_t, silence);
}

zrelay_worker_t *
zrelay_pool_workers_first_silent (zrelay_pool_workers_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->silent),
                             zrelay_worker_t, silence);
}

zrelay_worker_t *
zrelay_pool_workers_first_beating (zrelay_pool_workers_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->beating),
                             zrelay_worker_t, beat);
}

int64_t
zrelay_pool_workers_loss_due (zrelay_pool_workers_t *self)
{
    zrelay_worker_t *worker = zrelay_pool_workers_first_watched (self);
    if (!worker || self->numbers->heartbeat == 0)
        return INT64_MAX;
    int64_t due = worker->heard_at + s_silence (self) + 1;
    return due > self->grace_until? due: self->grace_until;
}

int64_t
zrelay_pool_workers_burial_due (zrelay_pool_workers_t *self)
{
    zrelay_worker_t *worker = zrelay_pool_workers_first_silent (self);
    return worker && self->numbers->heartbeat > 0?
        worker->heard_at + s_silence (self) * SILENCES_KEPT + 1: INT64_MAX;
}

int64_t
zrelay_pool_workers_beat_due (zrelay_pool_workers_t *self)
{
    zrelay_worker_t *worker = zrelay_pool_workers_first_beating (self);
    return worker && self->numbers->heartbeat > 0?
        worker->beat_at + self->numbers->heartbeat: INT64_MAX;
}

void
zrelay_pool_workers_wait (zrelay_pool_workers_t *self, int64_t until)
{
    self->grace_until = until;
}


//  --------------------------------------------------------------------------
//  Counts

void
zrelay_pool_workers_reset (zrelay_pool_workers_t *self)
{
    zrelay_worker_t *worker =
        (zrelay_worker_t *) zrelay_index_first (self->ids);
    for (; worker; worker = (zrelay_worker_t *) zrelay_index_next (self->ids))
        worker->served = 0;
}

static void
s_add_name (zmsg_t *answer, const void *data, size_t size)
{
    char room [ZRELAY_LABEL_ROOM];
    zmsg_addstr (answer, zrelay_engine_encode (room, data, size));
}

static void
s_list_worker (zrelay_worker_t *worker, int64_t now, zmsg_t *answer)
{
    s_add_name (answer, worker->id.data, worker->id.size);
    zmsg_addstr (answer, s_states [worker->state]);
    if (worker->state == ZRELAY_WORKER_BUSY) {
        zrelay_message_t *message = zrelay_request_message (worker->request);
        s_add_name (answer, zrelay_message_data (message, 0),
                    zrelay_message_size (message, 0));
    }
    else
        zmsg_addstr (answer, "");
    zmsg_addstrf (answer, "%" PRIu64, worker->served);
    zmsg_addstrf (answer, "%" PRId64, now - worker->heard_at);
}

void
zrelay_pool_workers_list (zrelay_pool_service_t *service, int64_t now,
                          zmsg_t *answer)
{
    zrelay_ring_t *link = zrelay_ring_first (&service->members);
    for (; link; link = zrelay_ring_next (&service->members, link))
        s_list_worker (ZRELAY_RING_ITEM (link, zrelay_worker_t, member),
                       now, answer);
}
