/*  =========================================================================
    zrelay_broker - speaks the Majordomo protocol, for kinds of relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_BROKER_H_INCLUDED
#define ZRELAY_BROKER_H_INCLUDED

#include "zrelay_pool.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  Speaks the Majordomo protocol at the frontend, a ROUTER: it reads what
//  clients and workers send, lets a zrelay_pool share out the requests, and
//  answers the services of RFC 8. zrelay_majordomo is a kind that has a broker
//  and nothing else.
//
//  A kind of your own can serve some services itself, inside the broker. To its
//  clients they look like any others. It copies zrelay_majordomo_kind (), and
//  puts functions and tables of its own in the place of some. Its object must
//  begin with a pointer to the broker:
//
//      typedef struct {
//          zrelay_broker_t *broker;        //  Comes first
//          zrelay_broker_numbers_t numbers;
//          zrelay_pool_numbers_t pool;
//      } clock_t;
//
//      static bool
//      s_serve (void *object, size_t service, zrelay_message_t *body,
//               zrelay_message_t *reply)
//      {
//          zrelay_message_append (reply, ...);
//          return true;
//      }
//
//      static const char *const s_names [] = { "clock.time", NULL };
//      static const zrelay_broker_services_t s_services = {
//          ZRELAY_BROKER_SERVICES,
//          .prefix = "clock.", .names = s_names, .serve = s_serve
//      };
//
//      //  In create, of an object that is all zeros
//      self->numbers.size = sizeof (self->numbers);
//      self->pool.size = sizeof (self->pool);
//      zrelay_broker_defaults (&self->pool);
//      self->broker = zrelay_broker_new (engine, self, &self->pool,
//                                        &self->numbers);
//      zrelay_broker_serve (self->broker, &s_services);

typedef struct _zrelay_broker_t zrelay_broker_t;

//  Services that a kind serves itself. object is the kind's. The functions may
//  ask (see below), where nothing else is said.
typedef struct {
    size_t size;                //  Set by ZRELAY_BROKER_SERVICES
    const char *prefix;         //  Names that begin like this are the kind's:
                                //  no worker may serve them, and those that
                                //  there are not answer 501
    const char *const *names;   //  Those that there are, ended by NULL

    //  A client asks the service that is at this place in names. body has the
    //  frames of the request's body, and reply all that precedes the body of a
    //  reply. Append that body and return true; or answer later: take reply,
    //  see zrelay_message_take (), return false, and give it to
    //  zrelay_broker_answer () when its body has been appended
    bool (*serve) (void *object, size_t service, zrelay_message_t *body,
                   zrelay_message_t *reply);

    //  What a worker replied to zrelay_broker_ask (), whose request is not
    //  valid any more; and that no worker will, for this reason. The second
    //  function must not ask
    void (*replied) (void *object, void *asker, zrelay_message_t *body);
    void (*returned) (void *object, void *asker, zrelay_pool_reason_t reason);

    //  A worker of that service has come, or is done with what it had; NULL:
    //  the kind does not ask, or not so soon
    void (*freed) (void *object, const void *service, size_t size);
} zrelay_broker_services_t;
#define ZRELAY_BROKER_SERVICES .size = sizeof (zrelay_broker_services_t)

//  Counters, for the kind's table, beside those of its pool. The structure
//  grows as the others do.
typedef struct {
    size_t size;                //  Set by the kind, to its size
    uint64_t mmi;               //  Requests to services of RFC 8
} zrelay_broker_numbers_t;

//  Rows for the kind's tables of settings and counters. TYPE is the kind's
//  object, POOL its zrelay_pool_numbers_t, NUMBERS its zrelay_broker_numbers_t.
#define ZRELAY_BROKER_SETTINGS(TYPE, POOL) \
    ZRELAY_POOL_SETTINGS (TYPE, POOL, zrelay_broker_changed), \
    { ZRELAY_SETTING, .name = "service_queue", \
      .help = "requests that may wait for one service", \
      .offset = offsetof (TYPE, POOL.service_queue), .most = UINT32_MAX, \
      .changed = zrelay_broker_changed }, \
    { ZRELAY_SETTING, .name = "service_bytes", \
      .help = "bytes in these, 64 more for each frame", \
      .offset = offsetof (TYPE, POOL.service_bytes), .most = INT64_MAX, \
      .changed = zrelay_broker_changed }

#define ZRELAY_BROKER_COUNTERS(TYPE, POOL, NUMBERS) \
    ZRELAY_POOL_COUNTERS (TYPE, POOL), \
    { ZRELAY_COUNTER, .name = "requests_mmi", \
      .offset = offsetof (TYPE, NUMBERS.mmi) }

//  Reasons to drop messages, after the pool's
#define ZRELAY_BROKER_REASONS \
    ZRELAY_POOL_REASONS, "unexpected", "partial", "unanswered"

//  Rows for its table of commands
#define ZRELAY_BROKER_COMMANDS \
    { ZRELAY_COMMAND, .name = "SERVICES", .args = "", \
      .help = "each service: name, workers, waiting, served, failed, mean " \
              "and greatest time in usecs", \
      .handler = zrelay_broker_list_services, \
      .flags = ZRELAY_COMMAND_QUERY }, \
    { ZRELAY_COMMAND, .name = "WORKERS", .args = "[service]", \
      .help = "each worker: id, state, client, requests served, silent " \
              "msecs", \
      .handler = zrelay_broker_list_workers, .flags = ZRELAY_COMMAND_QUERY }

//  Set the settings among a pool's numbers to a majordomo's defaults.
ZRELAY_EXPORT void
    zrelay_broker_defaults (zrelay_pool_numbers_t *pool);

//  A broker for the kind's object, to be made in create, and destroyed in
//  destroy, before what its services need. Both structures are members of that
//  object.
ZRELAY_EXPORT zrelay_broker_t *
    zrelay_broker_new (zrelay_engine_t *engine, void *object,
                       zrelay_pool_numbers_t *pool,
                       zrelay_broker_numbers_t *numbers);
ZRELAY_EXPORT void
    zrelay_broker_destroy (zrelay_broker_t **self_p);

//  Serve these services from now on, which must outlive the broker. Returns
//  false if a worker serves one of them; then nothing is changed. What waits
//  for such a worker goes on waiting. A broker takes services once.
ZRELAY_EXPORT bool
    zrelay_broker_serve (zrelay_broker_t *self,
                         const zrelay_broker_services_t *services);

//  Send an answer that was put off. The client may have gone; then, or if it
//  takes no more, the answer is dropped, and counted with the reason
//  "unanswered". *reply_p is destroyed.
ZRELAY_EXPORT void
    zrelay_broker_answer (zrelay_broker_t *self, zrelay_message_t **reply_p);

//  Ask the workers of a service, as clients do. The frames of body are taken;
//  asker, not NULL, comes back with the reply. Returns NULL, and leaves body
//  alone, if too many requests wait. Only where there are services of the
//  kind's own, whose functions are told what follows.
ZRELAY_EXPORT zrelay_request_t *
    zrelay_broker_ask (zrelay_broker_t *self, const void *service, size_t size,
                       zrelay_message_t *body, void *asker);

//  Its pool: for zrelay_pool_workers () and zrelay_pool_withdraw (), and for
//  a kind that has its own functions "on_state" and "pending".
ZRELAY_EXPORT zrelay_pool_t *
    zrelay_broker_pool (zrelay_broker_t *self);

//  The kind's handler of the forward flow.
ZRELAY_EXPORT zrelay_verdict_t
    zrelay_broker_on_message (zrelay_engine_t *engine, void *object,
                              zrelay_message_t *message);

//  Functions of the tables above
ZRELAY_EXPORT void
    zrelay_broker_changed (zrelay_engine_t *engine, void *object);
ZRELAY_EXPORT int
    zrelay_broker_list_services (zrelay_engine_t *engine, void *object,
                                 size_t argc, char **argv, zmsg_t *answer);
ZRELAY_EXPORT int
    zrelay_broker_list_workers (zrelay_engine_t *engine, void *object,
                                size_t argc, char **argv, zmsg_t *answer);
//  @end

#ifdef __cplusplus
}
#endif

#endif
