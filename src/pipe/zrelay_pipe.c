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
#include "zrelay_answers.h"
#include "zrelay_command.h"
#include "zrelay_engine_internal.h"
#include "zrelay_envelope.h"
#include "zrelay_message_internal.h"
#include "zrelay_option.h"
#include "zrelay_owners.h"
#include "../zrelay_thread.h"

//  Most commands that are carried out before messages move again
#define COMMANDS_MAX 16

//  Those of an actor: the two ends of its pipe
#define ACTOR_SOCKETS 2

struct _zrelay_pipe_t {
    zrelay_engine_t *engine;    //  Carries out the commands
    void *handle;               //  libzmq's socket
    zrelay_pipe_from_t from;    //  The other end's rights
    int timer;                  //  Has it looked at again, or 0
    zrelay_answers_t *answers;  //  Those not sent yet
    zrelay_answer_t *last;      //  To the command that ended the relay; NULL:
                                //  it came without an envelope
};

static int
s_on_pipe (zloop_t *loop, zmq_pollitem_t *item, void *arg);
static int
s_on_pipe_again (zloop_t *loop, int timer_id, void *arg);


//  --------------------------------------------------------------------------
//  Constructor and destructor

//  The pipe was used, and commands may have come by

static void
s_look_again (void *arg)
{
    zrelay_pipe_t *self = (zrelay_pipe_t *) arg;
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
    self->answers = zrelay_answers_new (engine, handle, s_look_again, self);
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
        if ((*self_p)->last)
            zrelay_answers_give_last ((*self_p)->last);
        zrelay_answers_destroy (&(*self_p)->answers);
        freen (*self_p);
    }
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
    bool query = command->flags & ZRELAY_COMMAND_QUERY;
    zrelay_answer_t *answer =
        zrelay_answers_add (self->answers, command->name, query, envelope);
    zmsg_t *frames = query? zmsg_new (): NULL;
    //  ERROR is about the command before it
    if (strneq (command->name, "ERROR")) {
        zrelay_error_clear (error);
        zrelay_error_set_command (error, command->name);
    }
    zrelay_error_set_secrecy (error, s_is_secret (command, msg));
    int status = zrelay_command_execute (command, self->engine, msg, frames);
    zrelay_error_set_secrecy (error, false);
    s_log (self, command->name, status);
    if (status != ZRELAY_STATUS_LATER && !zrelay_engine_ends (self->engine))
        zrelay_answers_give (answer, status, &frames);
    if (zrelay_engine_ends (self->engine) && envelope)
        self->last = answer;
    zmsg_destroy (&frames);
}

static void
s_refuse (zrelay_pipe_t *self, const char *name, zmsg_t *envelope)
{
    zrelay_error_t *error = zrelay_engine_error (self->engine);
    int status = streq (name, "SET")?
        zrelay_error_set (error, ZRELAY_STATUS_UNKNOWN,
            "only the application that runs the relay may set its spool"):
        zrelay_error_set (error, ZRELAY_STATUS_UNKNOWN,
            "there is no command %s; HELP lists them",
            zrelay_error_quote (error, name));
    if (zrelay_engine_verbose (self->engine))
        zrelay_engine_log (self->engine, ZRELAY_LOG_INFO, "%s",
                           zrelay_error_sentence (error));
    zmsg_t *nothing = NULL;
    //  The name is anybody's, and may even be a key; the sentence quotes it
    zrelay_answers_give (
        zrelay_answers_add (self->answers, "", false, envelope), status,
        &nothing);
}

//  A control socket is a host's with one relay, see zrelay_host.h: LIST names
//  it, and RELAY and its name may precede a command. Takes these off; returns
//  false after the command was answered.

