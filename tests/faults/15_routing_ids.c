/*  =========================================================================
    15_routing_ids - a worker claims the id that the next client will get

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  A ROUTER gives each peer that does not name itself an id that counts.
//  Workers see a client's id in front of each request. They can count on, claim
//  the id that follows for themselves, and the next client ends the process
//  (libzmq).
//
//  For each way into the engine: a client sends a request, whose id the hostile
//  worker notes. It connects to the frontend under the ids that follow. Clients
//  come after that, and all requests have their replies. Neither the worker nor
//  the capture has seen an id that the ROUTER knows.

#include "faults.h"
#include <zmq.h>

#define DEADLINE 120
#define CLAIMS 50               //  Ids that are claimed
#define CLIENTS 20              //  Clients that come afterwards
#define ID_SIZE 5               //  Of ids that libzmq chose

//  A way into the engine
typedef struct {
    const char *name;
    const char *kind;           //  NULL: the drop-in function
    int worker;                 //  Socket type of workers
    bool ready;                 //  They say that they are
} way_t;

static const way_t s_ways [] = {
    { "queue", "queue", ZMQ_DEALER, false },
    { "proxy from ROUTER to DEALER", "proxy", ZMQ_DEALER, false },
    { "balancer", "balancer", ZMQ_DEALER, true },
    { "zrelay_device_run ()", NULL, ZMQ_DEALER, false }
};

typedef struct {
    const way_t *way;
    zactor_t *relay;            //  NULL: the drop-in function
    void *context;              //  Its own
    void *sockets [3];          //  Frontend, backend, capture
    pthread_t thread;           //  Runs the function
    char *frontend;             //  Where clients connect
    zsock_t *worker;
    zsock_t *capture;           //  Gets copies
    zsock_t *client;            //  The first
} bench_t;


//  --------------------------------------------------------------------------
//  Relays

static void *
s_run (void *arg)
{
    bench_t *self = (bench_t *) arg;
    zrelay_device_run (self->sockets [0], self->sockets [1],
                       self->sockets [2]);
    for (int index = 0; index < 3; index++)
        zmq_close (self->sockets [index]);
    return NULL;
}

//  A socket of the function's, bound; returns where

static char *
s_bind (bench_t *self, int index, int type)
{
    char endpoint [100];
    size_t size = sizeof (endpoint);
    self->sockets [index] = zmq_socket (self->context, type);
    int rc = zmq_bind (self->sockets [index], "tcp://127.0.0.1:*");
    assert (rc == 0);
    rc = zmq_getsockopt (self->sockets [index], ZMQ_LAST_ENDPOINT, endpoint,
                         &size);
    assert (rc == 0);
    return strdup (endpoint);
}

static void
s_start_function (bench_t *self)
{
    self->context = zmq_ctx_new ();
    self->frontend = s_bind (self, 0, ZMQ_ROUTER);
    char *backend = s_bind (self, 1, ZMQ_DEALER);
    char *capture = s_bind (self, 2, ZMQ_PUB);
    self->worker = faults_connect (self->way->worker, backend);
    self->capture = faults_connect (ZMQ_SUB, capture);
    zsock_set_subscribe (self->capture, "");
    pthread_create (&self->thread, NULL, s_run, self);
    zstr_free (&backend);
    zstr_free (&capture);
}

static void
s_start_relay (bench_t *self)
{
    self->relay = faults_relay (self->way->kind);
    if (streq (self->way->kind, "proxy")) {
        faults_command (self->relay, "FRONTEND", "ROUTER",
                        "tcp://127.0.0.1:*", NULL);
        faults_command (self->relay, "BACKEND", "DEALER",
                        "tcp://127.0.0.1:*", NULL);
    }
    self->frontend = faults_bind (self->relay, "FRONTEND");
    char *backend = faults_bind (self->relay, "BACKEND");
    self->worker = faults_connect (self->way->worker, backend);
    self->capture = faults_listen (ZMQ_PULL);
    int status = faults_command (self->relay, "CAPTURE",
                                 zsock_endpoint (self->capture), NULL);
    assert (status == 0);
    zstr_free (&backend);
    if (self->way->ready)
        zstr_send (self->worker, "\x01");
}

static void
s_end (bench_t *self)
{
    zsock_destroy (&self->client);
    zsock_destroy (&self->worker);
    zsock_destroy (&self->capture);
    if (self->relay)
        TAP (faults_prompt (faults_end_relay (&self->relay)),
             "%s: ends at once", self->way->name);
    else {
        zmq_ctx_term (self->context);
        pthread_join (self->thread, NULL);
        TAP (true, "%s: has ended with its context", self->way->name);
    }
    zstr_free (&self->frontend);
}


//  --------------------------------------------------------------------------
//  Peers

//  A request goes to the worker and comes back; its id is noted in id

static bool
s_ask (bench_t *self, zsock_t *client, byte id [ID_SIZE])
{
    zstr_sendx (client, "", "question", NULL);
    zmsg_t *request = zmsg_recv (self->worker);
    if (!request)
        return false;
    zframe_t *first = zmsg_first (request);
    bool well = zframe_size (first) == ID_SIZE;
    if (well)
        memcpy (id, zframe_data (first), ID_SIZE);
    zmsg_send (&request, self->worker);
    zmsg_t *reply = zmsg_recv (client);
    well = well && reply && zframe_streq (zmsg_last (reply), "question");
    zmsg_destroy (&reply);
    return well;
}

static uint32_t
s_number (const byte id [ID_SIZE])
{
    return (uint32_t) id [1] << 24 | (uint32_t) id [2] << 16
         | (uint32_t) id [3] << 8 | id [4];
}

//  Connect under the id with that number

static zsock_t *
s_claim (bench_t *self, uint32_t number)
{
    byte id [ID_SIZE] = {
        0, (byte) (number >> 24), (byte) (number >> 16), (byte) (number >> 8),
        (byte) number
    };
    zsock_t *sock = zsock_new (ZMQ_DEALER);
    assert (sock);
    int rc = zmq_setsockopt (zsock_resolve (sock), ZMQ_ROUTING_ID, id,
                             sizeof (id));
    assert (rc == 0);
    rc = zsock_connect (sock, "%s", self->frontend);
    assert (rc == 0);
    zsock_set_rcvtimeo (sock, (int) FAULTS_PATIENCE);
    return sock;
}

//  What the capture got last begins with the same hidden id

static bool
s_captured (bench_t *self, const byte id [ID_SIZE])
{
    zmsg_t *copy = zmsg_recv (self->capture);
    zframe_t *frame = copy? zmsg_first (copy): NULL;
    //  Behind a ROUTER the worker's own id comes first
    while (frame && (zframe_size (frame) != ID_SIZE
                  || memcmp (zframe_data (frame), id, ID_SIZE) != 0))
        frame = zmsg_next (copy);
    bool found = frame != NULL;
    zmsg_destroy (&copy);
    return found;
}


//  --------------------------------------------------------------------------
//  The test

static void
s_test (const way_t *way)
{
    bench_t bench = { .way = way };
    if (way->kind)
        s_start_relay (&bench);
    else
        s_start_function (&bench);
    bench.client = faults_connect (ZMQ_DEALER, bench.frontend);
    byte id [ID_SIZE] = { 0 }, next [ID_SIZE] = { 0 };
    TAP (s_ask (&bench, bench.client, id), "%s: a request passes", way->name);
    TAP (s_captured (&bench, id), "%s: the capture sees the same id",
         way->name);

    //  The claimants ask too, so that the relay has certainly heard of them
    zsock_t *claimants [CLAIMS];
    bool passed = true;
    for (uint32_t index = 0; index < CLAIMS; index++) {
        claimants [index] = s_claim (&bench, s_number (id) + 1 + index);
        passed = passed && s_ask (&bench, claimants [index], next);
    }
    TAP (passed, "%s: %d peers under the next ids are served", way->name,
         CLAIMS);

    zsock_t *clients [CLIENTS];
    passed = true;
    for (int index = 0; index < CLIENTS; index++) {
        clients [index] = faults_connect (ZMQ_DEALER, bench.frontend);
        passed = passed && s_ask (&bench, clients [index], next);
    }
    TAP (passed, "%s: %d clients come after them", way->name, CLIENTS);
    TAP (s_ask (&bench, bench.client, next)
      && memcmp (id, next, ID_SIZE) == 0,
         "%s: the first client is there, and has the same id", way->name);
    for (int index = 0; index < CLIENTS; index++)
        zsock_destroy (&clients [index]);
    for (int index = 0; index < CLAIMS; index++)
        zsock_destroy (&claimants [index]);
    s_end (&bench);
}

//  An application ends the relay, and then answers by itself. Returns the errno
//  of its ROUTER for an id, or 0.

static int
s_send_to (void *router, const byte id [ID_SIZE])
{
    int one = 1;
    zmq_setsockopt (router, ZMQ_ROUTER_MANDATORY, &one, sizeof (one));
    if (zmq_send (router, id, ID_SIZE, ZMQ_SNDMORE) == -1)
        return errno;
    zmq_send (router, "", 0, ZMQ_SNDMORE);
    zmq_send (router, "answer", 6, 0);
    return 0;
}

static void *
s_steer (void *arg)
{
    bench_t *self = (bench_t *) arg;
    zrelay_device_steer (self->sockets [0], self->sockets [1], NULL,
                         self->sockets [2]);
    return NULL;
}

static void
s_test_reveal (void)
{
    bench_t bench = { .way = &s_ways [3], .context = zmq_ctx_new () };
    bench.frontend = s_bind (&bench, 0, ZMQ_ROUTER);
    char *backend = s_bind (&bench, 1, ZMQ_DEALER);
    char *control = s_bind (&bench, 2, ZMQ_PULL);
    zsock_t *steering = faults_connect (ZMQ_PUSH, control);
    bench.worker = faults_connect (ZMQ_DEALER, backend);
    bench.client = faults_connect (ZMQ_DEALER, bench.frontend);
    pthread_create (&bench.thread, NULL, s_steer, &bench);
    byte id [ID_SIZE] = { 0 };
    bool passed = s_ask (&bench, bench.client, id);
    zstr_send (steering, "TERMINATE");
    pthread_join (bench.thread, NULL);

    int hidden = s_send_to (bench.sockets [0], id);
    zrelay_device_reveal (id, ID_SIZE);
    int revealed = s_send_to (bench.sockets [0], id);
    zmsg_t *reply = revealed == 0? zmsg_recv (bench.client): NULL;
    TAP (passed && hidden == EHOSTUNREACH
      && reply && zframe_streq (zmsg_last (reply), "answer"),
         "an application reveals an id, and answers to it by itself");
    zmsg_destroy (&reply);
    byte chosen [ID_SIZE] = "other";
    zrelay_device_reveal (chosen, ID_SIZE);
    TAP (memcmp (chosen, "other", ID_SIZE) == 0, "ids that peers chose remain");

    for (int index = 0; index < 3; index++)
        zmq_close (bench.sockets [index]);
    zsock_destroy (&bench.worker);
    zsock_destroy (&bench.client);
    zsock_destroy (&steering);
    zmq_ctx_term (bench.context);
    zstr_free (&bench.frontend);
    zstr_free (&backend);
    zstr_free (&control);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    for (size_t index = 0; index < sizeof (s_ways) / sizeof (*s_ways); index++)
        s_test (&s_ways [index]);
    s_test_reveal ();
    return faults_end ();
}
