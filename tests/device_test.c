/*  =========================================================================
    device_test - the contracts of zmq_device, zmq_proxy, zmq_proxy_steerable

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  One table of scenarios, each run with zrelay's functions and, where libzmq
//  keeps its own contract, with libzmq's. Where it does not, because it would
//  block, spin, abort or lose a message, only ours are run, and the table says
//  why. Each run has a process of its own, with its own time limit.

#ifndef _GNU_SOURCE
#   define _GNU_SOURCE          //  pthread_timedjoin_np ()
#endif
#include <zrelay.h>
#include "beats.h"
#include "tap.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define DEADLINE    900             //  Seconds for everything
#define LIMIT       60              //  Seconds for one scenario
#define PATIENCE    10000           //  Msecs that a peer waits for a message
#define QUIET       100             //  Msecs without a message: none will come
#define PROMPT      400000          //  Beats in which a function returns: two
                                    //  seconds on a quiet machine
#define EXCHANGES   40              //  Messages through each pair
#define FRAMES      5               //  Most frames in one
#define MANY        2000            //  Messages that fill no queue of libzmq's
#define STREAMED    100000          //  Messages under a storm of signals
#define WATCHED     1000            //  Msecs for which CPU is watched
#define CPU_MOST    100             //  Msecs of CPU that may be used meanwhile
#define BIG         (8 * 1024 * 1024)
#define WORKERS     4

//  The caller's sockets, in the order of zmq_proxy_steerable (); and a second
//  relay's
enum { FRONTEND, BACKEND, CAPTURE, CONTROL, FRONTEND_2, BACKEND_2, PLACES };
#define NONE -1


//  --------------------------------------------------------------------------
//  The functions

enum { DEVICE = 1, RUN = 2, STEER = 4, ALL = 7 };

typedef struct {
    const char *name;
    const char *functions [STEER + 1];      //  By number, above
    int (*device) (int, void *, void *);
    int (*run) (void *, void *, void *);
    int (*steer) (void *, void *, void *, void *);
} library_t;

static const library_t s_libraries [] = {
    { "zrelay", { [DEVICE] = "zrelay_device", [RUN] = "zrelay_run",
                  [STEER] = "zrelay_steer" },
      zrelay_device, zrelay_run, zrelay_steer },
    { "libzmq", { [DEVICE] = "zmq_device", [RUN] = "zmq_proxy",
                  [STEER] = "zmq_proxy_steerable" },
      zmq_device, zmq_proxy, zmq_proxy_steerable }
};

//  Which of them a scenario is for
enum { OURS = 1, BOTH = 2 };


//  --------------------------------------------------------------------------
//  A scenario's process: the functions under test, and what was made so far

typedef struct {
    void *sockets [4];              //  As given to the function
    bool persistent;                //  Call again after EINTR
    pthread_t thread;
    int rc;                         //  What it returned
    int error;                      //  And errno
    int interruptions;              //  Times that it was EINTR
    volatile pid_t running;         //  Its thread is there
} proxy_t;

static const library_t *s_library;  //  Under test
static int s_function;              //  DEVICE, RUN or STEER
static void *s_context;
static void *s_places [PLACES];     //  What is given to the functions
static char s_endpoints [PLACES] [64];
static void *s_others [4];          //  Other contexts
static int s_other_count;
static void *s_handles [100];       //  All sockets
static int s_handle_count;
static proxy_t s_proxies [2];
static int s_proxy_count;

//  What has to be true, or the scenario has failed
#define NEED(condition) \
    do { \
        if (!(condition)) { \
            printf ("#   %s:%d: not true: %s (errno %s)\n", __FILE__, \
                    __LINE__, #condition, zmq_strerror (errno)); \
            return false; \
        } \
    } while (0)

static void *
s_socket_of (void *context, int type)
{
    void *handle = zmq_socket (context, type);
    assert (handle);
    int linger = 0;
    zmq_setsockopt (handle, ZMQ_LINGER, &linger, sizeof (linger));
    s_handles [s_handle_count++] = handle;
    return handle;
}

static void
s_set (void *handle, int option, int value)
{
    int rc = zmq_setsockopt (handle, option, &value, sizeof (value));
    assert (rc == 0);
}

//  Make one of the sockets that are given to the functions

static void *
s_make_of (void *context, int place, int type)
{
    void *handle = s_places [place] = s_socket_of (context, type);
    if (type == ZMQ_SUB)
        zmq_setsockopt (handle, ZMQ_SUBSCRIBE, "", 0);
    return handle;
}

static void *
s_make (int place, int type)
{
    if (!s_context)
        s_context = zmq_ctx_new ();
    return s_make_of (s_context, place, type);
}

static void
s_bind (int place, const char *endpoint)
{
    int rc = zmq_bind (s_places [place], endpoint);
    assert (rc == 0);
    size_t size = sizeof (s_endpoints [place]);
    zmq_getsockopt (s_places [place], ZMQ_LAST_ENDPOINT, s_endpoints [place],
                    &size);
}

//  Bind those that are not bound, within the process

static void
s_bind_all (void)
{
    for (int place = 0; place < PLACES; place++)
        if (s_places [place] && !*s_endpoints [place]) {
            char endpoint [40];
            snprintf (endpoint, sizeof (endpoint), "inproc://%d", place);
            s_bind (place, endpoint);
        }
}

static void
s_make_all (int frontend, int backend, int capture, int control)
{
    int types [] = { frontend, backend, capture, control };
    for (int place = 0; place < 4; place++)
        if (types [place] != NONE)
            s_make (place, types [place]);
}

//  A socket that is connected to one of them

static void *
s_peer_with (int place, int type, int option, int value)
{
    void *handle = s_socket_of (s_context, type);
    s_set (handle, ZMQ_RCVTIMEO, PATIENCE);
    s_set (handle, ZMQ_SNDTIMEO, PATIENCE);
    if (option != NONE)
        s_set (handle, option, value);
    if (type == ZMQ_SUB)
        zmq_setsockopt (handle, ZMQ_SUBSCRIBE, "", 0);
    int rc = zmq_connect (handle, s_endpoints [place]);
    assert (rc == 0);
    return handle;
}

static void *
s_peer (int place, int type)
{
    return s_peer_with (place, type, NONE, 0);
}


//  --------------------------------------------------------------------------
//  Functions in threads

static int
s_call (void *sockets [4])
{
    switch (s_function) {
        case DEVICE:
            return s_library->device (ZMQ_QUEUE, sockets [FRONTEND],
                                      sockets [BACKEND]);
        case RUN:
            return s_library->run (sockets [FRONTEND], sockets [BACKEND],
                                   sockets [CAPTURE]);
        default:
            return s_library->steer (sockets [FRONTEND], sockets [BACKEND],
                                     sockets [CAPTURE], sockets [CONTROL]);
    }
}

static void *
s_proxy_thread (void *arg)
{
    proxy_t *self = (proxy_t *) arg;
    do {
        self->rc = s_call (self->sockets);
        self->error = errno;
        if (self->rc == -1 && self->error == EINTR)
            __atomic_add_fetch (&self->interruptions, 1, __ATOMIC_SEQ_CST);
    }
    while (self->persistent && self->rc == -1 && self->error == EINTR);
    return NULL;
}

static proxy_t *
s_start_with (void *frontend, void *backend, void *capture, void *control)
{
    proxy_t *self = &s_proxies [s_proxy_count++];
    self->sockets [FRONTEND] = frontend;
    self->sockets [BACKEND] = backend;
    self->sockets [CAPTURE] = capture;
    self->sockets [CONTROL] = control;
    pthread_create (&self->thread, NULL, s_proxy_thread, self);
    return self;
}

static proxy_t *
s_start (void)
{
    return s_start_with (s_places [FRONTEND], s_places [BACKEND],
                         s_places [CAPTURE], s_places [CONTROL]);
}

//  Wait for its end; true if it is prompt

static bool
s_is_over (void *arg)
{
    return pthread_tryjoin_np (*(pthread_t *) arg, NULL) == 0;
}

static bool
s_joins (pthread_t thread)
{
    int64_t beats = beats_until (s_is_over, &thread, PATIENCE);
    return beats != -1 && beats < PROMPT;
}

static bool
s_ends (proxy_t *self, int rc, int error)
{
    NEED (s_joins (self->thread));
    s_proxy_count--;
    if (self->rc != rc || (rc == -1 && self->error != error))
        printf ("#   returned %d, %s\n", self->rc, zmq_strerror (self->error));
    return self->rc == rc && (rc == 0 || self->error == error);
}

static void *
s_term_thread (void *context)
{
    zmq_ctx_term (context);
    return NULL;
}

//  The context ends while functions run; they return, then the sockets are
//  closed, and it is gone

static bool
s_finish (void)
{
    pthread_t thread;
    pthread_create (&thread, NULL, s_term_thread, s_context);
    while (s_proxy_count > 0)
        NEED (s_ends (&s_proxies [s_proxy_count - 1], -1, ETERM));
    for (int index = 0; index < s_handle_count; index++)
        NEED (zmq_close (s_handles [index]) == 0);
    NEED (s_joins (thread));
    for (int index = 0; index < s_other_count; index++)
        zmq_ctx_term (s_others [index]);
    return true;
}


//  --------------------------------------------------------------------------
//  Messages

//  The number of a message decides what is in it

static zmsg_t *
s_message (int number)
{
    zmsg_t *msg = zmsg_new ();
    zmsg_addstrf (msg, "%d", number);
    for (int index = 1; index < 1 + number % FRAMES; index++) {
        zframe_t *frame = zframe_new (NULL, (number * 7 + index) % 100);
        memset (zframe_data (frame), number + index, zframe_size (frame));
        zmsg_append (msg, &frame);
    }
    return msg;
}

static bool
s_send (void *handle, int number)
{
    zmsg_t *msg = s_message (number);
    int rc = zmsg_send (&msg, handle);
    zmsg_destroy (&msg);
    return rc == 0;
}

static bool
s_equal (zmsg_t *one, zmsg_t *two)
{
    bool equal = one && two && zmsg_size (one) == zmsg_size (two);
    zframe_t *left = equal? zmsg_first (one): NULL;
    zframe_t *right = equal? zmsg_first (two): NULL;
    while (equal && left) {
        equal = zframe_eq (left, right);
        left = zmsg_next (one);
        right = zmsg_next (two);
    }
    return equal;
}

static bool
s_receives (void *handle, int number)
{
    zmsg_t *expected = s_message (number);
    zmsg_t *msg = zmsg_recv (handle);
    bool equal = s_equal (msg, expected);
    if (!equal && msg) {
        printf ("#   expected message %d, received:\n", number);
        zmsg_fprint (msg, stdout);
    }
    zmsg_destroy (&expected);
    zmsg_destroy (&msg);
    return equal;
}

//  Does anything come?

static bool
s_hears (void *handle)
{
    zmq_pollitem_t item = { .socket = handle, .events = ZMQ_POLLIN };
    return zmq_poll (&item, 1, QUIET) == 1;
}

//  Between PUB and SUB nothing arrives until the subscription has; from then
//  on everything does

static bool
s_settle (void *publisher, void *subscriber)
{
    int64_t deadline = zclock_mono () + PATIENCE;
    zmq_pollitem_t item = { .socket = subscriber, .events = ZMQ_POLLIN };
    do {
        NEED (zclock_mono () < deadline);
        zstr_send (publisher, "settle");
    }
    while (zmq_poll (&item, 1, 1) == 0);
    zstr_send (publisher, "settled");
    char *string;
    bool settled = false;
    while (!settled && (string = zstr_recv (subscriber))) {
        settled = streq (string, "settled");
        zstr_free (&string);
    }
    return settled;
}

//  Send until nothing moves any more; returns how many. On a busy machine it
//  only seems so at first, so wait until those were sent that must find room.

static int
s_fill (void *handle, int number, int least)
{
    int count = 0;
    bool moves = true;
    int64_t deadline = zclock_mono () + PATIENCE;
    s_set (handle, ZMQ_SNDTIMEO, QUIET);
    while (moves || (count < least && zclock_mono () < deadline)) {
        moves = s_send (handle, number + count);
        count += moves;
    }
    s_set (handle, ZMQ_SNDTIMEO, PATIENCE);
    return count;
}

static bool
s_receives_all (void *handle, int first, int count)
{
    for (int number = first; number < first + count; number++)
        NEED (s_receives (handle, number));
    return true;
}

//  Ask for the eight counters; false if there is another answer

static bool
s_statistics (void *control, uint64_t values [8])
{
    NEED (zstr_send (control, "STATISTICS") == 0);
    zmsg_t *msg = zmsg_recv (control);
    NEED (msg && zmsg_size (msg) == 8);
    for (int index = 0; index < 8; index++) {
        zframe_t *frame = zmsg_pop (msg);
        NEED (zframe_size (frame) == sizeof (uint64_t));
        memcpy (&values [index], zframe_data (frame), sizeof (uint64_t));
        zframe_destroy (&frame);
    }
    zmsg_destroy (&msg);
    return true;
}

static bool
s_counts (void *control, const uint64_t expected [8])
{
    uint64_t values [8];
    NEED (s_statistics (control, values));
    bool equal = memcmp (values, expected, sizeof (values)) == 0;
    for (int index = 0; !equal && index < 8; index++)
        printf ("#   %d: %" PRIu64 ", not %" PRIu64 "\n", index,
                values [index], expected [index]);
    return equal;
}


//  --------------------------------------------------------------------------
//  All pairs of sockets

typedef struct {
    const char *name;
    int frontend;
    int backend;
    int source;                     //  Connects to one of them, and sends
    int sink;                       //  To the other, and receives
    bool replies;                   //  And sends back
    bool reversed;                  //  The source is at the backend
    bool publishes;                 //  Nothing travels before a subscription
    int libraries;                  //  OURS or BOTH
} pair_t;

static const pair_t s_pairs [] = {
    { "ROUTER and DEALER", ZMQ_ROUTER, ZMQ_DEALER, ZMQ_REQ, ZMQ_REP,
      true, false, false, BOTH },
    { "DEALER and ROUTER", ZMQ_DEALER, ZMQ_ROUTER, ZMQ_REQ, ZMQ_REP,
      true, true, false, BOTH },
    { "XSUB and XPUB", ZMQ_XSUB, ZMQ_XPUB, ZMQ_PUB, ZMQ_SUB,
      false, false, true, BOTH },
    { "XPUB and XSUB", ZMQ_XPUB, ZMQ_XSUB, ZMQ_PUB, ZMQ_SUB,
      false, true, true, BOTH },
    { "SUB and PUB", ZMQ_SUB, ZMQ_PUB, ZMQ_PUB, ZMQ_SUB,
      false, false, true, BOTH },
    { "SUB and PUSH", ZMQ_SUB, ZMQ_PUSH, ZMQ_PUB, ZMQ_PULL,
      false, false, true, BOTH },
    { "PULL and PUB", ZMQ_PULL, ZMQ_PUB, ZMQ_PUSH, ZMQ_SUB,
      false, false, true, BOTH },
    { "PULL and PUSH", ZMQ_PULL, ZMQ_PUSH, ZMQ_PUSH, ZMQ_PULL,
      false, false, false, BOTH },
    { "PAIR and PAIR", ZMQ_PAIR, ZMQ_PAIR, ZMQ_PAIR, ZMQ_PAIR,
      true, false, false, BOTH },
    { "DEALER and DEALER", ZMQ_DEALER, ZMQ_DEALER, ZMQ_DEALER, ZMQ_DEALER,
      true, false, false, BOTH },
    //  libzmq returns EFSM, from reading on where a reply has to come first
    { "REP and REQ", ZMQ_REP, ZMQ_REQ, ZMQ_REQ, ZMQ_REP,
      true, false, false, OURS },
};
#define PAIRS (sizeof (s_pairs) / sizeof (*s_pairs))

static void *s_source;
static void *s_sink;

static bool
s_exchange (const pair_t *pair)
{
    if (pair->publishes)
        NEED (s_settle (s_source, s_sink));
    for (int number = 0; number < EXCHANGES; number++) {
        NEED (s_send (s_source, number));
        NEED (s_receives (s_sink, number));
        if (pair->replies) {
            NEED (s_send (s_sink, number + 1));
            NEED (s_receives (s_source, number + 1));
        }
    }
    return true;
}

static void
s_open_pair (const pair_t *pair, const char *endpoint)
{
    s_make_all (pair->frontend, pair->backend, NONE, NONE);
    if (endpoint) {
        s_bind (FRONTEND, endpoint);
        s_bind (BACKEND, endpoint);
    }
    s_bind_all ();
    s_source = s_peer (pair->reversed? BACKEND: FRONTEND, pair->source);
    s_sink = s_peer (pair->reversed? FRONTEND: BACKEND, pair->sink);
}

static bool
s_test_pair (int arg)
{
    s_open_pair (&s_pairs [arg], NULL);
    s_start ();
    NEED (s_exchange (&s_pairs [arg]));
    return s_finish ();
}

static bool
s_test_pair_tcp (int arg)
{
    s_open_pair (&s_pairs [arg], "tcp://127.0.0.1:*");
    s_start ();
    NEED (s_exchange (&s_pairs [arg]));
    return s_finish ();
}

//  Whatever libzmq lets read of a socket is the same afterwards, but for what
//  just happens to it

#define OPTIONS     128
#define OPTION_SIZE 300
#define LEAST       40              //  So many are known to libzmq, at least

static byte s_before [2] [OPTIONS] [OPTION_SIZE];
static byte s_after [2] [OPTIONS] [OPTION_SIZE];

static int
s_read_options (byte values [2] [OPTIONS] [OPTION_SIZE])
{
    int known = 0;
    for (int place = FRONTEND; place <= BACKEND; place++)
        for (int option = 1; option < OPTIONS; option++) {
            //  A number is only told where there is just room for it
            static const size_t sizes [] = { 4, 8, OPTION_SIZE };
            int rc = -1;
            for (int index = 0; index < 3 && rc == -1; index++) {
                size_t size = sizes [index];
                if (option != ZMQ_EVENTS && option != ZMQ_RCVMORE)
                    rc = zmq_getsockopt (s_places [place], option,
                                         values [place] [option], &size);
            }
            known += rc == 0;
        }
    return known;
}

static bool
s_test_options (int arg)
{
    s_function = STEER;
    s_open_pair (&s_pairs [arg], "tcp://127.0.0.1:*");
    s_make (CONTROL, ZMQ_PAIR);
    s_bind_all ();
    void *control = s_peer (CONTROL, ZMQ_PAIR);
    int known = s_read_options (s_before);
    NEED (known > LEAST);
    proxy_t *proxy = s_start ();
    NEED (s_exchange (&s_pairs [arg]));
    zstr_send (control, "PAUSE");
    zstr_send (control, "RESUME");
    zstr_send (control, "TERMINATE");
    NEED (s_ends (proxy, 0, 0));
    NEED (s_read_options (s_after) == known);
    for (int place = FRONTEND; place <= BACKEND; place++)
        for (int option = 1; option < OPTIONS; option++)
            if (memcmp (s_before [place] [option], s_after [place] [option],
                        OPTION_SIZE)) {
                printf ("#   option %d has changed\n", option);
                return false;
            }
    //  Nor was anything closed: all goes on
    s_start ();
    NEED (s_exchange (&s_pairs [arg]));
    return s_finish ();
}

//  zsock_t are as good as libzmq's sockets

static bool
s_test_zsock (int arg)
{
    (void) arg;
    zsys_handler_set (NULL);
    zsock_t *places [4] = {
        zsock_new_pull ("@inproc://frontend"),
        zsock_new_push ("@inproc://backend"),
        zsock_new_push ("@inproc://capture"), zsock_new_pair ("@inproc://word")
    };
    zsock_t *source = zsock_new_push (">inproc://frontend");
    zsock_t *sink = zsock_new_pull (">inproc://backend");
    zsock_t *copies = zsock_new_pull (">inproc://capture");
    zsock_t *control = zsock_new_pair (">inproc://word");
    proxy_t *proxy = s_start_with (places [0], places [1], places [2],
                                   places [3]);
    for (int number = 0; number < EXCHANGES; number++) {
        NEED (s_send (source, number));
        NEED (s_receives (sink, number));
        if (s_function != DEVICE)
            NEED (s_receives (copies, number));
    }
    if (s_function == STEER) {
        zstr_send (control, "TERMINATE");
        NEED (s_ends (proxy, 0, 0));
    }
    else {
        zmq_ctx_shutdown (zsys_init ());
        NEED (s_ends (proxy, -1, ETERM));
    }
    for (int place = 0; place < 4; place++)
        zsock_destroy (&places [place]);
    zsock_destroy (&source);
    zsock_destroy (&sink);
    zsock_destroy (&copies);
    zsock_destroy (&control);
    return true;
}


//  --------------------------------------------------------------------------
//  One socket as both sides: what it receives it sends

#define ONE_FRAME   100             //  Added to the socket's type

static bool
s_test_single (int arg)
{
    int type = arg % ONE_FRAME;
    int step = arg < ONE_FRAME? 1: FRAMES;
    s_make (FRONTEND, type);
    s_bind_all ();
    s_make (CONTROL, ZMQ_PAIR);
    s_bind_all ();
    void *control = s_peer (CONTROL, ZMQ_PAIR);
    void *peer = s_peer (FRONTEND, type == ZMQ_PAIR? ZMQ_PAIR:
                                   type == ZMQ_REP? ZMQ_REQ: ZMQ_DEALER);
    proxy_t *proxy = s_start_with (s_places [FRONTEND], s_places [FRONTEND],
                                   NULL, s_places [CONTROL]);
    uint64_t bytes = 0;
    for (int count = 0; count < EXCHANGES; count++) {
        zmsg_t *msg = s_message (count * step);
        bytes += zmsg_content_size (msg);
        zmsg_destroy (&msg);
        NEED (s_send (peer, count * step));
        NEED (s_receives (peer, count * step));
    }
    if (s_function == STEER) {
        //  A ROUTER's generated routing ids have five bytes
        if (type == ZMQ_ROUTER)
            bytes += 5 * EXCHANGES;
        const uint64_t counts [8] = {
            EXCHANGES, bytes, 0, 0, 0, 0, EXCHANGES, bytes
        };
        NEED (s_counts (control, counts));
        zstr_send (control, "TERMINATE");
        NEED (s_ends (proxy, 0, 0));
    }
    return s_finish ();
}

//  A STREAM that is both sides echoes what comes over TCP

static bool
s_test_stream (int arg)
{
    (void) arg;
    s_set (s_make (FRONTEND, ZMQ_STREAM), ZMQ_STREAM_NOTIFY, 0);
    s_bind (FRONTEND, "tcp://127.0.0.1:*");
    s_start_with (s_places [FRONTEND], s_places [FRONTEND], NULL, NULL);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons (atoi (strrchr (s_endpoints [FRONTEND], ':') + 1)),
        .sin_addr = { .s_addr = htonl (INADDR_LOOPBACK) }
    };
    int fd = socket (AF_INET, SOCK_STREAM, 0);
    NEED (connect (fd, (struct sockaddr *) &address, sizeof (address)) == 0);
    for (int number = 0; number < EXCHANGES; number++) {
        char buffer [8];
        NEED (send (fd, "message", 7, 0) == 7);
        NEED (recv (fd, buffer, 7, MSG_WAITALL) == 7);
        NEED (memcmp (buffer, "message", 7) == 0);
    }
    close (fd);
    return s_finish ();
}


//  --------------------------------------------------------------------------
//  Several relays, several threads

//  Two queues in a row

static bool
s_test_chain (int arg)
{
    (void) arg;
    s_make_all (ZMQ_ROUTER, ZMQ_DEALER, NONE, NONE);
    s_make (FRONTEND_2, ZMQ_ROUTER);
    s_make (BACKEND_2, ZMQ_DEALER);
    s_bind_all ();
    zmq_connect (s_places [BACKEND], s_endpoints [FRONTEND_2]);
    s_start ();
    s_start_with (s_places [FRONTEND_2], s_places [BACKEND_2], NULL, NULL);
    s_source = s_peer (FRONTEND, ZMQ_REQ);
    s_sink = s_peer (BACKEND_2, ZMQ_REP);
    NEED (s_exchange (&s_pairs [0]));
    return s_finish ();
}

//  Servers in threads, and clients with many requests under way

static void *
s_server (void *handle)
{
    zmsg_t *msg;
    while ((msg = zmsg_recv (handle)))
        zmsg_send (&msg, handle);
    return NULL;
}

static bool
s_test_workers (int arg)
{
    (void) arg;
    s_make_all (ZMQ_ROUTER, ZMQ_DEALER, NONE, NONE);
    s_bind (FRONTEND, "tcp://127.0.0.1:*");
    s_bind_all ();
    pthread_t threads [WORKERS];
    for (int index = 0; index < WORKERS; index++) {
        void *worker = s_peer (BACKEND, ZMQ_DEALER);
        s_set (worker, ZMQ_RCVTIMEO, -1);
        pthread_create (&threads [index], NULL, s_server, worker);
    }
    void *clients [WORKERS];
    for (int index = 0; index < WORKERS; index++)
        clients [index] = s_peer (FRONTEND, ZMQ_DEALER);
    s_start ();
    for (int number = 0; number < EXCHANGES; number++)
        for (int index = 0; index < WORKERS; index++)
            zstr_sendf (clients [index], "%d/%d", index, number);
    for (int index = 0; index < WORKERS; index++) {
        bool seen [EXCHANGES] = { false };
        for (int count = 0; count < EXCHANGES; count++) {
            char *string = zstr_recv (clients [index]);
            int client = -1;
            int number = -1;
            NEED (string);
            NEED (sscanf (string, "%d/%d", &client, &number) == 2);
            NEED (client == index && !seen [number]);
            seen [number] = true;
            zstr_free (&string);
        }
    }
    zmq_ctx_shutdown (s_context);
    for (int index = 0; index < WORKERS; index++)
        NEED (s_joins (threads [index]));
    return s_finish ();
}


//  --------------------------------------------------------------------------
//  High-water marks

//  Nothing is lost and nothing changes places if each queue takes one message

static bool
s_test_hwm (int frontend)
{
    bool publishes = frontend == ZMQ_XSUB;
    s_make_all (frontend, publishes? ZMQ_XPUB: ZMQ_PUSH, NONE, NONE);
    s_set (s_places [FRONTEND], ZMQ_RCVHWM, 1);
    s_set (s_places [BACKEND], ZMQ_SNDHWM, 1);
    if (publishes)
        s_set (s_places [BACKEND], ZMQ_XPUB_NODROP, 1);
    s_bind_all ();
    s_source = s_peer_with (FRONTEND, publishes? ZMQ_XPUB: ZMQ_PUSH,
                            ZMQ_SNDHWM, 1);
    s_sink = s_peer_with (BACKEND, publishes? ZMQ_SUB: ZMQ_PULL,
                          ZMQ_RCVHWM, 1);
    s_start ();
    if (publishes) {
        s_set (s_source, ZMQ_XPUB_NODROP, 1);
        zmsg_t *subscription = zmsg_recv (s_source);
        NEED (subscription);
        zmsg_destroy (&subscription);
    }
    int number = 0;
    for (int round = 0; round < 3; round++) {
        int count = s_fill (s_source, number, 1);
        NEED (count > 0 && count < 20);
        NEED (s_receives_all (s_sink, number, count));
        number += count;
    }
    return s_finish ();
}

//  A subscriber is slower than its publisher, and none of their sockets may
//  drop: while all is full, statistics are still told, and TERMINATE ends it

static bool
s_test_slow_subscriber (int arg)
{
    (void) arg;
    s_make_all (ZMQ_XSUB, ZMQ_XPUB, NONE, ZMQ_REP);
    s_set (s_places [FRONTEND], ZMQ_RCVHWM, 10);
    s_set (s_places [BACKEND], ZMQ_SNDHWM, 10);
    s_set (s_places [BACKEND], ZMQ_XPUB_NODROP, 1);
    s_bind_all ();
    void *control = s_peer (CONTROL, ZMQ_REQ);
    s_source = s_peer_with (FRONTEND, ZMQ_XPUB, ZMQ_SNDHWM, 10);
    s_set (s_source, ZMQ_XPUB_NODROP, 1);
    s_sink = s_peer_with (BACKEND, ZMQ_SUB, ZMQ_RCVHWM, 10);
    proxy_t *proxy = s_start ();
    zmsg_t *subscription = zmsg_recv (s_source);
    NEED (subscription);
    zmsg_destroy (&subscription);
    int count = s_fill (s_source, 0, 21);
    NEED (count > 20 && count < 100);
    uint64_t values [8];
    NEED (s_statistics (control, values));
    //  The subscription; and what was published
    NEED (values [4] == 1 && values [2] == 1);
    NEED (values [0] > 0 && values [0] <= (uint64_t) count);
    NEED (values [6] > 0 && values [6] <= values [0]);
    NEED (s_receives_all (s_sink, 0, count));
    NEED (s_statistics (control, values));
    NEED (values [0] == (uint64_t) count && values [6] == (uint64_t) count);
    NEED (s_fill (s_source, 0, 21) > 20);
    zstr_send (control, "TERMINATE");
    NEED (s_ends (proxy, 0, 0));
    return s_finish ();
}

//  An output that is full does not stop the other direction

static bool
s_test_other_direction (int arg)
{
    (void) arg;
    s_make_all (ZMQ_PAIR, ZMQ_PAIR, NONE, NONE);
    s_set (s_places [BACKEND], ZMQ_SNDHWM, 1);
    s_bind_all ();
    s_source = s_peer (FRONTEND, ZMQ_PAIR);
    s_sink = s_peer_with (BACKEND, ZMQ_PAIR, ZMQ_RCVHWM, 1);
    s_start ();
    int count = s_fill (s_source, 0, 1);
    for (int number = 0; number < EXCHANGES; number++) {
        NEED (s_send (s_sink, number));
        NEED (s_receives (s_source, number));
    }
    NEED (s_receives_all (s_sink, 0, count));
    return s_finish ();
}

//  A queue without a server has nothing to do, even with a request

static bool
s_test_cpu (int arg)
{
    (void) arg;
    s_open_pair (&s_pairs [0], NULL);
    zmq_disconnect (s_sink, s_endpoints [BACKEND]);
    proxy_t *proxy = s_start ();
    NEED (s_send (s_source, 0));
    clockid_t clock;
    NEED (pthread_getcpuclockid (proxy->thread, &clock) == 0);
    struct timespec before, after;
    clock_gettime (clock, &before);
    zclock_sleep (WATCHED);
    clock_gettime (clock, &after);
    int64_t used = (after.tv_sec - before.tv_sec) * 1000
                 + (after.tv_nsec - before.tv_nsec) / 1000000;
    NEED (used < CPU_MOST);
    zmq_connect (s_sink, s_endpoints [BACKEND]);
    NEED (s_receives (s_sink, 0));
    return s_finish ();
}


//  --------------------------------------------------------------------------
//  The control socket

//  What control can be, and who steers it
static const struct {
    int control;
    int steerer;
} s_steerers [] = {
    { ZMQ_PAIR, ZMQ_PAIR }, { ZMQ_DEALER, ZMQ_DEALER }, { ZMQ_SUB, ZMQ_XPUB },
    { ZMQ_PULL, ZMQ_PUSH }, { ZMQ_REP, ZMQ_REQ }
};

//  A REP answers with an empty frame

static bool
s_steer (void *steerer, const char *word)
{
    NEED (zstr_send (steerer, word) == 0);
    int type;
    size_t size = sizeof (type);
    zmq_getsockopt (steerer, ZMQ_TYPE, &type, &size);
    if (type != ZMQ_REQ)
        return true;
    zmsg_t *answer = zmsg_recv (steerer);
    NEED (answer);
    bool empty = zmsg_size (answer) == 1 && zmsg_content_size (answer) == 0;
    zmsg_destroy (&answer);
    return empty;
}

static void *
s_open_steered (int arg)
{
    s_make_all (ZMQ_PULL, ZMQ_PUSH, NONE, s_steerers [arg].control);
    s_bind_all ();
    s_source = s_peer (FRONTEND, ZMQ_PUSH);
    s_sink = s_peer (BACKEND, ZMQ_PULL);
    void *steerer = s_peer (CONTROL, s_steerers [arg].steerer);
    if (s_steerers [arg].control == ZMQ_SUB) {
        //  It subscribes when it looks
        zsock_events (s_places [CONTROL]);
        zmsg_t *subscription = zmsg_recv (steerer);
        zmsg_destroy (&subscription);
    }
    return steerer;
}

//  PAUSE holds everything back, RESUME lets it go, in order, and TERMINATE
//  ends. Whether PAUSE has come is only to be seen by what does not.

static bool
s_test_words (int arg)
{
    void *steerer = s_open_steered (arg);
    proxy_t *proxy = s_start ();
    int number = 0;
    for (int round = 0; round < 3; round++) {
        NEED (s_send (s_source, number));
        NEED (s_receives (s_sink, number++));
        NEED (s_steer (steerer, "PAUSE"));
        int64_t deadline = zclock_mono () + PATIENCE;
        NEED (s_send (s_source, number));
        while (s_hears (s_sink)) {
            NEED (zclock_mono () < deadline);
            NEED (s_receives (s_sink, number++));
            NEED (s_send (s_source, number));
        }
        NEED (s_send (s_source, number + 1));
        NEED (!s_hears (s_sink));
        NEED (s_steer (steerer, "RESUME"));
        NEED (s_receives_all (s_sink, number, 2));
        number += 2;
    }
    NEED (s_steer (steerer, "TERMINATE"));
    NEED (s_ends (proxy, 0, 0));
    return s_finish ();
}

//  Paused, it still tells statistics, and ends

static bool
s_test_paused (int arg)
{
    (void) arg;
    void *steerer = s_open_steered (0);
    proxy_t *proxy = s_start ();
    static const uint64_t nothing [8] = { 0 };
    NEED (s_counts (steerer, nothing));
    NEED (s_steer (steerer, "PAUSE"));
    NEED (s_counts (steerer, nothing));
    for (int number = 0; number < EXCHANGES; number++)
        NEED (s_send (s_source, number));
    NEED (!s_hears (s_sink));
    NEED (s_counts (steerer, nothing));
    NEED (s_steer (steerer, "TERMINATE"));
    NEED (s_ends (proxy, 0, 0));
    NEED (!s_hears (s_sink));
    //  It begins anew, and runs
    s_start ();
    NEED (s_receives_all (s_sink, 0, EXCHANGES));
    return s_finish ();
}

//  Messages and bytes, with the routing id that a ROUTER adds

static bool
s_test_statistics (int arg)
{
    (void) arg;
    s_make_all (ZMQ_ROUTER, ZMQ_DEALER, NONE, ZMQ_REP);
    s_bind_all ();
    void *control = s_peer (CONTROL, ZMQ_REQ);
    void *client = s_socket_of (s_context, ZMQ_DEALER);
    zmq_setsockopt (client, ZMQ_ROUTING_ID, "client", 6);
    s_set (client, ZMQ_RCVTIMEO, PATIENCE);
    zmq_connect (client, s_endpoints [FRONTEND]);
    void *server = s_peer (BACKEND, ZMQ_REP);
    proxy_t *proxy = s_start ();
    static const uint64_t nothing [8] = { 0 };
    NEED (s_counts (control, nothing));
    for (uint64_t count = 1; count <= EXCHANGES; count++) {
        zstr_sendx (client, "", "ab", "cde", NULL);
        char *one = NULL;
        char *two = NULL;
        zstr_recvx (server, &one, &two, NULL);
        NEED (one && two && streq (one, "ab") && streq (two, "cde"));
        zstr_free (&one);
        zstr_free (&two);
        zstr_send (server, "defg");
        zstr_recvx (client, &one, &two, NULL);
        NEED (one && two && streq (one, "") && streq (two, "defg"));
        zstr_free (&one);
        zstr_free (&two);
        const uint64_t counts [8] = {
            count, count * (6 + 5), count, count * (6 + 4),
            count, count * (6 + 4), count, count * (6 + 5)
        };
        NEED (s_counts (control, counts));
    }
    zstr_send (control, "TERMINATE");
    NEED (s_ends (proxy, 0, 0));
    return s_finish ();
}

//  Of single frames, and of several; subscriptions count too

static bool
s_test_more_statistics (int arg)
{
    (void) arg;
    s_make_all (ZMQ_XSUB, ZMQ_XPUB, NONE, ZMQ_PAIR);
    s_bind_all ();
    void *control = s_peer (CONTROL, ZMQ_PAIR);
    void *publisher = s_peer (FRONTEND, ZMQ_XPUB);
    proxy_t *proxy = s_start ();
    void *subscriber = s_peer (BACKEND, ZMQ_SUB);
    char *subscription = zstr_recv (publisher);
    NEED (subscription && streq (subscription, "\x01"));
    zstr_free (&subscription);
    uint64_t bytes = 0;
    for (uint64_t number = 0; number < EXCHANGES; number++) {
        zmsg_t *msg = s_message ((int) number);
        bytes += zmsg_content_size (msg);
        zmsg_destroy (&msg);
        NEED (s_send (publisher, (int) number));
        NEED (s_receives (subscriber, (int) number));
        const uint64_t counts [8] = {
            number + 1, bytes, 1, 1, 1, 1, number + 1, bytes
        };
        NEED (s_counts (control, counts));
    }
    NEED (s_steer (control, "TERMINATE"));
    NEED (s_ends (proxy, 0, 0));
    return s_finish ();
}

//  Control may be NULL

static bool
s_test_uncontrolled (int arg)
{
    (void) arg;
    s_open_pair (&s_pairs [0], NULL);
    s_start ();
    NEED (s_exchange (&s_pairs [0]));
    return s_finish ();
}

//  Words that are none, in every shape. Each gets the answer that its socket
//  gives, and nothing else happens.

static bool
s_test_junk (int arg)
{
    void *steerer = s_open_steered (arg);
    proxy_t *proxy = s_start ();
    static const char *words [] = {
        "", "pause", "PAUS", "PAUSED", " PAUSE", "STOP", "$TERM", "KILL",
        "TERMINATE!", "DRAIN", "\xff\xfe%s%n", "HELP"
    };
    bool asks = s_steerers [arg].steerer == ZMQ_REQ;
    for (size_t index = 0; index < sizeof (words) / sizeof (*words); index++)
        NEED (s_steer (steerer, words [index]));
    zmsg_t *messages [] = {
        zmsg_new (), zmsg_new (), zmsg_new (), zmsg_new (), zmsg_new ()
    };
    zmsg_addstr (messages [0], "TERMINATE");
    zmsg_addstr (messages [0], "");
    zmsg_addstr (messages [1], "");
    zmsg_addstr (messages [1], "TERMINATE");
    zmsg_addmem (messages [2], "TERMINATE", 10);
    zmsg_addmem (messages [3], "PAUSE\0PAUSE", 11);
    byte *big = (byte *) zmalloc (BIG);
    memset (big, 'P', BIG);
    for (int count = 0; count < 3; count++)
        zmsg_addmem (messages [4], big, BIG);
    free (big);
    for (size_t index = 0; index < 5; index++) {
        NEED (zmsg_send (&messages [index], steerer) == 0);
        if (asks) {
            zmsg_t *answer = zmsg_recv (steerer);
            NEED (answer && zmsg_content_size (answer) == 0);
            zmsg_destroy (&answer);
        }
    }
    NEED (s_send (s_source, 0));
    NEED (s_receives (s_sink, 0));
    NEED (s_steer (steerer, "TERMINATE"));
    NEED (s_ends (proxy, 0, 0));
    return s_finish ();
}

//  A REP tells that it has something to receive, and then has not: requests
//  without the empty frame are thrown away. And those who ask may have gone.

static bool
s_test_misshapen (int arg)
{
    (void) arg;
    s_make_all (ZMQ_PULL, ZMQ_PUSH, NONE, ZMQ_REP);
    s_bind_all ();
    s_source = s_peer (FRONTEND, ZMQ_PUSH);
    s_sink = s_peer (BACKEND, ZMQ_PULL);
    proxy_t *proxy = s_start ();
    for (int number = 0; number < EXCHANGES; number++) {
        void *stranger = s_peer (CONTROL, ZMQ_DEALER);
        zstr_send (stranger, "TERMINATE");
        zstr_sendx (stranger, "a", "b", "TERMINATE", NULL);
        //  Nothing else comes for a while
        for (int count = 0; count < 3; count++) {
            NEED (s_send (s_source, count));
            NEED (s_receives (s_sink, count));
        }
        //  If it had gone before those are thrown away, libzmq would lose the
        //  next reply, whoever that is for
        zstr_sendx (stranger, "", "STATISTICS", NULL);
        zmsg_t *answer = zmsg_recv (stranger);
        NEED (answer && zmsg_size (answer) == 9);
        zmsg_destroy (&answer);
        zstr_sendx (stranger, "", "STATISTICS", NULL);
        zstr_sendx (stranger, "", "PAUSE", NULL);
        zstr_sendx (stranger, "", "RESUME", NULL);
        if (number % 2)
            zmq_disconnect (stranger, s_endpoints [CONTROL]);
        NEED (s_send (s_source, number));
        NEED (s_receives (s_sink, number));
    }
    void *steerer = s_peer (CONTROL, ZMQ_REQ);
    NEED (s_steer (steerer, "TERMINATE"));
    NEED (s_ends (proxy, 0, 0));
    return s_finish ();
}

//  Nobody can be answered on a SUB or PULL, and nobody reads on a PAIR

static bool
s_test_unread_statistics (int arg)
{
    void *steerer = s_open_steered (arg);
    if (s_steerers [arg].steerer == ZMQ_XPUB)
        s_set (steerer, ZMQ_XPUB_NODROP, 1);
    proxy_t *proxy = s_start ();
    for (int count = 0; count < MANY; count++)
        NEED (zstr_send (steerer, "STATISTICS") == 0);
    NEED (s_send (s_source, 0));
    NEED (s_receives (s_sink, 0));
    NEED (s_steer (steerer, "TERMINATE"));
    NEED (s_ends (proxy, 0, 0));
    return s_finish ();
}


//  --------------------------------------------------------------------------
//  Ends

static void *
s_flood_thread (void *handle)
{
    char body [100] = { 0 };
    while (zmq_send (handle, body, sizeof (body), 0) != -1)
        continue;
    return NULL;
}

//  States in which a relay may be
enum { IDLE, FLOODED, STALLED, PAUSED, CAPTURE_FULL };

static bool
s_enter (int state, void *control)
{
    if (state == STALLED)
        NEED (s_fill (s_source, 0, 2) > 1);
    if (state == CAPTURE_FULL)
        for (int number = 0; number < 2 * EXCHANGES; number++) {
            NEED (s_send (s_source, number));
            NEED (s_receives (s_sink, number));
        }
    if (state == PAUSED) {
        uint64_t values [8];
        NEED (s_steer (control, "PAUSE"));
        NEED (s_statistics (control, values));
        NEED (s_send (s_source, 0));
    }
    return true;
}

//  The context ends, or TERMINATE comes

static bool
s_test_end (int arg)
{
    int state = arg % 10;
    bool terminates = arg >= 10;
    bool flooded = state == FLOODED;
    //  A PUB that nobody reads is never full
    s_make_all (ZMQ_PULL, flooded? ZMQ_PUB: ZMQ_PUSH,
                state == CAPTURE_FULL? ZMQ_PUSH: NONE,
                s_function == STEER? ZMQ_PAIR: NONE);
    if (state == CAPTURE_FULL)
        s_set (s_places [CAPTURE], ZMQ_SNDHWM, 1);
    s_bind_all ();
    void *control = s_function == STEER? s_peer (CONTROL, ZMQ_PAIR): NULL;
    s_source = s_peer (FRONTEND, ZMQ_PUSH);
    if (!flooded && state != STALLED)
        s_sink = s_peer (BACKEND, ZMQ_PULL);
    proxy_t *proxy = s_start ();
    NEED (s_enter (state, control));
    pthread_t thread;
    if (flooded) {
        s_set (s_source, ZMQ_SNDTIMEO, -1);
        pthread_create (&thread, NULL, s_flood_thread, s_source);
        zclock_sleep (QUIET);
    }
    if (terminates) {
        NEED (s_steer (control, "TERMINATE"));
        NEED (s_ends (proxy, 0, 0));
    }
    zmq_ctx_shutdown (s_context);
    if (flooded)
        NEED (s_joins (thread));
    return s_finish ();
}

//  Sockets of two contexts; the one at a place ends

static bool
s_test_contexts (int place)
{
    int types [] = { ZMQ_PULL, ZMQ_PUSH, ZMQ_PUSH, ZMQ_PAIR };
    s_context = zmq_ctx_new ();
    void *other = s_others [s_other_count++] = zmq_ctx_new ();
    for (int index = 0; index < 4; index++)
        s_make_of (index == place? other: s_context, index, types [index]);
    for (int index = FRONTEND; index <= CONTROL; index++)
        s_bind (index, "tcp://127.0.0.1:*");
    s_source = s_peer (FRONTEND, ZMQ_PUSH);
    s_sink = s_peer (BACKEND, ZMQ_PULL);
    void *copies = s_peer (CAPTURE, ZMQ_PULL);
    //  What finds nobody is not captured
    zmq_pollitem_t item = {
        .socket = s_places [CAPTURE], .events = ZMQ_POLLOUT
    };
    NEED (zmq_poll (&item, 1, PATIENCE) == 1);
    proxy_t *proxy = s_start ();
    for (int number = 0; number < EXCHANGES; number++) {
        NEED (s_send (s_source, number));
        NEED (s_receives (s_sink, number));
        if (s_function != DEVICE)
            NEED (s_receives (copies, number));
    }
    zmq_ctx_shutdown (other);
    NEED (s_ends (proxy, -1, ETERM));
    return s_finish ();
}

//  What is no socket

static bool
s_test_refusals (int arg)
{
    (void) arg;
    void *pull = s_make (FRONTEND, ZMQ_PULL);
    void *push = s_make (BACKEND, ZMQ_PUSH);
    void *no_socket = zmalloc (4096);
    NEED (s_call ((void *[4]) { NULL, NULL, NULL, NULL }) == -1
          && errno == EFAULT);
    NEED (s_call ((void *[4]) { NULL, push, NULL, NULL }) == -1
          && errno == EFAULT);
    NEED (s_call ((void *[4]) { pull, NULL, NULL, NULL }) == -1
          && errno == EFAULT);
    NEED (s_call ((void *[4]) { no_socket, push, NULL, NULL }) == -1
          && errno == ENOTSOCK);
    NEED (s_call ((void *[4]) { pull, no_socket, NULL, NULL }) == -1
          && errno == ENOTSOCK);
    if (s_function != DEVICE && s_library == s_libraries)
        NEED (s_call ((void *[4]) { pull, push, no_socket, NULL }) == -1
              && errno == ENOTSOCK);
    if (s_function == STEER)
        NEED (s_call ((void *[4]) { pull, push, NULL, no_socket }) == -1
              && errno == ENOTSOCK);
    free (no_socket);
    //  They are as they were
    s_bind_all ();
    s_source = s_peer (FRONTEND, ZMQ_PUSH);
    s_sink = s_peer (BACKEND, ZMQ_PULL);
    s_start ();
    NEED (s_send (s_source, 0));
    NEED (s_receives (s_sink, 0));
    //  Of a context that has ended
    zmq_ctx_shutdown (s_context);
    NEED (s_ends (s_proxies, -1, ETERM));
    NEED (s_call (s_places) == -1 && errno == ETERM);
    return s_finish ();
}


//  --------------------------------------------------------------------------
//  Capture

static bool
s_test_capture (int type)
{
    s_make_all (ZMQ_ROUTER, ZMQ_DEALER, type, NONE);
    s_bind_all ();
    void *copies = s_peer (CAPTURE, type == ZMQ_PUB? ZMQ_SUB:
                                    type == ZMQ_PUSH? ZMQ_PULL: type);
    s_source = s_peer (FRONTEND, ZMQ_DEALER);
    s_sink = s_peer (BACKEND, ZMQ_DEALER);
    s_start ();
    for (int number = 0; number < EXCHANGES; number++) {
        NEED (s_send (s_source, number));
        zmsg_t *request = zmsg_recv (s_sink);
        NEED (request);
        zmsg_t *copy = zmsg_recv (copies);
        NEED (s_equal (copy, request));
        zmsg_destroy (&copy);
        zmsg_t *reply = zmsg_dup (request);
        zmsg_addstr (reply, "reply");
        zmsg_t *expected = zmsg_dup (reply);
        zmsg_send (&reply, s_sink);
        copy = zmsg_recv (copies);
        NEED (s_equal (copy, expected));
        zmsg_destroy (&copy);
        zmsg_destroy (&expected);
        zmsg_destroy (&request);
        reply = zmsg_recv (s_source);
        NEED (reply && zmsg_size (reply) == 2u + number % FRAMES);
        zmsg_destroy (&reply);
    }
    return s_finish ();
}

//  Nobody reads the copies, whether anybody is there (arg >= 100) or not

static bool
s_test_unread_capture (int arg)
{
    int type = arg % 100;
    s_make_all (ZMQ_PULL, ZMQ_PUSH, type, NONE);
    s_set (s_places [CAPTURE], ZMQ_SNDHWM, 1);
    s_bind_all ();
    void *copies = NULL;
    if (arg >= 100)
        copies = s_peer_with (CAPTURE, type == ZMQ_PUB? ZMQ_SUB:
                              type == ZMQ_PUSH? ZMQ_PULL: type, ZMQ_RCVHWM, 1);
    s_source = s_peer (FRONTEND, ZMQ_PUSH);
    s_sink = s_peer (BACKEND, ZMQ_PULL);
    s_start ();
    for (int number = 0; number < MANY; number++) {
        NEED (s_send (s_source, number));
        NEED (s_receives (s_sink, number));
    }
    //  Those that went are whole
    if (copies)
        NEED (s_receives (copies, 0));
    return s_finish ();
}


//  A reader that comes a little later gets all copies

static bool
s_test_late_capture (int type)
{
    s_make_all (ZMQ_PULL, ZMQ_PUSH, type, NONE);
    s_bind_all ();
    s_source = s_peer (FRONTEND, ZMQ_PUSH);
    s_sink = s_peer (BACKEND, ZMQ_PULL);
    s_start ();
    for (int number = 0; number < EXCHANGES; number++)
        NEED (s_send (s_source, number));
    //  libzmq waits for the reader first
    if (s_library == s_libraries)
        NEED (s_receives_all (s_sink, 0, EXCHANGES));
    void *copies = s_peer (CAPTURE, type == ZMQ_PUSH? ZMQ_PULL: type);
    NEED (s_receives_all (copies, 0, EXCHANGES));
    if (s_library != s_libraries)
        NEED (s_receives_all (s_sink, 0, EXCHANGES));
    NEED (s_send (s_source, 0));
    NEED (s_receives (s_sink, 0));
    NEED (s_receives (copies, 0));
    return s_finish ();
}


//  --------------------------------------------------------------------------
//  Signals

static void
s_on_signal (int number)
{
    (void) number;
}

//  Restarting, if it can be

static void
s_catch (void)
{
    struct sigaction action = { .sa_handler = s_on_signal };
    sigaction (SIGUSR1, &action, NULL);
}

//  Send signals until the function has returned once more

static bool
s_interrupt (proxy_t *proxy)
{
    int before = __atomic_load_n (&proxy->interruptions, __ATOMIC_SEQ_CST);
    int64_t deadline = zclock_mono () + PATIENCE;
    while (__atomic_load_n (&proxy->interruptions, __ATOMIC_SEQ_CST)
           == before) {
        NEED (zclock_mono () < deadline);
        pthread_kill (proxy->thread, SIGUSR1);
        zclock_sleep (5);
    }
    return true;
}

static bool
s_test_signal (int arg)
{
    (void) arg;
    s_catch ();
    s_open_pair (&s_pairs [0], NULL);
    proxy_t *proxy = s_start ();
    NEED (s_exchange (&s_pairs [0]));
    NEED (s_interrupt (proxy));
    NEED (s_ends (proxy, -1, EINTR));
    //  The sockets are there, and the next call goes on
    NEED (s_send (s_source, 0));
    proxy = s_start ();
    NEED (s_receives (s_sink, 0));
    NEED (s_send (s_sink, 1));
    NEED (s_receives (s_source, 1));
    return s_finish ();
}

//  A message is held. Called again, the function goes on with it.

static void
s_open_full (void)
{
    s_make_all (ZMQ_PULL, ZMQ_PUSH, NONE,
                s_function == STEER? ZMQ_PAIR: NONE);
    s_set (s_places [FRONTEND], ZMQ_RCVHWM, 1);
    s_bind_all ();
    s_source = s_peer_with (FRONTEND, ZMQ_PUSH, ZMQ_SNDHWM, 1);
}

static bool
s_test_signal_held (int arg)
{
    (void) arg;
    s_catch ();
    s_open_full ();
    proxy_t *proxy = s_start_with (s_places [FRONTEND], s_places [BACKEND],
                                   NULL, s_places [CONTROL]);
    proxy->persistent = true;
    //  The queue takes two, and no more is read
    int count = s_fill (s_source, 0, 2);
    NEED (count >= 2);
    for (int round = 0; round < 10; round++)
        NEED (s_interrupt (proxy));
    s_sink = s_peer (BACKEND, ZMQ_PULL);
    NEED (s_receives_all (s_sink, 0, count));
    NEED (s_send (s_source, count));
    NEED (s_receives (s_sink, count));
    return s_finish ();
}

//  TERMINATE with a message held, and the same thread calls again

static void *
s_twice_thread (void *arg)
{
    proxy_t *self = (proxy_t *) arg;
    if (s_call (self->sockets) == 0)
        s_proxy_thread (self);
    return NULL;
}

static bool
s_test_terminated_held (int arg)
{
    (void) arg;
    s_open_full ();
    void *control = s_peer (CONTROL, ZMQ_PAIR);
    proxy_t *proxy = &s_proxies [s_proxy_count++];
    memcpy (proxy->sockets, s_places, sizeof (proxy->sockets));
    pthread_create (&proxy->thread, NULL, s_twice_thread, proxy);
    int count = s_fill (s_source, 0, 2);
    NEED (count >= 2);
    NEED (s_steer (control, "TERMINATE"));
    uint64_t values [8];
    NEED (s_statistics (control, values));
    s_sink = s_peer (BACKEND, ZMQ_PULL);
    NEED (s_receives_all (s_sink, 0, count));
    NEED (s_send (s_source, count));
    NEED (s_receives (s_sink, count));
    return s_finish ();
}

//  Ended while its output is full, of which it has taken some messages. The
//  application reads the rest itself, and a relay in another thread goes on.

static bool
s_test_given_back (int signalled)
{
    s_catch ();
    s_make_all (ZMQ_PULL, ZMQ_PUSH, NONE,
                s_function == STEER? ZMQ_PAIR: NONE);
    s_set (s_places [BACKEND], ZMQ_SNDHWM, 2);
    s_bind_all ();
    s_source = s_peer (FRONTEND, ZMQ_PUSH);
    s_sink = s_peer_with (BACKEND, ZMQ_PULL, ZMQ_RCVHWM, 2);
    void *control = signalled? NULL: s_peer (CONTROL, ZMQ_PAIR);
    int sent = 0;
    int received = 0;
    for (int round = 0; round < 3; round++) {
        proxy_t *proxy = s_start ();
        for (int count = 0; count < EXCHANGES; count++)
            NEED (s_send (s_source, sent++));
        //  The output is full when the next message comes only after one is
        //  taken from it
        NEED (s_receives (s_sink, received++));
        if (signalled) {
            NEED (s_interrupt (proxy));
            NEED (s_ends (proxy, -1, EINTR));
        }
        else {
            NEED (s_steer (control, "TERMINATE"));
            NEED (s_ends (proxy, 0, 0));
        }
        //  What the sink has not got is in the frontend, and nowhere else
        while (s_hears (s_sink))
            NEED (s_receives (s_sink, received++));
        NEED (received < sent);
        if (round == 0)
            NEED (s_receives (s_places [FRONTEND], received++));
    }
    s_start ();
    NEED (s_receives_all (s_sink, received, sent - received));
    return s_finish ();
}

//  Interrupted with a message held, then called with other sockets: at other
//  places, or (arg) at the same, since the first were closed

static void *
s_others_thread (void *arg)
{
    proxy_t *self = (proxy_t *) arg;
    s_call (self->sockets);
    __atomic_add_fetch (&self->interruptions, errno == EINTR,
                        __ATOMIC_SEQ_CST);
    while (!__atomic_load_n (&self->running, __ATOMIC_SEQ_CST))
        zclock_sleep (1);
    return s_proxy_thread (self);
}

static bool
s_test_other_sockets (int closed)
{
    s_catch ();
    s_open_full ();
    proxy_t *proxy = &s_proxies [s_proxy_count++];
    memcpy (proxy->sockets, s_places, sizeof (proxy->sockets));
    pthread_create (&proxy->thread, NULL, s_others_thread, proxy);
    NEED (s_fill (s_source, 0, 2) >= 2);
    NEED (s_interrupt (proxy));
    if (closed) {
        for (int index = 0; index < s_handle_count; index++)
            zmq_close (s_handles [index]);
        s_handle_count = 0;
        //  Then all of it is gone
        zmq_ctx_term (s_context);
        s_context = NULL;
    }
    memset (s_endpoints, 0, sizeof (s_endpoints));
    memset (s_places, 0, sizeof (s_places));
    s_make_all (ZMQ_ROUTER, ZMQ_DEALER, NONE, NONE);
    s_bind (FRONTEND, "tcp://127.0.0.1:*");
    s_bind (BACKEND, "tcp://127.0.0.1:*");
    s_source = s_peer (FRONTEND, ZMQ_REQ);
    s_sink = s_peer (BACKEND, ZMQ_REP);
    memcpy (proxy->sockets, s_places, sizeof (proxy->sockets));
    __atomic_store_n (&proxy->running, 1, __ATOMIC_SEQ_CST);
    NEED (s_exchange (&s_pairs [0]));
    return s_finish ();
}

//  Interrupted with a message held, then forked: the child runs relays of its
//  own, and what it inherited is not touched

static int
s_in_child (void)
{
    void *context = zmq_ctx_new ();
    void *sockets [4];
    static const int types [] = { ZMQ_PULL, ZMQ_PUSH, ZMQ_PUSH, ZMQ_PAIR };
    for (int index = 0; index < 4; index++)
        sockets [index] = zmq_socket (context, types [index]);
    void *steerer = zmq_socket (context, ZMQ_PAIR);
    zmq_bind (sockets [CONTROL], "inproc://control");
    zmq_connect (steerer, "inproc://control");
    zstr_send (steerer, "TERMINATE");
    return s_call (sockets);
}

static void *
s_fork_thread (void *arg)
{
    proxy_t *self = (proxy_t *) arg;
    s_call (self->sockets);
    __atomic_add_fetch (&self->interruptions, errno == EINTR,
                        __ATOMIC_SEQ_CST);
    pid_t child = fork ();
    if (child == 0) {
        alarm (LIMIT / 2);
        _exit (s_in_child () == 0? 0: 1);
    }
    int status = -1;
    while (waitpid (child, &status, 0) == -1 && errno == EINTR)
        continue;
    if (status != 0)
        return NULL;
    self->persistent = true;
    return s_proxy_thread (self);
}

static bool
s_test_fork (int arg)
{
    (void) arg;
    //  The control socket has a context, and threads that a child has not
    setenv ("ZRELAY_CONTROL", "anybody tcp://127.0.0.1:*", 1);
    s_catch ();
    s_open_full ();
    proxy_t *proxy = &s_proxies [s_proxy_count++];
    memcpy (proxy->sockets, s_places, sizeof (proxy->sockets));
    pthread_create (&proxy->thread, NULL, s_fork_thread, proxy);
    int count = s_fill (s_source, 0, 2);
    NEED (count >= 2);
    NEED (s_interrupt (proxy));
    s_sink = s_peer (BACKEND, ZMQ_PULL);
    NEED (s_receives_all (s_sink, 0, count));
    return s_finish ();
}

//  Signals as fast as they can be sent, while messages of several frames go
//  through queues that are full all the time: none is lost, torn or doubled

static void *
s_storm_thread (void *arg)
{
    proxy_t *proxy = (proxy_t *) arg;
    while (__atomic_load_n (&proxy->running, __ATOMIC_SEQ_CST)) {
        pthread_kill (proxy->thread, SIGUSR1);
        struct timespec moment = { 0, 20000 };
        nanosleep (&moment, NULL);
    }
    return NULL;
}

static void *
s_source_thread (void *handle)
{
    for (int number = 0; number < STREAMED; number++)
        if (!s_send (handle, number))
            break;
    return NULL;
}

static bool
s_test_storm (int arg)
{
    (void) arg;
    s_catch ();
    s_make_all (ZMQ_PULL, ZMQ_PUSH, ZMQ_PUSH, NONE);
    s_set (s_places [FRONTEND], ZMQ_RCVHWM, 100);
    s_set (s_places [BACKEND], ZMQ_SNDHWM, 100);
    s_set (s_places [CAPTURE], ZMQ_SNDHWM, 0);
    s_bind_all ();
    s_source = s_peer (FRONTEND, ZMQ_PUSH);
    s_sink = s_peer_with (BACKEND, ZMQ_PULL, ZMQ_RCVHWM, 100);
    void *copies = s_peer_with (CAPTURE, ZMQ_PULL, ZMQ_RCVHWM, 0);
    proxy_t *proxy = &s_proxies [s_proxy_count++];
    memcpy (proxy->sockets, s_places, sizeof (proxy->sockets));
    proxy->persistent = true;
    proxy->running = 1;
    pthread_create (&proxy->thread, NULL, s_proxy_thread, proxy);
    pthread_t storm, source;
    pthread_create (&storm, NULL, s_storm_thread, proxy);
    pthread_create (&source, NULL, s_source_thread, s_source);
    bool right = s_receives_all (s_sink, 0, STREAMED);
    __atomic_store_n (&proxy->running, 0, __ATOMIC_SEQ_CST);
    pthread_join (storm, NULL);
    NEED (right);
    pthread_join (source, NULL);
    NEED (s_receives_all (copies, 0, STREAMED));
    NEED (__atomic_load_n (&proxy->interruptions, __ATOMIC_SEQ_CST) > 0);
    return s_finish ();
}


//  --------------------------------------------------------------------------
//  The table

typedef struct {
    const char *name;
    int functions;                  //  Which are to be run
    int libraries;                  //  OURS or BOTH
    bool (*run) (int arg);
    int arg;
} scenario_t;

static const scenario_t s_scenarios [] = {
    { "one REP as both sides", ALL, BOTH, s_test_single,
      ONE_FRAME + ZMQ_REP },
    //  libzmq returns EFSM, since it replies before it has received all
    { "one REP as both sides, several frames", ALL, OURS, s_test_single,
      ZMQ_REP },
    { "one PAIR as both sides", ALL, BOTH, s_test_single, ZMQ_PAIR },
    { "one DEALER as both sides", ALL, BOTH, s_test_single, ZMQ_DEALER },
    { "one ROUTER as both sides", ALL, BOTH, s_test_single, ZMQ_ROUTER },
    { "one STREAM as both sides", ALL, BOTH, s_test_stream, 0 },
    { "two in a chain", ALL, BOTH, s_test_chain, 0 },
    { "workers in threads", ALL, BOTH, s_test_workers, 0 },
    { "control is NULL", STEER, BOTH, s_test_uncontrolled, 0 },
    { "zsock_t instead of libzmq's sockets", ALL, OURS, s_test_zsock, 0 },

    { "high-water marks of 1", ALL, BOTH, s_test_hwm, ZMQ_PULL },
    //  libzmq blocks in an XPUB with ZMQ_XPUB_NODROP, and then neither hears
    //  of the control socket nor of subscriptions
    { "high-water marks of 1, and XPUB must not drop", ALL, OURS, s_test_hwm,
      ZMQ_XSUB },
    { "a subscriber slower than its publisher", STEER, OURS,
      s_test_slow_subscriber, 0 },
    //  libzmq passes on up to 1000 messages without looking whether they fit
    { "one direction is full, the other goes on", ALL, OURS,
      s_test_other_direction, 0 },
    //  libzmq polls without pause for what it cannot pass on
    { "a queue without server uses no CPU", ALL, OURS, s_test_cpu, 0 },

    { "words on a PAIR", STEER, BOTH, s_test_words, 0 },
    { "words on a DEALER", STEER, BOTH, s_test_words, 1 },
    { "words on a SUB", STEER, BOTH, s_test_words, 2 },
    { "words on a PULL", STEER, BOTH, s_test_words, 3 },
    //  libzmq does not answer there, and cannot receive the next word
    { "words on a REP", STEER, OURS, s_test_words, 4 },
    { "paused, then ended, then called again", STEER, BOTH, s_test_paused, 0 },
    { "statistics of a queue", STEER, OURS, s_test_statistics, 0 },
    { "statistics of a forwarder", STEER, BOTH, s_test_more_statistics, 0 },
    //  libzmq ends the process
    { "junk on a PAIR", STEER, OURS, s_test_junk, 0 },
    { "junk on a DEALER", STEER, OURS, s_test_junk, 1 },
    { "junk on a SUB", STEER, OURS, s_test_junk, 2 },
    { "junk on a PULL", STEER, OURS, s_test_junk, 3 },
    { "junk on a REP", STEER, OURS, s_test_junk, 4 },
    //  libzmq waits for the rest of what a REP has thrown away
    { "strangers on a REP", STEER, OURS, s_test_misshapen, 0 },
    //  libzmq blocks there, or returns what the send failed with
    { "statistics that nobody reads on a PAIR", STEER, OURS,
      s_test_unread_statistics, 0 },
    { "statistics asked for on a SUB", STEER, OURS, s_test_unread_statistics,
      2 },
    { "statistics asked for on a PULL", STEER, OURS, s_test_unread_statistics,
      3 },

    { "the context ends when idle", ALL, BOTH, s_test_end, IDLE },
    { "the context ends when flooded", ALL, BOTH, s_test_end, FLOODED },
    { "the context ends when stalled", ALL, BOTH, s_test_end, STALLED },
    { "the context ends when paused", STEER, BOTH, s_test_end, PAUSED },
    { "TERMINATE when idle", STEER, BOTH, s_test_end, 10 + IDLE },
    { "TERMINATE when flooded", STEER, BOTH, s_test_end, 10 + FLOODED },
    { "TERMINATE when stalled", STEER, BOTH, s_test_end, 10 + STALLED },
    { "TERMINATE gives back what is not sent", STEER, OURS, s_test_given_back,
      0 },
    { "a signal does, too", ALL, OURS, s_test_given_back, 1 },
    { "TERMINATE when paused", STEER, BOTH, s_test_end, 10 + PAUSED },
    //  libzmq blocks in the capture
    { "the context ends when the capture is full", RUN | STEER, OURS,
      s_test_end, CAPTURE_FULL },
    { "TERMINATE when the capture is full", STEER, OURS, s_test_end,
      10 + CAPTURE_FULL },
    { "two contexts, that of the frontend ends", ALL, BOTH, s_test_contexts,
      FRONTEND },
    { "two contexts, that of the backend ends", ALL, BOTH, s_test_contexts,
      BACKEND },
    //  libzmq finds out with the next message
    { "two contexts, that of the capture ends", RUN | STEER, OURS,
      s_test_contexts, CAPTURE },
    { "two contexts, that of control ends", STEER, BOTH, s_test_contexts,
      CONTROL },
    { "EFAULT, ENOTSOCK and ETERM", RUN | STEER, BOTH, s_test_refusals, 0 },
    //  libzmq crashes here
    { "EFAULT, ENOTSOCK and ETERM", DEVICE, OURS, s_test_refusals, 0 },

    { "a PUB as capture", RUN | STEER, BOTH, s_test_capture, ZMQ_PUB },
    { "a PUSH as capture", RUN | STEER, BOTH, s_test_capture, ZMQ_PUSH },
    { "a PAIR as capture", RUN | STEER, BOTH, s_test_capture, ZMQ_PAIR },
    { "a DEALER as capture", RUN | STEER, BOTH, s_test_capture, ZMQ_DEALER },
    { "a PUB as capture, without reader", RUN | STEER, BOTH,
      s_test_unread_capture, ZMQ_PUB },
    { "a PUB as capture, whose reader has stopped", RUN | STEER, BOTH,
      s_test_unread_capture, 100 + ZMQ_PUB },
    { "a PUSH as capture, whose reader comes later", RUN | STEER, BOTH,
      s_test_late_capture, ZMQ_PUSH },
    { "a PAIR as capture, whose reader comes later", RUN | STEER, BOTH,
      s_test_late_capture, ZMQ_PAIR },
    { "a DEALER as capture, whose reader comes later", RUN | STEER, BOTH,
      s_test_late_capture, ZMQ_DEALER },
    //  libzmq blocks in a capture that is full
    { "a PUSH as capture, without reader", RUN | STEER, OURS,
      s_test_unread_capture, ZMQ_PUSH },
    { "a PUSH as capture, whose reader has stopped", RUN | STEER, OURS,
      s_test_unread_capture, 100 + ZMQ_PUSH },
    { "a PAIR as capture, without reader", RUN | STEER, OURS,
      s_test_unread_capture, ZMQ_PAIR },
    { "a PAIR as capture, whose reader has stopped", RUN | STEER, OURS,
      s_test_unread_capture, 100 + ZMQ_PAIR },
    { "a DEALER as capture, without reader", RUN | STEER, OURS,
      s_test_unread_capture, ZMQ_DEALER },
    { "a DEALER as capture, whose reader has stopped", RUN | STEER, OURS,
      s_test_unread_capture, 100 + ZMQ_DEALER },

    { "a signal when idle, and called again", ALL, BOTH, s_test_signal, 0 },
    //  libzmq does not hold messages
    { "signals while a message is held", ALL, OURS, s_test_signal_held, 0 },
    { "TERMINATE while a message is held, and called again", STEER, OURS,
      s_test_terminated_held, 0 },
    { "a signal while a message is held, and called with others", ALL, OURS,
      s_test_other_sockets, 0 },
    { "the same, when the first are closed", ALL, OURS, s_test_other_sockets,
      1 },
    { "a signal while a message is held, and forked", STEER, OURS,
      s_test_fork, 0 },
    //  libzmq loses or tears the message that it was about to pass on
    { "a storm of signals", RUN | STEER, OURS, s_test_storm, 0 },
};
#define SCENARIOS (sizeof (s_scenarios) / sizeof (*s_scenarios))


//  --------------------------------------------------------------------------
//  Running them

static const char *s_chosen;        //  Part of a name, or NULL

static void
s_run (const char *name, int function, const library_t *library,
       bool (*scenario) (int arg), int arg)
{
    const char *title = library->functions [function];
    if (s_chosen && !strstr (name, s_chosen) && !strstr (title, s_chosen))
        return;
    fflush (stdout);
    pid_t child = fork ();
    assert (child != -1);
    if (child == 0) {
        alarm (LIMIT);
        s_library = library;
        s_function = function;
        //  What is wrong may be in any state, and is left as it is
        if (!scenario (arg)) {
            fflush (stdout);
            _exit (1);
        }
        exit (0);
    }
    int status = -1;
    waitpid (child, &status, 0);
    if (!TAP (status == 0, "%s: %s", title, name))
        printf ("#   wait status %d\n", status);
}

static void
s_run_all (const char *name, int functions, int libraries,
           bool (*scenario) (int arg), int arg)
{
    for (int function = DEVICE; function <= STEER; function *= 2)
        for (int library = 0; library < libraries; library++)
            if (functions & function)
                s_run (name, function, &s_libraries [library], scenario, arg);
}

static void
s_run_pairs (void)
{
    for (size_t index = 0; index < PAIRS; index++) {
        char name [80];
        int libraries = s_pairs [index].libraries;
        s_run_all (s_pairs [index].name, ALL, libraries, s_test_pair,
                   (int) index);
        snprintf (name, sizeof (name), "%s over TCP", s_pairs [index].name);
        s_run_all (name, RUN, libraries, s_test_pair_tcp, (int) index);
        snprintf (name, sizeof (name), "%s keep their options",
                  s_pairs [index].name);
        s_run_all (name, STEER, libraries, s_test_options, (int) index);
    }
}

int
main (int argc, char **argv)
{
    TAP_DEADLINE (DEADLINE);
    s_chosen = argc > 1? argv [1]: NULL;
    s_run_pairs ();
    for (size_t index = 0; index < SCENARIOS; index++)
        s_run_all (s_scenarios [index].name, s_scenarios [index].functions,
                   s_scenarios [index].libraries, s_scenarios [index].run,
                   s_scenarios [index].arg);
    return tap_end ();
}
