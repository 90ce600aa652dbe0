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
#include "zrelay_pool_requests.h"

//  How often to look, in msecs, whether a drain has found its socket empty
#define DRAIN_IVL 10

//  Heartbeats are sent together, at most so many at a time
#define BEATS_MOST 1000

struct _zrelay_pool_t {
    zrelay_engine_t *engine;    //  Whose relay this is
    void *object;               //  The kind's
    zrelay_pool_protocol_t protocol;    //  The kind's, with all members
    zrelay_pool_numbers_t *numbers;         //  The kind's
    zrelay_pool_intake_t *intake;   //  Whether clients are read
    zrelay_pool_services_t *services;       //  Where requests wait
    zrelay_pool_workers_t *workers;         //  All workers
    zrelay_pool_requests_t *requests;       //  All requests
    zrelay_message_t *out;      //  What is sent; empty between calls
    int64_t now_us;             //  The time of this event, in usecs
    int64_t now;                //  The same in msecs
    int timer;                  //  The engine's, or 0
    int64_t timer_at;           //  When it fires, in msecs
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


//  --------------------------------------------------------------------------
//  The timer: one, for whatever is due first

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
    int64_t part = self->numbers->heartbeat / ZRELAY_POOL_BEAT_PARTS;
    int64_t due = s_least (zrelay_pool_workers_loss_due (self->workers),
                           zrelay_pool_workers_beat_due (self->workers));
    due = s_least (due, zrelay_pool_workers_burial_due (self->workers));
    if (due < now + part)
        due = now + part;
    due = s_least (due, zrelay_pool_requests_deadline_due (self->requests));
    if (zrelay_pool_intake_looks (self->intake))
        due = s_least (due, now + DRAIN_IVL);
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
        self->protocol.workers, self->out);
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
    self->protocol.beat (self->object, worker, self->out);
    return s_send (self);
}

//  The request, which does not wait any more, is in the worker's hand

static void
s_hand_over (zrelay_pool_t *self, zrelay_worker_t *worker,
             zrelay_request_t *request)
{
    zrelay_pool_workers_set_busy (self->workers, worker);
    zrelay_pool_requests_give (self->requests, request, worker, self->now_us);
    zrelay_pool_workers_sent (self->workers, worker, self->now);
}

//  What it had in hand, another will get

static void
s_fall_silent (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    zrelay_pool_workers_disappear (self->workers, worker);
    if (worker->state == ZRELAY_WORKER_BUSY)
        zrelay_pool_requests_take_back (self->requests, worker);
    zrelay_pool_workers_set_silent (self->workers, worker);
}

//  Send a request to the worker that has been free for the longest time. Those
//  that have gone, or that take nothing, count as silent. Returns NULL if
//  nobody took it.

static zrelay_worker_t *
s_offer (zrelay_pool_t *self, zrelay_pool_service_t *service,
         zrelay_request_t *request)
{
    if (zrelay_pool_intake_paused (self->intake))
        return NULL;
    zrelay_ring_t *link;
    while ((link = zrelay_ring_first (&service->free))) {
        zrelay_worker_t *worker =
            ZRELAY_RING_ITEM (link, zrelay_worker_t, free);
        s_address (self, worker);
        self->protocol.give (self->object, worker, request, self->out);
        zrelay_send_t result = s_send (self);
        if (result == ZRELAY_SEND_DONE)
            return worker;
        if (result == ZRELAY_SEND_REFUSED)
            break;
        s_fall_silent (self, worker);
    }
    return NULL;
}

static bool
s_is_later (zrelay_pool_t *self, zrelay_request_t *request)
{
    return zrelay_pool_intake_is_later (self->intake, request->epoch);
}

//  Give what waits for a service to its free workers

static void
s_dispatch (zrelay_pool_t *self, zrelay_pool_service_t *service)
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
        zrelay_pool_requests_stop_waiting (self->requests, request);
        s_hand_over (self, worker, request);
    }
}


//  --------------------------------------------------------------------------
//  The states of a worker

static void
s_set_free (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    zrelay_pool_service_t *service = worker->service;
    zrelay_pool_workers_set_free (self->workers, worker);
    s_dispatch (self, service);
    if (self->protocol.freed)
        self->protocol.freed (self->object, service->name.data,
                              service->name.size);
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
    zrelay_pool_workers_appear (self->workers, worker);
    worker->state = ZRELAY_WORKER_OWING;
}

