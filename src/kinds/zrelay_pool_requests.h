/*  =========================================================================
    zrelay_pool_requests - the requests of a pool: waiting, in hand, dropped

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_POOL_REQUESTS_H_INCLUDED
#define ZRELAY_POOL_REQUESTS_H_INCLUDED

#include "zrelay_pool_clients.h"
#include "zrelay_pool_intake.h"
#include "zrelay_pool_workers.h"

//  A request waits in its service, or is in a worker's hand, until it is
//  answered or dropped. One that was taken back from a worker waits before the
//  others, and that worker may still answer it until another one has it. Here
//  the numbers of requests are kept, and the bounds of how many may wait.

struct _zrelay_request_t {
    zrelay_message_t *message;  //  As it came
    size_t address;             //  Frames of the client's address
    int form;                   //  For the kind
    zrelay_pool_service_t *service;     //  Who can serve it
    zrelay_pool_client_t *client;       //  Who sent it; NULL if that has gone,
                                //  or the kind asks
    void *asker;                //  The kind asks, and this is for it; or NULL
    bool waiting;               //  It waits; or else it is in hand
    zrelay_worker_t *worker;    //  Who has it; while it waits, who had it last
                                //  and may still reply, or NULL
    size_t bytes;               //  In its message, while it waits
    int64_t given;              //  How often it was given to a worker
    bool began;                 //  It was answered in part
    uint64_t epoch;             //  The intake's, when it came
    int64_t came_at;            //  When, in msecs
    int64_t given_at;           //  When it was given last, in usecs
    zrelay_ring_t place;        //  Link in its service's waiting
    zrelay_ring_t siblings;     //  Link in its client's requests
    zrelay_ring_t age;          //  Link among all requests, or spares
};

typedef struct _zrelay_pool_requests_t zrelay_pool_requests_t;

//  What it works on, all of which must outlive it
typedef struct {
    zrelay_engine_t *engine;    //  Counts those that are dropped
    zrelay_pool_numbers_t *numbers;     //  The kind's
    zrelay_pool_services_t *services;   //  Where they wait
    zrelay_pool_intake_t *intake;   //  Is told how many wait
    const zrelay_pool_protocol_t *protocol; //  The kind's
    void *object;               //  Likewise
} zrelay_pool_requests_parts_t;

zrelay_pool_requests_t *
    zrelay_pool_requests_new (const zrelay_pool_requests_parts_t *parts);

//  Destroys the requests, too, but counts nothing.
void
    zrelay_pool_requests_destroy (zrelay_pool_requests_t **self_p);

//  A new request for a service, which takes the message. asker is NULL for one
//  that came from a client. The caller sets address and form, and lets it wait
//  or gives it to a worker.
zrelay_request_t *
    zrelay_pool_requests_add (zrelay_pool_requests_t *self,
                              zrelay_message_t *message, void *asker,
                              const void *service, size_t size, int64_t now);

//  Is there room for a message to wait for a service?
bool
    zrelay_pool_requests_have_room (zrelay_pool_requests_t *self,
                                    zrelay_pool_service_t *service,
                                    zrelay_message_t *message);

//  Let a new request wait, if there is room for it or room can be made. If not,
//  it is dropped.
void
    zrelay_pool_requests_enqueue (zrelay_pool_requests_t *self,
                                  zrelay_request_t *request);

//  It waits no more. Nobody who had it before can answer it.
void
    zrelay_pool_requests_stop_waiting (zrelay_pool_requests_t *self,
                                       zrelay_request_t *request);

//  It does not wait, and is in the worker's hand now; or the worker has its
//  request no more.
void
    zrelay_pool_requests_give (zrelay_pool_requests_t *self,
                               zrelay_request_t *request,
                               zrelay_worker_t *worker, int64_t now_us);
void
    zrelay_pool_requests_take_from (zrelay_pool_requests_t *self,
                                    zrelay_worker_t *worker);

//  Let the request that a worker has in hand wait for another one. It is
//  dropped if it may not be given again.
void
    zrelay_pool_requests_take_back (zrelay_pool_requests_t *self,
                                    zrelay_worker_t *worker);

//  A request that the worker may still answer is not its own any more.
void
    zrelay_pool_requests_renounce (zrelay_worker_t *worker);

//  A request that does not wait, and that no worker has, is dropped, or is no
//  more.
void
    zrelay_pool_requests_drop (zrelay_pool_requests_t *self,
                               zrelay_request_t *request,
                               zrelay_pool_reason_t reason);
void
    zrelay_pool_requests_forget (zrelay_pool_requests_t *self,
                                 zrelay_request_t *request);

//  The client with this routing id has gone. What waits is dropped now. What is
//  in hand is dropped if its worker is lost, too; the client may be back by the
//  time of the reply.
void
    zrelay_pool_requests_lose_client (zrelay_pool_requests_t *self,
                                      const void *id, size_t size);

//  Number of those that the kind does not ask itself.
size_t
    zrelay_pool_requests_of_clients (zrelay_pool_requests_t *self);

//  The oldest request, or NULL; and when its deadline is over, in msecs, or
//  INT64_MAX.
zrelay_request_t *
    zrelay_pool_requests_oldest (zrelay_pool_requests_t *self);
int64_t
    zrelay_pool_requests_deadline_due (zrelay_pool_requests_t *self);

#endif
