/*  =========================================================================
    zrelay_hosted - one relay that a host runs

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_hosted.h"
#include "zrelay_message_internal.h"

//  Most commands that may await their answers, and, beyond these, most of peers
//  that await no other
#define PENDING_MAX 1000
#define PENDING_ONLY_MAX (2 * PENDING_MAX)

//  The two ends of a pipe
#define PIPE_SOCKETS 2

//  Digits of a number that identifies a command
#define NUMBER_DIGITS 20

//  What the relay is doing
typedef enum {
    HOSTED_RUNNING,             //  It works
    HOSTED_DRAINING,            //  It finishes its work before it is ended
    HOSTED_ENDING,              //  It was told to end
    HOSTED_ENDED                //  Its thread has
} hosted_state_t;

//  A command that the relay has
typedef struct {
    char number [NUMBER_DIGITS + 1];    //  What its answer begins with
    zrelay_call_t *request;  //  Whose answer that is; NULL: the host's
    bool last;                  //  The relay ends when it has answered it
    bool packed;                //  It was STATS, and COUNTERS is its answer
} pending_t;

struct _zrelay_hosted_t {
    zrelay_ear_t *ear;          //  Listens to the pipe
    const zrelay_kind_t *kind;  //  The relay's kind
    char *name;                 //  Its name
    zsock_t *pipe;              //  Our end
    zsock_t *other;             //  The relay's end, its thread's to destroy
    pthread_t thread;           //  The relay's thread
    bool started;               //  It has said that it is there
    bool packs;                 //  STATS and COUNTERS are not its kind's own
    hosted_state_t state;       //  What it is doing
    zlistx_t *pending;          //  pending_t, in the order of the commands
    uint64_t number;            //  Of the last command
    zrelay_call_t *stopper;  //  Answered when it has ended, or NULL
    zlistx_t *waiters;          //  zrelay_call_t, answered then, too
    zrelay_hosted_fn *on_ended; //  Called then
    void *owner;                //  Its argument
};

static zrelay_ear_result_t
s_read (void *owner);


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_pending_destroy (void **item_p)
{
    pending_t *pending = (pending_t *) *item_p;
    zrelay_call_destroy (&pending->request);
    freen (pending);
    *item_p = NULL;
}

static void
s_request_destroy (void **item_p)
{
    zrelay_call_destroy ((zrelay_call_t **) item_p);
}

//  As in a zactor: the last message of a relay is a signal

static void *
s_thread (void *arg)
{
    zrelay_hosted_t *self = (zrelay_hosted_t *) arg;
    zsock_t *pipe = self->other;
    zrelay_engine_run (self->kind, pipe, self->name);
    zsock_set_sndtimeo (pipe, -1);
    zsock_signal (pipe, 0);
    zsock_destroy (&pipe);
    return NULL;
}

//  The number of unanswered commands is limited, and so is that of messages in
//  the pipe, which therefore needs no limit of its own: there is always room
//  for the command that ends the relay

static int
s_make_pipe (zrelay_hosted_t *self)
{
    if (!zrelay_sockets_left (PIPE_SOCKETS))
        return -1;
    self->pipe = zsock_new (ZMQ_PAIR);
    self->other = zsock_new (ZMQ_PAIR);
    assert (self->pipe && self->other);
    zsock_set_sndhwm (self->pipe, 0);
    zsock_set_rcvhwm (self->pipe, 0);
    zsock_set_sndhwm (self->other, 0);
    zsock_set_rcvhwm (self->other, 0);
    zsock_set_sndtimeo (self->pipe, 0);
    zsock_set_rcvtimeo (self->pipe, 0);
    if (zsock_bind (self->pipe, "inproc://zrelay-host-%p", (void *) self) == -1)
        return -1;
    return zsock_connect (self->other, "inproc://zrelay-host-%p",
                          (void *) self);
}

zrelay_hosted_t *
zrelay_hosted_new (zrelay_ears_t *ears, const zrelay_kind_t *kind, const char *name,
                   zrelay_hosted_fn *on_ended, void *owner)
{
    zrelay_hosted_t *self =
        (zrelay_hosted_t *) zmalloc (sizeof (zrelay_hosted_t));
    assert (self);
    self->kind = kind;
    self->packs = !zrelay_hosted_own_command (kind, "STATS")
               && !zrelay_hosted_own_command (kind, "COUNTERS");
    self->on_ended = on_ended;
    self->owner = owner;
    self->name = strdup (name);
    self->pending = zlistx_new ();
    self->waiters = zlistx_new ();
    assert (self->name && self->pending && self->waiters);
    zlistx_set_destructor (self->pending, s_pending_destroy);
    zlistx_set_destructor (self->waiters, s_request_destroy);
    self->state = HOSTED_ENDED;
    int error = s_make_pipe (self) == 0? 0: zmq_errno ();
    if (!error)
        error = pthread_create (&self->thread, NULL, s_thread, self);
    if (error) {
        zsock_destroy (&self->other);
        zrelay_hosted_destroy (&self);
        errno = error;
        return NULL;
    }
    self->state = HOSTED_RUNNING;
    self->ear = zrelay_ear_new (ears, zsock_resolve (self->pipe), s_read,
                                self);
    return self;
}

static void
s_send_term (zrelay_hosted_t *self)
{
    zstr_send (self->pipe, "$TERM");
    zrelay_ear_look (self->ear);
    self->state = HOSTED_ENDING;
}

//  Wait for the signal of the thread that was told to end

static void
s_await_end (zrelay_hosted_t *self)
{
    zsock_set_rcvtimeo (self->pipe, -1);
    int signals = self->started? 1: 2;
    while (signals > 0) {
        zmsg_t *msg = zmsg_recv (self->pipe);
        if (!msg && errno != EINTR)
            break;
        signals -= msg && zmsg_signal (msg) != -1;
        zmsg_destroy (&msg);
    }
    pthread_join (self->thread, NULL);
    self->state = HOSTED_ENDED;
}

void
zrelay_hosted_destroy (zrelay_hosted_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_hosted_t *self = *self_p;
        zrelay_ear_destroy (&self->ear);
        if (self->state < HOSTED_ENDING)
            s_send_term (self);
        if (self->state == HOSTED_ENDING)
            s_await_end (self);
        zsock_destroy (&self->pipe);
        zlistx_destroy (&self->pending);
        zlistx_destroy (&self->waiters);
        zrelay_call_destroy (&self->stopper);
        zstr_free (&self->name);
        freen (self);
        *self_p = NULL;
    }
}

const char *
zrelay_hosted_name (zrelay_hosted_t *self)
{
    return self->name;
}

const zrelay_kind_t *
zrelay_hosted_kind (zrelay_hosted_t *self)
{
    return self->kind;
}

//  Rows have the size of the header that the kind was compiled with

const zrelay_command_t *
zrelay_hosted_own_command (const zrelay_kind_t *kind, const char *command)
{
    const zrelay_command_t *row = kind->commands;
    while (row && row->name && strneq (row->name, command))
        row = (const zrelay_command_t *) ((const byte *) row + row->size);
    return row && row->name? row: NULL;
}


//  --------------------------------------------------------------------------
//  Commands

//  Send a command in an envelope with its number, which an empty frame
//  announces, see zrelay_client.h. Takes the request.

static pending_t *
s_send (zrelay_hosted_t *self, zrelay_call_t **request_p, zmsg_t **words_p)
{
    pending_t *pending = (pending_t *) zmalloc (sizeof (pending_t));
    assert (pending);
    if (request_p) {
        pending->request = *request_p;
        *request_p = NULL;
    }
    snprintf (pending->number, sizeof (pending->number), "%" PRIu64,
              ++self->number);
    zlistx_add_end (self->pending, pending);
    zmsg_pushmem (*words_p, "", 0);
    zmsg_pushstr (*words_p, pending->number);
    zmsg_pushmem (*words_p, "", 0);
    zmsg_send (words_p, self->pipe);
    zmsg_destroy (words_p);
    zrelay_ear_look (self->ear);
    return pending;
}

void
zrelay_hosted_tell (zrelay_hosted_t *self, zmsg_t **words_p)
{
    if (self->state == HOSTED_RUNNING
    &&  zlistx_size (self->pending) < PENDING_MAX)
        s_send (self, NULL, words_p);
    zmsg_destroy (words_p);
}

//  True if somebody's command may wait with so many others. Those who sent many
//  cannot keep out those who sent one.

static bool
s_has_room (size_t waiting, zrelay_call_t *request)
{
    return waiting < (zrelay_call_is_only (request)? PENDING_ONLY_MAX:
                                                     PENDING_MAX);
}

void
zrelay_hosted_give (zrelay_hosted_t *self, zrelay_call_t **request_p,
                    zmsg_t **words_p)
{
    if (self->state != HOSTED_RUNNING)
        zrelay_call_refuse (request_p, ZRELAY_STATUS_BAD_STATE,
            "the relay %s is being stopped", self->name);
    else
    if (!s_has_room (zlistx_size (self->pending), *request_p))
        zrelay_call_refuse (request_p, ZRELAY_STATUS_BAD_STATE,
            "the relay %s has not answered %d commands yet; wait for its"
            " answers", self->name, PENDING_MAX);
    else {
        bool packed = self->packs && zmsg_size (*words_p) == 1
                   && zframe_streq (zmsg_first (*words_p), "STATS");
        if (packed)
            zframe_reset (zmsg_first (*words_p), "COUNTERS",
                          strlen ("COUNTERS"));
        s_send (self, request_p, words_p)->packed = packed;
    }
    zmsg_destroy (words_p);
}

void
zrelay_hosted_stop (zrelay_hosted_t *self, zrelay_call_t **request_p,
                    const char *msecs)
{
    if (self->state != HOSTED_RUNNING) {
        zrelay_call_refuse (request_p, ZRELAY_STATUS_BAD_STATE,
            "the relay %s is being stopped already", self->name);
        return;
    }
    self->stopper = *request_p;
    *request_p = NULL;
    if (*msecs) {
        zmsg_t *words = zmsg_new ();
        assert (words);
        zmsg_addstr (words, "DRAIN");
        zmsg_addstr (words, msecs);
        s_send (self, NULL, &words)->last = true;
        self->state = HOSTED_DRAINING;
    }
    else
        s_send_term (self);
}

void
zrelay_hosted_wait (zrelay_hosted_t *self, zrelay_call_t **request_p)
{
    if (!s_has_room (zlistx_size (self->waiters), *request_p))
        zrelay_call_refuse (request_p, ZRELAY_STATUS_BAD_STATE,
            "%d others wait for the end of the relay %s already", PENDING_MAX,
            self->name);
    else {
        zlistx_add_end (self->waiters, *request_p);
        *request_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Answers

//  Take the pending command with that number out of the list, or return NULL

static pending_t *
s_take_pending (zrelay_hosted_t *self, zframe_t *number)
{
    pending_t *pending = (pending_t *) zlistx_first (self->pending);
    while (pending && !zframe_streq (number, pending->number))
        pending = (pending_t *) zlistx_next (self->pending);
    return pending? (pending_t *) zlistx_detach (self->pending,
                                      zlistx_cursor (self->pending)): NULL;
}

//  An answer: an empty frame, the number, an empty frame, the status, and more

static void
s_answered (zrelay_hosted_t *self, zmsg_t **answer_p)
{
    zframe_t *frames [] = { NULL, NULL, NULL, NULL };
    const size_t count = sizeof (frames) / sizeof (*frames);
    for (size_t index = 0; index < count; index++)
        frames [index] = zmsg_pop (*answer_p);
    pending_t *pending =
        frames [count - 1]? s_take_pending (self, frames [1]): NULL;
    if (pending && pending->request) {
        char *status = zframe_strdup (frames [count - 1]);
        assert (status);
        if (pending->packed && atoi (status) == ZRELAY_STATUS_DONE)
            zrelay_call_answer_packed (&pending->request, "STATS",
                                       zmsg_last (*answer_p));
        else
            zrelay_call_answer (&pending->request, atoi (status), answer_p);
        zstr_free (&status);
    }
    else
    if (pending && pending->last)
        s_send_term (self);
    if (pending)
        s_pending_destroy ((void **) &pending);
    for (size_t index = 0; index < count; index++)
        zframe_destroy (&frames [index]);
}

//  The thread sends nothing after its signal, and ends

static void
s_ended (zrelay_hosted_t *self)
{
    zrelay_ear_destroy (&self->ear);
    pthread_join (self->thread, NULL);
    self->state = HOSTED_ENDED;
    pending_t *pending = (pending_t *) zlistx_first (self->pending);
    for (; pending; pending = (pending_t *) zlistx_next (self->pending))
        if (pending->request)
            zrelay_call_refuse (&pending->request, ZRELAY_STATUS_BAD_STATE,
                "the relay %s has ended", self->name);
    if (self->stopper)
        zrelay_call_answer (&self->stopper, ZRELAY_STATUS_DONE, NULL);
    zrelay_call_t *waiter;
    while ((waiter = (zrelay_call_t *) zlistx_detach (self->waiters, NULL)))
        zrelay_call_answer (&waiter, ZRELAY_STATUS_DONE, NULL);
    self->on_ended (self->owner, self);
}

static zrelay_ear_result_t
s_read (void *owner)
{
    zrelay_hosted_t *self = (zrelay_hosted_t *) owner;
    zmsg_t *msg = zrelay_message_poll (zsock_resolve (self->pipe));
    if (!msg)
        return ZRELAY_EAR_EMPTY;
    bool signal = zmsg_signal (msg) != -1;
    bool ended = signal && self->started;
    if (signal)
        self->started = true;
    else
        s_answered (self, &msg);
    zmsg_destroy (&msg);
    if (!ended)
        return ZRELAY_EAR_READ;
    s_ended (self);
    return ZRELAY_EAR_GONE;
}
