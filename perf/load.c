/*  =========================================================================
    load - sends messages through a relay and measures

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  Clients on one side of the relay are one socket with as many connections as
//  there shall be clients: to the relay that is the same, and it keeps the cost
//  of the clients low. Each side has a context, hence an I/O thread, of its
//  own, but for inproc, where they and the relay share that of CZMQ.
//
//  One thread measures: the one that receives in the end. Its clock starts as
//  the warm-up has arrived, and stops at the last message.

#include <semaphore.h>
#include "perf.h"

//  Part of the messages that warms up: one in so many
#define WARM_UP_PART 10
//  Connections that are made before they are waited for; below the backlog
//  that a listener has
#define CONNECT_STEP 50
//  The relay is quiet when it uses less than one part of so many of a core
//  during so many msecs; probes are passed on meanwhile
#define QUIET_PART 4
#define QUIET_MSECS 50
//  A window is given back in so many parts
#define WINDOW_PARTS 8

//  First byte of a message of a forwarder, also what is subscribed to: what is
//  measured, what finds out who is connected, and subscriptions that match
//  nothing
#define TOPIC_DATA "A"
#define TOPIC_PROBE "B"
#define TOPIC_NOTHING "C"

typedef struct {
    const cell_t *cell;
    result_t *result;
    usage_t usage;              //  The relay's
    void *sockets [ENDS];       //  Of source, sink and reader of the capture
    void *idle;                 //  Without traffic
    sem_t credits [ENDS];       //  Parts of the window that are free, for sink
                                //  and reader
    bool windows [ENDS];        //  These count
    bool go;                    //  All is set up
    int64_t expected;           //  Messages that arrive in all
    int64_t captured;           //  Copies that the reader got
    sample_t start;             //  After the warm-up
    sample_t stop;              //  At the end
} load_t;

static void
s_require (load_t *self, bool condition, const char *what)
{
    if (!condition && !*self->result->error)
        snprintf (self->result->error, sizeof (self->result->error),
                  "%.40s: %.30s", what, zmq_strerror (errno));
}

static bool
s_failed (load_t *self)
{
    return *self->result->error != 0;
}


//  --------------------------------------------------------------------------
//  Sockets and their connections

static void *
s_socket (load_t *self, void *context, int type)
{
    void *handle = zmq_socket (context, type);
    s_require (self, handle != NULL, "socket");
    int hwm = self->cell->work->kind->hwm;
    int patience = PERF_PATIENCE, linger = 0, yes = 1, none = 0;
    zmq_setsockopt (handle, ZMQ_SNDHWM, &hwm, sizeof (hwm));
    zmq_setsockopt (handle, ZMQ_RCVHWM, &hwm, sizeof (hwm));
    zmq_setsockopt (handle, ZMQ_SNDTIMEO, &patience, sizeof (patience));
    zmq_setsockopt (handle, ZMQ_RCVTIMEO, &patience, sizeof (patience));
    zmq_setsockopt (handle, ZMQ_LINGER, &linger, sizeof (linger));
    //  A publisher that sends to whoever has subscribed to anything
    if (type == ZMQ_XPUB)
        zmq_setsockopt (handle, ZMQ_XPUB_MANUAL, &yes, sizeof (yes));
    //  Subscriptions above it would be lost
    if (type == ZMQ_XSUB)
        zmq_setsockopt (handle, ZMQ_SNDHWM, &none, sizeof (none));
    return handle;
}

//  A DEALER connects only once to an endpoint, so each connection gets another
//  name of the same: by tcp an address of its own to come from, by ipc another
//  spelling of the path.

static void
s_alias (char *alias, const char *endpoint, int number)
{
    const char *rest = strstr (endpoint, "//") + 2;
    if (strncmp (endpoint, "tcp:", 4) == 0)
        snprintf (alias, PERF_ENDPOINT_SIZE, "tcp://127.1.%d.%d:0;%s",
                  number / 250, number % 250 + 1, rest);
    else
    if (strncmp (endpoint, "ipc:", 4) == 0) {
        const char *name = strrchr (rest, '/');
        char spelling [40] = "";
        for (; number > 0; number /= 2)
            strcat (spelling, number % 2? "//": "/.");
        snprintf (alias, PERF_ENDPOINT_SIZE, "ipc://%.*s%s%s",
                  (int) (name - rest), rest, spelling, name);
    }
    else
        snprintf (alias, PERF_ENDPOINT_SIZE, "%s", endpoint);
}

//  Wait until as many connections have been made

static void
s_await (load_t *self, void *monitor, int *made_p, int wanted)
{
    while (*made_p < wanted && !s_failed (self)) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        int rc = zmq_msg_recv (&frame, monitor, 0);
        s_require (self, rc != -1, "connections");
        if (rc != -1 && zmq_msg_more (&frame)) {
            zmq_msg_recv (&frame, monitor, 0);
            (*made_p)++;
        }
        zmq_msg_close (&frame);
    }
}

static void
s_connect (load_t *self, void *context, void *handle, const char *endpoint,
           int count)
{
    static int number;
    char address [40];
    snprintf (address, sizeof (address), "inproc://monitor-%d", number++);
    void *monitor = s_socket (self, context, ZMQ_PAIR);
    zmq_socket_monitor (handle, address, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    zmq_connect (monitor, address);
    bool inproc = strncmp (endpoint, "inproc:", 7) == 0;
    int made = 0;
    for (int index = 1; index <= count && !s_failed (self); index++) {
        char alias [PERF_ENDPOINT_SIZE];
        s_alias (alias, endpoint, index);
        s_require (self, zmq_connect (handle, count > 1? alias: endpoint) == 0,
                   endpoint);
        if (!inproc && (index == count || index % CONNECT_STEP == 0))
            s_await (self, monitor, &made, index);
    }
    zmq_socket_monitor (handle, NULL, 0);
    zmq_close (monitor);
}

//  Without a relay the source binds, and the sink connects to it

static void
s_bind_source (load_t *self, relay_t *relay)
{
    void *source = self->sockets [FRONT];
    s_require (self, zmq_bind (source, relay->ends [FRONT]) == 0,
               relay->ends [FRONT]);
    size_t size = PERF_ENDPOINT_SIZE;
    zmq_getsockopt (source, ZMQ_LAST_ENDPOINT, relay->ends [BACK], &size);
}

static void
s_attach (load_t *self, relay_t *relay, void *contexts [2])
{
    const work_t *work = self->cell->work;
    bool direct = streq (relay->name, "direct");
    self->sockets [FRONT] = s_socket (self, contexts [FRONT],
                                      work->kind->source);
    self->sockets [BACK] = s_socket (self, contexts [BACK], work->kind->sink);
    if (direct)
        s_bind_source (self, relay);
    else
        s_connect (self, contexts [FRONT], self->sockets [FRONT],
                   relay->ends [FRONT], work->sources);
    int sinks = direct && work->sources > work->sinks? work->sources:
                                                       work->sinks;
    s_connect (self, contexts [BACK], self->sockets [BACK],
               relay->ends [BACK], sinks);
    if (perf_relay_captures (relay->name)) {
        self->sockets [CAPTURE] = s_socket (self, contexts [BACK], ZMQ_PULL);
        s_connect (self, contexts [BACK], self->sockets [CAPTURE],
                   relay->ends [CAPTURE], 1);
    }
    if (work->idle && !direct) {
        self->idle = s_socket (self, contexts [FRONT], work->kind->source);
        s_connect (self, contexts [FRONT], self->idle, relay->ends [FRONT],
                   work->idle);
    }
}


//  --------------------------------------------------------------------------
//  The window: the source takes credits, those that receive give them back

static int
s_window_part (load_t *self)
{
    int part = self->cell->window / WINDOW_PARTS;
    return part? part: 1;
}

static void
s_windows_init (load_t *self)
{
    int parts = self->cell->window / s_window_part (self);
    bool queue = self->cell->work->kind == &perf_queue;
    for (int end = BACK; end < ENDS; end++) {
        sem_init (&self->credits [end], 0, parts);
        self->windows [end] = parts > 0 && self->sockets [end] && !queue;
    }
}

static bool
s_window_take (load_t *self, int64_t number)
{
    if (number % s_window_part (self))
        return true;
    struct timespec until;
    clock_gettime (CLOCK_REALTIME, &until);
    until.tv_sec += PERF_PATIENCE / 1000;
    for (int end = BACK; end < ENDS; end++)
        while (self->windows [end]
           &&  sem_timedwait (&self->credits [end], &until))
            if (errno != EINTR)
                return false;
    return true;
}

//  copies is how many times each message arrives

static void
s_window_give (load_t *self, int end, int64_t arrived, int copies)
{
    if (self->windows [end]
    &&  arrived % ((int64_t) s_window_part (self) * copies) == 0)
        sem_post (&self->credits [end]);
}


//  --------------------------------------------------------------------------
//  The source

//  Frames share one body, so that sending does not copy it

static bool
s_send (void *handle, zmq_msg_t *body, int frames)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    for (int left = frames; left > 0; left--) {
        zmq_msg_copy (&frame, body);
        if (zmq_msg_send (&frame, handle, left > 1? ZMQ_SNDMORE: 0) == -1)
            return false;
    }
    return true;
}

//  Read subscriptions: messages that begin with a byte of 1

static void
s_serve_subscribers (void *handle)
{
    byte what [16];
    while (zmq_recv (handle, what, sizeof (what), ZMQ_DONTWAIT) > 0)
        if (what [0] == 1)
            zmq_setsockopt (handle, ZMQ_SUBSCRIBE, "", 0);
}

static void
s_probe (load_t *self)
{
    struct timespec pause = { 0, 1000000 };
    uint32_t number = 0;
    while (!__atomic_load_n (&self->go, __ATOMIC_ACQUIRE)) {
        s_serve_subscribers (self->sockets [FRONT]);
        byte probe [1 + sizeof (number)] = TOPIC_PROBE;
        memcpy (probe + 1, &number, sizeof (number));
        number++;
        zmq_send (self->sockets [FRONT], probe, sizeof (probe), 0);
        nanosleep (&pause, NULL);
    }
}

static void *
s_source (void *args)
{
    load_t *self = (load_t *) args;
    const cell_t *cell = self->cell;
    if (cell->work->kind == &perf_forwarder)
        s_probe (self);
    while (!__atomic_load_n (&self->go, __ATOMIC_ACQUIRE))
        zclock_sleep (1);
    zmq_msg_t body;
    zmq_msg_init_size (&body, cell->size);
    memset (zmq_msg_data (&body), *TOPIC_DATA, cell->size);
    for (int64_t count = 0; count < cell->count; count++)
        if (!s_window_take (self, count)
        ||  !s_send (self->sockets [FRONT], &body, cell->frames))
            break;
    zmq_msg_close (&body);
    return NULL;
}


//  --------------------------------------------------------------------------
//  The sink

//  Receive a message; first is left with its first frame, all are counted

static bool
s_receive (void *handle, zmq_msg_t *first, zmq_msg_t *rest)
{
    if (zmq_msg_recv (first, handle, 0) == -1)
        return false;
    bool more = zmq_msg_more (first);
    while (more) {
        if (zmq_msg_recv (rest, handle, 0) == -1)
            return false;
        more = zmq_msg_more (rest);
    }
    return true;
}

static void
s_subscribe (load_t *self)
{
    void *handle = self->sockets [BACK];
    zmq_send (handle, "\1" TOPIC_DATA, 2, 0);
    for (int count = 0; count < self->cell->work->subscriptions; count++) {
        char topic [32];
        int size = snprintf (topic, sizeof (topic), "\1" TOPIC_NOTHING "%08d",
                             count);
        zmq_send (handle, topic, size, 0);
    }
    //  Comes last, so that whoever answers to it has seen the others
    zmq_send (handle, "\1" TOPIC_PROBE, 2, 0);
}

//  Wait until a probe has arrived by every connection

static void
s_await_probes (load_t *self, zmq_msg_t *frame)
{
    uint32_t current = UINT32_MAX;
    int copies = 0;
    while (copies < self->cell->work->sinks && !s_failed (self)) {
        s_require (self, zmq_msg_recv (frame, self->sockets [BACK], 0) != -1,
                   "subscribers");
        uint32_t number = UINT32_MAX;
        if (zmq_msg_size (frame) > sizeof (number))
            memcpy (&number, (byte *) zmq_msg_data (frame) + 1,
                    sizeof (number));
        copies = number == current? copies + 1: 1;
        current = number;
    }
}

//  Wait until the relay has done all work of the set-up, such as to tell
//  the publisher of a million subscriptions

static void
s_await_quiet (load_t *self)
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

static int64_t
s_warm_up (load_t *self)
{
    int64_t part = self->expected / WARM_UP_PART;
    //  Every client has been heard by then
    int64_t least = self->cell->work->sources + self->cell->work->sinks;
    if (part < least && least < self->expected)
        part = least;
    return part? part: 1;
}

//  Called for each message that has arrived in the end

static void
s_count (load_t *self, int64_t arrived, int64_t warm_up)
{
    if (arrived == warm_up) {
        usage_details (&self->usage, &self->start);
        usage_sample (&self->usage, &self->start);
    }
    else
    if (arrived == self->expected) {
        usage_sample (&self->usage, &self->stop);
        usage_details (&self->usage, &self->stop);
    }
}

static void
s_sink (load_t *self)
{
    bool published = self->cell->work->kind == &perf_forwarder;
    int copies = published? self->cell->work->sinks: 1;
    zmq_msg_t first, rest;
    zmq_msg_init (&first);
    zmq_msg_init (&rest);
    if (published) {
        s_subscribe (self);
        s_await_probes (self, &first);
    }
    if (self->cell->work->subscriptions || self->cell->work->idle)
        s_await_quiet (self);
    __atomic_store_n (&self->go, true, __ATOMIC_RELEASE);
    int64_t warm_up = s_warm_up (self);
    int64_t arrived = 0;
    while (arrived < self->expected && !s_failed (self)) {
        if (!s_receive (self->sockets [BACK], &first, &rest)) {
            snprintf (self->result->error, sizeof (self->result->error),
                      "%" PRId64 " of %" PRId64 " messages arrived", arrived,
                      self->expected);
            break;
        }
        if (published
        && *(char *) zmq_msg_data (&first) == *TOPIC_PROBE)
            continue;
        s_count (self, ++arrived, warm_up);
        s_window_give (self, BACK, arrived, copies);
    }
    zmq_msg_close (&first);
    zmq_msg_close (&rest);
}

static void *
s_reader (void *args)
{
    load_t *self = (load_t *) args;
    zmq_msg_t first, rest;
    zmq_msg_init (&first);
    zmq_msg_init (&rest);
    while (self->captured < self->expected
       &&  s_receive (self->sockets [CAPTURE], &first, &rest))
        s_window_give (self, CAPTURE, ++self->captured, 1);
    zmq_msg_close (&first);
    zmq_msg_close (&rest);
    return NULL;
}


//  --------------------------------------------------------------------------
//  The queue's client and worker

static void *
s_worker (void *args)
{
    load_t *self = (load_t *) args;
    void *handle = self->sockets [BACK];
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (zmq_msg_recv (&frame, handle, 0) != -1)
        zmq_msg_send (&frame, handle, zmq_msg_more (&frame)? ZMQ_SNDMORE: 0);
    return NULL;
}

//  A request bears its time in its first frame

static bool
s_request (load_t *self, byte *data)
{
    const cell_t *cell = self->cell;
    int64_t now = usage_clock ();
    memcpy (data, &now, sizeof (now));
    for (int left = cell->frames; left > 0; left--)
        if (zmq_send (self->sockets [FRONT], data, cell->size,
                      left > 1? ZMQ_SNDMORE: 0) == -1)
            return false;
    return true;
}

static int
s_compare (const void *left, const void *right)
{
    int64_t one = *(const int64_t *) left;
    int64_t other = *(const int64_t *) right;
    return one < other? -1: one > other;
}

static void
s_percentiles (result_t *result, int64_t *times, int64_t count)
{
    static const double parts [] = { 0.5, 0.99, 0.999 };
    qsort (times, count, sizeof (int64_t), s_compare);
    for (int index = 0; index < 3; index++)
        result->figures [P50 + index] =
            (double) times [(int64_t) ((double) count * parts [index])] / 1e3;
}

static void
s_client (load_t *self)
{
    const cell_t *cell = self->cell;
    byte *data = (byte *) zmalloc (cell->size + sizeof (int64_t));
    int64_t *times = (int64_t *) zmalloc ((cell->count + 1) * sizeof (int64_t));
    assert (data && times);
    zmq_msg_t first, rest;
    zmq_msg_init (&first);
    zmq_msg_init (&rest);
    int64_t warm_up = s_warm_up (self);
    int64_t sent = 0, arrived = 0;
    while (arrived < cell->count && !s_failed (self)) {
        while (sent < cell->count && sent - arrived < cell->window
           &&  s_request (self, data))
            sent++;
        bool received = s_receive (self->sockets [FRONT], &first, &rest)
                     && zmq_msg_size (&first) == cell->size;
        s_require (self, received, "reply");
        if (!received)
            break;
        int64_t start;
        memcpy (&start, zmq_msg_data (&first), sizeof (start));
        times [arrived] = usage_clock () - start;
        s_count (self, ++arrived, warm_up);
    }
    if (!s_failed (self))
        s_percentiles (self->result, times + warm_up, arrived - warm_up);
    zmq_msg_close (&first);
    zmq_msg_close (&rest);
    freen (data);
    freen (times);
}


//  --------------------------------------------------------------------------
//  A run

static void
s_conclude (load_t *self)
{
    const cell_t *cell = self->cell;
    result_t *result = self->result;
    double *figures = result->figures;
    result->messages = self->expected - s_warm_up (self);
    double messages = (double) result->messages;
    double seconds = (double) (self->stop.at - self->start.at) / 1e9;
    figures [RATE] = messages / seconds;
    figures [BYTES] = figures [RATE] * (double) cell->size * cell->frames;
    if (self->usage.pid) {
        figures [CPU] = (double) (self->stop.cpu - self->start.cpu) / messages;
        figures [SWITCHES] = (double) (self->stop.switches
                                     - self->start.switches) * 1e3 / messages;
    }
    //  A thread has no memory that is its own, and no other threads
    if (self->usage.pid && !self->usage.tid) {
        figures [RESIDENT] = (double) self->stop.resident;
        figures [IO] = (double) (self->stop.io - self->start.io) / messages;
    }
}

//  A relay in this process is known by its thread

static void
s_start_relay (load_t *self, relay_t *relay)
{
    perf_relay_prepare (relay->kind);
    //  Threads of the context are there before
    zsock_t *dummy = zsock_new (ZMQ_PAIR);
    pid_t *before = usage_threads ();
    perf_relay_start (relay);
    self->usage.pid = getpid ();
    self->usage.tid = usage_new_thread (before);
    freen (before);
    zsock_destroy (&dummy);
}

void
load_run (const cell_t *cell, relay_t *relay, pid_t pid, result_t *result)
{
    load_t self = { .cell = cell, .result = result, .usage = { pid, 0 } };
    memset (result, 0, sizeof (result_t));
    for (int figure = 0; figure < FIGURES; figure++)
        result->figures [figure] = NAN;
    bool inproc = streq (cell->transport, "inproc");
    bool queue = cell->work->kind == &perf_queue;
    self.expected = cell->count
        * (cell->work->kind == &perf_forwarder? cell->work->sinks: 1);
    if (inproc && !streq (relay->name, "direct"))
        s_start_relay (&self, relay);
    void *contexts [2];
    for (int side = FRONT; side <= BACK; side++)
        contexts [side] = inproc? zsys_init (): zmq_ctx_new ();
    s_attach (&self, relay, contexts);
    s_windows_init (&self);

    pthread_t partner, reader;
    if (!s_failed (&self)) {
        pthread_create (&partner, NULL, queue? s_worker: s_source, &self);
        if (self.sockets [CAPTURE])
            pthread_create (&reader, NULL, s_reader, &self);
        queue? s_client (&self): s_sink (&self);
    }
    if (s_failed (&self))
        return;
    s_conclude (&self);
    //  Captured messages may still be on their way
    if (self.sockets [CAPTURE]) {
        for (int tries = 0; tries < 100 && self.captured < self.expected;
             tries++)
            zclock_sleep (10);
        result->figures [CAPTURED] = 100 * (double) self.captured
                                   / (double) self.expected;
    }
}
