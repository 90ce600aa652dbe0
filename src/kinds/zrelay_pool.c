/*  =========================================================================
    zrelay_pool - workers that serve requests, for kinds of relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>
#include "zrelay_ring.h"

//  How often to look, in msecs, whether a drain has found its socket empty
#define DRAIN_IVL 10

//  Heartbeats are sent together, so that there are at most so many wake-ups in
//  the time between two of them, and at most so many heartbeats in each
#define BEAT_PARTS 16
#define BEATS_MOST 1000

//  A worker that fell silent is forgotten after so many times the silence that
//  made it lost
#define SILENCES_KEPT 10

//  Services without workers and requests whose counts are kept; clients without
//  requests, and requests that have ended, which are used again
#define IDLE_SERVICES_MOST 1000
#define IDLE_CLIENTS_MOST 1000
#define SPARE_REQUESTS_MOST 1000
#define SPARE_FRAMES_MOST 16

//  By zrelay_worker_state_t
static const char *const s_states [] = { "free", "busy", "owing", "silent" };

//  A line of work
typedef struct {
    zrelay_name_t name;         //  Its bytes follow the structure
    zrelay_ring_t waiting;      //  Requests, the next one first
    zrelay_ring_t free;         //  Workers, the longest free first
    zrelay_ring_t members;      //  All workers
    zrelay_ring_t all;          //  Link in the pool's services
    zrelay_ring_t idle;         //  Link among those that nobody needs
    size_t users;               //  Its workers and requests
    size_t workers;             //  Workers, silent ones not among them
    size_t queue;               //  Requests that wait
    size_t queue_bytes;         //  Bytes in these
    uint64_t served;            //  Requests answered
    uint64_t failed;            //  Requests dropped
    uint64_t total_us;          //  Time in workers, of those answered
    uint64_t longest_us;        //  Longest of these
} service_t;

//  A client
typedef struct {
    zrelay_name_t name;         //  Its bytes follow the structure
    zrelay_ring_t requests;     //  What waits or is in hand
    zrelay_ring_t idle;         //  Link among those without requests
} client_t;

struct _zrelay_request_t {
    zrelay_message_t *message;  //  As it came
    size_t address;             //  Frames of the client's address
    int form;                   //  For the kind
    service_t *service;         //  Who can serve it
    client_t *client;           //  Who sent it; NULL if that has gone
    bool waiting;               //  It waits; or else it is in hand
    zrelay_worker_t *worker;    //  Who has it; while it waits, who had it last
                                //  and may still reply, or NULL
    size_t bytes;               //  In its message, while it waits
    int64_t given;              //  How often it was given to a worker
    bool began;                 //  It was answered in part
    uint64_t epoch;             //  The pool's, when it came
    int64_t came_at;            //  When, in msecs
    int64_t given_at;           //  When it was given last, in usecs
    zrelay_ring_t place;        //  Link in its service's waiting
    zrelay_ring_t siblings;     //  Link in its client's requests
    zrelay_ring_t age;          //  Link in the pool's requests, or spares
};

struct _zrelay_worker_t {
    zrelay_name_t id;           //  Its bytes follow the structure
    service_t *service;         //  What it serves
    int form;                   //  For the kind
    zrelay_worker_state_t state;    //  What it does
    zrelay_request_t *request;  //  What it has in hand, or had and may answer
    bool owes;                  //  Silent or owing: it had a request
    bool beats;                 //  It is sent heartbeats
    bool watched;               //  It is lost when it is silent
    int64_t heard_at;           //  When it sent something, in msecs
    int64_t beat_at;            //  When it was sent something, in msecs
    uint64_t served;            //  Requests answered
    zrelay_ring_t free;         //  Link in its service's free workers
    zrelay_ring_t member;       //  Link in its service's members
    zrelay_ring_t silence;      //  Link in the pool's watched or silent
    zrelay_ring_t beat;         //  Link in the pool's beating
};

struct _zrelay_pool_t {
    zrelay_engine_t *engine;    //  Whose relay this is
    void *object;               //  The kind's
    const zrelay_pool_protocol_t *protocol; //  The kind's
    zrelay_pool_numbers_t *numbers;         //  The kind's
    bool one_side;              //  Clients and workers share a socket
    zrelay_index_t *workers;    //  By routing id
    zrelay_index_t *clients;    //  By routing id
    zrelay_ring_t idle_clients; //  Those without requests, the oldest first
    size_t idle_clients_count;  //  How many these are
    zrelay_index_t *names;      //  Services by name
    service_t *nameless;        //  The service without a name, always there
    service_t *recent;          //  The one that was looked for last, or NULL
    zrelay_ring_t services;     //  All services
    zrelay_ring_t idle;         //  Those that nobody needs, the oldest first
    size_t idle_count;          //  How many these are
    zrelay_ring_t requests;     //  All requests, the oldest first
    zrelay_ring_t spares;       //  Requests that can be used again
    size_t spare_count;         //  How many these are
    zrelay_ring_t watched;      //  Workers that send heartbeats, the one heard
                                //  longest ago first
    zrelay_ring_t silent;       //  Workers lost for silence, likewise
    zrelay_ring_t beating;      //  Workers that are sent heartbeats, the one
                                //  sent something longest ago first
    zrelay_message_t *out;      //  What is sent; empty between calls
    zrelay_state_t state;       //  The relay's
    bool closed;                //  The drain has found no more requests
    uint64_t epoch;             //  Counts the ends of drains, and of reading
    size_t later;               //  Requests that came after the drain's end
    bool reading;               //  The clients' flow reads
    int64_t now_us;             //  The time of this event, in usecs
    int64_t now;                //  The same in msecs
    int timer;                  //  The engine's, or 0
    int64_t timer_at;           //  When it fires, in msecs
    int64_t grace_until;        //  The relay stood still: nobody is lost
};

//  Look at the clock: once for each message or event. Returns msecs.

static int64_t
s_look_at_clock (zrelay_pool_t *self)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    self->now_us = now.tv_sec * (int64_t) 1000000 + now.tv_nsec / 1000;
    self->now = self->now_us / 1000;
    return self->now;
}

//  A name behind the structure that it names

static void
s_set_name (zrelay_name_t *self, void *place, const void *data, size_t size)
{
    if (size > 0)
        memcpy (place, data, size);
    self->data = place;
    self->size = size;
}


//  --------------------------------------------------------------------------
//  Services

static service_t *
s_service_new (zrelay_pool_t *self, const void *name, size_t size)
{
    service_t *service = (service_t *) zmalloc (sizeof (service_t) + size);
    assert (service);
    s_set_name (&service->name, service + 1, name, size);
    zrelay_ring_init (&service->waiting);
    zrelay_ring_init (&service->free);
    zrelay_ring_init (&service->members);
    zrelay_ring_init (&service->all);
    zrelay_ring_init (&service->idle);
    zrelay_ring_add (&self->services, &service->all);
    zrelay_index_add (self->names, &service->name, service);
    return service;
}

static void
s_service_destroy (zrelay_pool_t *self, service_t *service)
{
    if (self->recent == service)
        self->recent = NULL;
    zrelay_index_remove (self->names, &service->name);
    zrelay_ring_leave (&service->all);
    zrelay_ring_leave (&service->idle);
    freen (service);
}

static service_t *
s_find_service (zrelay_pool_t *self, const void *name, size_t size)
{
    if (size == 0)
        return self->nameless;
    service_t *recent = self->recent;
    if (!recent || recent->name.size != size
    ||  memcmp (recent->name.data, name, size) != 0)
        self->recent = (service_t *)
            zrelay_index_find (self->names, name, size);
    return self->recent;
}

//  The service of that name, new or not, with one user more

static service_t *
s_use_service (zrelay_pool_t *self, const void *name, size_t size)
{
    service_t *service = s_find_service (self, name, size);
    if (!service)
        service = s_service_new (self, name, size);
    service->users++;
    if (zrelay_ring_linked (&service->idle)) {
        zrelay_ring_leave (&service->idle);
        self->idle_count--;
    }
    return service;
}

//  One user less. Strangers may name as many services as they like, so only some
//  of those that nobody needs are remembered, for their counts.

static void
s_leave_service (zrelay_pool_t *self, service_t *service)
{
    if (--service->users > 0 || service == self->nameless)
        return;
    if (!service->served && !service->failed) {
        s_service_destroy (self, service);
        return;
    }
    zrelay_ring_add (&self->idle, &service->idle);
    if (self->idle_count == IDLE_SERVICES_MOST)
        s_service_destroy (self, ZRELAY_RING_ITEM (
            zrelay_ring_first (&self->idle), service_t, idle));
    else
        self->idle_count++;
}


//  --------------------------------------------------------------------------
//  Clients: found again when they go, or when they send the next request

static client_t *
s_client_new (zrelay_pool_t *self, const byte *id, size_t size)
{
    client_t *client = (client_t *) zmalloc (sizeof (client_t) + size);
    assert (client);
    s_set_name (&client->name, client + 1, id, size);
    zrelay_ring_init (&client->requests);
    zrelay_ring_init (&client->idle);
    zrelay_index_add (self->clients, &client->name, client);
    return client;
}

static void
s_stop_idling (zrelay_pool_t *self, client_t *client)
{
    if (zrelay_ring_linked (&client->idle))
        self->idle_clients_count--;
    zrelay_ring_leave (&client->idle);
}

static void
s_client_destroy (zrelay_pool_t *self, client_t *client)
{
    s_stop_idling (self, client);
    zrelay_index_remove (self->clients, &client->name);
    freen (client);
}

static void
s_join_client (zrelay_pool_t *self, zrelay_request_t *request)
{
    const byte *id = zrelay_message_data (request->message, 0);
    size_t size = zrelay_message_size (request->message, 0);
    client_t *client = (client_t *) zrelay_index_find (self->clients, id, size);
    if (client)
        s_stop_idling (self, client);
    else
        client = s_client_new (self, id, size);
    zrelay_ring_add (&client->requests, &request->siblings);
    request->client = client;
}

static void
s_leave_client (zrelay_pool_t *self, zrelay_request_t *request)
{
    client_t *client = request->client;
    if (!client)
        return;
    request->client = NULL;
    zrelay_ring_leave (&request->siblings);
    if (zrelay_ring_first (&client->requests))
        return;
    zrelay_ring_add (&self->idle_clients, &client->idle);
    if (self->idle_clients_count++ == IDLE_CLIENTS_MOST)
        s_client_destroy (self, ZRELAY_RING_ITEM (
            zrelay_ring_first (&self->idle_clients), client_t, idle));
}


//  --------------------------------------------------------------------------
//  Reading from the clients: not while the relay is paused, nor after a drain
//  found no more, nor while as many requests wait as may. Where workers share
//  the socket, it is always read.

static bool
s_is_full (zrelay_pool_t *self)
{
    zrelay_pool_numbers_t *numbers = self->numbers;
    int64_t queue = numbers->queue > 0? numbers->queue: 1;
    return (int64_t) numbers->waiting >= queue
        || (numbers->waiting_bytes > 0
         && (int64_t) numbers->waiting_bytes >= numbers->queue_bytes);
}

static zrelay_flow_id_t
s_flow (zrelay_pool_t *self)
{
    return self->protocol->clients == ZRELAY_SIDE_FRONTEND?
        ZRELAY_FLOW_FORWARD: ZRELAY_FLOW_RETURN;
}

static void
s_decide_reading (zrelay_pool_t *self)
{
    if (self->one_side)
        return;
    bool holds = self->numbers->overflow == ZRELAY_POOL_HOLD
              && s_is_full (self);
    bool reading = self->state != ZRELAY_STATE_PAUSED && !self->closed
                && !holds;
    if (reading == self->reading)
        return;
    self->reading = reading;
    zrelay_engine_set_reading (self->engine, s_flow (self),
        reading? ZRELAY_READING_ON: ZRELAY_READING_OFF);
}

//  A drain takes what waits in the socket. Once that was seen empty, what comes
//  is later work.

static void
s_check_closed (zrelay_pool_t *self)
{
    if (self->state != ZRELAY_STATE_DRAINING || self->closed)
        return;
    void *socket = zrelay_engine_socket (self->engine, self->protocol->clients);
    int events = 0;
    size_t size = sizeof (events);
    if (socket && zmq_getsockopt (socket, ZMQ_EVENTS, &events, &size) == 0
    && (events & ZMQ_POLLIN))
        return;
    self->closed = true;
    self->epoch++;
    s_decide_reading (self);
}

static bool
s_is_later (zrelay_pool_t *self, zrelay_request_t *request)
{
    return self->closed && request->epoch == self->epoch;
}


//  --------------------------------------------------------------------------
//  Requests

static zrelay_request_t *
s_request_new (zrelay_pool_t *self)
{
    zrelay_request_t *request = ZRELAY_RING_ITEM (
        zrelay_ring_first (&self->spares), zrelay_request_t, age);
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

//  The request is no more

static void
s_forget (zrelay_pool_t *self, zrelay_request_t *request)
{
    s_leave_client (self, request);
    s_leave_service (self, request->service);
    //  A message keeps the room for as many frames as it had
    bool large = zrelay_message_frames (request->message) > SPARE_FRAMES_MOST;
    zrelay_message_clear (request->message);
    if (large || self->spare_count == SPARE_REQUESTS_MOST) {
        s_request_destroy (request);
        return;
    }
    self->spare_count++;
    zrelay_ring_add (&self->spares, &request->age);
}

//  What a request takes while it waits. Empty frames need memory, too.

static size_t
s_bytes (zrelay_request_t *request)
{
    return zrelay_message_bytes (request->message)
         + zrelay_message_frames (request->message) * sizeof (zmq_msg_t);
}

//  Let a request wait, behind the others or before them

static void
s_wait (zrelay_pool_t *self, zrelay_request_t *request, bool first)
{
    service_t *service = request->service;
    if (first)
        zrelay_ring_push (&service->waiting, &request->place);
    else
        zrelay_ring_add (&service->waiting, &request->place);
    request->waiting = true;
    request->bytes = s_bytes (request);
    service->queue++;
    service->queue_bytes += request->bytes;
    self->numbers->waiting++;
    self->numbers->waiting_bytes += request->bytes;
    self->later += s_is_later (self, request);
    s_decide_reading (self);
}

//  It waits no more. Nobody who had it before can answer it.

static void
s_stop_waiting (zrelay_pool_t *self, zrelay_request_t *request)
{
    service_t *service = request->service;
    zrelay_ring_leave (&request->place);
    request->waiting = false;
    if (request->worker)
        request->worker->request = NULL;
    request->worker = NULL;
    service->queue--;
    service->queue_bytes -= request->bytes;
    self->numbers->waiting--;
    self->numbers->waiting_bytes -= request->bytes;
    self->later -= s_is_later (self, request);
    s_decide_reading (self);
}

//  Drop a request that does not wait, and that no worker has

static void
s_drop (zrelay_pool_t *self, zrelay_request_t *request,
        zrelay_pool_reason_t reason)
{
    zrelay_engine_count_drop (self->engine, s_flow (self), reason);
    request->service->failed++;
    s_forget (self, request);
}

static void
s_drop_waiting (zrelay_pool_t *self, zrelay_request_t *request,
                zrelay_pool_reason_t reason)
{
    s_stop_waiting (self, request);
    s_drop (self, request, reason);
}

//  The worker has the request no more

static void
s_take_from (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    worker->request->worker = NULL;
    worker->request = NULL;
    self->numbers->in_hand--;
}

//  Give the request that a worker has in hand to another one, in time. Until
//  then the worker may still answer it.

static void
s_take_back (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    zrelay_request_t *request = worker->request;
    s_take_from (self, worker);
    if (!request->client)
        s_drop (self, request, ZRELAY_POOL_CLIENT_GONE);
    else
    if (request->began || request->given > self->numbers->retries)
        s_drop (self, request, ZRELAY_POOL_RETRIES);
    else {
        s_wait (self, request, true);
        request->worker = worker;
        worker->request = request;
    }
}


//  --------------------------------------------------------------------------
//  The timer: one, for whatever is due first

static int64_t
s_silence (zrelay_pool_t *self)
{
    return self->numbers->heartbeat * self->numbers->liveness;
}

static zrelay_worker_t *
s_first_watched (zrelay_pool_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->watched),
                             zrelay_worker_t, silence);
}

static zrelay_worker_t *
s_first_silent (zrelay_pool_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->silent),
                             zrelay_worker_t, silence);
}

static zrelay_worker_t *
s_first_beating (zrelay_pool_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->beating),
                             zrelay_worker_t, beat);
}

static zrelay_request_t *
s_oldest (zrelay_pool_t *self)
{
    return ZRELAY_RING_ITEM (zrelay_ring_first (&self->requests),
                             zrelay_request_t, age);
}

//  Each of these returns when something is due, in msecs, or INT64_MAX

static int64_t
s_loss_due (zrelay_pool_t *self)
{
    zrelay_worker_t *worker = s_first_watched (self);
    if (!worker || self->numbers->heartbeat == 0)
        return INT64_MAX;
    int64_t due = worker->heard_at + s_silence (self) + 1;
    return due > self->grace_until? due: self->grace_until;
}

static int64_t
s_burial_due (zrelay_pool_t *self)
{
    zrelay_worker_t *worker = s_first_silent (self);
    return worker? worker->heard_at + s_silence (self) * SILENCES_KEPT + 1:
                   INT64_MAX;
}

static int64_t
s_beat_due (zrelay_pool_t *self)
{
    zrelay_worker_t *worker = s_first_beating (self);
    return worker && self->numbers->heartbeat > 0?
        worker->beat_at + self->numbers->heartbeat: INT64_MAX;
}

static int64_t
s_deadline_due (zrelay_pool_t *self)
{
    zrelay_request_t *request = s_oldest (self);
    return request && self->numbers->deadline > 0?
        request->came_at + self->numbers->deadline: INT64_MAX;
}

static int64_t
s_drain_due (zrelay_pool_t *self, int64_t now)
{
    return self->state == ZRELAY_STATE_DRAINING && !self->closed?
        now + DRAIN_IVL: INT64_MAX;
}

static int64_t
s_least (int64_t one, int64_t other)
{
    return one < other? one: other;
}

static void
s_on_timer (zrelay_engine_t *engine, void *object, int timer);

static void
s_arm (zrelay_pool_t *self)
{
    int64_t now = self->now;
    int64_t part = self->numbers->heartbeat / BEAT_PARTS;
    int64_t due = s_least (s_loss_due (self), s_beat_due (self));
    due = s_least (due, s_burial_due (self));
    if (due < now + part)
        due = now + part;
    due = s_least (due, s_deadline_due (self));
    due = s_least (due, s_drain_due (self, now));
    if (due == INT64_MAX || (self->timer && self->timer_at <= due))
        return;
    if (self->timer)
        zrelay_engine_timer_end (self->engine, self->timer);
    self->timer_at = due > now? due: now + 1;
    self->timer = zrelay_engine_timer (self->engine,
        (size_t) (self->timer_at - now), 1, s_on_timer, self);
}


//  --------------------------------------------------------------------------
//  Giving work

//  Send what one of the protocol's functions has written for a worker

static zrelay_send_t
s_send (zrelay_pool_t *self)
{
    zrelay_send_t result = zrelay_engine_send (self->engine,
        self->protocol->workers, self->out);
    zrelay_message_clear (self->out);
    return result;
}

static void
s_address (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    zrelay_message_append (self->out, worker->id.data, worker->id.size);
}

static zrelay_send_t
s_send_beat (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    s_address (self, worker);
    self->protocol->beat (self->object, worker, self->out);
    return s_send (self);
}

//  Whatever a worker is sent is a sign of life to it

static void
s_sent (zrelay_pool_t *self, zrelay_worker_t *worker, int64_t now)
{
    worker->beat_at = now;
    if (worker->beats)
        zrelay_ring_add (&self->beating, &worker->beat);
}

//  The request, which does not wait any more, is in the worker's hand

static void
s_hand_over (zrelay_pool_t *self, zrelay_worker_t *worker,
             zrelay_request_t *request)
{
    zrelay_ring_leave (&worker->free);
    self->numbers->workers_free--;
    worker->state = ZRELAY_WORKER_BUSY;
    worker->request = request;
    request->worker = worker;
    request->given_at = self->now_us;
    if (request->given++ > 0)
        self->numbers->retried++;
    self->numbers->in_hand++;
    s_sent (self, worker, self->now);
}

static void
s_fall_silent (zrelay_pool_t *self, zrelay_worker_t *worker);

//  Send a request to the worker that has been free for the longest time. Those
//  that have gone, or that take nothing, count as silent. Returns NULL if nobody
//  took it.

static zrelay_worker_t *
s_offer (zrelay_pool_t *self, service_t *service, zrelay_request_t *request)
{
    if (self->state == ZRELAY_STATE_PAUSED)
        return NULL;
    zrelay_ring_t *link;
    while ((link = zrelay_ring_first (&service->free))) {
        zrelay_worker_t *worker =
            ZRELAY_RING_ITEM (link, zrelay_worker_t, free);
        s_address (self, worker);
        self->protocol->give (self->object, worker, request, self->out);
        zrelay_send_t result = s_send (self);
        if (result == ZRELAY_SEND_DONE)
            return worker;
        if (result == ZRELAY_SEND_REFUSED)
            break;
        s_fall_silent (self, worker);
    }
    return NULL;
}

//  Give what waits for a service to its free workers

static void
s_dispatch (zrelay_pool_t *self, service_t *service)
{
    zrelay_ring_t *link;
    while ((link = zrelay_ring_first (&service->waiting))) {
        zrelay_request_t *request =
            ZRELAY_RING_ITEM (link, zrelay_request_t, place);
        if (s_is_later (self, request))
            break;
        zrelay_worker_t *worker = s_offer (self, service, request);
        if (!worker)
            break;
        s_stop_waiting (self, request);
        s_hand_over (self, worker, request);
    }
}


//  --------------------------------------------------------------------------
//  The states of a worker

static void
s_set_free (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    worker->state = ZRELAY_WORKER_FREE;
    zrelay_ring_add (&worker->service->free, &worker->free);
    self->numbers->workers_free++;
    s_dispatch (self, worker->service);
}

//  It is counted among the workers of its service and has a place in the order
//  of heartbeats, or not

static void
s_appear (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    worker->service->workers++;
    self->numbers->workers++;
    s_sent (self, worker, worker->heard_at);
}

static void
s_disappear (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    worker->service->workers--;
    self->numbers->workers--;
    self->numbers->lost++;
    self->numbers->workers_free -= worker->state == ZRELAY_WORKER_FREE;
    zrelay_ring_leave (&worker->free);
    zrelay_ring_leave (&worker->silence);
    zrelay_ring_leave (&worker->beat);
}

//  What it had in hand, another will get

static void
s_fall_silent (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    s_disappear (self, worker);
    if (worker->state == ZRELAY_WORKER_BUSY)
        s_take_back (self, worker);
    worker->owes = worker->state != ZRELAY_WORKER_FREE;
    worker->state = ZRELAY_WORKER_SILENT;
    zrelay_ring_add (&self->silent, &worker->silence);
}

static void
s_lose_to_silence (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    s_fall_silent (self, worker);
    s_dispatch (self, worker->service);
}

//  What it says next tells whether it is free

static void
s_come_back (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    zrelay_ring_leave (&worker->silence);
    s_appear (self, worker);
    worker->state = ZRELAY_WORKER_OWING;
}

//  A request that the worker may still answer is not its own any more

static void
s_renounce (zrelay_worker_t *worker)
{
    if (worker->request)
        worker->request->worker = NULL;
    worker->request = NULL;
}

static void
s_lose (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    service_t *service = worker->service;
    if (worker->state != ZRELAY_WORKER_SILENT)
        s_disappear (self, worker);
    if (worker->state == ZRELAY_WORKER_BUSY)
        s_take_back (self, worker);
    s_renounce (worker);
    zrelay_ring_leave (&worker->silence);
    zrelay_ring_leave (&worker->member);
    zrelay_index_remove (self->workers, &worker->id);
    freen (worker);
    s_dispatch (self, service);
    s_leave_service (self, service);
}


//  --------------------------------------------------------------------------
//  What is due

static void
s_lose_silent (zrelay_pool_t *self, int64_t now)
{
    while (s_loss_due (self) <= now)
        s_lose_to_silence (self, s_first_watched (self));
    while (s_burial_due (self) <= now)
        s_lose (self, s_first_silent (self));
}

static void
s_send_beats (zrelay_pool_t *self, int64_t now)
{
    for (int left = BEATS_MOST; left > 0 && s_beat_due (self) <= now; left--) {
        zrelay_worker_t *worker = s_first_beating (self);
        s_sent (self, worker, now);
        if (s_send_beat (self, worker) == ZRELAY_SEND_UNROUTABLE)
            s_lose_to_silence (self, worker);
    }
}

static void
s_drop_expired (zrelay_pool_t *self, int64_t now)
{
    while (s_deadline_due (self) <= now) {
        zrelay_request_t *request = s_oldest (self);
        zrelay_worker_t *worker = request->worker;
        if (request->waiting)
            s_stop_waiting (self, request);
        else {
            s_take_from (self, worker);
            worker->state = ZRELAY_WORKER_OWING;
            worker->owes = true;
        }
        s_drop (self, request, ZRELAY_POOL_DEADLINE);
    }
}

//  If the timer comes late, the relay has not read what workers sent, either

static void
s_on_timer (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine;
    (void) timer;
    zrelay_pool_t *self = (zrelay_pool_t *) object;
    int64_t now = s_look_at_clock (self);
    if (now > self->timer_at + self->numbers->heartbeat)
        self->grace_until = now + self->numbers->heartbeat;
    self->timer = 0;
    s_check_closed (self);
    s_lose_silent (self, now);
    s_send_beats (self, now);
    s_drop_expired (self, now);
    s_arm (self);
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_pool_t *
zrelay_pool_new (zrelay_engine_t *engine, void *object,
                 const zrelay_pool_protocol_t *protocol,
                 zrelay_pool_numbers_t *numbers)
{
    zrelay_pool_t *self = (zrelay_pool_t *) zmalloc (sizeof (zrelay_pool_t));
    assert (self);
    self->engine = engine;
    self->object = object;
    self->protocol = protocol;
    self->numbers = numbers;
    self->one_side = protocol->clients == protocol->workers;
    self->workers = zrelay_index_new ();
    self->clients = zrelay_index_new ();
    self->names = zrelay_index_new ();
    zrelay_ring_init (&self->services);
    zrelay_ring_init (&self->idle);
    zrelay_ring_init (&self->idle_clients);
    zrelay_ring_init (&self->requests);
    zrelay_ring_init (&self->spares);
    zrelay_ring_init (&self->watched);
    zrelay_ring_init (&self->silent);
    zrelay_ring_init (&self->beating);
    self->nameless = s_service_new (self, "", 0);
    self->out = zrelay_message_new ();
    self->state = ZRELAY_STATE_ACTIVE;
    self->reading = true;
    return self;
}

static void
s_destroy_requests (zrelay_ring_t *requests)
{
    zrelay_ring_t *link;
    while ((link = zrelay_ring_first (requests)))
        s_request_destroy (ZRELAY_RING_ITEM (link, zrelay_request_t, age));
}

static void
s_destroy_idle_clients (zrelay_pool_t *self)
{
    zrelay_ring_t *link;
    while ((link = zrelay_ring_first (&self->idle_clients)))
        s_client_destroy (self, ZRELAY_RING_ITEM (link, client_t, idle));
}

static void
s_destroy_workers (zrelay_pool_t *self, service_t *service)
{
    zrelay_ring_t *link;
    while ((link = zrelay_ring_first (&service->members))) {
        zrelay_worker_t *worker =
            ZRELAY_RING_ITEM (link, zrelay_worker_t, member);
        zrelay_ring_leave (link);
        zrelay_index_remove (self->workers, &worker->id);
        freen (worker);
    }
}

void
zrelay_pool_destroy (zrelay_pool_t **self_p)
{
    assert (self_p);
    if (!*self_p)
        return;
    zrelay_pool_t *self = *self_p;
    uint64_t left = self->numbers->waiting + self->numbers->in_hand;
    if (left > 0)
        zrelay_engine_log (self->engine, ZRELAY_LOG_WARNING,
            "%" PRIu64 " requests are lost that had no reply yet", left);
    zrelay_request_t *request;
    while ((request = s_oldest (self))) {
        s_leave_client (self, request);
        s_request_destroy (request);
    }
    s_destroy_requests (&self->spares);
    s_destroy_idle_clients (self);
    zrelay_ring_t *link;
    while ((link = zrelay_ring_first (&self->services))) {
        service_t *service = ZRELAY_RING_ITEM (link, service_t, all);
        s_destroy_workers (self, service);
        s_service_destroy (self, service);
    }
    zrelay_index_destroy (&self->workers);
    zrelay_index_destroy (&self->clients);
    zrelay_index_destroy (&self->names);
    zrelay_message_destroy (&self->out);
    freen (self);
    *self_p = NULL;
}


//  --------------------------------------------------------------------------
//  Workers

zrelay_worker_t *
zrelay_pool_find (zrelay_pool_t *self, const void *id, size_t size)
{
    return (zrelay_worker_t *) zrelay_index_find (self->workers, id, size);
}

zrelay_worker_t *
zrelay_pool_add (zrelay_pool_t *self, const void *id, size_t id_size,
                 const void *service, size_t service_size,
                 int form, bool beats)
{
    zrelay_worker_t *worker =
        (zrelay_worker_t *) zmalloc (sizeof (zrelay_worker_t) + id_size);
    assert (worker);
    s_set_name (&worker->id, worker + 1, id, id_size);
    zrelay_index_add (self->workers, &worker->id, worker);
    worker->service = s_use_service (self, service, service_size);
    worker->form = form;
    worker->beats = beats;
    worker->heard_at = s_look_at_clock (self);
    zrelay_ring_init (&worker->free);
    zrelay_ring_init (&worker->member);
    zrelay_ring_init (&worker->silence);
    zrelay_ring_init (&worker->beat);
    zrelay_ring_add (&worker->service->members, &worker->member);
    s_appear (self, worker);
    s_set_free (self, worker);
    if (beats)
        s_arm (self);
    return worker;
}

//  Nobody was heard later

static void
s_note_heard (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    if (worker->watched && worker->state != ZRELAY_WORKER_SILENT)
        zrelay_ring_add (&self->watched, &worker->silence);
}

void
zrelay_pool_heard (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    worker->heard_at = s_look_at_clock (self);
    if (worker->state == ZRELAY_WORKER_SILENT)
        s_come_back (self, worker);
    s_note_heard (self, worker);
}

void
zrelay_pool_beat (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    if (!worker->watched) {
        worker->watched = true;
        s_note_heard (self, worker);
        s_arm (self);
    }
    if (worker->state == ZRELAY_WORKER_OWING && !worker->owes)
        s_set_free (self, worker);
}

void
zrelay_pool_ready (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    if (worker->state == ZRELAY_WORKER_FREE
    ||  worker->state == ZRELAY_WORKER_SILENT)
        return;
    if (worker->state == ZRELAY_WORKER_BUSY)
        s_take_back (self, worker);
    s_renounce (worker);
    s_set_free (self, worker);
}

void
zrelay_pool_lose (zrelay_pool_t *self, zrelay_worker_t **worker_p, bool part)
{
    assert (worker_p);
    zrelay_worker_t *worker = *worker_p;
    *worker_p = NULL;
    if (!worker)
        return;
    if (part && self->protocol->part) {
        s_address (self, worker);
        self->protocol->part (self->object, worker, self->out);
        s_send (self);
    }
    s_lose (self, worker);
}

zrelay_worker_state_t
zrelay_worker_state (zrelay_worker_t *self)
{
    return self->state;
}

int
zrelay_worker_form (zrelay_worker_t *self)
{
    return self->form;
}

const void *
zrelay_worker_service (zrelay_worker_t *self, size_t *size)
{
    *size = self->service->name.size;
    return self->service->name.data;
}


//  --------------------------------------------------------------------------
//  Requests

//  Is there room for one more of these bytes to wait?

static bool
s_has_room (zrelay_pool_t *self, service_t *service, size_t bytes)
{
    zrelay_pool_numbers_t *numbers = self->numbers;
    return (int64_t) numbers->waiting < numbers->queue
        && (int64_t) (numbers->waiting_bytes + bytes) <= numbers->queue_bytes
        && (int64_t) service->queue < numbers->service_queue
        && (int64_t) (service->queue_bytes + bytes) <= numbers->service_bytes;
}

//  Would there be room if nothing waited?

static bool
s_fits (const zrelay_pool_numbers_t *numbers, size_t bytes)
{
    return numbers->queue > 0 && numbers->service_queue > 0
        && (int64_t) bytes <= numbers->queue_bytes
        && (int64_t) bytes <= numbers->service_bytes;
}

//  Let a new request wait, if there is room for it or room can be made

static void
s_enqueue (zrelay_pool_t *self, zrelay_request_t *request)
{
    service_t *service = request->service;
    size_t bytes = s_bytes (request);
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
        s_drop (self, request, ZRELAY_POOL_QUEUE_FULL);
}

zrelay_verdict_t
zrelay_pool_take (zrelay_pool_t *self, zrelay_message_t *message,
                  size_t address, const void *name, size_t size, int form)
{
    zrelay_request_t *request = s_request_new (self);
    service_t *service = s_use_service (self, name, size);
    request->service = service;
    request->address = address;
    request->form = form;
    request->given = 0;
    request->began = false;
    request->epoch = self->epoch;
    request->came_at = s_look_at_clock (self);
    zrelay_message_move (request->message, message, SIZE_MAX);
    s_join_client (self, request);
    zrelay_ring_add (&self->requests, &request->age);
    self->numbers->requests++;

    zrelay_worker_t *worker =
        zrelay_ring_first (&service->waiting) || s_is_later (self, request)?
        NULL: s_offer (self, service, request);
    if (worker)
        s_hand_over (self, worker, request);
    else
        s_enqueue (self, request);
    if (self->numbers->deadline > 0)
        s_arm (self);
    s_check_closed (self);
    return ZRELAY_VERDICT_KEPT;
}

zrelay_request_t *
zrelay_pool_match (zrelay_pool_t *self, zrelay_worker_t *worker,
                   zrelay_message_t *message, size_t first, size_t frames)
{
    (void) self;
    zrelay_request_t *request = worker->request;
    if (!request || frames > request->address)
        return NULL;
    for (size_t index = 0; index < frames; index++)
        if (!zrelay_message_equals (message, first + index,
                zrelay_message_data (request->message, index),
                zrelay_message_size (request->message, index)))
            return NULL;
    return request;
}

zrelay_verdict_t
zrelay_pool_late (zrelay_pool_t *self, zrelay_worker_t *worker, bool last)
{
    if (last && worker->state == ZRELAY_WORKER_OWING) {
        s_renounce (worker);
        s_set_free (self, worker);
    }
    return zrelay_engine_drop (self->engine, ZRELAY_POOL_LATE);
}

static void
s_count_service (service_t *service, int64_t usecs)
{
    service->served++;
    service->total_us += (uint64_t) usecs;
    if (service->longest_us < (uint64_t) usecs)
        service->longest_us = (uint64_t) usecs;
}

void
zrelay_pool_done (zrelay_pool_t *self, zrelay_request_t **request_p)
{
    assert (request_p && *request_p);
    zrelay_request_t *request = *request_p;
    zrelay_worker_t *worker = request->worker;
    s_count_service (request->service, self->now_us - request->given_at);
    if (request->waiting)
        s_stop_waiting (self, request);
    else
        s_take_from (self, worker);
    self->numbers->replies++;
    worker->served++;
    s_forget (self, request);
    s_set_free (self, worker);
    *request_p = NULL;
}

void
zrelay_pool_began (zrelay_pool_t *self, zrelay_request_t *request)
{
    (void) self;
    request->began = true;
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


//  --------------------------------------------------------------------------
//  What happens to the relay

static void
s_dispatch_all (zrelay_pool_t *self)
{
    zrelay_ring_t *link = zrelay_ring_first (&self->services);
    for (; link; link = zrelay_ring_next (&self->services, link))
        s_dispatch (self, ZRELAY_RING_ITEM (link, service_t, all));
}

void
zrelay_pool_changed (zrelay_pool_t *self)
{
    s_look_at_clock (self);
    s_decide_reading (self);
    s_arm (self);
}

//  What waits is dropped now. What is in hand is dropped if its worker is lost,
//  too; the client may be back by the time of the reply.

static void
s_lose_client (zrelay_pool_t *self, client_t *client)
{
    zrelay_ring_t *link = zrelay_ring_first (&client->requests);
    while (link) {
        zrelay_request_t *request =
            ZRELAY_RING_ITEM (link, zrelay_request_t, siblings);
        zrelay_ring_leave (link);
        request->client = NULL;
        if (request->waiting)
            s_drop_waiting (self, request, ZRELAY_POOL_CLIENT_GONE);
        link = zrelay_ring_first (&client->requests);
    }
    s_client_destroy (self, client);
}

void
zrelay_pool_gone (zrelay_pool_t *self, zrelay_side_id_t side,
                  const void *id, size_t size)
{
    s_look_at_clock (self);
    if (side == self->protocol->workers) {
        zrelay_worker_t *worker = zrelay_pool_find (self, id, size);
        if (worker)
            s_lose (self, worker);
    }
    client_t *client = side != self->protocol->clients? NULL:
        (client_t *) zrelay_index_find (self->clients, id, size);
    if (client)
        s_lose_client (self, client);
}

void
zrelay_pool_state (zrelay_pool_t *self, zrelay_state_t state)
{
    s_look_at_clock (self);
    self->state = state;
    self->closed = false;
    self->epoch++;
    self->later = 0;
    s_check_closed (self);
    s_decide_reading (self);
    s_dispatch_all (self);
    s_arm (self);
}

size_t
zrelay_pool_pending (zrelay_pool_t *self)
{
    bool open = self->state == ZRELAY_STATE_DRAINING && !self->closed;
    return (size_t) (self->numbers->waiting + self->numbers->in_hand)
         - self->later + open;
}


//  --------------------------------------------------------------------------
//  Counts and queries

void
zrelay_pool_stats (zrelay_pool_t *self, zmsg_t *answer)
{
    zrelay_ring_t *link = zrelay_ring_first (&self->services);
    for (; link; link = zrelay_ring_next (&self->services, link)) {
        service_t *service = ZRELAY_RING_ITEM (link, service_t, all);
        if (service == self->nameless)
            continue;
        const struct {
            const char *name;
            uint64_t value;
        } counts [] = {
            { "service.workers", service->workers },
            { "service.waiting", service->queue },
            { "service.served", service->served },
            { "service.failed", service->failed }
        };
        for (size_t index = 0; index < sizeof (counts) / sizeof (*counts);
             index++)
            zrelay_engine_stat_of (answer, counts [index].name, "service",
                                   service->name.data, service->name.size,
                                   counts [index].value);
    }
}

static void
s_reset_service (service_t *service)
{
    service->served = 0;
    service->failed = 0;
    service->total_us = 0;
    service->longest_us = 0;
    zrelay_ring_t *link = zrelay_ring_first (&service->members);
    for (; link; link = zrelay_ring_next (&service->members, link))
        ZRELAY_RING_ITEM (link, zrelay_worker_t, member)->served = 0;
}

//  What is inside counts as having come since

void
zrelay_pool_reset (zrelay_pool_t *self)
{
    self->numbers->requests = self->numbers->waiting + self->numbers->in_hand;
    zrelay_ring_t *link;
    while ((link = zrelay_ring_first (&self->idle)))
        s_service_destroy (self, ZRELAY_RING_ITEM (link, service_t, idle));
    self->idle_count = 0;
    link = zrelay_ring_first (&self->services);
    for (; link; link = zrelay_ring_next (&self->services, link))
        s_reset_service (ZRELAY_RING_ITEM (link, service_t, all));
}

static void
s_add_name (zmsg_t *answer, const void *data, size_t size)
{
    char room [ZRELAY_LABEL_ROOM];
    zmsg_addstr (answer, zrelay_engine_encode (room, data, size));
}

static void
s_list_worker (zrelay_pool_t *self, zrelay_worker_t *worker, zmsg_t *answer)
{
    s_add_name (answer, worker->id.data, worker->id.size);
    zmsg_addstr (answer, s_states [worker->state]);
    if (worker->state == ZRELAY_WORKER_BUSY)
        s_add_name (answer,
            zrelay_message_data (worker->request->message, 0),
            zrelay_message_size (worker->request->message, 0));
    else
        zmsg_addstr (answer, "");
    zmsg_addstrf (answer, "%" PRIu64, worker->served);
    zmsg_addstrf (answer, "%" PRId64, self->now - worker->heard_at);
}

static void
s_list_members (zrelay_pool_t *self, service_t *service, zmsg_t *answer)
{
    zrelay_ring_t *link = zrelay_ring_first (&service->members);
    for (; link; link = zrelay_ring_next (&service->members, link))
        s_list_worker (self, ZRELAY_RING_ITEM (link, zrelay_worker_t, member),
                       answer);
}

void
zrelay_pool_list_workers (zrelay_pool_t *self, const char *name,
                          zmsg_t *answer)
{
    s_look_at_clock (self);
    zrelay_ring_t *link = zrelay_ring_first (&self->services);
    for (; !name && link; link = zrelay_ring_next (&self->services, link))
        s_list_members (self, ZRELAY_RING_ITEM (link, service_t, all), answer);
    service_t *service = name? s_find_service (self, name, strlen (name)): NULL;
    if (service)
        s_list_members (self, service, answer);
}

void
zrelay_pool_list_services (zrelay_pool_t *self, zmsg_t *answer)
{
    zrelay_ring_t *link = zrelay_ring_first (&self->services);
    for (; link; link = zrelay_ring_next (&self->services, link)) {
        service_t *service = ZRELAY_RING_ITEM (link, service_t, all);
        if (service == self->nameless)
            continue;
        s_add_name (answer, service->name.data, service->name.size);
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
}

size_t
zrelay_pool_workers (zrelay_pool_t *self, const void *name, size_t size)
{
    service_t *service = s_find_service (self, name, size);
    return service? service->workers: 0;
}

void
zrelay_pool_each_service (zrelay_pool_t *self,
                          zrelay_pool_service_fn *function, void *arg)
{
    zrelay_ring_t *link = zrelay_ring_first (&self->services);
    for (; link; link = zrelay_ring_next (&self->services, link)) {
        service_t *service = ZRELAY_RING_ITEM (link, service_t, all);
        if (service->workers > 0)
            function (arg, service->name.data, service->name.size);
    }
}


//  --------------------------------------------------------------------------
//  Selftest: see selftest/