static bool
s_be_host (zrelay_pipe_t *self, zmsg_t *msg, zmsg_t *envelope)
{
    const char *own = zrelay_engine_name (self->engine);
    zframe_t *first = zmsg_first (msg);
    if (!first || (!zframe_streq (first, "RELAY")
                && !zframe_streq (first, "LIST")))
        return true;
    bool list = zframe_streq (first, "LIST");
    zframe_t *second = zmsg_next (msg);
    if (!list && second && zframe_streq (second, own)) {
        for (int count = 0; count < 2; count++) {
            zframe_t *frame = zmsg_pop (msg);
            zframe_destroy (&frame);
        }
        return true;
    }
    zmsg_t *frames = zmsg_new ();
    assert (frames);
    zmsg_addstr (frames, own);
    zmsg_addstr (frames, zrelay_engine_kind (self->engine)->name);
    int status = list? ZRELAY_STATUS_DONE:
        zrelay_error_set (zrelay_engine_error (self->engine),
                          ZRELAY_STATUS_BAD_ARGUMENTS,
                          "there is one relay here, %s", own);
    zrelay_answers_give (
        zrelay_answers_add (self->answers, "LIST", list, envelope), status,
        &frames);
    return false;
}

//  True if strangers may give that command with these arguments

static bool
s_is_for_strangers (zrelay_pipe_t *self, const zrelay_command_t *command,
                    zmsg_t *arguments)
{
    if (command->flags & ZRELAY_COMMAND_OWNER)
        return false;
    zmsg_first (arguments);
    return strneq (command->name, "SET")
        || !zrelay_owners_option (zrelay_engine_kind (self->engine),
                                  zmsg_next (arguments));
}

static void
s_command (zrelay_pipe_t *self, zmsg_t *msg)
{
    bool strange = self->from == ZRELAY_PIPE_STRANGERS;
    zmsg_t *envelope = zrelay_envelope_take (msg, !strange);
    //  Without one, there is nobody to be answered
    if (strange && (!envelope || !s_be_host (self, msg, envelope)))
        return;
    zframe_t *frame = zmsg_pop (msg);
    char *name = frame? zframe_strdup (frame): strdup ("");
    assert (name);
    //  A name with a zero byte in it is none
    bool string = frame && strlen (name) == zframe_size (frame);
    zrelay_command_t command;
    if (string
    &&  zrelay_command_find (zrelay_engine_kind (self->engine), name, &command)
    && (!strange || s_is_for_strangers (self, &command, msg)))
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
    //  Any other error is the end of its context
    if (errno != EAGAIN)
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
//  Running a relay as an actor

void
zrelay_engine_run (const zrelay_kind_t *kind, zsock_t *pipe, void *args)
{
    assert (kind && pipe);
    zrelay_thread_block_signals ();
    zrelay_engine_t *engine = zrelay_engine_new (kind, (const char *) args);
    zrelay_pipe_t *self = zrelay_pipe_new (engine, zsock_resolve (pipe),
                                           ZRELAY_PIPE_OWNER);
    zsock_signal (pipe, 0);
    while (zrelay_engine_loop (engine) == -1 && errno == EINTR);
    zrelay_engine_destroy (&engine);
    zrelay_pipe_destroy (&self);
}

//  The argument of the actor's thread, which frees it

typedef struct {
    const zrelay_kind_t *kind;
    char *name;                 //  Of the relay, or NULL
} spawn_t;

static void
s_spawn_destroy (spawn_t **self_p)
{
    zstr_free (&(*self_p)->name);
    freen (*self_p);
}

static void
s_spawned (zsock_t *pipe, void *args)
{
    spawn_t *spawn = (spawn_t *) args;
    zrelay_engine_run (spawn->kind, pipe, spawn->name);
    s_spawn_destroy (&spawn);
}

zactor_t *
zrelay_engine_spawn (const zrelay_kind_t *kind, const char *name)
{
    if (!zrelay_sockets_left (ACTOR_SOCKETS))
        return NULL;
    spawn_t *spawn = (spawn_t *) zmalloc (sizeof (spawn_t));
    assert (spawn);
    spawn->kind = kind;
    spawn->name = name? strdup (name): NULL;
    zactor_t *actor = zactor_new (s_spawned, spawn);
    //  There is no thread if there were no sockets
    if (!actor)
        s_spawn_destroy (&spawn);
    return actor;
}