static void
s_lose (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    zrelay_pool_service_t *service = worker->service;
    if (worker->state != ZRELAY_WORKER_SILENT)
        zrelay_pool_workers_disappear (self->workers, worker);
    if (worker->state == ZRELAY_WORKER_BUSY)
        zrelay_pool_requests_take_back (self->requests, worker);
    zrelay_pool_requests_renounce (worker);
    zrelay_pool_workers_remove (self->workers, &worker);
    s_dispatch (self, service);
    zrelay_pool_services_leave (self->services, service);
}


//  --------------------------------------------------------------------------
//  What is due

static void
s_lose_silent (zrelay_pool_t *self, int64_t now)
{
    while (zrelay_pool_workers_loss_due (self->workers) <= now)
        s_lose_to_silence (self,
            zrelay_pool_workers_first_watched (self->workers));
    while (zrelay_pool_workers_burial_due (self->workers) <= now)
        s_lose (self, zrelay_pool_workers_first_silent (self->workers));
}

static void
s_send_beats (zrelay_pool_t *self, int64_t now)
{
    for (int left = BEATS_MOST; left > 0
         && zrelay_pool_workers_beat_due (self->workers) <= now; left--) {
        zrelay_worker_t *worker =
            zrelay_pool_workers_first_beating (self->workers);
        zrelay_pool_workers_sent (self->workers, worker, now);
        if (s_send_beat (self, worker) == ZRELAY_SEND_UNROUTABLE)
            s_lose_to_silence (self, worker);
    }
}

