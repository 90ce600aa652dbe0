/*  =========================================================================
    zrelay_pool_test - the pool of workers, and the kinds that have one

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_testing.h"

//  Msecs between heartbeats, and of deadlines, where a test waits for them
#define SHORT "50"

//  Send frames, as many as there are before NULL; "" is an empty frame

#define s_send(sock, ...) \
    s_send_list (sock, (const char *[]) { __VA_ARGS__, NULL })

static void
s_send_list (zsock_t *sock, const char **frames)
{
    zmsg_t *msg = zmsg_new ();
    for (; *frames; frames++)
        zmsg_addstr (msg, *frames);
    int rc = zmsg_send (&msg, sock);
    assert (rc == 0);
}

//  Receive a message of these frames; NULL stands for any frame. Returns it, or
//  NULL if another one came. A message of one frame, the byte 2, is a heartbeat
//  and passed over.

#define s_receive(sock, ...) \
    s_receive_list (sock, (const char *[]) { __VA_ARGS__ }, \
        sizeof ((const char *[]) { __VA_ARGS__ }) / sizeof (char *))

static zmsg_t *
s_receive_list (zsock_t *sock, const char **frames, size_t count)
{
    zmsg_t *msg;
    do {
        msg = zmsg_recv (sock);
        assert (msg);
        if (zmsg_size (msg) == 1 && zframe_streq (zmsg_last (msg), "\x02"))
            zmsg_destroy (&msg);
    }
    while (!msg);
    bool same = zmsg_size (msg) == count;
    zframe_t *frame = zmsg_first (msg);
    for (size_t index = 0; same && index < count; index++) {
        same = !frames [index] || zframe_streq (frame, frames [index]);
        frame = zmsg_next (msg);
    }
    if (!same)
        zmsg_destroy (&msg);
    return msg;
}

static bool
s_receives_nothing (zsock_t *sock)
{
    return (zsock_events (sock) & ZMQ_POLLIN) == 0;
}

//  Send back a request, with a header and a command of one's own in the place
//  of its first two frames, or just as it came

static void
s_reply (zsock_t *sock, zmsg_t **msg_p, const char *header,
         const char *command)
{
    for (int index = 0; header && index < 2; index++) {
        zframe_t *frame = zmsg_pop (*msg_p);
        zframe_destroy (&frame);
    }
    if (header) {
        zmsg_pushstr (*msg_p, command);
        zmsg_pushstr (*msg_p, header);
    }
    zmsg_send (msg_p, sock);
}


//  --------------------------------------------------------------------------
//  A kind of its own shows the class. Its clients send a request; its workers
//  say anything to join, and send back what they get.

typedef struct {
    zrelay_pool_t *pool;
    zrelay_pool_numbers_t numbers;
} shop_t;

static void
s_shop_give (void *object, zrelay_worker_t *worker, zrelay_request_t *request,
             zrelay_message_t *message)
{
    (void) object;
    (void) worker;
    zrelay_message_share (message, zrelay_request_message (request), 0,
                          SIZE_MAX);
}

static const zrelay_pool_protocol_t s_shop_protocol = {
    ZRELAY_POOL_PROTOCOL,
    .clients = ZRELAY_SIDE_FRONTEND,
    .workers = ZRELAY_SIDE_BACKEND,
    .give = s_shop_give
};

static void *
s_shop_create (zrelay_engine_t *engine)
{
    shop_t *self = (shop_t *) zmalloc (sizeof (shop_t));
    assert (self);
    self->numbers = (zrelay_pool_numbers_t) {
        .size = sizeof (zrelay_pool_numbers_t), .retries = 1,
        .overflow = ZRELAY_POOL_DROP_OLD, .queue = 2, .queue_bytes = 1000,
        .service_queue = 2, .service_bytes = 1000
    };
    self->pool = zrelay_pool_new (engine, self, &s_shop_protocol,
                                  &self->numbers);
    return self;
}

static void
s_shop_destroy (void **object_p)
{
    shop_t *self = (shop_t *) *object_p;
    zrelay_pool_destroy (&self->pool);
    freen (self);
    *object_p = NULL;
}

static zrelay_verdict_t
s_shop_request (zrelay_engine_t *engine, void *object,
                zrelay_message_t *message)
{
    (void) engine;
    return zrelay_pool_take (((shop_t *) object)->pool, message, 1, NULL, 0, 0);
}

static zrelay_verdict_t
s_shop_worker (zrelay_engine_t *engine, void *object,
               zrelay_message_t *message)
{
    (void) engine;
    zrelay_pool_t *pool = ((shop_t *) object)->pool;
    const byte *id = zrelay_message_data (message, 0);
    size_t size = zrelay_message_size (message, 0);
    zrelay_worker_t *worker = zrelay_pool_find (pool, id, size);
    if (!worker) {
        zrelay_pool_add (pool, id, size, NULL, 0, 0, false);
        zrelay_message_clear (message);
        return ZRELAY_VERDICT_KEPT;
    }
    zrelay_pool_heard (pool, worker);
    zrelay_request_t *request = zrelay_pool_match (pool, worker, message, 1, 1);
    if (!request)
        return zrelay_pool_late (pool, worker, true);
    zrelay_message_pop (message);
    zrelay_pool_done (pool, &request);
    return ZRELAY_VERDICT_PASS;
}

static void
s_shop_gone (zrelay_engine_t *engine, void *object, zrelay_side_id_t side,
             const void *id, size_t size)
{
    (void) engine;
    zrelay_pool_gone (((shop_t *) object)->pool, side, id, size);
}

static void
s_shop_changed (zrelay_engine_t *engine, void *object)
{
    (void) engine;
    zrelay_pool_changed (((shop_t *) object)->pool);
}

static const zrelay_setting_t s_shop_settings [] = {
    ZRELAY_POOL_SETTINGS (shop_t, numbers, s_shop_changed),
    { .name = NULL }
};

static const zrelay_counter_t s_shop_counters [] = {
    ZRELAY_POOL_COUNTERS (shop_t, numbers),
    { .name = NULL }
};

static const char *const s_shop_reasons [] = { ZRELAY_POOL_REASONS, NULL };

static const zrelay_kind_t s_shop = {
    ZRELAY_KIND,
    .name = "shop",
    .frontend = { .types = "ROUTER" },
    .backend = { .types = "ROUTER" },
    .create = s_shop_create,
    .destroy = s_shop_destroy,
    .on_forward = s_shop_request,
    .on_return = s_shop_worker,
    .on_gone = s_shop_gone,
    .settings = s_shop_settings,
    .counters = s_shop_counters,
    .reasons = s_shop_reasons
};

void
zrelay_pool_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_pool: ");

    //  @selftest
    zactor_t *shop = zrelay_engine_spawn (&s_shop, NULL);
    assert (shop);
    zsock_t *client = zrelay_testing_connect (shop, "FRONTEND", ZMQ_DEALER);
    zsock_t *worker = zrelay_testing_connect (shop, "BACKEND", ZMQ_DEALER);

    //  Without workers, requests wait, and the third is one too many
    s_send (client, "one");
    s_send (client, "two");
    s_send (client, "three");
    assert (zrelay_testing_reaches (shop, "forward.dropped_queue_full", 1));
    assert (zrelay_testing_reaches (shop, "requests_waiting", 2));
    assert (zrelay_testing_reaches (shop, "requests_waiting_bytes",
                                   18 + 4 * sizeof (zmq_msg_t)));

    //  A worker gets one at a time
    s_send (worker, "?");
    zmsg_t *request = s_receive (worker, NULL, "two");
    assert (request);
    assert (zrelay_testing_reaches (shop, "requests_in_hand", 1));
    assert (s_receives_nothing (worker));
    s_reply (worker, &request, NULL, NULL);
    assert (zrelay_testing_receives (client, "two", NULL));

    //  One that goes leaves its request to the next
    request = s_receive (worker, NULL, "three");
    assert (request);
    zmsg_destroy (&request);
    zsock_destroy (&worker);
    assert (zrelay_testing_reaches (shop, "workers", 0));
    assert (zrelay_testing_reaches (shop, "requests_waiting", 1));
    worker = zrelay_testing_connect (shop, "BACKEND", ZMQ_DEALER);
    s_send (worker, "?");
    request = s_receive (worker, NULL, "three");
    assert (request);
    assert (zrelay_testing_reaches (shop, "requests_retried", 1));

    //  It has had its chances when another worker goes
    zmsg_destroy (&request);
    zsock_destroy (&worker);
    assert (zrelay_testing_reaches (shop, "forward.dropped_retries", 1));

    //  A request expires, and so does one that is in hand
    zstr_sendx (shop, "SET", "RELAY", "deadline", SHORT, NULL);
    int rc = zsock_wait (shop);
    assert (rc == 0);
    s_send (client, "four");
    assert (zrelay_testing_reaches (shop, "forward.dropped_deadline", 1));
    worker = zrelay_testing_connect (shop, "BACKEND", ZMQ_DEALER);
    s_send (worker, "?");
    assert (zrelay_testing_reaches (shop, "workers_free", 1));
    s_send (client, "five");
    request = s_receive (worker, NULL, "five");
    assert (request);
    assert (zrelay_testing_reaches (shop, "forward.dropped_deadline", 2));
    s_reply (worker, &request, NULL, NULL);
    assert (zrelay_testing_reaches (shop, "return.dropped_late", 1));
    assert (zrelay_testing_reaches (shop, "workers_free", 1));

    //  A client that goes takes along what waits for it
    zsock_destroy (&worker);
    assert (zrelay_testing_reaches (shop, "workers", 0));
    zstr_sendx (shop, "SET", "RELAY", "deadline", "0", NULL);
    rc = zsock_wait (shop);
    assert (rc == 0);
    s_send (client, "six");
    assert (zrelay_testing_reaches (shop, "requests_waiting", 1));
    zsock_destroy (&client);
    assert (zrelay_testing_reaches (shop, "forward.dropped_client_gone", 1));
    assert (zrelay_testing_reaches (shop, "requests_waiting", 0));

    //  And what is in hand, if its worker goes after it
    client = zrelay_testing_connect (shop, "FRONTEND", ZMQ_DEALER);
    worker = zrelay_testing_connect (shop, "BACKEND", ZMQ_DEALER);
    s_send (worker, "?");
    s_send (client, "seven");
    request = s_receive (worker, NULL, "seven");
    assert (request);
    zmsg_destroy (&request);
    zsock_destroy (&client);
    assert (zrelay_testing_reaches (shop, "frontend.peers", 0));
    zsock_destroy (&worker);
    assert (zrelay_testing_reaches (shop, "forward.dropped_client_gone", 2));
    assert (zrelay_testing_reaches (shop, "requests_in_hand", 0));
    zactor_destroy (&shop);
    //  @end
    printf ("OK\n");
}


//  --------------------------------------------------------------------------
//  The balancer

void
zrelay_balancer_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_balancer: ");

    //  @selftest
    zactor_t *balancer = zactor_new (zrelay_balancer, NULL);
    assert (balancer);
    zstr_sendx (balancer, "SET", "RELAY", "heartbeat", SHORT, NULL);
    int rc = zsock_wait (balancer);
    assert (rc == 0);
    zsock_t *client = zrelay_testing_connect (balancer, "FRONTEND", ZMQ_REQ);
    zsock_t *worker = zrelay_testing_connect (balancer, "BACKEND", ZMQ_REQ);

    //  A REQ worker says READY, gets requests with an address, and replies
    s_send (worker, "READY");
    s_send (client, "hello");
    zmsg_t *request = s_receive (worker, NULL, "", "hello");
    assert (request);
    s_reply (worker, &request, NULL, NULL);
    assert (zrelay_testing_receives (client, "hello", NULL));

    //  A Paranoid Pirate comes second, since the other has waited longer
    zsock_t *pirate = zrelay_testing_connect (balancer, "BACKEND", ZMQ_DEALER);
    s_send (pirate, "\x01");
    assert (zrelay_testing_reaches (balancer, "workers_free", 2));
    zsock_t *dealer = zrelay_testing_connect (balancer, "FRONTEND", ZMQ_DEALER);
    s_send (dealer, "", "first");
    s_send (dealer, "second");
    request = s_receive (worker, NULL, "", "first");
    assert (request);
    zmsg_t *other = s_receive (pirate, NULL, "", "second");
    assert (other);
    s_reply (pirate, &other, NULL, NULL);
    assert (zrelay_testing_receives (dealer, "second", NULL));
    s_reply (worker, &request, NULL, NULL);
    assert (zrelay_testing_receives (dealer, "", "first"));

    //  Once it has sent a heartbeat, it is lost when it sends no more
    assert (zrelay_testing_reaches (balancer, "workers", 2));
    s_send (pirate, "\x02");
    assert (zrelay_testing_reaches (balancer, "workers_lost", 1));
    assert (zrelay_testing_reaches (balancer, "workers", 1));

    //  WORKERS lists both
    zstr_send (balancer, "WORKERS");
    zmsg_t *answer = zmsg_recv (balancer);
    assert (answer && zmsg_size (answer) == 1 + 2 * 5);
    char *text = zmsg_popstr (answer);
    assert (streq (text, "WORKERS"));
    zstr_free (&text);
    zmsg_destroy (&answer);

    //  Settings have limits
    zstr_sendx (balancer, "SET", "RELAY", "liveness", "0", NULL);
    rc = zsock_wait (balancer);
    assert (rc == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (zrelay_testing_error (balancer, "liveness"));

    zsock_destroy (&pirate);
    zsock_destroy (&dealer);
    zsock_destroy (&worker);
    zsock_destroy (&client);
    zactor_destroy (&balancer);
    //  @end
    printf ("OK\n");
}


//  --------------------------------------------------------------------------
//  Majordomo

void
zrelay_majordomo_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_majordomo: ");

    //  @selftest
    zactor_t *broker = zactor_new (zrelay_majordomo, NULL);
    assert (broker);
    //  These workers send no heartbeats
    zstr_sendx (broker, "SET", "RELAY", "heartbeat", "0", NULL);
    int rc = zsock_wait (broker);
    assert (rc == 0);
    zsock_t *old = zrelay_testing_connect (broker, "FRONTEND", ZMQ_DEALER);
    zsock_t *worker = zrelay_testing_connect (broker, "FRONTEND", ZMQ_DEALER);
    s_send (old, "", "MDPW01", "\x01", "tea");
    s_send (worker, "MDPW02", "\x01", "coffee");
    assert (zrelay_testing_reaches (broker, "workers_free", 2));

    //  A client of one version, and a worker of the other. A partial reply is
    //  nothing that the client knows.
    zsock_t *client = zrelay_testing_connect (broker, "FRONTEND", ZMQ_REQ);
    s_send (client, "MDPC01", "coffee", "black");
    zmsg_t *request = s_receive (worker, "MDPW02", "\x02", NULL, "", "black");
    assert (request);
    zmsg_t *partial = zmsg_dup (request);
    s_reply (worker, &partial, "MDPW02", "\x03");
    s_reply (worker, &request, "MDPW02", "\x04");
    zmsg_t *reply = s_receive (client, "MDPC01", "coffee", "black");
    assert (reply);
    zmsg_destroy (&reply);
    assert (zrelay_testing_reaches (broker, "forward.dropped_partial", 1));
    assert (zrelay_testing_reaches (broker, "replies", 1));

    //  The broker's own services
    s_send (client, "MDPC01", "mmi.service", "milk");
    reply = s_receive (client, "MDPC01", "mmi.service", "404");
    assert (reply);
    zmsg_destroy (&reply);
    s_send (client, "MDPC01", "mmi.services", "");
    //  Whichever worker came first
    reply = s_receive (client, "MDPC01", "mmi.services", "200", NULL, NULL);
    assert (reply);
    zmsg_destroy (&reply);

    //  A worker that is ready twice is told to go
    s_send (worker, "MDPW02", "\x01", "coffee");
    reply = s_receive (worker, "MDPW02", "\x06");
    assert (reply);
    zmsg_destroy (&reply);
    assert (zrelay_testing_reaches (broker, "forward.dropped_unexpected", 1));
    assert (zrelay_testing_reaches (broker, "workers", 1));

    //  SERVICES lists what each has done
    zstr_send (broker, "SERVICES");
    zmsg_t *answer = zmsg_recv (broker);
    assert (answer && zmsg_size (answer) == 1 + 2 * 7);
    zmsg_destroy (&answer);

    zsock_destroy (&client);
    zsock_destroy (&worker);
    zsock_destroy (&old);
    zactor_destroy (&broker);
    //  @end
    printf ("OK\n");
}


//  --------------------------------------------------------------------------
//  A kind with services of its own. One answers at once, one later, and one has
//  a worker do it.

enum { DESK_TIME, DESK_WAIT, DESK_ASK };

typedef struct {
    zrelay_broker_t *broker;
    zrelay_broker_numbers_t numbers;
    zrelay_pool_numbers_t pool;
    zrelay_engine_t *engine;
    zrelay_message_t *later;    //  A client that waits, or NULL
    zrelay_request_t *request;  //  What is asked for it, or NULL
    uint64_t returned;          //  Requests that came back
    uint64_t freed;             //  How often a worker was free
    uint64_t refused;           //  Requests for which there was no room
} desk_t;

static bool
s_desk_serve (void *object, size_t service, zrelay_message_t *body,
              zrelay_message_t *reply)
{
    desk_t *self = (desk_t *) object;
    if (service == DESK_TIME) {
        zrelay_message_append (reply, "noon", 4);
        return true;
    }
    zrelay_message_destroy (&self->later);
    self->later = zrelay_message_take (reply);
    if (service == DESK_ASK) {
        self->request = zrelay_broker_ask (self->broker, "tea", 3, body, self);
        //  The body remains if there is no room
        assert (!self->request == (zrelay_message_frames (body) > 0));
        self->refused += !self->request;
    }
    return false;
}

static void
s_desk_replied (void *object, void *asker, zrelay_message_t *body)
{
    desk_t *self = (desk_t *) object;
    assert (asker == self);
    self->request = NULL;
    zrelay_message_move (self->later, body, SIZE_MAX);
    zrelay_broker_answer (self->broker, &self->later);
}

static void
s_desk_returned (void *object, void *asker, zrelay_pool_reason_t reason)
{
    desk_t *self = (desk_t *) object;
    assert (asker == self && reason == ZRELAY_POOL_RETRIES);
    self->request = NULL;
    self->returned++;
}

static void
s_desk_freed (void *object, const void *service, size_t size)
{
    (void) service;
    ((desk_t *) object)->freed += size == strlen ("tea");
}

static const char *const s_desk_names [] = {
    "desk.time", "desk.wait", "desk.ask", NULL
};

static const zrelay_broker_services_t s_desk_services = {
    ZRELAY_BROKER_SERVICES,
    .prefix = "desk.", .names = s_desk_names, .serve = s_desk_serve,
    .replied = s_desk_replied, .returned = s_desk_returned,
    .freed = s_desk_freed
};

static void *
s_desk_create (zrelay_engine_t *engine)
{
    desk_t *self = (desk_t *) zmalloc (sizeof (desk_t));
    assert (self);
    self->engine = engine;
    self->numbers.size = sizeof (self->numbers);
    self->pool.size = sizeof (self->pool);
    zrelay_broker_defaults (&self->pool);
    self->broker = zrelay_broker_new (engine, self, &self->pool,
                                      &self->numbers);
    return self;
}

static void
s_desk_destroy (void **object_p)
{
    desk_t *self = (desk_t *) *object_p;
    zrelay_broker_destroy (&self->broker);
    zrelay_message_destroy (&self->later);
    freen (self);
    *object_p = NULL;
}

static int
s_desk_open (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
             zmsg_t *answer)
{
    (void) argc;
    (void) argv;
    (void) answer;
    return zrelay_broker_serve (((desk_t *) object)->broker, &s_desk_services)?
        ZRELAY_STATUS_DONE:
        zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE, "a worker does");
}

static int
s_desk_answer (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) engine;
    (void) argc;
    (void) answer;
    desk_t *self = (desk_t *) object;
    zrelay_message_append (self->later, argv [0], strlen (argv [0]));
    zrelay_broker_answer (self->broker, &self->later);
    return ZRELAY_STATUS_DONE;
}

static int
s_desk_withdraw (zrelay_engine_t *engine, void *object, size_t argc,
                 char **argv, zmsg_t *answer)
{
    (void) engine;
    (void) argc;
    (void) argv;
    (void) answer;
    desk_t *self = (desk_t *) object;
    return zrelay_pool_withdraw (zrelay_broker_pool (self->broker),
                                 &self->request)? ZRELAY_STATUS_DONE:
        zrelay_engine_fail (engine, ZRELAY_STATUS_BAD_STATE, "a worker has it");
}

static const zrelay_command_t s_desk_commands [] = {
    ZRELAY_BROKER_COMMANDS,
    { ZRELAY_COMMAND, .name = "OPEN", .args = "", .handler = s_desk_open },
    { ZRELAY_COMMAND, .name = "ANSWER", .args = "word",
      .handler = s_desk_answer },
    { ZRELAY_COMMAND, .name = "WITHDRAW", .args = "",
      .handler = s_desk_withdraw },
    { .name = NULL }
};

static const zrelay_setting_t s_desk_settings [] = {
    ZRELAY_BROKER_SETTINGS (desk_t, pool),
    { .name = NULL }
};

static const zrelay_counter_t s_desk_counters [] = {
    ZRELAY_BROKER_COUNTERS (desk_t, pool, numbers),
    { ZRELAY_COUNTER, .name = "returned",
      .offset = offsetof (desk_t, returned) },
    { ZRELAY_COUNTER, .name = "freed", .offset = offsetof (desk_t, freed) },
    { ZRELAY_COUNTER, .name = "refused", .offset = offsetof (desk_t, refused) },
    { .name = NULL }
};

//  Each request that came is answered, is here, or was dropped

static bool
s_desk_adds_up (zactor_t *relay)
{
    zrelay_stats_t *stats = zrelay_stats_query (relay);
    assert (stats);
    bool right = zrelay_stats_value (stats, "requests")
              == zrelay_stats_value (stats, "replies")
               + zrelay_stats_value (stats, "requests_waiting")
               + zrelay_stats_value (stats, "requests_in_hand")
              && zrelay_stats_value (stats, "forward.dropped_retries") == 0;
    zrelay_stats_destroy (&stats);
    return right;
}

#define S_DONE(relay, command, argument) \
    zrelay_testing_status (relay, ZRELAY_STATUS_DONE, command, argument, NULL)
#define S_BAD_STATE(relay, command) \
    zrelay_testing_status (relay, ZRELAY_STATUS_BAD_STATE, command, NULL, NULL)

void
zrelay_broker_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_broker: ");

    //  @selftest
    zrelay_kind_t kind = *zrelay_majordomo_kind ();
    kind.name = "desk";
    kind.create = s_desk_create;
    kind.destroy = s_desk_destroy;
    kind.commands = s_desk_commands;
    kind.settings = s_desk_settings;
    kind.counters = s_desk_counters;
    zactor_t *relay = zrelay_engine_spawn (&kind, NULL);
    assert (relay);
    zstr_sendx (relay, "SET", "RELAY", "heartbeat", "0", NULL);
    int rc = zsock_wait (relay);
    assert (rc == 0);

    //  Its services cannot be opened while a worker serves one of them, and
    //  afterwards no worker can
    zsock_t *worker = zrelay_testing_connect (relay, "FRONTEND", ZMQ_DEALER);
    s_send (worker, "MDPW02", "\x01", "desk.time");
    assert (zrelay_testing_reaches (relay, "workers", 1));
    assert (S_BAD_STATE (relay, "OPEN"));
    s_send (worker, "MDPW02", "\x06");
    assert (zrelay_testing_reaches (relay, "workers", 0));
    assert (S_DONE (relay, "OPEN", NULL));
    s_send (worker, "MDPW02", "\x01", "desk.time");
    zmsg_t *answer = s_receive (worker, "MDPW02", "\x06");
    assert (answer);
    zmsg_destroy (&answer);

    //  Clients of both versions; there is no service desk.milk
    zsock_t *client = zrelay_testing_connect (relay, "FRONTEND", ZMQ_REQ);
    zsock_t *other = zrelay_testing_connect (relay, "FRONTEND", ZMQ_DEALER);
    s_send (client, "MDPC01", "desk.time", "");
    answer = s_receive (client, "MDPC01", "desk.time", "noon");
    assert (answer);
    zmsg_destroy (&answer);
    s_send (other, "MDPC02", "\x01", "desk.time", "");
    answer = s_receive (other, "MDPC02", "\x03", "desk.time", "noon");
    assert (answer);
    zmsg_destroy (&answer);
    s_send (client, "MDPC01", "desk.milk", "");
    answer = s_receive (client, "MDPC01", "desk.milk", "501");
    assert (answer);
    zmsg_destroy (&answer);
    s_send (client, "MDPC01", "mmi.service", "desk.wait");
    answer = s_receive (client, "MDPC01", "mmi.service", "200");
    assert (answer);
    zmsg_destroy (&answer);
    s_send (client, "MDPC01", "mmi.services", "");
    answer = s_receive (client, "MDPC01", "mmi.services", "200", "desk.time",
                        "desk.wait", "desk.ask");
    assert (answer);
    zmsg_destroy (&answer);

    //  An answer that takes a while, also to a client that has gone
    s_send (client, "MDPC01", "desk.wait", "x");
    s_send (other, "MDPC02", "\x01", "desk.time", "");
    answer = s_receive (other, "MDPC02", "\x03", "desk.time", "noon");
    assert (answer);
    zmsg_destroy (&answer);
    assert (s_receives_nothing (client));
    assert (S_DONE (relay, "ANSWER", "now"));
    answer = s_receive (client, "MDPC01", "desk.wait", "now");
    assert (answer);
    zmsg_destroy (&answer);
    s_send (client, "MDPC01", "desk.wait", "x");
    s_send (other, "MDPC02", "\x01", "desk.time", "");
    answer = s_receive (other, "MDPC02", "\x03", "desk.time", "noon");
    assert (answer);
    zmsg_destroy (&answer);
    zsock_destroy (&client);
    //  libzmq reports that a peer has gone, and then lets go of it, before it
    //  reads what another one sends
    assert (zrelay_testing_reaches (relay, "frontend.peers", 2));
    s_send (other, "MDPC02", "\x01", "desk.time", "");
    answer = s_receive (other, "MDPC02", "\x03", "desk.time", "noon");
    assert (answer);
    zmsg_destroy (&answer);
    assert (S_DONE (relay, "ANSWER", "late"));
    assert (zrelay_testing_reaches (relay, "forward.dropped_unanswered", 1));

    //  Workers are asked; what a worker leaves behind when it goes, another one
    //  gets, and after that the kind has it again. None of that is a drop.
    client = zrelay_testing_connect (relay, "FRONTEND", ZMQ_REQ);
    s_send (client, "MDPC01", "desk.ask", "black");
    assert (zrelay_testing_reaches (relay, "requests_waiting", 1));
    s_send (worker, "MDPW02", "\x01", "tea");
    answer = s_receive (worker, "MDPW02", "\x02", NULL, "", "black");
    assert (answer);
    assert (zrelay_testing_reaches (relay, "freed", 1));
    assert (S_BAD_STATE (relay, "WITHDRAW"));
    s_reply (worker, &answer, "MDPW02", "\x04");
    answer = s_receive (client, "MDPC01", "desk.ask", "black");
    assert (answer);
    zmsg_destroy (&answer);
    assert (zrelay_testing_reaches (relay, "freed", 2));
    s_send (client, "MDPC01", "desk.ask", "white");
    for (int turn = 0; turn < 2; turn++) {
        answer = s_receive (worker, "MDPW02", "\x02", NULL, "", "white");
        assert (answer);
        zmsg_destroy (&answer);
        s_send (worker, "MDPW02", "\x06");
        s_send (worker, "MDPW02", "\x01", "tea");
    }
    assert (zrelay_testing_reaches (relay, "returned", 1));
    assert (zrelay_testing_reaches (relay, "workers_free", 1));
    assert (s_desk_adds_up (relay));

    //  One that waits can be withdrawn, and there may be no room for it
    s_send (worker, "MDPW02", "\x06");
    assert (zrelay_testing_reaches (relay, "workers", 0));
    s_send (other, "MDPC02", "\x01", "desk.ask", "green");
    assert (zrelay_testing_reaches (relay, "requests_waiting", 1));
    assert (S_DONE (relay, "WITHDRAW", NULL));
    assert (zrelay_testing_reaches (relay, "requests_waiting", 0));
    assert (s_desk_adds_up (relay));
    zstr_sendx (relay, "SET", "RELAY", "service_queue", "0", NULL);
    rc = zsock_wait (relay);
    assert (rc == 0);
    s_send (other, "MDPC02", "\x01", "desk.ask", "green");
    assert (zrelay_testing_reaches (relay, "refused", 1));
    assert (s_desk_adds_up (relay));

    zsock_destroy (&other);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zactor_destroy (&relay);
    //  @end
    printf ("OK\n");
}
