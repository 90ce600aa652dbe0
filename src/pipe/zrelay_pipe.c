/*  =========================================================================
    zrelay_pipe - reads commands from a socket, and answers them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_pipe.h"
#include "zrelay_command.h"
#include "zrelay_engine_internal.h"
#include "zrelay_message_internal.h"
#include "zrelay_option.h"

#include <signal.h>

//  Most commands that are carried out before messages move again
#define COMMANDS_MAX 16

//  A command's place in the order of answers
struct _zrelay_answer_t {
    zrelay_pipe_t *pipe;        //  Where it goes
    bool query;                 //  Its message begins with the command's name
    char *name;                 //  Which is this
    zmsg_t *envelope;           //  To be returned before it; NULL: there is none
    zmsg_t *message;            //  The answer; NULL until it is known
    bool named;                 //  It says what it answers
};

struct _zrelay_pipe_t {
    zrelay_engine_t *engine;    //  Carries out the commands
    void *handle;               //  libzmq's socket
    zrelay_pipe_from_t from;    //  The other end's rights
    int timer;                  //  Has it looked at again, or 0
    zlistx_t *answers;          //  zrelay_answer_t, those not sent yet
    zrelay_answer_t *current;   //  That of the command being carried out
    bool blocked;               //  The socket is full; it is polled
};

static int
s_on_pipe (zloop_t *loop, zmq_pollitem_t *item, void *arg);
static int
s_on_pipe_again (zloop_t *loop, int timer_id, void *arg);
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

//  The pipe was used, and commands may have come by

static void
s_look_again (zrelay_pipe_t *self)
{
    if (!self->timer)
        self->timer = zloop_timer (zrelay_engine_zloop (self->engine), 0, 1,
                                   s_on_pipe_again, self);
}

//  The pipe is polled as a bare descriptor, see zrelay_engine.c

zrelay_pipe_t *
zrelay_pipe_new (zrelay_engine_t *engine, void *handle,
                 zrelay_pipe_from_t from)
{
    zrelay_pipe_t *self = (zrelay_pipe_t *) zmalloc (sizeof (zrelay_pipe_t));
    assert (self);
    self->engine = engine;
    self->handle = handle;
    self->from = from;
    self->answers = zlistx_new ();
    assert (self->answers);
    zlistx_set_destructor (self->answers, s_answer_destroy);
    zrelay_engine_set_owner (engine, self);
    //  Answers that nobody reads must not stop the relay
    zsock_set_sndtimeo (handle, 0);
    zmq_pollitem_t item = { .fd = zsock_fd (handle), .events = ZMQ_POLLIN };
    zloop_poller (zrelay_engine_zloop (engine), &item, s_on_pipe, self);
    s_look_again (self);
    return self;
}

void
zrelay_pipe_destroy (zrelay_pipe_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_destroy (&(*self_p)->answers);
        freen (*self_p);
    }
}


//  --------------------------------------------------------------------------
//  Answers. They wait where the application does not read them. Those to bare
//  words leave in order, since a status does not say which command it answers.
//  The answer to a query says so, and so does one in an envelope; these do not
//  wait for others that are not known yet.

static bool
s_is_bare (zrelay_answer_t *self)
{
    return !self->envelope && self->pipe->from == ZRELAY_PIPE_OWNER;
}

//  Bare words are answered by a query's frames, behind its name, or by a signal
//  with the status. Others get the status first, as a string, and after one
//  that is not 0 the sentence of ERROR. Takes the query's frames.

static void
s_encode (zrelay_answer_t *self, int status, zmsg_t **frames_p)
{
    if (status != ZRELAY_STATUS_DONE || !self->query)
        zmsg_destroy (frames_p);
    zmsg_t *message = *frames_p;
    *frames_p = NULL;
    self->named = self->envelope
               || (self->query && status == ZRELAY_STATUS_DONE);
    if (s_is_bare (self)) {
        if (self->query && status == ZRELAY_STATUS_DONE) {
            if (!message)
                message = zmsg_new ();
            zmsg_pushstr (message, self->name);
        }
        self->message = message? message: zmsg_new_signal ((byte) status);
        assert (self->message);
        return;
    }
    if (!message)
        message = zmsg_new ();
    assert (message);
    zmsg_pushstrf (message, "%d", status);
    if (status != ZRELAY_STATUS_DONE)
        zmsg_addstr (message, zrelay_error_sentence (
            zrelay_engine_error (self->pipe->engine)));
    zframe_t *frame = self->envelope? zmsg_last (self->envelope): NULL;
    while (frame) {
        zmsg_remove (self->envelope, frame);
        zmsg_prepend (message, &frame);
        frame = zmsg_last (self->envelope);
    }
    self->message = message;
}

static void
s_set_blocked (zrelay_pipe_t *self, bool blocked)
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
s_send_answers (zrelay_pipe_t *self)
{
    bool waits = false;         //  For one that is not known yet
    bool blocked = false;
    zrelay_answer_t *answer = (zrelay_answer_t *) zlistx_first (self->answers);
    while (answer && !blocked) {
        void *place = zlistx_cursor (self->answers);
        bool sends = answer->message && (!waits || answer->named);
        waits = waits || (!answer->message && !answer->envelope);
        blocked = sends && zmsg_send (&answer->message, self->handle) == -1;
        zrelay_answer_t *next =
            (zrelay_answer_t *) zlistx_next (self->answers);
        if (sends && !blocked)
            zlistx_delete (self->answers, place);
        answer = next;
    }
    s_look_again (self);
    s_set_blocked (self, blocked);
}

static int
s_on_answerable (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    s_send_answers ((zrelay_pipe_t *) arg);
    return 0;
}

static zrelay_answer_t *
s_answer_new (zrelay_pipe_t *self, const char *name, zmsg_t *envelope)
{
    zrelay_answer_t *answer =
        (zrelay_answer_t *) zmalloc (sizeof (zrelay_answer_t));
    assert (answer);
    answer->pipe = self;
    answer->name = strdup (name);
    assert (answer->name);
    answer->envelope = envelope;
    zlistx_add_end (self->answers, answer);
    return answer;
}

static void
s_answer (zrelay_answer_t *answer, int status, zmsg_t **frames_p)
{
    s_encode (answer, status, frames_p);
    s_send_answers (answer->pipe);
}

zrelay_answer_t *
zrelay_engine_defer (zrelay_engine_t *engine)
{
    return ((zrelay_pipe_t *) zrelay_engine_owner (engine))->current;
}

void
zrelay_engine_answer (zrelay_engine_t *engine, zrelay_answer_t **answer_p,
                      int status, zmsg_t **frames_p)
{
    (void) engine;
    assert (answer_p && *answer_p);
    zmsg_t *nothing = NULL;
    s_answer (*answer_p, status, frames_p? frames_p: &nothing);
    *answer_p = NULL;
}


//  --------------------------------------------------------------------------
//  Commands

//  Sentences must not repeat the arguments of a command that is about secrets:
//  one may have been given in the wrong place

static bool
s_is_secret (const zrelay_command_t *command, zmsg_t *msg)
{
    bool secret = command->flags & ZRELAY_COMMAND_SECRET;
    zframe_t *frame = zmsg_first (msg);
    for (; frame && !secret; frame = zmsg_next (msg)) {
        char *word = zframe_strdup (frame);
        assert (word);
        const zrelay_option_t *option = zrelay_option_find (word);
        secret = option && (option->flags & ZRELAY_OPTION_SECRET);
        memset (word, 0, strlen (word));
        zstr_free (&word);
    }
    return secret;
}

static void
s_log (zrelay_pipe_t *self, const char *name, int status)
{
    if (zrelay_engine_verbose (self->engine))
        zrelay_engine_log (self->engine, ZRELAY_LOG_INFO, "%s: %s", name,
            status == ZRELAY_STATUS_DONE? "done":
            status == ZRELAY_STATUS_LATER? "under way":
            zrelay_error_sentence (zrelay_engine_error (self->engine)));
}

//  Answer one command, of which msg holds the arguments

static void
s_execute (zrelay_pipe_t *self, const zrelay_command_t *command, zmsg_t *msg,
           zmsg_t *envelope)
{
    zrelay_error_t *error = zrelay_engine_error (self->engine);
    zrelay_answer_t *answer = s_answer_new (self, command->name, envelope);
    answer->query = command->flags & ZRELAY_COMMAND_QUERY;
    zmsg_t *frames = answer->query? zmsg_new (): NULL;
    self->current = answer;
    zrelay_error_set_secrecy (error, s_is_secret (command, msg));
    int status = zrelay_command_execute (command, self->engine, msg, frames);
    zrelay_error_set_secrecy (error, false);
    self->current = NULL;
    s_log (self, command->name, status);
    if (status == ZRELAY_STATUS_LATER)
        zmsg_destroy (&frames);
    else
    if (!zrelay_engine_ends (self->engine))
        s_answer (answer, status, &frames);
    else
        zmsg_destroy (&frames);
}

static void
s_refuse (zrelay_pipe_t *self, const char *name, zmsg_t *envelope)
{
    zrelay_error_t *error = zrelay_engine_error (self->engine);
    int status = zrelay_error_set (error, ZRELAY_STATUS_UNKNOWN,
        "there is no command %s; HELP lists them",
        zrelay_error_quote (error, name));
    if (zrelay_engine_verbose (self->engine))
        zrelay_engine_log (self->engine, ZRELAY_LOG_INFO, "%s",
                           zrelay_error_sentence (error));
    zmsg_t *nothing = NULL;
    s_answer (s_answer_new (self, name, envelope), status, &nothing);
}

//  On an actor's pipe, an empty frame announces an envelope of one or more
//  frames, which ends with another one. Moves all of these into a new message,
//  or returns NULL if there is none.

static zmsg_t *
s_take_envelope (zrelay_pipe_t *self, zmsg_t *msg)
{
    zframe_t *frame = zmsg_first (msg);
    if (self->from != ZRELAY_PIPE_OWNER || !frame || zframe_size (frame) > 0)
        return NULL;
    size_t size = 1;
    while ((frame = zmsg_next (msg)) && zframe_size (frame) > 0)
        size++;
    if (!frame || size == 1)
        return NULL;
    zmsg_t *envelope = zmsg_new ();
    assert (envelope);
    for (size_t index = 0; index <= size; index++) {
        frame = zmsg_pop (msg);
        zmsg_append (envelope, &frame);
    }
    return envelope;
}

static void
s_command (zrelay_pipe_t *self, zmsg_t *msg)
{
    zmsg_t *envelope = s_take_envelope (self, msg);
    zframe_t *frame = zmsg_pop (msg);
    char *name = frame? zframe_strdup (frame): strdup ("");
    assert (name);
    //  A name with a zero byte in it is none
    bool string = frame && strlen (name) == zframe_size (frame);
    zrelay_command_t command;
    if (string
    &&  zrelay_command_find (zrelay_engine_kind (self->engine), name, &command)
    && (self->from == ZRELAY_PIPE_OWNER
     || !(command.flags & ZRELAY_COMMAND_OWNER)))
        s_execute (self, &command, msg, envelope);
    else
        s_refuse (self, name, envelope);
    zframe_destroy (&frame);
    zstr_free (&name);
    zrelay_engine_changed (self->engine);
}

//  Returns -1 if the relay ends

static int
s_read_pipe (zrelay_pipe_t *self)
{
    int count = 0;
    zmsg_t *msg = zrelay_message_poll (self->handle);
    while (msg) {
        s_command (self, msg);
        zmsg_destroy (&msg);
        if (zrelay_engine_ends (self->engine))
            return -1;
        if (++count == COMMANDS_MAX) {
            s_look_again (self);
            return 0;
        }
        msg = zrelay_message_poll (self->handle);
    }
    //  A REP has to reply first; any other error is the end of its context
    if (errno != EAGAIN && errno != EFSM)
        zrelay_engine_stop (self->engine);
    return zrelay_engine_ends (self->engine)? -1: 0;
}

static int
s_on_pipe (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    return s_read_pipe ((zrelay_pipe_t *) arg);
}

static int
s_on_pipe_again (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    zrelay_pipe_t *self = (zrelay_pipe_t *) arg;
    self->timer = 0;
    return s_read_pipe (self);
}


//  --------------------------------------------------------------------------
//  Running a relay as an actor. Signals are for the application's threads; here
//  they would only end polls early. Those that report a fault in this thread
//  stay.

static void
s_block_signals (void)
{
    static const int faults [] = {
        SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF
    };
    sigset_t signals;
    sigfillset (&signals);
    for (size_t index = 0; index < sizeof (faults) / sizeof (*faults); index++)
        sigdelset (&signals, faults [index]);
    pthread_sigmask (SIG_SETMASK, &signals, NULL);
}

void
zrelay_engine_run (const zrelay_kind_t *kind, zsock_t *pipe, void *args)
{
    assert (kind && pipe);
    s_block_signals ();
    zrelay_engine_t *engine = zrelay_engine_new (kind, (const char *) args);
    zrelay_pipe_t *self = zrelay_pipe_new (engine, zsock_resolve (pipe),
                                           ZRELAY_PIPE_OWNER);
    zsock_signal (pipe, 0);
    while (zrelay_engine_loop (engine) == -1 && errno == EINTR);
    zrelay_engine_destroy (&engine);
    zrelay_pipe_destroy (&self);
}

//  The argument of the actor's thread, which reads it before zactor_new ()
//  returns

typedef struct {
    const zrelay_kind_t *kind;
    const char *name;
} spawn_t;

static void
s_spawned (zsock_t *pipe, void *args)
{
    spawn_t spawn = *(spawn_t *) args;
    zrelay_engine_run (spawn.kind, pipe, (void *) spawn.name);
}

zactor_t *
zrelay_engine_spawn (const zrelay_kind_t *kind, const char *name)
{
    spawn_t spawn = { kind, name };
    return zactor_new (s_spawned, &spawn);
}