static void
s_drop_expired (zrelay_pool_t *self, int64_t now)
{
    while (zrelay_pool_requests_deadline_due (self->requests) <= now) {
        zrelay_request_t *request =
            zrelay_pool_requests_oldest (self->requests);
        zrelay_worker_t *worker = request->worker;
        if (request->waiting)
            zrelay_pool_requests_stop_waiting (self->requests, request);
        else {
            zrelay_pool_requests_take_from (self->requests, worker);
            worker->state = ZRELAY_WORKER_OWING;
            worker->owes = true;
        }
        zrelay_pool_requests_drop (self->requests, request,
                                   ZRELAY_POOL_DEADLINE);
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
    int64_t heartbeat = self->numbers->heartbeat;
    if (now > self->timer_at + heartbeat)
        zrelay_pool_workers_wait (self->workers, now + heartbeat);
    self->timer = 0;
    zrelay_pool_intake_look (self->intake);
    s_lose_silent (self, now);
    s_send_beats (self, now);
    s_drop_expired (self, now);
    s_arm (self);
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

//  The kind may have been compiled when there were fewer members

static void
s_copy_protocol (zrelay_pool_t *self, const zrelay_pool_protocol_t *protocol)
{
    size_t size = protocol->size < sizeof (self->protocol)?
                  protocol->size: sizeof (self->protocol);
    memcpy (&self->protocol, protocol, size);
}

zrelay_pool_t *
zrelay_pool_new (zrelay_engine_t *engine, void *object,
                 const zrelay_pool_protocol_t *protocol,
                 zrelay_pool_numbers_t *numbers)
{
    zrelay_pool_t *self = (zrelay_pool_t *) zmalloc (sizeof (zrelay_pool_t));
    assert (self);
    self->engine = engine;
    self->object = object;
    s_copy_protocol (self, protocol);
    self->numbers = numbers;
    self->intake = zrelay_pool_intake_new (engine, &self->protocol, numbers);
    self->services = zrelay_pool_services_new ();
    self->workers = zrelay_pool_workers_new (numbers);
    const zrelay_pool_requests_parts_t parts = {
        engine, numbers, self->services, self->intake, &self->protocol, object
    };
    self->requests = zrelay_pool_requests_new (&parts);
    self->out = zrelay_message_new ();
    return self;
}

static void
s_destroy_workers (zrelay_pool_t *self)
{
    zrelay_pool_service_t *service =
        zrelay_pool_services_first (self->services);
    for (; service;
         service = zrelay_pool_services_next (self->services, service)) {
        zrelay_ring_t *link;
        while ((link = zrelay_ring_first (&service->members))) {
            zrelay_worker_t *worker =
                ZRELAY_RING_ITEM (link, zrelay_worker_t, member);
            zrelay_pool_workers_remove (self->workers, &worker);
        }
    }
    zrelay_pool_workers_destroy (&self->workers);
}

void
zrelay_pool_destroy (zrelay_pool_t **self_p)
{
    assert (self_p);
    if (!*self_p)
        return;
    zrelay_pool_t *self = *self_p;
    size_t left = zrelay_pool_requests_of_clients (self->requests);
    if (left > 0)
        zrelay_engine_log (self->engine, ZRELAY_LOG_WARNING,
            "%zu %s lost that had no reply yet", left,
            left == 1? "request is": "requests are");
    zrelay_pool_requests_destroy (&self->requests);
    s_destroy_workers (self);
    zrelay_pool_services_destroy (&self->services);
    zrelay_pool_intake_destroy (&self->intake);
    zrelay_message_destroy (&self->out);
    freen (self);
    *self_p = NULL;
}


//  --------------------------------------------------------------------------
//  Workers

zrelay_worker_t *
zrelay_pool_find (zrelay_pool_t *self, const void *id, size_t size)
{
    return zrelay_pool_workers_find (self->workers, id, size);
}

zrelay_worker_t *
zrelay_pool_add (zrelay_pool_t *self, const void *id, size_t id_size,
                 const void *service, size_t service_size,
                 int form, bool beats)
{
    zrelay_worker_t *worker = zrelay_pool_workers_add (
        self->workers, id, id_size,
        zrelay_pool_services_use (self->services, service, service_size),
        beats, s_look_at_clock (self));
    worker->form = form;
    s_set_free (self, worker);
    if (beats)
        s_arm (self);
    return worker;
}

void
zrelay_pool_heard (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    worker->heard_at = s_look_at_clock (self);
    if (worker->state == ZRELAY_WORKER_SILENT)
        s_come_back (self, worker);
    zrelay_pool_workers_heard (self->workers, worker);
}

void
zrelay_pool_beat (zrelay_pool_t *self, zrelay_worker_t *worker)
{
    if (!worker->watched) {
        worker->watched = true;
        zrelay_pool_workers_heard (self->workers, worker);
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
        zrelay_pool_requests_take_back (self->requests, worker);
    zrelay_pool_requests_renounce (worker);
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
    if (part && self->protocol.part) {
        s_address (self, worker);
        self->protocol.part (self->object, worker, self->out);
        s_send (self);
    }
    s_lose (self, worker);
}


//  --------------------------------------------------------------------------
//  Requests

//  Give a new request to a worker, or let it wait

static void
s_place (zrelay_pool_t *self, zrelay_request_t *request)
{
    zrelay_pool_service_t *service = request->service;
    zrelay_worker_t *worker =
        zrelay_ring_first (&service->waiting) || s_is_later (self, request)?
        NULL: s_offer (self, service, request);
    if (worker)
        s_hand_over (self, worker, request);
    else
        zrelay_pool_requests_enqueue (self->requests, request);
    if (self->numbers->deadline > 0)
        s_arm (self);
}

zrelay_verdict_t
zrelay_pool_take (zrelay_pool_t *self, zrelay_message_t *message,
                  size_t address, const void *name, size_t size, int form)
{
    zrelay_request_t *request = zrelay_pool_requests_add (
        self->requests, message, NULL, name, size, s_look_at_clock (self));
    request->address = address;
    request->form = form;
    s_place (self, request);
    zrelay_pool_intake_look (self->intake);
    return ZRELAY_VERDICT_KEPT;
}

//  There is room for those that need not wait

static bool
s_may_ask (zrelay_pool_t *self, zrelay_message_t *message,
           zrelay_pool_service_t *service)
{
    return (zrelay_ring_first (&service->free)
         && !zrelay_ring_first (&service->waiting))
        || zrelay_pool_requests_have_room (self->requests, service, message);
}

zrelay_request_t *
zrelay_pool_ask (zrelay_pool_t *self, zrelay_message_t *message,
                 size_t address, const void *name, size_t size, int form,
                 void *asker)
{
    assert (asker && self->protocol.returned);
    zrelay_pool_service_t *service =
        zrelay_pool_services_use (self->services, name, size);
    zrelay_request_t *request = NULL;
    if (s_may_ask (self, message, service)) {
        request = zrelay_pool_requests_add (self->requests, message, asker,
                                            name, size, s_look_at_clock (self));
        request->address = address;
        request->form = form;
        s_place (self, request);
    }
    zrelay_pool_services_leave (self->services, service);
    return request;
}

bool
zrelay_pool_withdraw (zrelay_pool_t *self, zrelay_request_t **request_p)
{
    assert (request_p && *request_p && (*request_p)->asker);
    zrelay_request_t *request = *request_p;
    if (!request->waiting)
        return false;
    zrelay_pool_requests_stop_waiting (self->requests, request);
    zrelay_pool_requests_forget (self->requests, request);
    self->numbers->requests--;
    *request_p = NULL;
    return true;
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
        zrelay_pool_requests_renounce (worker);
        s_set_free (self, worker);
    }
    return zrelay_engine_drop (self->engine, ZRELAY_POOL_LATE);
}

void
zrelay_pool_done (zrelay_pool_t *self, zrelay_request_t **request_p)
{
    assert (request_p && *request_p);
    zrelay_request_t *request = *request_p;
    zrelay_worker_t *worker = request->worker;
    zrelay_pool_service_served (request->service,
                                self->now_us - request->given_at);
    if (request->waiting)
        zrelay_pool_requests_stop_waiting (self->requests, request);
    else
        zrelay_pool_requests_take_from (self->requests, worker);
    self->numbers->replies++;
    worker->served++;
    zrelay_pool_requests_forget (self->requests, request);
    s_set_free (self, worker);
    *request_p = NULL;
}

void
zrelay_pool_began (zrelay_pool_t *self, zrelay_request_t *request)
{
    (void) self;
    request->began = true;
}


//  --------------------------------------------------------------------------
//  What happens to the relay

void
zrelay_pool_changed (zrelay_pool_t *self)
{
    s_look_at_clock (self);
    zrelay_pool_intake_decide (self->intake);
    s_arm (self);
}

void
zrelay_pool_gone (zrelay_pool_t *self, zrelay_side_id_t side,
                  const void *id, size_t size)
{
    s_look_at_clock (self);
    if (side == self->protocol.workers) {
        zrelay_worker_t *worker = zrelay_pool_find (self, id, size);
        if (worker)
            s_lose (self, worker);
    }
    if (side == self->protocol.clients)
        zrelay_pool_requests_lose_client (self->requests, id, size);
}

void
zrelay_pool_state (zrelay_pool_t *self, zrelay_state_t state)
{
    s_look_at_clock (self);
    zrelay_pool_intake_set_state (self->intake, state);
    zrelay_pool_service_t *service =
        zrelay_pool_services_first (self->services);
    for (; service;
         service = zrelay_pool_services_next (self->services, service))
        s_dispatch (self, service);
    s_arm (self);
}

size_t
zrelay_pool_pending (zrelay_pool_t *self)
{
    return zrelay_pool_intake_pending (self->intake);
}


//  --------------------------------------------------------------------------
//  Counts and queries

void
zrelay_pool_stats (zrelay_pool_t *self, zmsg_t *answer)
{
    zrelay_pool_services_stats (self->services, answer);
}

//  What is inside counts as having come since

void
zrelay_pool_reset (zrelay_pool_t *self)
{
    self->numbers->requests = self->numbers->waiting + self->numbers->in_hand;
    zrelay_pool_services_reset (self->services);
    zrelay_pool_workers_reset (self->workers);
}

void
zrelay_pool_list_workers (zrelay_pool_t *self, const char *name,
                          zmsg_t *answer)
{
    int64_t now = s_look_at_clock (self);
    zrelay_pool_service_t *service = name?
        zrelay_pool_services_find (self->services, name, strlen (name)):
        zrelay_pool_services_first (self->services);
    while (service) {
        zrelay_pool_workers_list (service, now, answer);
        service = name? NULL:
            zrelay_pool_services_next (self->services, service);
    }
}

void
zrelay_pool_list_services (zrelay_pool_t *self, zmsg_t *answer)
{
    zrelay_pool_services_list (self->services, answer);
}

size_t
zrelay_pool_workers (zrelay_pool_t *self, const void *name, size_t size)
{
    zrelay_pool_service_t *service =
        zrelay_pool_services_find (self->services, name, size);
    return service? service->workers: 0;
}

void
zrelay_pool_each_service (zrelay_pool_t *self,
                          zrelay_pool_service_fn *function, void *arg)
{
    zrelay_pool_service_t *service =
        zrelay_pool_services_first (self->services);
    for (; service;
         service = zrelay_pool_services_next (self->services, service))
        if (service->workers > 0)
            function (arg, service->name.data, service->name.size);
}


//  --------------------------------------------------------------------------
//  Selftest: see selftest/
