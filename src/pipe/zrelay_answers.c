/*  =========================================================================
    zrelay_answers - answers to commands, in their order

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_answers.h"
#include "zrelay_engine_internal.h"
#include "zrelay_message_internal.h"

//  How long the last answer may wait for room, in msecs
#define LAST_PATIENCE 1000

//  A command's place in the order of answers
struct _zrelay_answer_t {
    zrelay_answers_t *answers;  //  Where it is
    bool query;                 //  Its message begins with the command's name
    char *name;                 //  Which is this
    zmsg_t *envelope;           //  To be returned before it; NULL: it is bare
    zmsg_t *message;            //  The answer; NULL until it is known
    bool named;                 //  It says what it answers
};

struct _zrelay_answers_t {
    zrelay_engine_t *engine;    //  Knows the sentence
    void *handle;               //  libzmq's socket
    zrelay_answers_used_fn *on_used;    //  Called after each use of it
    void *arg;                  //  Its argument
    zlistx_t *items;            //  zrelay_answer_t, those not sent yet
    zrelay_answer_t *last;      //  The one that was added last
    bool blocked;               //  The socket is full; it is polled
};

static int
s_on_answerable (zloop_t *loop, zmq_pollitem_t *item, void *arg);


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_answer_destroy (void **item_p)
{
    zrelay_answer_t *answer = (zrelay_answer_t *) *item_p;
    zstr_free (&answer->name);
    zmsg_destroy (&answer->envelope);
    zmsg_destroy (&answer->message);
    freen (answer);
    *item_p = NULL;
}

zrelay_answers_t *
zrelay_answers_new (zrelay_engine_t *engine, void *handle,
                    zrelay_answers_used_fn *on_used, void *arg)
{
    zrelay_answers_t *self =
        (zrelay_answers_t *) zmalloc (sizeof (zrelay_answers_t));
    assert (self);
    self->engine = engine;
    self->handle = handle;
    self->on_used = on_used;
    self->arg = arg;
    self->items = zlistx_new ();
    assert (self->items);
    zlistx_set_destructor (self->items, s_answer_destroy);
    zrelay_engine_set_owner (engine, self);
    //  Answers that nobody reads must not stop the relay
    zsock_set_sndtimeo (handle, 0);
    return self;
}

void
zrelay_answers_destroy (zrelay_answers_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_destroy (&(*self_p)->items);
        freen (*self_p);
    }
}

zrelay_answer_t *
zrelay_answers_add (zrelay_answers_t *self, const char *name, bool query,
                    zmsg_t *envelope)
{
    zrelay_answer_t *answer =
        (zrelay_answer_t *) zmalloc (sizeof (zrelay_answer_t));
    assert (answer);
    answer->answers = self;
    answer->query = query;
    answer->envelope = envelope;
    answer->name = strdup (name);
    assert (answer->name);
    zlistx_add_end (self->items, answer);
    self->last = answer;
    return answer;
}


//  --------------------------------------------------------------------------
//  Sending

static void
s_set_blocked (zrelay_answers_t *self, bool blocked)
{
    if (blocked == self->blocked)
        return;
    //  zloop ends all polls of a socket at once; that for commands is one of
    //  its descriptor
    zloop_t *loop = zrelay_engine_zloop (self->engine);
    zmq_pollitem_t item = { .socket = self->handle, .events = ZMQ_POLLOUT };
    if (blocked)
        zloop_poller (loop, &item, s_on_answerable, self);
    else
        zloop_poller_end (loop, &item);
    self->blocked = blocked;
}

static void
s_send (zrelay_answers_t *self)
{
    bool waits = false;         //  For one that is not known yet
    bool blocked = false;
    zrelay_answer_t *answer = (zrelay_answer_t *) zlistx_first (self->items);
    while (answer && !blocked) {
        void *place = zlistx_cursor (self->items);
        bool sends = answer->message && (!waits || answer->named);
        waits = waits || (!answer->message && !answer->envelope);
        blocked = sends
               && zrelay_message_give (self->handle, &answer->message) == -1;
        answer = (zrelay_answer_t *) zlistx_next (self->items);
        if (sends && !blocked)
            zlistx_delete (self->items, place);
    }
    self->on_used (self->arg);
    s_set_blocked (self, blocked);
}

static int
s_on_answerable (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    s_send ((zrelay_answers_t *) arg);
    return 0;
}


//  --------------------------------------------------------------------------
//  Giving answers

static void
s_put_in_envelope (zrelay_answer_t *self, zmsg_t *message)
{
    zframe_t *frame = self->envelope? zmsg_last (self->envelope): NULL;
    while (frame) {
        zmsg_remove (self->envelope, frame);
        zmsg_prepend (message, &frame);
        frame = zmsg_last (self->envelope);
    }
}

//  The frames of a query that is answered, behind its name; or NULL

static zmsg_t *
s_take_frames (zrelay_answer_t *self, int status, zmsg_t **frames_p)
{
    bool answered = self->query && status == ZRELAY_STATUS_DONE;
    if (!answered)
        zmsg_destroy (frames_p);
    zmsg_t *frames = *frames_p;
    *frames_p = NULL;
    if (answered && !frames)
        frames = zmsg_new ();
    if (answered)
        zmsg_pushstr (frames, self->name);
    self->named = self->envelope || answered;
    return frames;
}

//  Bare words are answered by a query's frames or by a signal with the status.
//  Others get the status first, as a string, and after one that is not 0 the
//  sentence of ERROR.

void
zrelay_answers_give (zrelay_answer_t *self, int status, zmsg_t **frames_p)
{
    zrelay_answers_t *answers = self->answers;
    //  Other commands may have begun since this one did
    if (status != ZRELAY_STATUS_DONE)
        zrelay_error_set_command (zrelay_engine_error (answers->engine),
                                  self->name);
    zmsg_t *message = s_take_frames (self, status, frames_p);
    if (!self->envelope)
        self->message = message? message: zmsg_new_signal ((byte) status);
    else {
        if (!message)
            message = zmsg_new ();
        assert (message);
        zmsg_pushstrf (message, "%d", status);
        if (status != ZRELAY_STATUS_DONE)
            zmsg_addstr (message, zrelay_error_sentence (
                zrelay_engine_error (answers->engine)));
        s_put_in_envelope (self, message);
        self->message = message;
    }
    assert (self->message);
    s_send (answers);
}

//  The relay has ended, so its loop polls nothing any more. Whoever has sent an
//  envelope reads.

void
zrelay_answers_give_last (zrelay_answer_t *self)
{
    zmsg_t *message = zmsg_new ();
    assert (message);
    zmsg_addstrf (message, "%d", ZRELAY_STATUS_DONE);
    s_put_in_envelope (self, message);
    zsock_set_sndtimeo (self->answers->handle, LAST_PATIENCE);
    zmsg_send (&message, self->answers->handle);
    zmsg_destroy (&message);
}

zrelay_answer_t *
zrelay_engine_defer (zrelay_engine_t *engine)
{
    return ((zrelay_answers_t *) zrelay_engine_owner (engine))->last;
}

void
zrelay_engine_answer (zrelay_engine_t *engine, zrelay_answer_t **answer_p,
                      int status, zmsg_t **frames_p)
{
    (void) engine;
    assert (answer_p && *answer_p);
    zmsg_t *nothing = NULL;
    zrelay_answers_give (*answer_p, status, frames_p? frames_p: &nothing);
    *answer_p = NULL;
}
