/*  =========================================================================
    zrelay_pool_workers - the workers of a pool, and when they are due

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_POOL_WORKERS_H_INCLUDED
#define ZRELAY_POOL_WORKERS_H_INCLUDED

#include "zrelay_pool_services.h"

//  A worker serves one service, and is found by its routing id. The pool
//  decides about its state and its request. Here it has places among others:
//  those of its service, those that are lost if they stay silent, and those
//  that are sent heartbeats. The times until then are the same for all workers,
//  so the first in such an order is due first, or so little later than another
//  that they are due together.

//  What is due within such a part of the time between two heartbeats is done
//  together
#define ZRELAY_POOL_BEAT_PARTS 16

struct _zrelay_worker_t {
    zrelay_name_t id;           //  Its bytes follow the structure
    zrelay_pool_service_t *service;     //  Which it serves
    int form;                   //  For the kind
    zrelay_worker_state_t state;        //  What it does
    zrelay_request_t *request;  //  What it has in hand, or had and may answer
    bool owes;                  //  Silent or owing: it had a request
    bool beats;                 //  It is sent heartbeats
    bool watched;               //  It is lost when it is silent
    int64_t heard_at;           //  When it sent something, in msecs
    int64_t beat_at;            //  When it was sent something, in msecs
    int64_t watched_at;         //  The former when it took its place among
                                //  those watched
    int64_t beating_at;         //  The latter when it took its place among
                                //  those that are sent heartbeats
    uint64_t served;            //  Requests answered
    zrelay_ring_t free;         //  Link in its service's free workers
    zrelay_ring_t member;       //  Link in its service's members
    zrelay_ring_t silence;      //  Link among those watched, or silent
    zrelay_ring_t beat;         //  Link among those that are sent heartbeats
};

typedef struct _zrelay_pool_workers_t zrelay_pool_workers_t;

//  numbers must outlive it.
zrelay_pool_workers_t *
    zrelay_pool_workers_new (zrelay_pool_numbers_t *numbers);

//  All workers must have been removed.
void
    zrelay_pool_workers_destroy (zrelay_pool_workers_t **self_p);

//  The worker with this routing id, or NULL.
zrelay_worker_t *
    zrelay_pool_workers_find (zrelay_pool_workers_t *self,
                              const void *id, size_t size);

//  A new worker, a member of its service. It was heard now, and has appeared.
zrelay_worker_t *
    zrelay_pool_workers_add (zrelay_pool_workers_t *self,
                             const void *id, size_t size,
                             zrelay_pool_service_t *service,
                             bool beats, int64_t now);

//  It has disappeared, or nobody counts any more, and is destroyed.
void
    zrelay_pool_workers_remove (zrelay_pool_workers_t *self,
                                zrelay_worker_t **worker_p);

//  It is counted among the workers of its service, and has a place in the order
//  of heartbeats; or not, and was lost.
void
    zrelay_pool_workers_appear (zrelay_pool_workers_t *self,
                                zrelay_worker_t *worker);
void
    zrelay_pool_workers_disappear (zrelay_pool_workers_t *self,
                                   zrelay_worker_t *worker);

//  It is free, the last of its service's free workers; or has got a request. It
//  is silent, and has disappeared.
void
    zrelay_pool_workers_set_free (zrelay_pool_workers_t *self,
                                  zrelay_worker_t *worker);
void
    zrelay_pool_workers_set_busy (zrelay_pool_workers_t *self,
                                  zrelay_worker_t *worker);
void
    zrelay_pool_workers_set_silent (zrelay_pool_workers_t *self,
                                    zrelay_worker_t *worker);

//  No worker was heard later; none was sent something later. Whatever a worker
//  is sent is a sign of life to it.
void
    zrelay_pool_workers_heard (zrelay_pool_workers_t *self,
                               zrelay_worker_t *worker);
void
    zrelay_pool_workers_sent (zrelay_pool_workers_t *self,
                              zrelay_worker_t *worker, int64_t now);


//  --------------------------------------------------------------------------
//  What is due. Times are in msecs; INT64_MAX is never.

//  When the first worker is lost for its silence, when the first of those is
//  forgotten, and when the first is sent a heartbeat; and which these are, or
//  NULL.
int64_t
    zrelay_pool_workers_loss_due (zrelay_pool_workers_t *self);
int64_t
    zrelay_pool_workers_burial_due (zrelay_pool_workers_t *self);
int64_t
    zrelay_pool_workers_beat_due (zrelay_pool_workers_t *self);
zrelay_worker_t *
    zrelay_pool_workers_first_watched (zrelay_pool_workers_t *self);
zrelay_worker_t *
    zrelay_pool_workers_first_silent (zrelay_pool_workers_t *self);
zrelay_worker_t *
    zrelay_pool_workers_first_beating (zrelay_pool_workers_t *self);

//  The relay stood still, so nobody is lost until then.
void
    zrelay_pool_workers_wait (zrelay_pool_workers_t *self, int64_t until);


//  --------------------------------------------------------------------------
//  Counts

void
    zrelay_pool_workers_reset (zrelay_pool_workers_t *self);

//  For zrelay_pool_list_workers (): the workers of one service.
void
    zrelay_pool_workers_list (zrelay_pool_service_t *service, int64_t now,
                              zmsg_t *answer);

#endif
