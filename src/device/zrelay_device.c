/*  =========================================================================
    zrelay_device - relays between libzmq's sockets, in the caller's thread

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  For secure_getenv
#define _GNU_SOURCE 1

#include "zrelay_command.h"
#include "zrelay_endpoint.h"
#include "../../selftest/zrelay_testing.h"

//  The caller's sockets, in the order of zrelay_steer ()
enum { FRONTEND, BACKEND, CAPTURE, CONTROL, SOCKETS };

//  A relay, and what it was called with
typedef struct {
    void *sockets [SOCKETS];    //  NULL: none
    int fds [2];                //  ZMQ_FD of frontend and backend
    int types [2];              //  And their socket types
    pid_t process;              //  Which called
    zrelay_engine_t *engine;    //  The relay
    void *context;              //  Of the socket for ZRELAY_CONTROL, or NULL
    void *remote;               //  That socket
} device_t;

#define ANY_SOCKETS \
    .frontend = { .types = ZRELAY_ANY_TYPE }, \
    .backend = { .types = ZRELAY_ANY_TYPE }

//  By the numbers that zmq_device () takes, see zmq.h

static const zrelay_kind_t s_kinds [] = {
    [0] = { .name = "proxy", ANY_SOCKETS },
    [ZMQ_STREAMER] = { .name = "streamer", ANY_SOCKETS },
    [ZMQ_FORWARDER] = { .name = "forwarder", ANY_SOCKETS },
    [ZMQ_QUEUE] = { .name = "queue", ANY_SOCKETS }
};
#define KINDS (int) (sizeof (s_kinds) / sizeof (*s_kinds))


//  --------------------------------------------------------------------------
//  The control socket of zrelay_steer ()

//  Send one frame; false if the socket does not take it

static bool
s_answer (device_t *self, const void *data, size_t size, bool more)
{
    int rc;
    do
        rc = zmq_send (self->sockets [CONTROL], data, size,
                       ZMQ_DONTWAIT | (more? ZMQ_SNDMORE: 0));
    while (rc == -1 && errno == EINTR);
    return rc != -1;
}

//  Send the counters, if the socket takes them

static void
s_statistics (device_t *self)
{
    zrelay_side_t *front = self->engine->sides [ZRELAY_FRONTEND];
    zrelay_side_t *back = self->engine->sides [ZRELAY_BACKEND];
    uint64_t values [8] = { 0 };
    uint64_t *value = values;
    zrelay_side_t *sides [2] = { front, back? back: front };
    for (int index = 0; index < 2; index++, value += 4) {
        const zrelay_tally_t *in = zrelay_side_received (sides [index]);
        const zrelay_tally_t *out = zrelay_side_sent (sides [index]);
        //  As libzmq has it, one socket receives as the frontend and sends as
        //  the backend
        if (back || index == 0) {
            value [0] = in->messages;
            value [1] = in->bytes + zrelay_side_received_ids (sides [index]);
        }
        if (back || index == 1) {
            value [2] = out->messages;
            value [3] = out->bytes + zrelay_side_sent_ids (sides [index]);
        }
    }
    for (int index = 0; index < 8; index++)
        if (!s_answer (self, &values [index], sizeof (values [index]),
                       index < 7))
            return;
}

//  Words, and the command of the relay that does it; none for STATISTICS

static const struct {
    const char *word;
    const char *command;
} s_words [] = {
    { "PAUSE", "PAUSE" },
    { "RESUME", "RESUME" },
    { "TERMINATE", "$TERM" },
    { "STATISTICS", NULL },
    { NULL, NULL }
};

//  Returns true if the caller got an answer

static bool
s_obey (device_t *self, zmsg_t *msg)
{
    zframe_t *word = zmsg_size (msg) == 1? zmsg_first (msg): NULL;
    int index = 0;
    while (s_words [index].word
       &&  !(word && zframe_streq (word, s_words [index].word)))
        index++;
    if (!s_words [index].word) {
        zrelay_engine_log (self->engine, zsys_warning, "a message of %zu "
            "frames, %zu bytes, is no word to steer with", zmsg_size (msg),
            zmsg_content_size (msg));
        return false;
    }
    if (!s_words [index].command) {
        s_statistics (self);
        return true;
    }
    zmsg_t *none = zmsg_new ();
    zrelay_command_execute (zrelay_command_find (self->engine->kind,
                                                 s_words [index].command),
                            self->engine, none, NULL);
    zmsg_destroy (&none);
    return false;
}

static int
s_on_control (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    device_t *self = (device_t *) arg;
    zmsg_t *msg = zrelay_message_poll (item->socket);
    if (!msg)
        return 0;
    bool answered = s_obey (self, msg);
    //  Replies may not wait, and requests have come
    if (!answered && zsock_type (item->socket) == ZMQ_REP)
        s_answer (self, "", 0, false);
    zmsg_destroy (&msg);
    zrelay_engine_watch (self->engine);
    return self->engine->terminated? -1: 0;
}


//  --------------------------------------------------------------------------
//  ZRELAY_CONTROL and ZRELAY_LOG

//  Not in a program that has more rights than who runs it

static const char *
s_environment (const char *name)
{
#if defined (__GLIBC__)
    return secure_getenv (name);
#else
    return getenv (name);
#endif
}

static bool
s_wants_log (void)
{
    const char *value = s_environment ("ZRELAY_LOG");
    return value && *value && strneq (value, "0");
}

//  The endpoint with its %p and %n replaced

static char *
s_expand (const char *pattern)
{
    static int number = 0;
    int mine = __sync_add_and_fetch (&number, 1);
    zchunk_t *text = zchunk_new (NULL, 0);
    assert (text);
    for (; *pattern; pattern++) {
        char buffer [16] = { *pattern };
        bool known = *pattern == '%' && (pattern [1] == 'p'
                                      || pattern [1] == 'n');
        if (known)
            snprintf (buffer, sizeof (buffer), "%d",
                      *++pattern == 'p'? (int) getpid (): mine);
        zchunk_extend (text, buffer, strlen (buffer));
    }
    char *endpoint = zchunk_strdup (text);
    assert (endpoint);
    zchunk_destroy (&text);
    return endpoint;
}

static void
s_close_remote (device_t *self)
{
    if (self->remote)
        zmq_close (self->remote);
    if (self->context)
        zmq_ctx_term (self->context);
    self->remote = NULL;
    self->context = NULL;
}

//  The context is its own, so that it does not end with the caller's, nor
//  keeps that from ending

static void
s_open_remote (device_t *self, const char *pattern)
{
    char *endpoint = s_expand (pattern);
    const char *refusal = zrelay_endpoint_refusal (endpoint, true);
    int linger = 0;
    self->context = zmq_ctx_new ();
    self->remote = self->context? zmq_socket (self->context, ZMQ_REP): NULL;
    if (self->remote)
        zmq_setsockopt (self->remote, ZMQ_LINGER, &linger, sizeof (linger));
    if (!refusal
    && (!self->remote || zmq_bind (self->remote, endpoint) == -1))
        refusal = zmq_strerror (errno);
    if (refusal) {
        zrelay_engine_log (self->engine, zsys_warning,
            "cannot be steered at '%s': %s", endpoint, refusal);
        s_close_remote (self);
    }
    else {
        char *resolved = zsock_last_endpoint (self->remote);
        zrelay_engine_log (self->engine, zsys_info, "steered at %s", resolved);
        zstr_free (&resolved);
        zrelay_engine_listen (self->engine, self->remote, true);
    }
    zstr_free (&endpoint);
}

static void
s_log_begin (device_t *self)
{
    if (!self->engine->log)
        return;
    for (int index = FRONTEND; index <= CAPTURE; index++) {
        static const char *names [] = { "frontend", "backend", "capture" };
        void *handle = self->sockets [index];
        char *endpoint = handle? zsock_last_endpoint (handle): NULL;
        if (handle)
            zrelay_engine_log (self->engine, zsys_info, "%s is a %s at %s",
                names [index], zsys_sockname (zsock_type (handle)),
                endpoint && *endpoint? endpoint: "no endpoint yet");
        zstr_free (&endpoint);
    }
}

static void
s_log_end (device_t *self)
{
    for (int index = 0; index < 2; index++) {
        zrelay_flow_t *flow = self->engine->flows [index];
        if (flow)
            zrelay_engine_log (self->engine, zsys_info, "%s carried %" PRIu64
                " messages, dropped %" PRIu64, zrelay_flow_name (flow),
                zrelay_flow_passed (flow), zrelay_flow_dropped (flow));
    }
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

static device_t *
s_device_new (int type, void *sockets [SOCKETS])
{
    device_t *self = (device_t *) zmalloc (sizeof (device_t));
    assert (self);
    memcpy (self->sockets, sockets, sizeof (self->sockets));
    self->process = getpid ();
    self->fds [FRONTEND] = zsock_fd (sockets [FRONTEND]);
    self->fds [BACKEND] = zsock_fd (sockets [BACKEND]);
    self->types [FRONTEND] = zsock_type (sockets [FRONTEND]);
    self->types [BACKEND] = zsock_type (sockets [BACKEND]);
    self->engine = zrelay_engine_borrow (
        &s_kinds [type > 0 && type < KINDS? type: 0],
        sockets [FRONTEND], sockets [BACKEND], sockets [CAPTURE]);
    self->engine->log = s_wants_log ()? stderr: NULL;
    s_log_begin (self);
    if (sockets [CONTROL]) {
        zmq_pollitem_t item = {
            .socket = sockets [CONTROL], .events = ZMQ_POLLIN
        };
        zloop_poller (self->engine->loop, &item, s_on_control, self);
    }
    const char *endpoint = s_environment ("ZRELAY_CONTROL");
    if (endpoint && *endpoint)
        s_open_remote (self, endpoint);
    return self;
}

static void
s_device_destroy (void *arg)
{
    device_t *self = (device_t *) arg;
    //  What a forked process inherited is its parent's
    if (self->process != getpid ())
        return;
    s_log_end (self);
    zrelay_engine_destroy (&self->engine);
    s_close_remote (self);
    freen (self);
}


//  --------------------------------------------------------------------------
//  A relay that was interrupted waits for its thread to call again, since it
//  may hold messages

static pthread_key_t s_waiting;
static pthread_once_t s_waiting_once = PTHREAD_ONCE_INIT;

static void
s_make_key (void)
{
    int rc = pthread_key_create (&s_waiting, s_device_destroy);
    assert (rc == 0);
}

static bool
s_is_same (device_t *self, void *sockets [SOCKETS])
{
    return self->process == getpid ()
        && memcmp (self->sockets, sockets, sizeof (self->sockets)) == 0
        && self->fds [FRONTEND] == zsock_fd (sockets [FRONTEND])
        && self->fds [BACKEND] == zsock_fd (sockets [BACKEND])
        && self->types [FRONTEND] == zsock_type (sockets [FRONTEND])
        && self->types [BACKEND] == zsock_type (sockets [BACKEND]);
}

//  The relay that waits here for these sockets, or NULL. One for others will
//  not be asked for any more.

static device_t *
s_take_waiting (void *sockets [SOCKETS])
{
    pthread_once (&s_waiting_once, s_make_key);
    device_t *self = (device_t *) pthread_getspecific (s_waiting);
    pthread_setspecific (s_waiting, NULL);
    if (self && !s_is_same (self, sockets)) {
        s_device_destroy (self);
        self = NULL;
    }
    if (self)
        zrelay_engine_resume (self->engine);
    return self;
}

static bool
s_holds (device_t *self)
{
    size_t held = 0;
    for (int index = 0; index < 2; index++)
        if (self->engine->flows [index])
            held += zrelay_flow_held (self->engine->flows [index]);
    return held > 0;
}


//  --------------------------------------------------------------------------
//  The functions

//  libzmq's sockets for what the caller gave. Returns 0, or -1 with errno.

static int
s_resolve (void *given [SOCKETS], void *sockets [SOCKETS])
{
    if (!given [FRONTEND] || !given [BACKEND]) {
        errno = EFAULT;
        return -1;
    }
    for (int index = 0; index < SOCKETS; index++) {
        int type;
        size_t size = sizeof (type);
        void *handle = given [index];
        if (handle && zsock_is (handle))
            handle = zsock_resolve (handle);
        if (handle && zmq_getsockopt (handle, ZMQ_TYPE, &type, &size) == -1)
            return -1;
        sockets [index] = handle;
    }
    return 0;
}

static int
s_run (int type, void *given [SOCKETS])
{
    void *sockets [SOCKETS];
    if (s_resolve (given, sockets) == -1)
        return -1;
    device_t *self = s_take_waiting (sockets);
    if (!self)
        self = s_device_new (type, sockets);
    int rc = zrelay_engine_loop (self->engine);
    int error = errno;
    if (rc == 0? s_holds (self): error == EINTR)
        pthread_setspecific (s_waiting, self);
    else
        s_device_destroy (self);
    errno = error;
    return rc;
}

int
zrelay_device (int type, void *frontend, void *backend)
{
    return s_run (type, (void *[SOCKETS]) { frontend, backend, NULL, NULL });
}

int
zrelay_run (void *frontend, void *backend, void *capture)
{
    return s_run (0, (void *[SOCKETS]) { frontend, backend, capture, NULL });
}

int
zrelay_steer (void *frontend, void *backend, void *capture, void *control)
{
    return s_run (0, (void *[SOCKETS]) { frontend, backend, capture, control });
}


//  --------------------------------------------------------------------------
//  Selftest

typedef struct {
    void *sockets [SOCKETS];
    int rc;                     //  What the function returned
    int error;                  //  And errno
} test_t;

static void *
s_test_thread (void *arg)
{
    test_t *test = (test_t *) arg;
    test->rc = zrelay_steer (test->sockets [FRONTEND], test->sockets [BACKEND],
                             test->sockets [CAPTURE], test->sockets [CONTROL]);
    test->error = errno;
    return NULL;
}

static void *
s_test_socket (void *context, int type, const char *endpoint, bool bind)
{
    void *handle = zmq_socket (context, type);
    assert (handle);
    int timeout = ZRELAY_TESTING_TIMEOUT;
    zmq_setsockopt (handle, ZMQ_RCVTIMEO, &timeout, sizeof (timeout));
    int rc = bind? zmq_bind (handle, endpoint): zmq_connect (handle, endpoint);
    assert (rc == 0);
    return handle;
}

static bool
s_test_receives (void *handle, const char *word)
{
    char *received = zstr_recv (handle);
    bool same = received && streq (received, word);
    zstr_free (&received);
    return same;
}

static void
s_test_steer (void)
{
    void *context = zmq_ctx_new ();
    test_t test = { .sockets = {
        s_test_socket (context, ZMQ_PULL, "inproc://frontend", true),
        s_test_socket (context, ZMQ_PUSH, "inproc://backend", true),
        s_test_socket (context, ZMQ_PUSH, "inproc://capture", true),
        s_test_socket (context, ZMQ_REP, "inproc://control", true)
    } };
    void *source = s_test_socket (context, ZMQ_PUSH, "inproc://frontend",
                                  false);
    void *sink = s_test_socket (context, ZMQ_PULL, "inproc://backend", false);
    void *copies = s_test_socket (context, ZMQ_PULL, "inproc://capture", false);
    void *control = s_test_socket (context, ZMQ_REQ, "inproc://control", false);

    pthread_t thread;
    pthread_create (&thread, NULL, s_test_thread, &test);
    zstr_send (source, "task");
    assert (s_test_receives (sink, "task"));
    assert (s_test_receives (copies, "task"));

    zstr_send (control, "STATISTICS");
    zmsg_t *answer = zmsg_recv (control);
    static const uint64_t expected [8] = { 1, 4, 0, 0, 0, 0, 1, 4 };
    assert (answer && zmsg_size (answer) == 8);
    for (int index = 0; index < 8; index++) {
        zframe_t *frame = zmsg_pop (answer);
        assert (memcmp (zframe_data (frame), &expected [index], 8) == 0);
        zframe_destroy (&frame);
    }
    zmsg_destroy (&answer);

    static const char *words [] = {
        "PAUSE", "RESUME", "nonsense", "TERMINATE"
    };
    for (int index = 0; index < 4; index++) {
        zstr_send (control, words [index]);
        assert (s_test_receives (control, ""));
    }
    pthread_join (thread, NULL);
    assert (test.rc == 0);

    //  The sockets are still there, and can be used again until they end
    pthread_create (&thread, NULL, s_test_thread, &test);
    zstr_send (source, "task");
    assert (s_test_receives (sink, "task"));
    zmq_ctx_shutdown (context);
    pthread_join (thread, NULL);
    assert (test.rc == -1 && test.error == ETERM);

    void *all [] = { source, sink, copies, control };
    for (int index = 0; index < SOCKETS; index++) {
        zmq_close (test.sockets [index]);
        zmq_close (all [index]);
    }
    zmq_ctx_term (context);
}

void
zrelay_device_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_device: ");
    //  @selftest
    s_test_steer ();
    assert (zrelay_run (NULL, NULL, NULL) == -1 && errno == EFAULT);
    //  @end
    printf ("OK\n");
}
