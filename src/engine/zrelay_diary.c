/*  =========================================================================
    zrelay_diary - logs which peers come, go, and are refused

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_diary.h"

#include <pthread.h>

//  Failures whose connections have not ended yet; older ones are forgotten, and
//  so are those that are older than any handshake, in msecs
#define FAILURES_MOST 100
#define FAILURE_MAX 60000

//  A failed handshake
typedef struct {
    const char *side;           //  Name of the side; not ours
    char *endpoint;             //  Where, as libzmq reports it
    uint16_t event;             //  Event of libzmq
    uint32_t value;             //  And what came with it
    int64_t at;                 //  When, in msecs
} failure_t;

struct _zrelay_diary_t {
    zrelay_diary_fn *function;  //  Has lines logged
    void *object;               //  Its argument
    int open;                   //  Anything is; read without the lock
    pthread_mutex_t mutex;      //  Guards the list
    zlistx_t *failures;         //  failure_t, in their order
};

//  Values of libzmq's events, see zmq.h
static const struct {
    uint32_t value;
    const char *sentence;
} s_errors [] = {
    { ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH,
      "it has another security mechanism" },
    { ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC,
      "its keys are wrong" },
    { ZMQ_PROTOCOL_ERROR_ZMTP_INVALID_METADATA,
      "its socket type does not go with ours" }
};
#define ERRORS (sizeof (s_errors) / sizeof (*s_errors))

//  What STATS calls the reasons to cut a connection
static const struct {
    const char *reason;
    const char *sentence;
} s_cuts [] = {
    { "endless", "its message is too large, or has no end" },
    { "connections", "there are too many connections" },
    { "subscriptions", "it has subscribed to too much" },
    { "permit", "it may not do what it did" },
    { "asked", "a command said so" }
};
#define CUTS (sizeof (s_cuts) / sizeof (*s_cuts))


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_failure_destroy (void **item_p)
{
    failure_t *failure = (failure_t *) *item_p;
    zstr_free (&failure->endpoint);
    freen (failure);
    *item_p = NULL;
}

zrelay_diary_t *
zrelay_diary_new (zrelay_diary_fn *function, void *object)
{
    zrelay_diary_t *self = (zrelay_diary_t *) zmalloc (sizeof (zrelay_diary_t));
    assert (self);
    self->function = function;
    self->object = object;
    pthread_mutex_init (&self->mutex, NULL);
    self->failures = zlistx_new ();
    assert (self->failures);
    zlistx_set_destructor (self->failures, s_failure_destroy);
    return self;
}

void
zrelay_diary_destroy (zrelay_diary_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_diary_t *self = *self_p;
        zlistx_destroy (&self->failures);
        pthread_mutex_destroy (&self->mutex);
        freen (self);
        *self_p = NULL;
    }
}

void
zrelay_diary_open (zrelay_diary_t *self)
{
    __atomic_store_n (&self->open, 1, __ATOMIC_RELAXED);
}

static bool
s_is_open (zrelay_diary_t *self)
{
    return self && __atomic_load_n (&self->open, __ATOMIC_RELAXED);
}


//  --------------------------------------------------------------------------
//  Lines

static void
s_log (zrelay_diary_t *self, zrelay_log_t level, const char *format, ...)
    CHECK_PRINTF (3);

static void
s_log (zrelay_diary_t *self, zrelay_log_t level, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *line = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (line);
    self->function (self->object, level, line);
    zstr_free (&line);
}

void
zrelay_diary_came (zrelay_diary_t *self, const zrelay_diary_peer_t *peer)
{
    if (!s_is_open (self))
        return;
    if (peer->made)
        s_log (self, ZRELAY_LOG_INFO, "%s: reached %s", peer->side,
               peer->address);
    else
        s_log (self, ZRELAY_LOG_INFO, "%s: peer %s came to %s", peer->side,
               peer->address, peer->endpoint);
}

void
zrelay_diary_cut (zrelay_diary_t *self, const zrelay_diary_peer_t *peer,
                  const char *reason)
{
    size_t index = 0;
    while (index < CUTS && strneq (s_cuts [index].reason, reason))
        index++;
    if (s_is_open (self))
        s_log (self, ZRELAY_LOG_WARNING, "%s: peer %s is cut off: %s",
               peer->side, peer->address,
               index < CUTS? s_cuts [index].sentence: reason);
}

//  A peer that has nothing more to say leaves, as zrelay_peers counts it

static bool
s_has_left (const failure_t *failure)
{
    return failure->event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
        && (failure->value == EPIPE || failure->value == ECONNRESET);
}

static const char *
s_reason (const failure_t *failure)
{
    if (failure->event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        return "who it is, or where, gives it no access";
    if (failure->event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        return strerror ((int) failure->value);
    for (size_t index = 0; index < ERRORS; index++)
        if (s_errors [index].value == failure->value)
            return s_errors [index].sentence;
    return "it does not speak ZeroMQ's protocol";
}

static void
s_log_end (zrelay_diary_t *self, const zrelay_diary_peer_t *peer,
           const failure_t *failure)
{
    const char *who = peer->made? "the connection to": "peer";
    const char *address = peer->address? peer->address: "(it left at once)";
    if (!failure)
        s_log (self, ZRELAY_LOG_INFO, "%s: %s %s %s", peer->side, who,
               address, peer->made? "ended": "left");
    else
    if (s_has_left (failure))
        s_log (self, ZRELAY_LOG_INFO, "%s: %s %s %s before its handshake was"
               " over", peer->side, who, address,
               peer->made? "ended": "left");
    else
        s_log (self, ZRELAY_LOG_WARNING, "%s: %s %s %s: %s", peer->side, who,
               address, peer->made? "failed": "was refused",
               peer->made && failure->event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH?
               "the other end does not let this relay in": s_reason (failure));
}


//  --------------------------------------------------------------------------
//  Failures

void
zrelay_diary_failed (zrelay_diary_t *self, const char *side,
                     const char *endpoint, uint16_t event, uint32_t value)
{
    if (!s_is_open (self))
        return;
    failure_t *failure = (failure_t *) zmalloc (sizeof (failure_t));
    assert (failure);
    failure->side = side;
    failure->endpoint = strdup (endpoint);
    assert (failure->endpoint);
    failure->event = event;
    failure->value = value;
    failure->at = zclock_mono ();
    pthread_mutex_lock (&self->mutex);
    zlistx_add_end (self->failures, failure);
    if (zlistx_size (self->failures) > FAILURES_MOST)
        zlistx_delete (self->failures, NULL);
    pthread_mutex_unlock (&self->mutex);
}

//  One that is bound to all of a machine's addresses is reported by one of them

static bool
s_same_port (const char *one, const char *other)
{
    const char *colon = strrchr (one, ':');
    const char *another = strrchr (other, ':');
    return strncmp (one, other, strcspn (one, ":")) == 0
        && streq (colon? colon: one, another? another: other);
}

//  Take the first failure at an endpoint, or return NULL

static failure_t *
s_take (zrelay_diary_t *self, const char *side, const char *endpoint)
{
    int64_t oldest = zclock_mono () - FAILURE_MAX;
    pthread_mutex_lock (&self->mutex);
    failure_t *failure = (failure_t *) zlistx_first (self->failures);
    while (failure && (failure->at < oldest || strneq (failure->side, side)
                    || !s_same_port (failure->endpoint, endpoint)))
        failure = (failure_t *) zlistx_next (self->failures);
    if (failure)
        zlistx_detach (self->failures, zlistx_cursor (self->failures));
    pthread_mutex_unlock (&self->mutex);
    return failure;
}

void
zrelay_diary_went (zrelay_diary_t *self, const zrelay_diary_peer_t *peer,
                   bool spoke, bool cut)
{
    if (!s_is_open (self))
        return;
    failure_t *failure =
        spoke? NULL: s_take (self, peer->side, peer->endpoint);
    //  One that we have cut cannot end its handshake
    if (failure || peer->address)
        s_log_end (self, peer, cut? NULL: failure);
    if (failure)
        s_failure_destroy ((void **) &failure);
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_log (void *object, zrelay_log_t level, const char *line)
{
    char **lines = (char **) object;
    char *more = zsys_sprintf ("%s%c %s\n", *lines? *lines: "",
                               "IWE" [level], line);
    zstr_free (lines);
    *lines = more;
}

//  These lines were logged since this was asked last

static void
s_test_logged (char **lines, const char *expected)
{
    assert (streq (*lines? *lines: "", expected));
    zstr_free (lines);
}

void
zrelay_diary_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_diary: ");

    //  @selftest
    char *lines = NULL;
    zrelay_diary_t *self = zrelay_diary_new (s_test_log, &lines);
    zrelay_diary_peer_t peer = {
        "frontend", false, "tcp://0.0.0.0:5559", "tcp://10.0.0.7:40000"
    };
    const zrelay_diary_peer_t link = {
        "backend", true, "tcp://10.0.0.8:5560", "tcp://10.0.0.8:5560"
    };
    zrelay_diary_came (NULL, &peer);
    zrelay_diary_came (self, &peer);
    s_test_logged (&lines, "");
    zrelay_diary_open (self);
    zrelay_diary_came (self, &peer);
    zrelay_diary_came (self, &link);
    s_test_logged (&lines,
        "I frontend: peer tcp://10.0.0.7:40000 came to tcp://0.0.0.0:5559\n"
        "I backend: reached tcp://10.0.0.8:5560\n");

    //  One whose handshake failed, one who has been here for long, and one of
    //  another side
    zrelay_diary_failed (self, "frontend", "tcp://10.0.0.1:5559",
        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
        ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
    zrelay_diary_went (self, &peer, true, false);
    zrelay_diary_went (self, &link, false, false);
    zrelay_diary_went (self, &peer, false, false);
    zrelay_diary_went (self, &peer, false, false);
    s_test_logged (&lines,
        "I frontend: peer tcp://10.0.0.7:40000 left\n"
        "I backend: the connection to tcp://10.0.0.8:5560 ended\n"
        "W frontend: peer tcp://10.0.0.7:40000 was refused: it has another"
        " security mechanism\n"
        "I frontend: peer tcp://10.0.0.7:40000 left\n");

    //  One that cannot end its handshake, because it is cut off
    zrelay_diary_cut (self, &peer, "connections");
    zrelay_diary_failed (self, "frontend", "tcp://10.0.0.1:5559",
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EPIPE);
    zrelay_diary_went (self, &peer, false, true);
    zrelay_diary_failed (self, "frontend", "tcp://10.0.0.1:5559",
        ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, EPIPE);
    zrelay_diary_went (self, &peer, false, false);
    zrelay_diary_failed (self, "backend", "tcp://10.0.0.8:5560",
        ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
    zrelay_diary_went (self, &link, false, false);
    s_test_logged (&lines,
        "W frontend: peer tcp://10.0.0.7:40000 is cut off: there are too many"
        " connections\n"
        "I frontend: peer tcp://10.0.0.7:40000 left\n"
        "I frontend: peer tcp://10.0.0.7:40000 left before its handshake was"
        " over\n"
        "W backend: the connection to tcp://10.0.0.8:5560 failed: the other"
        " end does not let this relay in\n");

    //  One that left before it could be looked at
    peer.address = NULL;
    zrelay_diary_went (self, &peer, false, false);
    zrelay_diary_failed (self, "frontend", "tcp://10.0.0.1:5559",
        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
        ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED);
    zrelay_diary_went (self, &peer, false, false);
    s_test_logged (&lines,
        "W frontend: peer (it left at once) was refused: it does not speak"
        " ZeroMQ's protocol\n");

    //  Failures whose peers never leave have a bound
    for (int count = 0; count < 2 * FAILURES_MOST; count++)
        zrelay_diary_failed (self, "frontend", "ipc:///tmp/x",
            ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 400);
    assert (zlistx_size (self->failures) == FAILURES_MOST);
    zrelay_diary_destroy (&self);
    zrelay_diary_destroy (&self);
    //  @end
    printf ("OK\n");
}
