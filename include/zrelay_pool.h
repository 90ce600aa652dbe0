/*  =========================================================================
    zrelay_pool - workers that serve requests, for kinds of relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_POOL_H_INCLUDED
#define ZRELAY_POOL_H_INCLUDED

#include "zrelay_engine.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  A pool gives requests to workers. It keeps lines of work, the services; each
//  has workers, the free ones in the order in which they became free, and
//  requests that wait for one. A worker has at most one request in hand. The
//  pool knows nothing of a protocol: a kind reads the messages, tells the pool
//  what they mean, and writes those that the pool sends. zrelay_balancer and
//  zrelay_majordomo are such kinds.
//
//  Workers are peers of a ROUTER side. A worker is lost when its connection
//  ends, or when it has sent heartbeats and stops. The request that it had in
//  hand goes to another worker, before all that wait, unless it was given out
//  more than "retries" times already. A worker that only fell silent, and comes
//  back, gets no work until it has answered or said that it is ready. Its reply
//  is accepted if its request has not been given to another worker since.
//
//  A reply belongs to the request that its worker has in hand, if it names the
//  same client. No protocol served here has room for a number of the relay's
//  own, so a worker that answers one client's requests twice can be mistaken.
//
//  The time for each call does not depend on how many workers, services or
//  requests there are. A pool is used on the relay's thread only.

typedef struct _zrelay_pool_t zrelay_pool_t;
typedef struct _zrelay_worker_t zrelay_worker_t;
typedef struct _zrelay_request_t zrelay_request_t;

//  Why messages are dropped: places in the kind's reasons, which begin with
//  ZRELAY_POOL_REASONS. The first four are reasons to drop a request; so
//  "requests" is the sum of "replies", "requests_waiting", "requests_in_hand"
//  and these four.
typedef enum {
    ZRELAY_POOL_QUEUE_FULL = 0, //  Too many requests waited
    ZRELAY_POOL_DEADLINE = 1,   //  The request was in the relay for too long
    ZRELAY_POOL_RETRIES = 2,    //  Each worker that had the request was lost
    ZRELAY_POOL_CLIENT_GONE = 3, // Its client went while the request waited
    ZRELAY_POOL_LATE = 4,       //  A reply to no request that its worker has
    ZRELAY_POOL_INVALID = 5     //  Not a message of the protocol
} zrelay_pool_reason_t;
#define ZRELAY_POOL_REASONS \
    "queue_full", "deadline", "retries", "client_gone", "late", "invalid"

//  What a worker does
typedef enum {
    ZRELAY_WORKER_FREE = 0,     //  Waits for work
    ZRELAY_WORKER_BUSY = 1,     //  Has a request in hand
    ZRELAY_WORKER_OWING = 2,    //  Its request was taken back, and its reply is
                                //  awaited; or it is back after a silence
    ZRELAY_WORKER_SILENT = 3    //  Was lost, but may come back
} zrelay_worker_state_t;

//  What to do with a request when too many wait
typedef enum {
    ZRELAY_POOL_HOLD = 0,       //  Read no more from the clients' side
    ZRELAY_POOL_DROP_NEW = 1,   //  Drop this one
    ZRELAY_POOL_DROP_OLD = 2    //  Drop those that have waited longest
} zrelay_pool_overflow_t;

//  The numbers of a pool, for the kind's tables of settings and counters: a
//  part of the kind's object. Those above the counters are settings, which the
//  kind sets to its defaults in create. The structure grows as the others do.
typedef struct {
    size_t size;                //  Set by the kind, to its size
    int64_t heartbeat;          //  Msecs between heartbeats; 0: none
    int64_t liveness;           //  Heartbeats missed until a worker is lost
    int64_t retries;            //  Times that a request is given out again
    int64_t deadline;           //  Msecs that a request may be here; 0: any
    int64_t overflow;           //  A zrelay_pool_overflow_t
    int64_t queue;              //  Most requests that wait
    int64_t queue_bytes;        //  Most bytes in these, 64 more for each frame
    int64_t service_queue;      //  The same for one service
    int64_t service_bytes;

    uint64_t requests;          //  Requests that came from clients
    uint64_t replies;           //  Requests that were answered
    uint64_t retried;           //  Requests given to another worker
    uint64_t lost;              //  Workers that were lost
    uint64_t waiting;           //  Gauge: requests that wait
    uint64_t waiting_bytes;     //  Gauge: bytes in these, likewise
    uint64_t in_hand;           //  Gauge: requests that workers have
    uint64_t workers;           //  Gauge: workers, lost ones not among them
    uint64_t workers_free;      //  Gauge: those of them that have no work
} zrelay_pool_numbers_t;

//  The rows of these settings and counters that every kind wants. TYPE is the
//  kind's object, MEMBER the numbers in it, and CHANGED a function of the kind
//  that calls zrelay_pool_changed ().
#define ZRELAY_POOL_SETTINGS(TYPE, MEMBER, CHANGED) \
    { ZRELAY_SETTING, .name = "heartbeat", \
      .help = "milliseconds between heartbeats; 0: none", \
      .offset = offsetof (TYPE, MEMBER.heartbeat), .most = 3600000, \
      .changed = CHANGED }, \
    { ZRELAY_SETTING, .name = "liveness", \
      .help = "missed heartbeats after which a worker is lost", \
      .offset = offsetof (TYPE, MEMBER.liveness), .least = 1, .most = 1000, \
      .changed = CHANGED }, \
    { ZRELAY_SETTING, .name = "retries", \
      .help = "times that a request is given to another worker", \
      .offset = offsetof (TYPE, MEMBER.retries), .most = 1000 }, \
    { ZRELAY_SETTING, .name = "deadline", \
      .help = "milliseconds that a request may take; 0: any time", \
      .offset = offsetof (TYPE, MEMBER.deadline), .most = 86400000, \
      .changed = CHANGED }, \
    { ZRELAY_SETTING, .name = "queue", \
      .help = "requests that may wait", \
      .offset = offsetof (TYPE, MEMBER.queue), .most = UINT32_MAX, \
      .changed = CHANGED }, \
    { ZRELAY_SETTING, .name = "queue_bytes", \
      .help = "bytes in these, 64 more for each frame", \
      .offset = offsetof (TYPE, MEMBER.queue_bytes), .most = INT64_MAX, \
      .changed = CHANGED }

#define ZRELAY_POOL_COUNTERS(TYPE, MEMBER) \
    { ZRELAY_COUNTER, .name = "requests", \
      .offset = offsetof (TYPE, MEMBER.requests) }, \
    { ZRELAY_COUNTER, .name = "replies", \
      .offset = offsetof (TYPE, MEMBER.replies) }, \
    { ZRELAY_COUNTER, .name = "requests_retried", \
      .offset = offsetof (TYPE, MEMBER.retried) }, \
    { ZRELAY_COUNTER, .name = "requests_waiting", \
      .offset = offsetof (TYPE, MEMBER.waiting), \
      .flags = ZRELAY_COUNTER_GAUGE }, \
    { ZRELAY_COUNTER, .name = "requests_waiting_bytes", \
      .offset = offsetof (TYPE, MEMBER.waiting_bytes), \
      .flags = ZRELAY_COUNTER_GAUGE }, \
    { ZRELAY_COUNTER, .name = "requests_in_hand", \
      .offset = offsetof (TYPE, MEMBER.in_hand), \
      .flags = ZRELAY_COUNTER_GAUGE }, \
    { ZRELAY_COUNTER, .name = "workers", \
      .offset = offsetof (TYPE, MEMBER.workers), \
      .flags = ZRELAY_COUNTER_GAUGE }, \
    { ZRELAY_COUNTER, .name = "workers_free", \
      .offset = offsetof (TYPE, MEMBER.workers_free), \
      .flags = ZRELAY_COUNTER_GAUGE }, \
    { ZRELAY_COUNTER, .name = "workers_lost", \
      .offset = offsetof (TYPE, MEMBER.lost) }

//  What a kind writes for its pool. Each function fills in a message that is
//  empty but for the worker's routing id; object is the kind's.
typedef struct {
    size_t size;                //  Set by ZRELAY_POOL_PROTOCOL
    zrelay_side_id_t clients;   //  The side where requests come from
    zrelay_side_id_t workers;   //  The side, a ROUTER, where workers are
    //  A request, whose frames are shared, not copied, see
    //  zrelay_message_share ()
    void (*give) (void *object, zrelay_worker_t *worker,
                  zrelay_request_t *request, zrelay_message_t *message);
    //  A heartbeat; NULL: none are sent
    void (*beat) (void *object, zrelay_worker_t *worker,
                  zrelay_message_t *message);
    //  The end of the conversation; NULL: it ends without a word
    void (*part) (void *object, zrelay_worker_t *worker,
                  zrelay_message_t *message);

    //  For a kind that asks, see zrelay_pool_ask (). A request of its own is
    //  dropped, for this reason: it is the kind's again, and not counted. The
    //  function must not call the pool
    void (*returned) (void *object, void *asker, zrelay_pool_reason_t reason);
    //  A worker of that service has come, or is done with what it had, and has
    //  been given what waits first. The function may ask
    void (*freed) (void *object, const void *service, size_t size);
} zrelay_pool_protocol_t;
#define ZRELAY_POOL_PROTOCOL .size = sizeof (zrelay_pool_protocol_t)


//  --------------------------------------------------------------------------
//  Constructor and destructor

//  A pool for the kind's object, to be made and destroyed with it. protocol and
//  numbers must outlive the pool.
ZRELAY_EXPORT zrelay_pool_t *
    zrelay_pool_new (zrelay_engine_t *engine, void *object,
                     const zrelay_pool_protocol_t *protocol,
                     zrelay_pool_numbers_t *numbers);

//  Requests that are still here are dropped.
ZRELAY_EXPORT void
    zrelay_pool_destroy (zrelay_pool_t **self_p);


//  --------------------------------------------------------------------------
//  Workers. A worker belongs to the pool. It is valid until zrelay_pool_lose ()
//  or zrelay_pool_gone (), or the end of the handler.

//  The worker with this routing id, or NULL.
ZRELAY_EXPORT zrelay_worker_t *
    zrelay_pool_find (zrelay_pool_t *self, const void *id, size_t size);

//  A new worker, which serves this service and is free. form is for the kind:
//  which of the protocol's forms it speaks. If beats is set, the worker is sent
//  heartbeats. There must be no worker with this routing id.
ZRELAY_EXPORT zrelay_worker_t *
    zrelay_pool_add (zrelay_pool_t *self, const void *id, size_t id_size,
                     const void *service, size_t service_size,
                     int form, bool beats);

//  The worker has sent something, to be called before all else. One that was
//  lost for its silence is back.
ZRELAY_EXPORT void
    zrelay_pool_heard (zrelay_pool_t *self, zrelay_worker_t *worker);

//  It was a heartbeat: from now on the worker is lost when it falls silent.
ZRELAY_EXPORT void
    zrelay_pool_beat (zrelay_pool_t *self, zrelay_worker_t *worker);

//  The worker says that it is ready for work. If it had a request in hand, it
//  has given that up, and another worker gets it.
ZRELAY_EXPORT void
    zrelay_pool_ready (zrelay_pool_t *self, zrelay_worker_t *worker);

//  The worker is lost, and so is the pointer. With part, it is told.
ZRELAY_EXPORT void
    zrelay_pool_lose (zrelay_pool_t *self, zrelay_worker_t **worker_p,
                      bool part);

//  Its state, its form, and its service's name.
ZRELAY_EXPORT zrelay_worker_state_t
    zrelay_worker_state (zrelay_worker_t *self);
ZRELAY_EXPORT int
    zrelay_worker_form (zrelay_worker_t *self);
ZRELAY_EXPORT const void *
    zrelay_worker_service (zrelay_worker_t *self, size_t *size);


//  --------------------------------------------------------------------------
//  Requests

//  Take a message as a request for a service: give it to a free worker, or let
//  it wait. Its first frames are the client's address, one or more, of which
//  the first is its routing id. form is for the kind. For a handler to return.
ZRELAY_EXPORT zrelay_verdict_t
    zrelay_pool_take (zrelay_pool_t *self, zrelay_message_t *message,
                      size_t address, const void *service, size_t size,
                      int form);

//  The kind itself asks, in the place of a client: as zrelay_pool_take (), but
//  where others would be dropped, the request comes back, by the protocol's
//  function "returned", which there must be. Its address is one that no client
//  can have. asker, not NULL, is for the kind. The message's frames are taken,
//  unless the request would have to wait and there is no room, whatever
//  "overflow" says: then NULL is returned. The request is valid until it was
//  answered, withdrawn or returned.
ZRELAY_EXPORT zrelay_request_t *
    zrelay_pool_ask (zrelay_pool_t *self, zrelay_message_t *message,
                     size_t address, const void *service, size_t size,
                     int form, void *asker);

//  Ask no more, if the request still waits. Returns false if a worker has it.
ZRELAY_EXPORT bool
    zrelay_pool_withdraw (zrelay_pool_t *self, zrelay_request_t **request_p);

//  The request that this worker answers with a message whose frames from first
//  on are these many frames of a client's address; NULL if it has no request of
//  that client.
ZRELAY_EXPORT zrelay_request_t *
    zrelay_pool_match (zrelay_pool_t *self, zrelay_worker_t *worker,
                       zrelay_message_t *message, size_t first,
                       size_t frames);

//  The worker sent a reply to no request that it has, or a part of one. It is
//  dropped; after the last, a worker that owed it is free. For a handler to
//  return.
ZRELAY_EXPORT zrelay_verdict_t
    zrelay_pool_late (zrelay_pool_t *self, zrelay_worker_t *worker, bool last);

//  The request was answered. It is forgotten, and its worker is free.
ZRELAY_EXPORT void
    zrelay_pool_done (zrelay_pool_t *self, zrelay_request_t **request_p);

//  The request was answered in part, and so must never be given to another
//  worker.
ZRELAY_EXPORT void
    zrelay_pool_began (zrelay_pool_t *self, zrelay_request_t *request);

//  Its message, which remains the request's, the number of frames in its
//  client's address, and the form that zrelay_pool_take () was given.
ZRELAY_EXPORT zrelay_message_t *
    zrelay_request_message (zrelay_request_t *self);
ZRELAY_EXPORT size_t
    zrelay_request_address (zrelay_request_t *self);
ZRELAY_EXPORT int
    zrelay_request_form (zrelay_request_t *self);

//  What the kind that asks it gave to zrelay_pool_ask (), or NULL.
ZRELAY_EXPORT void *
    zrelay_request_asker (zrelay_request_t *self);


//  --------------------------------------------------------------------------
//  For the functions of a kind that have these names

ZRELAY_EXPORT void
    zrelay_pool_changed (zrelay_pool_t *self);
ZRELAY_EXPORT void
    zrelay_pool_gone (zrelay_pool_t *self, zrelay_side_id_t side,
                      const void *id, size_t size);
ZRELAY_EXPORT void
    zrelay_pool_state (zrelay_pool_t *self, zrelay_state_t state);
ZRELAY_EXPORT size_t
    zrelay_pool_pending (zrelay_pool_t *self);
ZRELAY_EXPORT void
    zrelay_pool_stats (zrelay_pool_t *self, zmsg_t *answer);
ZRELAY_EXPORT void
    zrelay_pool_reset (zrelay_pool_t *self);

//  Queries. Names and routing ids are encoded by zrelay_engine_encode ().
//
//  For each worker of a service, or of all services if it is NULL, five frames:
//  its routing id; its state, as zrelay_worker_state_t in small letters; the
//  client whose request it has, or an empty frame; requests served;
//  milliseconds since it was last heard.
ZRELAY_EXPORT void
    zrelay_pool_list_workers (zrelay_pool_t *self, const char *service,
                              zmsg_t *answer);

//  For each service, seven frames: its name; workers; requests that wait;
//  requests served; requests failed, which were dropped after a worker had them
//  or while they waited; mean and greatest time that a worker took, in
//  microseconds.
ZRELAY_EXPORT void
    zrelay_pool_list_services (zrelay_pool_t *self, zmsg_t *answer);

//  Number of a service's workers; and call a function for each service that has
//  any.
ZRELAY_EXPORT size_t
    zrelay_pool_workers (zrelay_pool_t *self, const void *service, size_t size);
typedef void (zrelay_pool_service_fn) (void *arg, const void *service,
                                       size_t size);
ZRELAY_EXPORT void
    zrelay_pool_each_service (zrelay_pool_t *self,
                              zrelay_pool_service_fn *function, void *arg);
//  @end

#ifdef __cplusplus
}
#endif

#endif
