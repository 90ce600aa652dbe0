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

#include "zrelay_pipe.h"
#include "zrelay_endpoint.h"
#include "zrelay_engine_internal.h"
#include "zrelay_mask.h"
#include "zrelay_private.h"
#include "zrelay_message_internal.h"

//  The caller's sockets, in the order of zrelay_steer ()
enum { FRONTEND, BACKEND, CAPTURE, CONTROL, SOCKETS };

//  A relay, and what it was called with
typedef struct _device_t {
    void *sockets [SOCKETS];    //  NULL: none
    int fds [2];                //  ZMQ_FD of frontend and backend
    int types [2];              //  And their socket types
    pid_t process;              //  Which called
    zrelay_engine_t *engine;    //  The relay
    zrelay_pipe_t *pipe;        //  Takes commands from remote, or NULL
    void *context;              //  Of the socket for ZRELAY_CONTROL, or NULL
    void *remote;               //  That socket
    char *private;              //  Its endpoint, if only this user may connect
    pthread_t thread;           //  For whose next call it waits
    struct _device_t *next;     //  The next one that waits, of any thread
} device_t;

//  A relay of any sockets; its kind is named after the numbers that zmq_device
//  () takes, see zmq.h

static const char *s_names [] = {
    [0] = "proxy",
    [ZMQ_STREAMER] = "streamer",
    [ZMQ_FORWARDER] = "forwarder",
    [ZMQ_QUEUE] = "queue"
};
#define NAMES (int) (sizeof (s_names) / sizeof (*s_names))

//  Bytes in a frame of a command, with room for a key or an endpoint
#define MESSAGE_MOST 65536

//  The ZAP domain of the socket for commands
#define REMOTE_DOMAIN "control"

static zrelay_engine_t *
s_borrow (int type, void *sockets [SOCKETS])
{
    zrelay_kind_t kind = {
        ZRELAY_KIND,
        .name = s_names [type > 0 && type < NAMES? type: 0],
        .frontend = { .types = ZRELAY_ANY_TYPE },
        .backend = { .types = ZRELAY_ANY_TYPE }
    };
    return zrelay_engine_borrow (&kind, sockets [FRONTEND], sockets [BACKEND],
                                 sockets [CAPTURE]);
}


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

//  The counters, in libzmq's order. As libzmq has it, a socket that is both
//  sides receives as the frontend and sends as the backend.

static void
s_statistics (device_t *self)
{
    zrelay_side_t *front =
        zrelay_engine_side (self->engine, ZRELAY_SIDE_FRONTEND);
    zrelay_side_t *back =
        zrelay_engine_side (self->engine, ZRELAY_SIDE_BACKEND);
    zrelay_side_t *receive [2] = { front, back };
    zrelay_side_t *send [2] = { back? front: NULL, back? back: front };
    uint64_t values [8] = { 0 };
    uint64_t *value = values;
    for (int index = 0; index < 2; index++, value += 4) {
        zrelay_port_t *in = receive [index]?
            zrelay_side_port (receive [index]): NULL;
        zrelay_port_t *out = send [index]?
            zrelay_side_port (send [index]): NULL;
        value [0] = in? zrelay_port_received (in)->messages: 0;
        value [1] = in? zrelay_port_received (in)->bytes
                      + zrelay_port_received_ids (in): 0;
        value [2] = out? zrelay_port_sent (out)->messages: 0;
        value [3] = out? zrelay_port_sent (out)->bytes
                       + zrelay_port_sent_ids (out): 0;
    }
    for (int index = 0; index < 8; index++)
        if (!s_answer (self, &values [index], sizeof (values [index]),
                       index < 7))
            return;
}

static void
s_pause (device_t *self)
{
    zrelay_engine_pause (self->engine);
}

static void
s_resume (device_t *self)
{
    zrelay_engine_resume (self->engine);
}

static void
s_terminate (device_t *self)
{
    zrelay_engine_stop (self->engine);
}

