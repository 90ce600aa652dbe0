/*  =========================================================================
    crew - clients and workers for relays that know their workers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  All clients are one ROUTER socket with a connection for each, and so are all
//  workers. To the relay that is the same as many sockets; and it keeps the
//  cost of the crew low, and the same for each relay. The relay is in this
//  process too, in CZMQ's context. Clients and workers have a context each,
//  hence an I/O thread, but for inproc, where all share CZMQ's.
//
//  The time of the relay's own thread is what is compared, so its I/O thread
//  does not count.

#include "crew.h"

//  Part of the requests that warms up: one in so many
#define WARM_UP_PART 10
//  The relay is quiet when its thread uses less than one part of so many of a
//  core during so many msecs
#define QUIET_PART 4
#define QUIET_MSECS 50
//  How long it may take until all workers are known, in msecs
#define READY_MSECS 60000
//  Heartbeats are sent this often, in msecs, each time some of all
#define BEAT_MSECS 1
//  How often a worker without heartbeats looks up, in msecs
#define LOOK_MSECS 100
//  Bytes for the name of a service, or for a number
#define NAME_SIZE 16

const char form_service [] = "service", form_body [] = "body";

const form_t crew_forms [] = {
    { "queue", zrelay_queue, true, false, { NULL }, { NULL },
      { "", form_body, NULL }, 3, -1, NULL },
    { "bare", bare_broker, false, false, { "\1", NULL }, { "\2", NULL },
      { "", form_body, NULL }, 3, -1, NULL },
    { "bare-majordomo", bare_majordomo, false, true,
      { "", "MDPW01", "\1", form_service, NULL }, { "", "MDPW01", "\4", NULL },
      { "", "MDPC01", form_service, form_body, NULL }, 6, 2, "\3" },
    { "balancer-req", zrelay_balancer, true, false, { "", "READY", NULL },
      { NULL }, { "", form_body, NULL }, 4, -1, NULL },
    { "balancer-ppp", zrelay_balancer, true, false, { "\1", NULL },
      { "\2", NULL }, { "", form_body, NULL }, 3, -1, NULL },
    { "majordomo-0.1", zrelay_majordomo, true, true,
      { "", "MDPW01", "\1", form_service, NULL }, { "", "MDPW01", "\4", NULL },
      { "", "MDPC01", form_service, form_body, NULL }, 6, 2, "\3" },
    { "majordomo-0.2", zrelay_majordomo, true, true,
      { "MDPW02", "\1", form_service, NULL }, { "MDPW02", "\5", NULL },
      { "MDPC02", "\1", form_service, form_body, NULL }, 5, 1, "\4" },
    { "guide", guide_broker, false, true,
      { "", "MDPW01", "\1", form_service, NULL }, { "", "MDPW01", "\4", NULL },
      { "", "MDPC01", form_service, form_body, NULL }, 6, 2, "\3" },
    { NULL, NULL, false, false, { NULL }, { NULL }, { NULL }, 0, 0, NULL }
};

const form_t *
crew_form (const char *name)
{
    const form_t *form = crew_forms;
    while (form->name && strneq (form->name, name))
        form++;
    return form->name? form: NULL;
}

typedef struct {
    const crew_t *crew;
    toll_t *toll;
    usage_t usage;              //  The relay's thread
    usage_t process;            //  All threads
    zactor_t *relay;            //  The relay
    char ends [2] [PERF_ENDPOINT_SIZE];     //  Where it is bound
    void *clients;              //  Socket of all clients
    void *workers;              //  And of all workers
    byte *body;                 //  Of a request
    int64_t began;              //  When workers began, in nsecs
    int64_t beats_sent;         //  Heartbeats of workers
    int64_t beats_got;          //  And of the relay
    sample_t start;             //  At the end of the warm-up
    sample_t stop;              //  At the end
    sample_t all [2];           //  At both, of all threads
    int64_t beats [2] [2];      //  At both: sent, got
} self_t;

static void
s_require (self_t *self, bool condition, const char *what)
{
    if (!condition && !*self->toll->error)
        snprintf (self->toll->error, sizeof (self->toll->error),
                  "%.40s: %.30s", what, zmq_strerror (errno));
}

static bool
s_failed (self_t *self)
{
    return *self->toll->error != 0;
}

static bool
s_inproc (self_t *self)
{
    return streq (self->crew->transport, "inproc");
}


//  --------------------------------------------------------------------------
//  The relay

static void
s_command (self_t *self, const char *first, const char *second,
           const char *third, const char *fourth)
{
    zstr_sendx (self->relay, first, second, third, fourth, NULL);
    if (zsock_wait (self->relay)) {
        char *name, *sentence = NULL;
        zstr_send (self->relay, "ERROR");
        zstr_recvx (self->relay, &name, &sentence, NULL);
        s_require (self, false, sentence? sentence: first);
    }
}

static void
s_endpoint (char *endpoint, self_t *self, int side)
{
    snprintf (endpoint, PERF_ENDPOINT_SIZE, "%s://%s%d",
              self->crew->transport, s_inproc (self)? "end": "127.0.0.1:*",
              side);
    if (!s_inproc (self))
        *(strchr (endpoint, '*') + 1) = 0;
}

static void
s_bind_zrelay (self_t *self)
{
    static const char *sides [] = { "FRONTEND", "BACKEND" };
    char heartbeat [NAME_SIZE];
    snprintf (heartbeat, sizeof (heartbeat), "%d", self->crew->heartbeat);
    if (*self->crew->form->ready)
        s_command (self, "SET", "RELAY", "heartbeat", heartbeat);
    for (int side = 0; side < 2 - self->crew->form->shared; side++) {
        s_command (self, "BIND", sides [side], self->ends [side], NULL);
        zstr_sendx (self->relay, "ENDPOINT", sides [side], NULL);
        char *name, *bound = NULL;
        zstr_recvx (self->relay, &name, &bound, NULL);
        s_require (self, bound != NULL, self->ends [side]);
        snprintf (self->ends [side], PERF_ENDPOINT_SIZE, "%s",
                  bound? bound: "");
        zstr_free (&name);
        zstr_free (&bound);
    }
}

static void
s_start_relay (self_t *self)
{
    const form_t *form = self->crew->form;
    perf_relay_prepare (&perf_queue);
    //  Threads of the context are there before
    zsock_t *dummy = zsock_new (ZMQ_PAIR);
    pid_t *before = usage_threads ();
    for (int side = 0; side < 2; side++)
        s_endpoint (self->ends [side], self, side);
    static peer_relay_t peer;
    memcpy (peer.ends, self->ends, sizeof (peer.ends));
    peer.heartbeat = self->crew->heartbeat;
    self->relay = zactor_new (form->relay, form->zrelay? NULL: &peer);
    self->usage.pid = self->process.pid = getpid ();
    self->usage.tid = usage_new_thread (before);
    freen (before);
    zsock_destroy (&dummy);
    if (form->zrelay)
        s_bind_zrelay (self);
    else
        memcpy (self->ends, peer.ends, sizeof (peer.ends));
    if (form->shared)
        memcpy (self->ends [1], self->ends [0], sizeof (self->ends [0]));
}

static void
s_await_quiet (self_t *self)
{
    sample_t last, now;
    usage_sample (&self->usage, &now);
    do {
        last = now;
        zclock_sleep (QUIET_MSECS);
        usage_sample (&self->usage, &now);
    }
    while (now.cpu - last.cpu > (now.at - last.at) / QUIET_PART);
}

static uint64_t
s_count_workers (self_t *self)
{
    zrelay_stats_t *stats = zrelay_stats_query (self->relay);
    s_require (self, stats != NULL, "STATS");
    uint64_t workers = stats? zrelay_stats_value (stats, "workers"): 0;
    zrelay_stats_destroy (&stats);
    return workers;
}

//  Wait until the relay knows all workers, so far as it can be asked

static void
s_await_workers (self_t *self)
{
    const crew_t *crew = self->crew;
    uint64_t wanted = crew->workers + crew->idle;
    int64_t deadline = zclock_mono () + READY_MSECS;
    while (!__atomic_load_n (&self->began, __ATOMIC_ACQUIRE))
        zclock_sleep (1);
    if (crew->form->zrelay && *crew->form->ready) {
        while (!s_failed (self) && s_count_workers (self) != wanted) {
            errno = ETIMEDOUT;
            s_require (self, zclock_mono () < deadline, "workers");
            zclock_sleep (QUIET_MSECS);
        }
    }
    s_await_quiet (self);
}


//  --------------------------------------------------------------------------
//  Connections. Each has a name of five bytes: what it is, and its number.

#define ID_SIZE 5

static void
s_id (byte *id, int number)
{
    id [0] = 'p';
    memcpy (id + 1, &number, sizeof (number));
}

static void *
s_socket (self_t *self, const char *endpoint, int connections)
{
    void *context = s_inproc (self)? zsys_init (): zmq_ctx_new ();
    zmq_ctx_set (context, ZMQ_MAX_SOCKETS, 1024);
    void *handle = zmq_socket (context, ZMQ_ROUTER);
    s_require (self, handle != NULL, "socket");
    int none = 0, patience = PERF_PATIENCE;
    zmq_setsockopt (handle, ZMQ_SNDHWM, &none, sizeof (none));
    zmq_setsockopt (handle, ZMQ_RCVHWM, &none, sizeof (none));
    zmq_setsockopt (handle, ZMQ_LINGER, &none, sizeof (none));
    zmq_setsockopt (handle, ZMQ_RCVTIMEO, &patience, sizeof (patience));
    for (int number = 0; number < connections && !s_failed (self); number++) {
        byte id [ID_SIZE];
        s_id (id, number);
        zmq_setsockopt (handle, ZMQ_CONNECT_ROUTING_ID, id, ID_SIZE);
        s_require (self, zmq_connect (handle, endpoint) == 0, endpoint);
    }
    return handle;
}


//  --------------------------------------------------------------------------
//  Messages

static void
s_send (self_t *self, void *handle, int peer, const char *const frames [],
        const char *service)
{
    byte id [ID_SIZE];
    s_id (id, peer);
    zmq_send (handle, id, ID_SIZE, ZMQ_SNDMORE);
    for (; *frames; frames++) {
        const void *data = *frames == form_service? service: *frames;
        size_t size = strlen ((const char *) data);
        if (*frames == form_body) {
            data = self->body;
            size = self->crew->size;
        }
        zmq_send (handle, data, size, frames [1]? ZMQ_SNDMORE: 0);
    }
}

//  Receive a message, with the routing id. Returns the number of frames, 0 if
//  there is none.

static int
s_receive (void *handle, zmq_msg_t *frames)
{
    int count = 0;
    do {
        if (zmq_msg_recv (frames + count, handle, 0) == -1)
            return 0;
        count++;
    }
    while (zmq_msg_more (frames + count - 1) && count < FORM_FRAMES);
    return count;
}

static void
s_init (zmq_msg_t *frames)
{
    for (int frame = 0; frame < FORM_FRAMES; frame++)
        zmq_msg_init (frames + frame);
}

//  The service of a worker, or of a request

static void
s_service (self_t *self, char name [NAME_SIZE], int64_t number)
{
    const crew_t *crew = self->crew;
    bool idle = number >= crew->workers && number < crew->workers + crew->idle;
    snprintf (name, NAME_SIZE, "%s%d", idle? "idle": "s",
              (int) (idle? number: number % crew->services));
}


//  --------------------------------------------------------------------------
//  Workers

static void
s_enlist (self_t *self)
{
    const crew_t *crew = self->crew;
    for (int number = 0; number < crew->workers + crew->idle; number++) {
        char service [NAME_SIZE];
        s_service (self, service, number);
        if (*crew->form->ready)
            s_send (self, self->workers, number, crew->form->ready, service);
    }
}

//  Heartbeats of all workers, evenly

static void
s_beat (self_t *self)
{
    const crew_t *crew = self->crew;
    if (crew->heartbeat == 0 || !*crew->form->beat)
        return;
    int workers = crew->workers + crew->idle;
    int64_t msecs = (usage_clock () - self->began) / 1000000;
    int64_t due = msecs * workers / crew->heartbeat;
    for (int64_t sent = self->beats_sent; sent < due; sent++)
        s_send (self, self->workers, (int) (sent % workers), crew->form->beat,
                NULL);
    __atomic_store_n (&self->beats_sent, due, __ATOMIC_RELAXED);
}

//  Give a request back as its reply

static void
s_work (self_t *self, zmq_msg_t *frames, int count)
{
    const form_t *form = self->crew->form;
    if (form->mark >= 0)
        *(char *) zmq_msg_data (frames + 1 + form->mark) = *form->reply;
    for (int frame = 0; frame < count; frame++)
        zmq_msg_send (frames + frame, self->workers,
                      frame + 1 < count? ZMQ_SNDMORE: 0);
}

//  Serve whatever arrives next. Returns false if that was no request.

static bool
s_serve (self_t *self, zmq_msg_t *frames)
{
    int count = s_receive (self->workers, frames);
    if (count == 1 + self->crew->form->frames) {
        s_work (self, frames, count);
        return true;
    }
    if (count)
        __atomic_fetch_add (&self->beats_got, 1, __ATOMIC_RELAXED);
    return false;
}

static void *
s_workers (void *args)
{
    self_t *self = (self_t *) args;
    bool beats = self->crew->heartbeat && *self->crew->form->beat;
    int patience = beats? BEAT_MSECS: LOOK_MSECS;
    zmq_setsockopt (self->workers, ZMQ_RCVTIMEO, &patience, sizeof (patience));
    s_enlist (self);
    __atomic_store_n (&self->began, usage_clock (), __ATOMIC_RELEASE);
    zmq_msg_t frames [FORM_FRAMES];
    s_init (frames);
    while (true) {
        s_beat (self);
        s_serve (self, frames);
    }
    return NULL;
}


//  --------------------------------------------------------------------------
//  Clients

static void
s_ask (self_t *self, int64_t number)
{
    char service [NAME_SIZE];
    snprintf (service, NAME_SIZE, "s%d",
              (int) (number % self->crew->services));
    memcpy (self->body, &number, sizeof (number));
    s_send (self, self->clients, (int) (number % self->crew->clients),
            self->crew->form->request, service);
}

//  Returns the number of the request, or -1

static int64_t
s_answer (self_t *self, zmq_msg_t *frames)
{
    int64_t number = -1;
    int count = s_receive (self->clients, frames);
    s_require (self, count > 0, "reply");
    if (count == 0)
        return number;
    zmq_msg_t *body = frames + count - 1;
    errno = EBADMSG;
    s_require (self, zmq_msg_size (body) == self->crew->size, "body");
    if (!s_failed (self))
        memcpy (&number, zmq_msg_data (body), sizeof (number));
    return number;
}

static void
s_mark (self_t *self, sample_t *sample, int which)
{
    usage_sample (&self->usage, sample);
    usage_sample (&self->process, &self->all [which]);
    self->beats [which] [0] = __atomic_load_n (&self->beats_sent,
                                               __ATOMIC_RELAXED);
    self->beats [which] [1] = __atomic_load_n (&self->beats_got,
                                               __ATOMIC_RELAXED);
}

static int64_t
s_warm_up (const crew_t *crew)
{
    int64_t part = crew->requests / WARM_UP_PART;
    //  All workers have had work, and places in memory
    int64_t least = 2 * crew->workers;
    if (part < least && least < crew->requests)
        part = least;
    return part? part: 1;
}

static void
s_clients (self_t *self)
{
    const crew_t *crew = self->crew;
    int64_t warm_up = s_warm_up (crew);
    int64_t sent = 0, sum = 0;
    zmq_msg_t frames [FORM_FRAMES];
    s_init (frames);
    for (int64_t got = 0; got < crew->requests && !s_failed (self); got++) {
        if (got == warm_up)
            s_mark (self, &self->start, 0);
        while (sent < crew->requests && sent - got < crew->window)
            s_ask (self, sent++);
        sum += s_answer (self, frames);
    }
    s_mark (self, &self->stop, 1);
    //  Each request got its own reply
    errno = EBADMSG;
    s_require (self, sum == crew->requests * (crew->requests - 1) / 2, "sum");
}


//  --------------------------------------------------------------------------
//  A run

static void
s_look (self_t *self)
{
    //  Heartbeats go round before
    zclock_sleep (2 * self->crew->heartbeat);
    s_mark (self, &self->start, 0);
    zclock_sleep (self->crew->msecs);
    s_mark (self, &self->stop, 1);
}

static void
s_conclude (self_t *self)
{
    const crew_t *crew = self->crew;
    double seconds = (double) (self->stop.at - self->start.at) / 1e9;
    double cpu = (double) (self->stop.cpu - self->start.cpu);
    double requests = (double) (crew->requests - s_warm_up (crew));
    if (crew->requests) {
        self->toll->rate = requests / seconds;
        self->toll->cpu = cpu / requests;
        self->toll->all = (double) (self->all [1].cpu - self->all [0].cpu)
                        / requests;
    }
    self->toll->share = cpu / seconds / 1e7;
    self->toll->beats_in = (double) (self->beats [1] [0] - self->beats [0] [0])
                         / seconds;
    self->toll->beats_out = (double) (self->beats [1] [1]
                                    - self->beats [0] [1]) / seconds;
}

static void
s_prepare (self_t *self)
{
    const crew_t *crew = self->crew;
    *self->toll = (toll_t) { .rate = NAN, .cpu = NAN, .all = NAN };
    self->body = (byte *) zmalloc (crew->size + sizeof (int64_t));
    assert (self->body);
    s_start_relay (self);
    self->clients = s_socket (self, self->ends [0], crew->clients);
    self->workers = s_socket (self, self->ends [1], crew->workers + crew->idle);
}

void
crew_run (const crew_t *crew, toll_t *toll)
{
    self_t self = { .crew = crew, .toll = toll };
    s_prepare (&self);
    pthread_t workers;
    if (!s_failed (&self)) {
        pthread_create (&workers, NULL, s_workers, &self);
        s_await_workers (&self);
    }
    if (s_failed (&self))
        return;
    if (crew->requests)
        s_clients (&self);
    else
        s_look (&self);
    s_conclude (&self);
    //  Nobody was lost meanwhile
    uint64_t all = crew->workers + crew->idle;
    errno = ESRCH;
    if (crew->form->zrelay && *crew->form->ready)
        s_require (&self, s_count_workers (&self) == all,
                   "workers in the end");
}

void
crew_step (const crew_t *crew, toll_t *toll)
{
    self_t self = { .crew = crew, .toll = toll };
    s_prepare (&self);
    s_enlist (&self);
    self.began = usage_clock ();
    s_await_workers (&self);
    zmq_msg_t frames [FORM_FRAMES];
    s_init (frames);
    for (int64_t done = 0; done < crew->requests && !s_failed (&self);
         done += crew->window) {
        for (int number = 0; number < crew->window; number++)
            s_ask (&self, done + number);
        for (int served = 0; served < crew->window && !s_failed (&self);)
            served += s_serve (&self, frames);
        for (int number = 0; number < crew->window; number++)
            s_answer (&self, frames);
    }
}
