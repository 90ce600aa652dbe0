/*  =========================================================================
    zrelay_client - steers a relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_client_internal.h"
#include <limits.h>

//  Longest time for a call, in msecs, unless the application chooses another
#define CLIENT_TIMEOUT 5000

//  Every number of a command has this many digits
#define CLIENT_NUMBER_DIGITS 10

//  A status is one byte, as in zsock_signal ()
#define CLIENT_STATUS_DIGITS 3

//  A port has at most this many
#define CLIENT_PORT_DIGITS 5

//  Letters of a command's name that a sentence quotes
#define CLIENT_NAME_MAX 20

struct _zrelay_client_t {
    void *handle;               //  libzmq's socket that leads to the relay
    void *own;                  //  The same socket if we made it, or NULL
    bool pipe;                  //  It is an actor's pipe and not a DEALER
    char *relay;                //  Name of a host's relay, or NULL
    bool old;                   //  It does not know COUNTERS
    size_t timeout;             //  Longest time for a call, in msecs
    int64_t deadline;           //  When this call ends, by zclock_mono ()
    char number [CLIENT_NUMBER_DIGITS + 1]; //  Number of the last command
    char name [CLIENT_NAME_MAX + 1];    //  Its name, for sentences
    zframe_t *word;             //  Its name, which begins a query's answer
    zrelay_stats_t *stats;      //  The last statistics, or NULL
    int status;                 //  Status of the last call
    char *error;                //  Sentence for it, or NULL
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

static zrelay_client_t *
s_client_new (void *handle, void *own, bool pipe)
{
    zrelay_client_t *self =
        (zrelay_client_t *) zmalloc (sizeof (zrelay_client_t));
    assert (self);
    self->handle = handle;
    self->own = own;
    self->pipe = pipe;
    self->timeout = CLIENT_TIMEOUT;
    return self;
}

zrelay_client_t *
zrelay_client_new (void *relay)
{
    assert (relay);
    void *handle = zsock_resolve (relay);
    int type;
    size_t size = sizeof (type);
    if (zmq_getsockopt (handle, ZMQ_TYPE, &type, &size) == -1)
        return NULL;
    if (type != ZMQ_PAIR && type != ZMQ_DEALER) {
        errno = EINVAL;
        return NULL;
    }
    return s_client_new (handle, NULL, type == ZMQ_PAIR);
}

//  libzmq reports most mistakes in an endpoint, but it ends the process over
//  some transports, and makes another port of one that is too large or not a
//  number. Returns 0, or -1 with errno.

static int
s_check_endpoint (const char *endpoint)
{
    static const char *transports [] = { "tcp://", "ipc://", "inproc://" };
    size_t index = 0;
    while (index < 3
       &&  strncmp (endpoint, transports [index], strlen (transports [index])))
        index++;
    if (index == 3) {
        errno = strstr (endpoint, "://")? EPROTONOSUPPORT: EINVAL;
        return -1;
    }
    if (index == 0) {
        const char *port = strrchr (endpoint, ':') + 1;
        size_t size = strlen (port);
        if (size == 0 || size > CLIENT_PORT_DIGITS
        ||  strspn (port, "0123456789") < size
        ||  atoi (port) == 0 || atoi (port) > UINT16_MAX) {
            errno = EINVAL;
            return -1;
        }
    }
    return 0;
}

zrelay_client_t *
zrelay_client_connect (const char *endpoint)
{
    assert (endpoint);
    if (s_check_endpoint (endpoint) == -1)
        return NULL;
    //  Unlike zsock_new () this returns when there is none
    void *sock = zsys_socket (ZMQ_DEALER, __FILE__, __LINE__);
    if (!sock)
        return NULL;
    //  A command that no relay has taken in time shall not be carried out by
    //  one that is started later, nor keep the process from ending
    zsock_set_immediate (sock, 1);
    zsock_set_linger (sock, 0);
    if (zmq_connect (sock, endpoint) == -1) {
        int error = errno;
        zsys_close (sock, __FILE__, __LINE__);
        errno = error;
        return NULL;
    }
    return s_client_new (sock, sock, false);
}

void
zrelay_client_destroy (zrelay_client_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_client_t *self = *self_p;
        if (self->own)
            zsys_close (self->own, __FILE__, __LINE__);
        zstr_free (&self->relay);
        zstr_free (&self->error);
        zframe_destroy (&self->word);
        zrelay_stats_destroy (&self->stats);
        freen (self);
        *self_p = NULL;
    }
}

void
zrelay_client_set_relay (zrelay_client_t *self, const char *name)
{
    assert (self);
    zstr_free (&self->relay);
    self->relay = name? strdup (name): NULL;
    assert (!name || self->relay);
}

void
zrelay_client_set_timeout (zrelay_client_t *self, size_t msecs)
{
    assert (self);
    self->timeout = msecs;
}


//  --------------------------------------------------------------------------
//  Beginning and end of a call

//  Keep a status and a sentence. Always returns NULL, the answer of a call
//  that failed.

static zmsg_t *
s_fail (zrelay_client_t *self, int status, const char *format, ...)
    CHECK_PRINTF (3);

static zmsg_t *
s_fail (zrelay_client_t *self, int status, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    zstr_free (&self->error);
    self->error = zsys_vprintf (format, argptr);
    assert (self->error);
    va_end (argptr);
    self->status = status;
    return NULL;
}

//  A pipe may hold late answers to a client that is gone, so no two commands of
//  a process share a number

static void
s_choose_number (zrelay_client_t *self)
{
    static uint32_t last = 0;
    snprintf (self->number, sizeof (self->number), "%0*" PRIu32,
              CLIENT_NUMBER_DIGITS, __sync_add_and_fetch (&last, 1));
}

static void
s_keep_name (zrelay_client_t *self, zframe_t *frame)
{
    size_t size = zframe_size (frame);
    if (size > CLIENT_NAME_MAX)
        size = CLIENT_NAME_MAX;
    for (size_t index = 0; index < size; index++) {
        byte letter = zframe_data (frame) [index];
        self->name [index] = isprint (letter)? (char) letter: '?';
    }
    self->name [size] = 0;
}

static void
s_begin (zrelay_client_t *self, zframe_t *name)
{
    zstr_free (&self->error);
    self->status = ZRELAY_STATUS_DONE;
    size_t msecs = self->timeout < INT_MAX? self->timeout: INT_MAX;
    self->deadline = zclock_mono () + (int64_t) msecs;
    zframe_destroy (&self->word);
    self->word = zframe_dup (name);
    assert (self->word);
    s_keep_name (self, name);
    s_choose_number (self);
}

//  The time that is left for this call, in msecs

static long
s_time_left (zrelay_client_t *self)
{
    int64_t left = self->deadline - zclock_mono ();
    return left > 0? (long) left: 0;
}

//  Wait until the socket is ready. Returns false when the time is over, or with
//  another errno than EAGAIN if the socket can no longer be used. Signals are
//  no reason to give up: a program that was told to end has commands to give.

static bool
s_wait (zrelay_client_t *self, short events)
{
    long left;
    while ((left = s_time_left (self)) > 0) {
        zmq_pollitem_t item = { .socket = self->handle, .events = events };
        int rc = zmq_poll (&item, 1, left);
        if (rc > 0)
            return true;
        if (rc == -1 && errno != EINTR)
            return false;
    }
    errno = EAGAIN;
    return false;
}


//  --------------------------------------------------------------------------
//  Sending

static int
s_send_frame (zrelay_client_t *self, zframe_t *frame, bool more)
{
    int rc;
    do
        rc = zmq_send (self->handle, zframe_data (frame), zframe_size (frame),
                       ZMQ_DONTWAIT | (more? ZMQ_SNDMORE: 0));
    while (rc == -1 && errno == EINTR);
    return rc;
}

//  Send a message as a whole. Returns 0, or -1 with errno if the relay will not
//  receive it. A peer may vanish between two frames. Then a DEALER throws the
//  rest away, but it has to be given all of it. A PAIR might hand the rest to
//  its next peer, so it is given none.

static int
s_send (zrelay_client_t *self, zmsg_t *msg)
{
    int error = 0;
    bool begun = false;
    zframe_t *frame = zmsg_first (msg);
    while (frame) {
        zframe_t *next = zmsg_next (msg);
        if (s_send_frame (self, frame, next != NULL) == -1) {
            error = errno;
            if (self->pipe || !begun)
                break;
        }
        begun = true;
        frame = next;
    }
    errno = error;
    return error? -1: 0;
}

//  Overwrite what may have been a password or a key

static void
s_wipe (zmsg_t **msg_p)
{
    zframe_t *frame = zmsg_first (*msg_p);
    while (frame) {
        memset (zframe_data (frame), 0, zframe_size (frame));
        frame = zmsg_next (*msg_p);
    }
    zmsg_destroy (msg_p);
}


//  --------------------------------------------------------------------------
//  Receiving

//  Receive one message. Never waits; returns NULL with errno, EAGAIN if there
//  is none.

static zmsg_t *
s_recv (zrelay_client_t *self)
{
    zmsg_t *msg = zmsg_new ();
    assert (msg);
    zmq_msg_t frame;
    bool more = true;
    while (more) {
        zmq_msg_init (&frame);
        int rc;
        do
            rc = zmq_msg_recv (&frame, self->handle, ZMQ_DONTWAIT);
        while (rc == -1 && errno == EINTR);
        if (rc == -1) {
            int error = errno;
            zmsg_destroy (&msg);
            errno = error;
            return NULL;
        }
        zmsg_addmem (msg, zmq_msg_data (&frame), zmq_msg_size (&frame));
        more = zmq_msg_more (&frame);
        zmq_msg_close (&frame);
    }
    return msg;
}

static bool
s_pop_is (zmsg_t *msg, const char *expected)
{
    zframe_t *frame = zmsg_pop (msg);
    bool same = frame && zframe_streq (frame, expected);
    zframe_destroy (&frame);
    return same;
}

//  Take a status off the front of a message; -1 if it does not begin with one

static int
s_pop_status (zmsg_t *msg)
{
    zframe_t *frame = zmsg_pop (msg);
    size_t size = frame? zframe_size (frame): 0;
    int status = -1;
    if (size > 0 && size <= CLIENT_STATUS_DIGITS) {
        char *string = zframe_strdup (frame);
        assert (string);
        if (strspn (string, "0123456789") == size)
            status = atoi (string);
        zstr_free (&string);
    }
    zframe_destroy (&frame);
    return status <= UINT8_MAX? status: -1;
}

//  Take envelope and status off the answer to the current command. Returns
//  false if the message is anything else.

static bool
s_open (zrelay_client_t *self, zmsg_t *msg)
{
    if ((self->pipe && !s_pop_is (msg, ""))
    ||  !s_pop_is (msg, self->number)
    ||  !s_pop_is (msg, ""))
        return false;
    int status = s_pop_status (msg);
    if (status == -1)
        return false;
    self->status = status;
    return true;
}

//  The frames of the answer, without the query's name, if all is well; else
//  keep the sentence

static zmsg_t *
s_conclude (zrelay_client_t *self, zmsg_t *frames)
{
    if (self->status == ZRELAY_STATUS_DONE) {
        zframe_t *first = zmsg_first (frames);
        if (first && zframe_eq (first, self->word)) {
            zmsg_remove (frames, first);
            zframe_destroy (&first);
        }
        return frames;
    }
    char *sentence = zmsg_popstr (frames);
    if (sentence && *sentence)
        s_fail (self, self->status, "%s", sentence);
    else
        s_fail (self, self->status, "%s failed with status %d; the relay gave"
                " no reason", self->name, self->status);
    zstr_free (&sentence);
    zmsg_destroy (&frames);
    return NULL;
}


//  --------------------------------------------------------------------------
//  The dialogue

//  Give a command. A message that comes before the relay has taken it cannot be
//  its answer, but may be in the way: a relay whose answers nobody reads might
//  not go on to read commands. Returns false with errno.

static bool
s_give (zrelay_client_t *self, zmsg_t *command)
{
    do {
        if (s_send (self, command) == 0)
            return true;
        if (errno != EAGAIN)
            return false;
        zmsg_t *msg = s_recv (self);
        zmsg_destroy (&msg);
    }
    while (s_wait (self, ZMQ_POLLIN | ZMQ_POLLOUT));
    return false;
}

//  Read until the answer comes, and throw everything else away. Returns the
//  frames after the status, or NULL with errno.

static zmsg_t *
s_await (zrelay_client_t *self)
{
    do {
        zmsg_t *msg = s_recv (self);
        if (!msg && errno != EAGAIN)
            return NULL;
        if (msg && s_open (self, msg))
            return msg;
        zmsg_destroy (&msg);
    }
    while (s_wait (self, ZMQ_POLLIN));
    return NULL;
}

//  A call that came to nothing, for the reason in errno

static zmsg_t *
s_give_up (zrelay_client_t *self, const char *failure)
{
    if (errno == EAGAIN)
        return s_fail (self, ZRELAY_STATUS_TIMEOUT, "the relay %s %s within"
                       " %zu ms", failure, self->name, self->timeout);
    return s_fail (self, ZRELAY_STATUS_REFUSED, "the relay %s %s: %s",
                   failure, self->name, zmq_strerror (errno));
}

//  Run one command. Takes its words. Returns the frames of the answer, or NULL
//  if it failed; status and error are set.

static zmsg_t *
s_execute (zrelay_client_t *self, zmsg_t **words_p)
{
    zmsg_t *command = *words_p;
    *words_p = NULL;
    if (!command || zmsg_size (command) == 0) {
        zmsg_destroy (&command);
        return s_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
                       "a command has no words; its first word is its name");
    }
    s_begin (self, zmsg_first (command));
    if (self->relay) {
        zmsg_pushstr (command, self->relay);
        zmsg_pushstr (command, "RELAY");
    }
    zmsg_pushmem (command, "", 0);
    zmsg_pushstr (command, self->number);
    if (self->pipe)
        zmsg_pushmem (command, "", 0);

    bool given = s_give (self, command);
    zmsg_t *frames = given? s_await (self): NULL;
    if (frames)
        frames = s_conclude (self, frames);
    else
        s_give_up (self, given? "did not answer": "did not take");
    s_wipe (&command);
    return frames;
}

//  The same with the words as strings, ended by NULL

static zmsg_t *
s_execute_list (zrelay_client_t *self, const char *word, va_list argptr)
{
    zmsg_t *words = zmsg_new ();
    assert (words);
    while (word) {
        zmsg_addstr (words, word);
        word = va_arg (argptr, const char *);
    }
    return s_execute (self, &words);
}


//  --------------------------------------------------------------------------
//  Calls

int
zrelay_client_command (zrelay_client_t *self, const char *command, ...)
{
    assert (self);
    va_list argptr;
    va_start (argptr, command);
    zmsg_t *frames = s_execute_list (self, command, argptr);
    va_end (argptr);
    zmsg_destroy (&frames);
    return self->status;
}

zmsg_t *
zrelay_client_query (zrelay_client_t *self, const char *query, ...)
{
    assert (self);
    va_list argptr;
    va_start (argptr, query);
    zmsg_t *frames = s_execute_list (self, query, argptr);
    va_end (argptr);
    return frames;
}

char *
zrelay_client_ask (zrelay_client_t *self, const char *query, ...)
{
    assert (self);
    va_list argptr;
    va_start (argptr, query);
    zmsg_t *frames = s_execute_list (self, query, argptr);
    va_end (argptr);
    if (!frames)
        return NULL;
    char *string = zmsg_popstr (frames);
    if (!string)
        string = strdup ("");
    assert (string);
    zmsg_destroy (&frames);
    return string;
}

int
zrelay_client_execute (zrelay_client_t *self, zmsg_t **words_p,
                       zmsg_t **frames_p)
{
    assert (self);
    assert (words_p);
    zmsg_t *frames = s_execute (self, words_p);
    if (frames_p)
        *frames_p = frames;
    else
        zmsg_destroy (&frames);
    return self->status;
}

//  COUNTERS has in one block what STATS has in frames, which saves most of the
//  cost; zrelay 0.1 did not have it. Returns the answer with its name, or NULL.

static zmsg_t *
s_query_stats (zrelay_client_t *self)
{
    const char *query = self->old? "STATS": "COUNTERS";
    zmsg_t *answer = zrelay_client_query (self, query, NULL);
    if (!answer && !self->old && self->status == ZRELAY_STATUS_UNKNOWN) {
        query = "STATS";
        answer = zrelay_client_query (self, query, NULL);
        self->old = answer != NULL;
    }
    if (answer)
        zmsg_pushstr (answer, query);
    return answer;
}

zrelay_stats_t *
zrelay_client_stats (zrelay_client_t *self)
{
    assert (self);
    zmsg_t *answer = s_query_stats (self);
    if (!answer)
        return NULL;
    zrelay_stats_t *stats = zrelay_stats_new_after (answer, self->stats);
    zmsg_destroy (&answer);
    if (!stats)
        s_fail (self, ZRELAY_STATUS_REFUSED,
                "the relay's answer to STATS is malformed");
    //  The next answer will have the same names
    zrelay_stats_destroy (&self->stats);
    self->stats = zrelay_stats_dup (stats);
    return stats;
}

int
zrelay_client_status (zrelay_client_t *self)
{
    assert (self);
    return self->status;
}

const char *
zrelay_client_error (zrelay_client_t *self)
{
    assert (self);
    return self->error? self->error: "";
}

void *
zrelay_client_handle (zrelay_client_t *self)
{
    return self->handle;
}