//  The words that steer; one of them sends its own answer

static const struct {
    const char *word;
    void (*function) (device_t *self);
    bool answers;
} s_words [] = {
    { "PAUSE", s_pause, false },
    { "RESUME", s_resume, false },
    { "TERMINATE", s_terminate, false },
    { "STATISTICS", s_statistics, true },
    { NULL, NULL, false }
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
        zrelay_engine_log (self->engine, ZRELAY_LOG_WARNING, "a message of %zu "
            "frames, %zu bytes, is not a word to steer with", zmsg_size (msg),
            zmsg_content_size (msg));
        return false;
    }
    s_words [index].function (self);
    return s_words [index].answers;
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
    //  A REP must answer before the next request can come
    if (!answered && zsock_type (item->socket) == ZMQ_REP)
        s_answer (self, "", 0, false);
    zmsg_destroy (&msg);
    zrelay_engine_changed (self->engine);
    return zrelay_engine_ends (self->engine)? -1: 0;
}


//  --------------------------------------------------------------------------
//  ZRELAY_CONTROL, ZRELAY_LOG and ZRELAY_SHOW_IDS

//  Not in a program that has more rights than the user who runs it

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
s_is_set (const char *name)
{
    const char *value = s_environment (name);
    return value && *value && strneq (value, "0");
}

static void
s_close_remote (device_t *self)
{
    if (self->remote)
        zmq_close (self->remote);
    if (self->context)
        zmq_ctx_term (self->context);
    if (self->private)
        zrelay_private_remove (self->private);
    zstr_free (&self->private);
    self->remote = NULL;
    self->context = NULL;
}

//  A path of ipc is for this user alone. Everything else is open to others,
//  which somebody has to say in so many words. Returns NULL, or why that is not
//  possible.

static const char *
s_bind_remote (device_t *self, const char *endpoint, bool open)
{
    const char *refusal = zrelay_endpoint_refusal (endpoint, true);
    if (refusal)
        return refusal;
    if (zrelay_private_possible (endpoint)) {
        if (zrelay_private_bind (self->remote, endpoint) == -1)
            return zmq_strerror (errno);
        self->private = strdup (endpoint);
        assert (self->private);
        return NULL;
    }
    if (!open)
        return "anybody who can connect there could steer; write '"
               ZRELAY_PRIVATE_ANYBODY "ENDPOINT' if you want that, or use a path of ipc";
    return zmq_bind (self->remote, endpoint) == 0? NULL: zmq_strerror (errno);
}

//  The context is its own, so that it does not end with the caller's, nor
//  keeps that from ending

static void
s_open_remote (device_t *self, const char *pattern)
{
    bool open;
    char *endpoint = zrelay_private_expand (pattern, &open);
    int linger = 0;
    int64_t most = MESSAGE_MOST;
    self->context = zmq_ctx_new ();
    //  A REP loses a reply when it has thrown away what somebody sent who is
    //  gone, and it serves nobody while one command is under way
    self->remote = self->context? zmq_socket (self->context, ZMQ_ROUTER): NULL;
    if (self->remote) {
        zmq_setsockopt (self->remote, ZMQ_LINGER, &linger, sizeof (linger));
        zmq_setsockopt (self->remote, ZMQ_MAXMSGSIZE, &most, sizeof (most));
        //  With a domain, libzmq refuses the first bytes of ZMTP 1.0, which
        //  could end the process. There is no ZAP handler in this context.
        zmq_setsockopt (self->remote, ZMQ_ZAP_DOMAIN, REMOTE_DOMAIN,
                        strlen (REMOTE_DOMAIN));
    }
    const char *refusal = self->remote? s_bind_remote (self, endpoint, open):
                                        zmq_strerror (errno);
    if (refusal) {
        zrelay_engine_log (self->engine, ZRELAY_LOG_WARNING,
            "cannot be steered at '%s': %s", endpoint, refusal);
        s_close_remote (self);
    }
    else {
        char *resolved = zsock_last_endpoint (self->remote);
        zrelay_engine_log (self->engine, ZRELAY_LOG_INFO, "steered at %s",
                           resolved);
        zstr_free (&resolved);
        self->pipe = zrelay_pipe_new (self->engine, self->remote,
                                      ZRELAY_PIPE_STRANGERS);
    }
    zstr_free (&endpoint);
}

