/*  =========================================================================
    zrelay_pool_requests - the requests of a pool: waiting, in hand, dropped

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_pool_requests.h"

//  Requests that have ended and are used again, if they are small
#define SPARES_MOST 1000
#define SPARE_FRAMES_MOST 16

struct _zrelay_pool_requests_t {
    zrelay_engine_t *engine;    //  Counts those that are dropped
    zrelay_pool_numbers_t *numbers;     //  The kind's
    zrelay_pool_services_t *services;   //  The pool's
    zrelay_pool_intake_t *intake;   //  The pool's
    zrelay_pool_clients_t *clients;     //  Who sent them
    const zrelay_pool_protocol_t *protocol; //  The kind's
    void *object;               //  Likewise
    zrelay_ring_t all;          //  All requests, the oldest first
    zrelay_ring_t spares;       //  Requests that can be used again
    size_t spare_count;         //  How many these are
};


//  --------------------------------------------------------------------------
//  Requests come and go

static zrelay_request_t *
s_first (zrelay_ring_t *list)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (list), zrelay_request_t, age);
}

static zrelay_request_t *
s_request_new (zrelay_pool_requests_t *self)
{
    zrelay_request_t *request = s_first (&self->spares);
    if (request) {
        self->spare_count--;
        return request;
    }
    request = (zrelay_request_t *) zmalloc (sizeof (zrelay_request_t));
    assert (request);
    request->message = zrelay_message_new ();
    zrelay_ring_init (&request->place);
    zrelay_ring_init (&request->siblings);
    zrelay_ring_init (&request->age);
    return request;
}

static void
s_request_destroy (zrelay_request_t *request)
{
    zrelay_ring_leave (&request->age);
    zrelay_message_destroy (&request->message);
    freen (request);
}

static void
s_leave_client (zrelay_pool_requests_t *self, zrelay_request_t *request)
{
    zrelay_pool_client_t *client = request->client;
    request->client = NULL;
    if (client)
        zrelay_pool_clients_leave (self->clients, client, &request->siblings);
}

zrelay_pool_requests_t *
zrelay_pool_requests_new (const zrelay_pool_requests_parts_t *parts)
{
    zrelay_pool_requests_t *self =
        (zrelay_pool_requests_t *) zmalloc (sizeof (zrelay_pool_requests_t));
    assert (self);
    self->engine = parts->engine;
    self->numbers = parts->numbers;
    self->services = parts->services;
    self->intake = parts->intake;
    self->protocol = parts->protocol;
    self->object = parts->object;
    self->clients = zrelay_pool_clients_new ();
    zrelay_ring_init (&self->all);
    zrelay_ring_init (&self->spares);
    return self;
}

void
zrelay_pool_requests_destroy (zrelay_pool_requests_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_pool_requests_t *self = *self_p;
        zrelay_request_t *request;
        while ((request = s_first (&self->all))) {
            s_leave_client (self, request);
            s_request_destroy (request);
        }
        while ((request = s_first (&self->spares)))
            s_request_destroy (request);
        zrelay_pool_clients_destroy (&self->clients);
        freen (self);
        *self_p = NULL;
    }
}

zrelay_request_t *
zrelay_pool_requests_add (zrelay_pool_requests_t *self,
                          zrelay_message_t *message, void *asker,
                          const void *service, size_t size, int64_t now)
{
    zrelay_request_t *request = s_request_new (self);
    request->asker = asker;
    request->service = zrelay_pool_services_use (self->services, service, size);
    request->given = 0;
    request->began = false;
    request->epoch = zrelay_pool_intake_epoch (self->intake);
    request->came_at = now;
    zrelay_message_move (request->message, message, SIZE_MAX);
    request->client = asker? NULL: zrelay_pool_clients_join (self->clients,
        zrelay_message_data (request->message, 0),
        zrelay_message_size (request->message, 0), &request->siblings);
    zrelay_ring_add (&self->all, &request->age);
    self->numbers->requests++;
    return request;
}

void
zrelay_pool_requests_forget (zrelay_pool_requests_t *self,
                             zrelay_request_t *request)
{
    s_leave_client (self, request);
    zrelay_pool_services_leave (self->services, request->service);
    //  A message keeps the room for as many frames as it had
    bool large = zrelay_message_frames (request->message) > SPARE_FRAMES_MOST;
    zrelay_message_clear (request->message);
    if (large || self->spare_count == SPARES_MOST) {
        s_request_destroy (request);
        return;
    }
    self->spare_count++;
    zrelay_ring_add (&self->spares, &request->age);
}

void
zrelay_pool_requests_drop (zrelay_pool_requests_t *self,
                           zrelay_request_t *request,
                           zrelay_pool_reason_t reason)
{
    void *asker = request->asker;
    request->service->failed++;
    zrelay_pool_requests_forget (self, request);
    if (!asker) {
        zrelay_engine_count_drop (self->engine,
            zrelay_pool_intake_flow (self->intake), reason);
        return;
    }
    //  As if it had never come
    self->numbers->requests--;
    self->protocol->returned (self->object, asker, reason);
}


//  --------------------------------------------------------------------------
//  Waiting

//  What a message takes while it waits. Empty frames need memory, too.

static size_t
s_bytes (zrelay_message_t *message)
{
    return zrelay_message_bytes (message)
         + zrelay_message_frames (message) * sizeof (zmq_msg_t);
}

//  Let a request wait, behind the others or before them

static void
s_wait (zrelay_pool_requests_t *self, zrelay_request_t *request, bool first)
{
    zrelay_pool_service_t *service = request->service;
    if (first)
        zrelay_ring_push (&service->waiting, &request->place);
    else
        zrelay_ring_add (&service->waiting, &request->place);
    request->waiting = true;
    request->bytes = s_bytes (request->message);
    service->queue++;
    service->queue_bytes += request->bytes;
    self->numbers->waiting++;
    self->numbers->waiting_bytes += request->bytes;
    zrelay_pool_intake_waits (self->intake, request->epoch);
}

void
zrelay_pool_requests_stop_waiting (zrelay_pool_requests_t *self,
                                   zrelay_request_t *request)
{
    zrelay_pool_service_t *service = request->service;
    zrelay_ring_leave (&request->place);
    request->waiting = false;
    if (request->worker)
        request->worker->request = NULL;
    request->worker = NULL;
    service->queue--;
    service->queue_bytes -= request->bytes;
    self->numbers->waiting--;
    self->numbers->waiting_bytes -= request->bytes;
    zrelay_pool_intake_goes (self->intake, request->epoch);
}

static void
s_drop_waiting (zrelay_pool_requests_t *self, zrelay_request_t *request,
                zrelay_pool_reason_t reason)
{
    zrelay_pool_requests_stop_waiting (self, request);
    zrelay_pool_requests_drop (self, request, reason);
}

//  Is there room for one more of these bytes to wait?

static bool
s_has_room (zrelay_pool_requests_t *self, zrelay_pool_service_t *service,
            size_t bytes)
{
    zrelay_pool_numbers_t *numbers = self->numbers;
    return (int64_t) numbers->waiting < numbers->queue
        && (int64_t) (numbers->waiting_bytes + bytes) <= numbers->queue_bytes
        && (int64_t) service->queue < numbers->service_queue
        && (int64_t) (service->queue_bytes + bytes) <= numbers->service_bytes;
}

bool
zrelay_pool_requests_have_room (zrelay_pool_requests_t *self,
                                zrelay_pool_service_t *service,
                                zrelay_message_t *message)
{
    return s_has_room (self, service, s_bytes (message));
}

//  Would there be room if nothing waited?

static bool
s_fits (const zrelay_pool_numbers_t *numbers, size_t bytes)
{
    return numbers->queue > 0 && numbers->service_queue > 0
        && (int64_t) bytes <= numbers->queue_bytes
        && (int64_t) bytes <= numbers->service_bytes;
}

void
zrelay_pool_requests_enqueue (zrelay_pool_requests_t *self,
                              zrelay_request_t *request)
{
    zrelay_pool_service_t *service = request->service;
    size_t bytes = s_bytes (request->message);
    //  There was room for one that the kind asks, until its worker was lost
    if (request->asker) {
        s_wait (self, request, false);
        return;
    }
    if (self->numbers->overflow == ZRELAY_POOL_DROP_OLD
    &&  s_fits (self->numbers, bytes))
        while (!s_has_room (self, service, bytes)
            && zrelay_ring_first (&service->waiting))
            s_drop_waiting (self, ZRELAY_RING_ITEM (
                zrelay_ring_first (&service->waiting), zrelay_request_t, place),
                ZRELAY_POOL_QUEUE_FULL);
    if (self->numbers->overflow == ZRELAY_POOL_HOLD
    ||  s_has_room (self, service, bytes))
        s_wait (self, request, false);
    else
        zrelay_pool_requests_drop (self, request, ZRELAY_POOL_QUEUE_FULL);
}

void
zrelay_pool_requests_lose_client (zrelay_pool_requests_t *self,
                                  const void *id, size_t size)
{
    zrelay_pool_client_t *client =
        zrelay_pool_clients_find (self->clients, id, size);
    if (!client)
        return;
    zrelay_ring_t *link;
    while ((link = zrelay_ring_first (&client->requests))) {
        zrelay_request_t *request =
            ZRELAY_RING_ITEM (link, zrelay_request_t, siblings);
        zrelay_ring_leave (link);
        request->client = NULL;
        if (request->waiting)
            s_drop_waiting (self, request, ZRELAY_POOL_CLIENT_GONE);
    }
    zrelay_pool_clients_remove (self->clients, client);
}


//  --------------------------------------------------------------------------
//  In a worker's hand

void
zrelay_pool_requests_give (zrelay_pool_requests_t *self,
                           zrelay_request_t *request,
                           zrelay_worker_t *worker, int64_t now_us)
{
    worker->request = request;
    request->worker = worker;
    request->given_at = now_us;
    if (request->given++ > 0)
        self->numbers->retried++;
    self->numbers->in_hand++;
}

void
zrelay_pool_requests_take_from (zrelay_pool_requests_t *self,
                                zrelay_worker_t *worker)
{
    worker->request->worker = NULL;
    worker->request = NULL;
    self->numbers->in_hand--;
}

void
zrelay_pool_requests_take_back (zrelay_pool_requests_t *self,
                                zrelay_worker_t *worker)
{
    zrelay_request_t *request = worker->request;
    zrelay_pool_requests_take_from (self, worker);
    if (!request->client && !request->asker)
        zrelay_pool_requests_drop (self, request, ZRELAY_POOL_CLIENT_GONE);
    else
    if (request->began || request->given > self->numbers->retries)
        zrelay_pool_requests_drop (self, request, ZRELAY_POOL_RETRIES);
    else {
        s_wait (self, request, true);
        request->worker = worker;
        worker->request = request;
    }
}

void
zrelay_pool_requests_renounce (zrelay_worker_t *worker)
{
    if (worker->request)
        worker->request->worker = NULL;
    worker->request = NULL;
}


//  --------------------------------------------------------------------------
//  Properties

size_t
zrelay_pool_requests_of_clients (zrelay_pool_requests_t *self)
{
    size_t count = 0;
    zrelay_ring_t *link = zrelay_ring_first (&self->all);
    for (; link; link = zrelay_ring_next (&self->all, link))
        count += !ZRELAY_RING_ITEM (link, zrelay_request_t, age)->asker;
    return count;
}

zrelay_request_t *
zrelay_pool_requests_oldest (zrelay_pool_requests_t *self)
{
    return s_first (&self->all);
}

int64_t
zrelay_pool_requests_deadline_due (zrelay_pool_requests_t *self)
{
    zrelay_request_t *request = zrelay_pool_requests_oldest (self);
    return request && self->numbers->deadline > 0?
        request->came_at + self->numbers->deadline: INT64_MAX;
}

zrelay_message_t *
zrelay_request_message (zrelay_request_t *self)
{
    return self->message;
}

size_t
zrelay_request_address (zrelay_request_t *self)
{
    return self->address;
}

int
zrelay_request_form (zrelay_request_t *self)
{
    return self->form;
}

void *
zrelay_request_asker (zrelay_request_t *self)
{
    return self->asker;
}