static void
s_show_ids (device_t *self)
{
    for (int id = ZRELAY_SIDE_FRONTEND; id <= ZRELAY_SIDE_BACKEND; id++) {
        zrelay_side_t *side =
            zrelay_engine_side (self->engine, (zrelay_side_id_t) id);
        if (side)
            zrelay_port_show_ids (zrelay_side_port (side));
    }
}

static void
s_log_begin (device_t *self)
{
    for (int index = FRONTEND; index <= CAPTURE; index++) {
        static const char *names [] = { "frontend", "backend", "capture" };
        void *handle = self->sockets [index];
        char *endpoint = handle? zsock_last_endpoint (handle): NULL;
        if (handle)
            zrelay_engine_log (self->engine, ZRELAY_LOG_INFO,
                "%s is a %s at %s", names [index],
                zsys_sockname (zsock_type (handle)),
                endpoint && *endpoint? endpoint: "no endpoint yet");
        zstr_free (&endpoint);
    }
}

static void
s_log_end (device_t *self)
{
    for (int index = ZRELAY_FLOW_FORWARD; index <= ZRELAY_FLOW_RETURN;
         index++) {
        zrelay_flow_t *flow =
            zrelay_engine_flow (self->engine, (zrelay_flow_id_t) index);
        if (flow)
            zrelay_engine_log (self->engine, ZRELAY_LOG_INFO,
                "%s carried %" PRIu64 " messages, dropped %" PRIu64,
                zrelay_flow_name (flow),
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
    self->engine = s_borrow (type, sockets);
    if (s_is_set ("ZRELAY_SHOW_IDS"))
        s_show_ids (self);
    if (s_is_set ("ZRELAY_LOG")) {
        zrelay_engine_tell (self->engine);
        s_log_begin (self);
    }
    if (sockets [CONTROL]) {
        zmq_pollitem_t item = {
            .socket = sockets [CONTROL], .events = ZMQ_POLLIN
        };
        zloop_poller (zrelay_engine_zloop (self->engine), &item, s_on_control,
                      self);
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
    zrelay_pipe_destroy (&self->pipe);
    s_close_remote (self);
    freen (self);
}


//  --------------------------------------------------------------------------
//  A relay that was interrupted waits for the next call with its sockets: it
//  has its counters, and may hold a message that its output refused although it
//  had reported room. Mostly its own thread calls, and it ends with that.

static pthread_key_t s_key;
static pthread_once_t s_key_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t s_mutex = PTHREAD_MUTEX_INITIALIZER;
static device_t *s_waiting;     //  All that wait

//  Take the first one that is the right one out of the list, or return NULL

static device_t *
s_take (bool (*is_right) (device_t *self, void *arg), void *arg)
{
    pthread_mutex_lock (&s_mutex);
    device_t **place_p = &s_waiting;
    while (*place_p && !is_right (*place_p, arg))
        place_p = &(*place_p)->next;
    device_t *self = *place_p;
    if (self)
        *place_p = self->next;
    pthread_mutex_unlock (&s_mutex);
    return self;
}

static bool
s_is_mine (device_t *self, void *arg)
{
    (void) arg;
    return self->process == getpid ()
        && pthread_equal (self->thread, pthread_self ());
}

static bool
s_is_same (device_t *self, void *arg)
{
    void **sockets = (void **) arg;
    return self->process == getpid ()
        && memcmp (self->sockets, sockets, sizeof (self->sockets)) == 0
        && self->fds [FRONTEND] == zsock_fd (sockets [FRONTEND])
        && self->fds [BACKEND] == zsock_fd (sockets [BACKEND])
        && self->types [FRONTEND] == zsock_type (sockets [FRONTEND])
        && self->types [BACKEND] == zsock_type (sockets [BACKEND]);
}

//  A thread ends

static void
s_end_mine (void *arg)
{
    (void) arg;
    device_t *self = s_take (s_is_mine, NULL);
    if (self)
        s_device_destroy (self);
}

static void
s_make_key (void)
{
    int rc = pthread_key_create (&s_key, s_end_mine);
    assert (rc == 0);
}

static void
s_wait (device_t *self)
{
    pthread_once (&s_key_once, s_make_key);
    self->thread = pthread_self ();
    pthread_mutex_lock (&s_mutex);
    self->next = s_waiting;
    s_waiting = self;
    pthread_mutex_unlock (&s_mutex);
    pthread_setspecific (s_key, &s_waiting);
}

//  The relay that waits for these sockets, or NULL. One of this thread's for
//  others will not be asked for any more.

static device_t *
s_take_waiting (void *sockets [SOCKETS])
{
    device_t *self = s_take (s_is_same, sockets);
    s_end_mine (NULL);
    if (self)
        zrelay_engine_resume (self->engine);
    return self;
}

static bool
s_has_messages (device_t *self)
{
    size_t held = 0;
    for (int index = ZRELAY_FLOW_FORWARD; index <= ZRELAY_FLOW_RETURN;
         index++) {
        zrelay_flow_t *flow =
            zrelay_engine_flow (self->engine, (zrelay_flow_id_t) index);
        held += flow? zrelay_flow_held (flow): 0;
    }
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
    if (rc == 0? s_has_messages (self): error == EINTR)
        s_wait (self);
    else
        s_device_destroy (self);
    errno = error;
    return rc;
}

void
zrelay_device_reveal (void *id, size_t size)
{
    zrelay_mask_t mask;
    zrelay_mask_share (&mask);
    zrelay_mask_reveal_bytes (&mask, (byte *) id, size);
}

int
zrelay_device (int type, void *frontend, void *backend)
{
    return s_run (type, (void *[SOCKETS]) { frontend, backend, NULL, NULL });
}

int
zrelay_device_run (void *frontend, void *backend, void *capture)
{
    return s_run (0, (void *[SOCKETS]) { frontend, backend, capture, NULL });
}

int
zrelay_device_steer (void *frontend, void *backend, void *capture,
                     void *control)
{
    return s_run (0, (void *[SOCKETS]) { frontend, backend, capture, control });
}

//  The names that these had in version 0.1

int
zrelay_run (void *frontend, void *backend, void *capture)
{
    return zrelay_device_run (frontend, backend, capture);
}

int
zrelay_steer (void *frontend, void *backend, void *capture, void *control)
{
    return zrelay_device_steer (frontend, backend, capture, control);
}


//  --------------------------------------------------------------------------
//  Selftest

//  Longest wait for anything, in msecs
#define TEST_TIMEOUT 5000

typedef struct {
    void *sockets [SOCKETS];
    int rc;                     //  What the function returned
    int error;                  //  And errno
} test_t;

static void *
s_test_thread (void *arg)
{
    test_t *test = (test_t *) arg;
    test->rc = zrelay_device_steer (test->sockets [FRONTEND],
        test->sockets [BACKEND], test->sockets [CAPTURE],
        test->sockets [CONTROL]);
    test->error = errno;
    return NULL;
}

static void *
s_test_socket (void *context, int type, const char *endpoint, bool bind)
{
    void *handle = zmq_socket (context, type);
    assert (handle);
    int timeout = TEST_TIMEOUT;
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
    assert (zrelay_device_run (NULL, NULL, NULL) == -1 && errno == EFAULT);
    //  @end
    printf ("OK\n");
}
