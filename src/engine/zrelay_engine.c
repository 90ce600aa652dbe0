/*  =========================================================================
    zrelay_engine - moves messages between two sockets; what kinds are made of

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_engine_internal.h"
#include "zrelay_pairing.h"
#include "../pipe/zrelay_command.h"
#include "../../selftest/zrelay_testing.h"
#include <signal.h>

//  Sockets without traffic are looked after when peers come or go, so that
//  libzmq can let go of those that have left; and this often, in msecs
#define SERVICE_IVL 5000

//  Longest sentence for ERROR
#define ERROR_MAX 400

//  Longest time to look on before sleeping, in usecs
#define SPIN_MOST 1000000

//  Most commands that are carried out before messages move again
#define COMMANDS_MAX 16

//  A timer of a kind
typedef struct {
    zrelay_engine_t *engine;
    void (*handler) (void *object);
} ticker_t;

static int
    s_on_pipe (zloop_t *loop, zmq_pollitem_t *item, void *arg);
static int
    s_on_pipe_again (zloop_t *loop, int timer_id, void *arg);
static int
    s_on_answerable (zloop_t *loop, zmq_pollitem_t *item, void *arg);
static int
    s_on_peers (zloop_t *loop, zmq_pollitem_t *item, void *arg);
static int
    s_on_traffic (zloop_t *loop, zmq_pollitem_t *item, void *arg);
static int
    s_turn (zrelay_engine_t *self);
static void
    s_look_at_peers (zrelay_engine_t *self);
static int
    s_on_service (zloop_t *loop, int timer_id, void *arg);
static int
    s_on_retry (zloop_t *loop, int timer_id, void *arg);


//  --------------------------------------------------------------------------
//  Log. A relay in somebody else's program must not touch CZMQ's, which would
//  take over that program's signals.

void
zrelay_engine_log (zrelay_engine_t *self,
                   void (*log) (const char *format, ...),
                   const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *sentence = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (sentence);
    if (!self->borrowed)
        log ("%s: %s", self->name, sentence);
    else
    if (self->log)
        fprintf (self->log, "zrelay: process %d: %s: %s\n", (int) getpid (),
                 self->name, sentence);
    zstr_free (&sentence);
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_make_sides (zrelay_engine_t *self)
{
    const zrelay_kind_t *kind = self->kind;
    self->sides [ZRELAY_FRONTEND] =
        zrelay_side_new ("frontend", &kind->frontend);
    if (kind->backend.types)
        self->sides [ZRELAY_BACKEND] =
            zrelay_side_new ("backend", &kind->backend);
}

//  What goes forward leads nowhere if there is no backend, unless a side that
//  is both is given as such

static void
s_make_flows (zrelay_engine_t *self, zrelay_side_t *backend)
{
    self->flows [ZRELAY_FORWARD] = zrelay_flow_new (ZRELAY_FORWARD,
        self->sides [ZRELAY_FRONTEND], backend, self->capture);
    if (self->sides [ZRELAY_BACKEND])
        self->flows [ZRELAY_RETURN] = zrelay_flow_new (ZRELAY_RETURN,
            self->sides [ZRELAY_BACKEND], self->sides [ZRELAY_FRONTEND],
            self->capture);
}

static void
s_make_object (zrelay_engine_t *self)
{
    const zrelay_kind_t *kind = self->kind;
    if (kind->create)
        self->object = kind->create (self);
    if (kind->on_forward)
        zrelay_flow_set_handler (self->flows [ZRELAY_FORWARD],
                                 kind->on_forward, self->object);
    if (kind->on_return && self->flows [ZRELAY_RETURN])
        zrelay_flow_set_handler (self->flows [ZRELAY_RETURN],
                                 kind->on_return, self->object);
}

static zrelay_engine_t *
s_engine_new (const zrelay_kind_t *kind, const char *name)
{
    zrelay_engine_t *self =
        (zrelay_engine_t *) zmalloc (sizeof (zrelay_engine_t));
    assert (self);
    self->kind = kind;
    self->name = strdup (name? name: kind->name);
    assert (self->name);
    self->started = zclock_mono ();
    self->answers = zlist_new ();
    self->tickers = zlist_new ();
    assert (self->answers && self->tickers);
    self->capture = zrelay_capture_new ();

    self->loop = zloop_new ();
    assert (self->loop);
    //  The relay ends when its owner says so, not when Ctrl-C is pressed
    zloop_set_nonstop (self->loop, true);
    zloop_timer (self->loop, SERVICE_IVL, 0, s_on_service, self);
    return self;
}

//  To ask a socket for its events costs more than to move a message, and is
//  done at each poll for each socket that is polled. So pipe and peers are
//  polled as bare descriptors. These only tell that something has happened on
//  a socket since it was used last: whoever uses it has to read it to the end.

static void
s_poll_descriptor (zrelay_engine_t *self, int fd, zloop_fn *handler, void *arg)
{
    zmq_pollitem_t item = { .fd = fd, .events = ZMQ_POLLIN };
    zloop_poller (self->loop, &item, handler, arg);
}

//  The pipe was used, and commands may have come by

static void
s_look_at_pipe_again (zrelay_engine_t *self)
{
    if (!self->pipe_timer)
        self->pipe_timer = zloop_timer (self->loop, 0, 1, s_on_pipe_again,
                                        self);
}

void
zrelay_engine_listen (zrelay_engine_t *self, void *pipe, bool remote)
{
    self->pipe = pipe;
    self->remote = remote;
    //  Answers that nobody reads must not stop the relay
    zsock_set_sndtimeo (pipe, 0);
    s_poll_descriptor (self, zsock_fd (pipe), s_on_pipe, self);
    s_look_at_pipe_again (self);
}

zrelay_engine_t *
zrelay_engine_borrow (const zrelay_kind_t *kind,
                      void *frontend, void *backend, void *capture)
{
    zrelay_engine_t *self = s_engine_new (kind, NULL);
    self->borrowed = true;
    self->sides [ZRELAY_FRONTEND] = zrelay_side_borrow ("frontend", frontend);
    if (backend != frontend)
        self->sides [ZRELAY_BACKEND] = zrelay_side_borrow ("backend", backend);
    self->capturing = capture;
    if (capture)
        zrelay_capture_borrow (self->capture, capture);
    s_make_flows (self, self->sides [backend != frontend]);
    zrelay_engine_watch (self);
    return self;
}

static void
s_report_undelivered (zrelay_engine_t *self)
{
    for (int index = 0; index < 2; index++) {
        zrelay_flow_t *flow = self->flows [index];
        size_t count = flow? zrelay_flow_abandon (flow): 0;
        if (count > 0)
            zrelay_engine_log (self, zsys_warning, "ended with %zu messages "
                "of the %s flow undelivered", count, zrelay_flow_name (flow));
    }
}

void
zrelay_engine_destroy (zrelay_engine_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_engine_t *self = *self_p;
        s_report_undelivered (self);
        if (self->kind->destroy)
            self->kind->destroy (&self->object);
        zloop_destroy (&self->loop);
        for (int index = 0; index < 2; index++) {
            zrelay_flow_destroy (&self->flows [index]);
            zrelay_side_destroy (&self->sides [index]);
        }
        zrelay_capture_destroy (&self->capture);
        zmsg_t *answer;
        while ((answer = (zmsg_t *) zlist_pop (self->answers)))
            zmsg_destroy (&answer);
        zlist_destroy (&self->answers);
        ticker_t *ticker;
        while ((ticker = (ticker_t *) zlist_pop (self->tickers)))
            freen (ticker);
        zlist_destroy (&self->tickers);
        zstr_free (&self->error);
        zstr_free (&self->name);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  What the loop polls for

static bool
s_attached (zrelay_engine_t *self)
{
    for (int index = 0; index < 2; index++)
        if (self->sides [index] && !zrelay_side_attached (self->sides [index]))
            return false;
    return true;
}

//  Subscriptions are no work: they go on while a relay is paused or drains.
//  libzmq puts no bound on those that wait in an XPUB.

static bool
s_carries_work (zrelay_engine_t *self, int index)
{
    return self->flows [index]
        && zrelay_flow_possible (self->flows [index])
        && zrelay_side_type (self->sides [index]) != ZMQ_XPUB;
}

//  An XSUB keeps subscriptions for publishers that come later

static bool
s_may_run (zrelay_engine_t *self, int index)
{
    bool work = s_carries_work (self, index);
    if (s_attached (self))
        return !self->paused || !work;
    zrelay_side_t *output = self->sides [!index];
    return !work && output && zrelay_side_type (output) == ZMQ_XSUB;
}

//  Poll a socket, which may be another one than before, for other events than
//  before; for none, not at all.

static void
s_poll_socket (zrelay_engine_t *self, void **polled, short *before,
               void *handle, short events)
{
    //  An application's socket is always polled, so that the end of its context
    //  is noticed. libzmq never reports this event on a socket.
    if (self->borrowed && !events)
        events = ZMQ_POLLERR;
    if (handle == *polled && events == *before)
        return;
    //  When that has ended, zloop would end the process if it was told of the
    //  socket. The next poll, as it is, will tell.
    int type;
    size_t size = sizeof (type);
    if (self->borrowed
    &&  zmq_getsockopt (handle, ZMQ_TYPE, &type, &size) == -1)
        return;
    zmq_pollitem_t item = { .socket = *polled };
    if (*before)
        zloop_poller_end (self->loop, &item);
    item.socket = handle;
    item.events = events;
    if (events)
        zloop_poller (self->loop, &item, s_on_traffic, self);
    *polled = handle;
    *before = events;
}

//  Poll one side's socket for these events, and read its peers' events.

static void
s_poll (zrelay_engine_t *self, int index, short events)
{
    zrelay_side_t *side = self->sides [index];
    s_poll_socket (self, &self->polled [index], &self->events [index],
                   zrelay_side_handle (side), events);
    zrelay_peers_t *peers = zrelay_side_peers (side);
    void *monitor = peers? zrelay_peers_handle (peers): NULL;
    if (monitor != self->monitors [index]) {
        zmq_pollitem_t item = { .fd = self->monitor_fds [index] };
        if (self->monitors [index])
            zloop_poller_end (self->loop, &item);
        self->monitors [index] = monitor;
        if (monitor) {
            self->monitor_fds [index] = zsock_fd (monitor);
            s_poll_descriptor (self, zsock_fd (monitor), s_on_peers, self);
            s_look_at_peers (self);
        }
    }
}

//  Give the flows a turn after so many msecs, if not before

static void
s_wake_in (zrelay_engine_t *self, size_t msecs)
{
    int64_t when = zclock_mono () + (int64_t) msecs;
    if (self->wake_timer && self->wake_at <= when)
        return;
    if (self->wake_timer)
        zloop_timer_end (self->loop, self->wake_timer);
    self->wake_timer = zloop_timer (self->loop, msecs, 1, s_on_retry, self);
    self->wake_at = when;
}

//  With spin, the loop does not sleep until nothing has moved for so long

static void
s_spin (zrelay_engine_t *self)
{
    if (self->spin == 0)
        return;
    uint64_t moved = 0;
    for (int index = 0; index < 2; index++)
        if (self->flows [index])
            moved += zrelay_flow_passed (self->flows [index])
                   + zrelay_flow_dropped (self->flows [index]);
    int64_t now = zclock_usecs ();
    if (moved != self->moved)
        self->moved_at = now;
    self->moved = moved;
    if (now - self->moved_at < (int64_t) self->spin)
        s_wake_in (self, 0);
}

static void
s_look_at_peers (zrelay_engine_t *self)
{
    for (int index = 0; index < 2; index++) {
        zrelay_side_t *side = self->sides [index];
        if (side && zrelay_side_peers (side))
            zrelay_peers_update (zrelay_side_peers (side));
        if (side)
            zrelay_side_service (side);
    }
}

//  There is no end to events while somebody makes them

static bool
s_peers_behind (zrelay_engine_t *self)
{
    for (int index = 0; index < 2; index++)
        if (self->sides [index]
        &&  zrelay_peers_behind (zrelay_side_peers (self->sides [index])))
            return true;
    return false;
}

void
zrelay_engine_watch (zrelay_engine_t *self)
{
    short events [2] = { 0, 0 };
    for (int index = 0; index < 2; index++)
        if (self->flows [index]) {
            zrelay_flow_run (self->flows [index], s_may_run (self, index));
            size_t msecs = zrelay_flow_wants (self->flows [index], self->sides,
                                              events);
            if (msecs > 0)
                s_wake_in (self, msecs);
        }
    for (int index = 0; index < 2; index++)
        if (self->sides [index])
            s_poll (self, index, events [index]);
    if (self->capturing)
        s_poll_socket (self, &self->capturing, &self->capture_events,
            self->capturing,
            zrelay_capture_waiting (self->capture)? ZMQ_POLLOUT: 0);
    if (s_peers_behind (self))
        s_wake_in (self, 1);
    s_spin (self);
}


//  --------------------------------------------------------------------------
//  Answers leave in order. They wait where the application does not read
//  them, and behind that of a DRAIN under way, which stands among them as a
//  message without frames.
//
//  What answers a command: for an actor's owner what a query has to tell, or
//  a signal with the status. A stranger gets the status first, as a string,
//  and after one that is not 0 the sentence of ERROR. Takes the query's frames.

static zmsg_t *
s_encode (zrelay_engine_t *self, int status, zmsg_t **frames_p)
{
    if (status != ZRELAY_DONE)
        zmsg_destroy (frames_p);
    zmsg_t *answer = *frames_p;
    *frames_p = NULL;
    if (!self->remote)
        return answer? answer: zmsg_new_signal ((byte) status);
    if (!answer)
        answer = zmsg_new ();
    assert (answer);
    zmsg_pushstrf (answer, "%d", status);
    if (status != ZRELAY_DONE)
        zmsg_addstr (answer, self->error);
    return answer;
}

static void
s_send_answers (zrelay_engine_t *self)
{
    zmsg_t *answer = (zmsg_t *) zlist_first (self->answers);
    while (answer && zmsg_size (answer) > 0
       &&  zmsg_send (&answer, self->pipe) == 0) {
        zlist_pop (self->answers);
        answer = (zmsg_t *) zlist_first (self->answers);
    }
    s_look_at_pipe_again (self);
    bool blocked = answer && zmsg_size (answer) > 0;
    if (blocked == self->answers_blocked)
        return;
    //  zloop ends all polls of a socket at once; that for commands is one of
    //  its descriptor
    zmq_pollitem_t item = { .socket = self->pipe, .events = ZMQ_POLLOUT };
    if (blocked)
        zloop_poller (self->loop, &item, s_on_answerable, self);
    else
        zloop_poller_end (self->loop, &item);
    self->answers_blocked = blocked;
}

static void
s_answer (zrelay_engine_t *self, zmsg_t *answer)
{
    zlist_append (self->answers, answer);
    s_send_answers (self);
}

static int
s_on_answerable (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    s_send_answers ((zrelay_engine_t *) arg);
    return 0;
}


//  --------------------------------------------------------------------------
//  Draining

//  A ROUTER or REP is asked and replies; the others ask

static bool
s_serves (zrelay_side_t *side)
{
    int type = side? zrelay_side_type (side): -1;
    return type == ZMQ_ROUTER || type == ZMQ_REP;
}

//  Requests whose replies are to travel by this flow; -1 if it carries none
//  because it carries work of its own

static int64_t
s_outstanding (zrelay_engine_t *self, int index)
{
    zrelay_side_t *input = self->sides [index];
    zrelay_side_t *output = self->sides [!index];
    if (!s_serves (output) || s_serves (input))
        return -1;
    int64_t requests = zrelay_flow_passed (self->flows [!index]);
    int64_t replies = zrelay_flow_passed (self->flows [index])
                    + zrelay_flow_dropped (self->flows [index]);
    return requests > replies? requests - replies: 0;
}

//  What is still to do for one flow: its held messages and awaited replies,
//  or 1 if it still reads

static uint64_t
s_to_do (zrelay_engine_t *self, int index)
{
    zrelay_flow_t *flow = self->flows [index];
    if (!flow)
        return 0;
    uint64_t count = zrelay_flow_held (flow);
    if (!s_carries_work (self, index) || !s_attached (self))
        return count;
    int64_t outstanding = s_outstanding (self, index);
    if (outstanding >= 0)
        return count + outstanding;
    return count > 0? count: !zrelay_flow_quiet (flow);
}

static void
s_finish_drain (zrelay_engine_t *self, int status)
{
    zmsg_t *nothing = NULL;
    zmsg_t *answer = s_encode (self, status, &nothing);
    zframe_t *frame;
    while ((frame = zmsg_pop (answer)))
        zmsg_append (self->drain_answer, &frame);
    zmsg_destroy (&answer);
    self->drain_answer = NULL;
    if (self->drain_timer)
        zloop_timer_end (self->loop, self->drain_timer);
    self->drain_timer = 0;
    s_send_answers (self);
}

static void
s_check_drain (zrelay_engine_t *self)
{
    if (!self->drain_answer)
        return;
    uint64_t forward = s_to_do (self, ZRELAY_FORWARD);
    uint64_t back = s_to_do (self, ZRELAY_RETURN);
    if (forward + back == 0)
        s_finish_drain (self, ZRELAY_DONE);
    else
    if (zclock_mono () >= self->drain_until)
        s_finish_drain (self, zrelay_engine_fail (self, ZRELAY_BAD_STATE,
            "time ran out with at least %" PRIu64 " messages of the forward "
            "flow and %" PRIu64 " of the return flow still to be delivered",
            forward, back));
}

static int
s_on_drain_over (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    self->drain_timer = 0;
    s_check_drain (self);
    return 0;
}

void
zrelay_engine_drain (zrelay_engine_t *self, size_t msecs)
{
    self->paused = false;
    self->draining = true;
    self->drain_answer = zmsg_new ();
    assert (self->drain_answer);
    zlist_append (self->answers, self->drain_answer);
    self->drain_until = zclock_mono () + (int64_t) msecs;
    for (int index = 0; index < 2; index++) {
        //  What has been passed on may take as long to leave after the end
        if (self->sides [index])
            zrelay_side_linger (self->sides [index], (int) msecs);
        if (s_carries_work (self, index) && s_outstanding (self, index) < 0)
            zrelay_flow_close (self->flows [index]);
    }
    self->drain_timer =
        zloop_timer (self->loop, msecs, 1, s_on_drain_over, self);
}

void
zrelay_engine_resume (zrelay_engine_t *self)
{
    if (self->drain_answer)
        s_finish_drain (self, zrelay_engine_fail (self, ZRELAY_BAD_STATE,
                                                  "RESUME ended the DRAIN"));
    self->paused = false;
    self->draining = false;
    for (int index = 0; index < 2; index++) {
        if (self->sides [index])
            zrelay_side_unlinger (self->sides [index]);
        if (self->flows [index])
            zrelay_flow_open (self->flows [index]);
    }
}

//  --------------------------------------------------------------------------
//  Options

static zrelay_status_t
s_no_option (zrelay_engine_t *self, const char *option)
{
    return zrelay_engine_fail (self, ZRELAY_BAD_ARGUMENTS,
        "the relay has no option '%.80s'; it has spin", option);
}

zrelay_status_t
zrelay_engine_set_option (zrelay_engine_t *self, const char *option,
                          const char *value)
{
    if (strcasecmp (option, "spin"))
        return s_no_option (self, option);
    bool valid = zrelay_option_valid (zrelay_option_find ("affinity"), value);
    if (!valid || strtoull (value, NULL, 10) > SPIN_MOST)
        return zrelay_engine_fail (self, ZRELAY_BAD_ARGUMENTS,
            "'%.80s' is no value for spin; it takes microseconds from 0 to %d",
            value, SPIN_MOST);
    self->spin = strtoull (value, NULL, 10);
    return ZRELAY_DONE;
}

zrelay_status_t
zrelay_engine_get_option (zrelay_engine_t *self, const char *option,
                          char **value_p)
{
    if (strcasecmp (option, "spin"))
        return s_no_option (self, option);
    *value_p = zsys_sprintf ("%" PRIu64, self->spin);
    return ZRELAY_DONE;
}


const char *
zrelay_engine_state (zrelay_engine_t *self)
{
    return self->paused? "paused":
           self->draining? "draining":
           s_attached (self)? "active": "idle";
}


//  --------------------------------------------------------------------------
//  Commands

//  Answer one command, of which msg holds the arguments

static void
s_execute (zrelay_engine_t *self, const zrelay_command_t *command, zmsg_t *msg)
{
    zmsg_t *frames = NULL;
    if (command->query) {
        frames = zmsg_new ();
        zmsg_addstr (frames, command->name);
    }
    int status = zrelay_command_execute (command, self, msg, frames);
    if (self->verbose)
        zrelay_engine_log (self, zsys_info, "%s: %s", command->name,
                           status == ZRELAY_DONE? "done":
                           status == ZRELAY_LATER? "under way": self->error);
    if (status != ZRELAY_LATER && !self->terminated)
        s_answer (self, s_encode (self, status, &frames));
}

//  Pointers mean nothing to strangers, nor may they end what is not theirs

static bool
s_allowed (zrelay_engine_t *self, const zrelay_command_t *command)
{
    return !self->remote
        || (!strchr (command->args, '*') && *command->name != '$');
}

static void
s_refuse (zrelay_engine_t *self, const char *name)
{
    int status = zrelay_engine_fail (self, ZRELAY_UNKNOWN,
        "there is no command '%.80s'; HELP lists them", name);
    zrelay_command_conceal (self, name);
    if (self->verbose)
        zrelay_engine_log (self, zsys_info, "%s", self->error);
    zmsg_t *nothing = NULL;
    s_answer (self, s_encode (self, status, &nothing));
}

static void
s_command (zrelay_engine_t *self, zmsg_t *msg)
{
    zframe_t *frame = zmsg_pop (msg);
    char *name = frame? zframe_strdup (frame): strdup ("");
    assert (name);
    //  A name with a zero byte in it is none
    bool string = frame && strlen (name) == zframe_size (frame);
    const zrelay_command_t *command =
        string? zrelay_command_find (self->kind, name): NULL;
    if (command && s_allowed (self, command))
        s_execute (self, command, msg);
    else
        s_refuse (self, name);
    zframe_destroy (&frame);
    zstr_free (&name);
    zrelay_engine_watch (self);
    //  A relay that has nothing to do is drained at once
    if (self->drain_answer)
        s_turn (self);
}

//  Returns -1 if the relay ends

static int
s_read_pipe (zrelay_engine_t *self)
{
    int count = 0;
    zmsg_t *msg = zrelay_message_poll (self->pipe);
    while (msg) {
        s_command (self, msg);
        zmsg_destroy (&msg);
        if (self->terminated || self->interrupted)
            return -1;
        if (++count == COMMANDS_MAX) {
            s_look_at_pipe_again (self);
            return 0;
        }
        msg = zrelay_message_poll (self->pipe);
    }
    //  A REP has to reply first; any other error is the end of its context
    self->terminated = errno != EAGAIN && errno != EFSM;
    return self->terminated? -1: 0;
}

static int
s_on_pipe (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    return s_read_pipe ((zrelay_engine_t *) arg);
}

static int
s_on_pipe_again (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    self->pipe_timer = 0;
    return s_read_pipe (self);
}


//  --------------------------------------------------------------------------
//  Traffic

//  Returns what ends the loop, if the application is to hear of a signal.

static int
s_turn_of (zrelay_engine_t *self, bool forward, bool back)
{
    zrelay_capture_flush (self->capture);
    if (forward && self->flows [ZRELAY_FORWARD])
        zrelay_flow_turn (self->flows [ZRELAY_FORWARD]);
    if (back && self->flows [ZRELAY_RETURN])
        zrelay_flow_turn (self->flows [ZRELAY_RETURN]);
    zrelay_engine_watch (self);
    s_check_drain (self);
    for (int index = 0; index < 2; index++)
        if (self->sides [index]
        &&  zrelay_side_interrupted (self->sides [index]))
            self->interrupted = true;
    return self->interrupted? -1: 0;
}

static int
s_turn (zrelay_engine_t *self)
{
    return s_turn_of (self, true, true);
}

//  A socket is read by one flow, and written to by the other if that holds
//  something

static int
s_on_traffic (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    bool back = item->socket == self->polled [ZRELAY_BACKEND];
    zrelay_flow_t *writer = self->flows [!back];
    bool both = writer && zrelay_flow_held (writer) > 0;
    return s_turn_of (self, both || !back, both || back);
}

static int
s_on_retry (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    self->wake_timer = 0;
    if (s_peers_behind (self))
        s_look_at_peers (self);
    return s_turn (self);
}

//  libzmq accepts nobody when the process has no descriptors left, and tries
//  on without a word

static void
s_check_descriptors (zrelay_engine_t *self)
{
    int spare = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    bool exhausted = spare == -1 && (errno == EMFILE || errno == ENFILE);
    if (spare != -1)
        close (spare);
    if (exhausted && !self->exhausted)
        zrelay_engine_log (self, zsys_warning, "no descriptors left; new "
                           "peers must wait until others leave");
    if (!exhausted && self->exhausted)
        zrelay_engine_log (self, zsys_info, "there are descriptors again");
    self->exhausted = exhausted;
}

static int
s_on_service (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    s_look_at_peers (self);
    zrelay_capture_service (self->capture);
    //  Whose descriptors they are, looks after them
    if (!self->borrowed)
        s_check_descriptors (self);
    return s_turn (self);
}

static int
s_on_peers (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    s_look_at_peers (self);
    zrelay_engine_watch (self);
    return 0;
}


//  --------------------------------------------------------------------------
//  Run. Signals are for the application's threads; here they would only end
//  polls early. Those that tell of a fault in this thread stay.

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

//  The loop also ends when a poll fails, which it does when a context has
//  ended, or when a debugger or a signal was in between

int
zrelay_engine_loop (zrelay_engine_t *self)
{
    self->terminated = false;
    self->interrupted = false;
    errno = 0;
    zloop_start (self->loop);
    if (self->interrupted)
        errno = EINTR;
    return self->terminated? 0: -1;
}

void
zrelay_engine_run (const zrelay_kind_t *kind, zsock_t *pipe, void *args)
{
    assert (kind && kind->name && kind->frontend.types);
    s_block_signals ();
    zrelay_engine_t *self = s_engine_new (kind, (const char *) args);
    zrelay_engine_listen (self, zsock_resolve (pipe), false);
    s_make_sides (self);
    s_make_flows (self, self->sides [ZRELAY_BACKEND]);
    s_make_object (self);
    zrelay_engine_watch (self);
    zsock_signal (pipe, 0);
    while (zrelay_engine_loop (self) == -1 && errno == EINTR);
    zrelay_engine_destroy (&self);
}


//  --------------------------------------------------------------------------
//  For kinds

//  A message that goes to the backend belongs to the forward flow

static zrelay_flow_t *
s_flow_to (zrelay_engine_t *self, zrelay_side_id_t side)
{
    zrelay_flow_t *flow =
        self->flows [side == ZRELAY_BACKEND? ZRELAY_FORWARD: ZRELAY_RETURN];
    return flow? flow: self->flows [ZRELAY_FORWARD];
}

//  Offer the first frame, as a copy, so that the message stays whole if it is
//  refused

static zrelay_outcome_t
s_offer (zrelay_flow_t *flow, zrelay_side_t *side, zmsg_t *msg)
{
    zframe_t *first = zmsg_first (msg);
    bool more = zmsg_size (msg) > 1;
    zmq_msg_t frame;
    int rc = zmq_msg_init_size (&frame, zframe_size (first));
    assert (rc == 0);
    memcpy (zmq_msg_data (&frame), zframe_data (first), zframe_size (first));
    zrelay_outcome_t outcome = zrelay_flow_put (flow, side, &frame, more);
    //  The side expects to see a message that it dropped to its end
    if (outcome != ZRELAY_SENT && outcome != ZRELAY_FULL && more)
        zrelay_flow_put (flow, side, &frame, false);
    zmq_msg_close (&frame);
    return outcome;
}

int
zrelay_engine_send (zrelay_engine_t *self, zrelay_side_id_t id,
                    zmsg_t **msg_p)
{
    assert (msg_p && *msg_p);
    zrelay_side_t *side = self->sides [id];
    if (!side || !zrelay_pairing_sends (zrelay_side_type (side))) {
        errno = ENOTSOCK;
        return -1;
    }
    if (zmsg_size (*msg_p) == 0) {
        errno = EHOSTUNREACH;
        return -1;
    }
    zrelay_flow_t *flow = s_flow_to (self, id);
    zrelay_outcome_t outcome = s_offer (flow, side, *msg_p);
    if (outcome != ZRELAY_SENT) {
        errno = outcome == ZRELAY_FULL || outcome == ZRELAY_DROP_FULL?
                EAGAIN: EHOSTUNREACH;
        return -1;
    }
    zframe_t *first = zmsg_pop (*msg_p);
    zframe_destroy (&first);
    zrelay_message_t *rest = zrelay_message_from_zmsg (msg_p);
    zrelay_flow_send (flow, side, rest);
    zrelay_message_destroy (&rest);
    return 0;
}

void
zrelay_engine_hold (zrelay_engine_t *self, zrelay_flow_id_t flow, bool hold)
{
    if (self->flows [flow])
        zrelay_flow_hold (self->flows [flow], hold);
}

static int
s_on_ticker (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    ticker_t *ticker = (ticker_t *) arg;
    ticker->handler (ticker->engine->object);
    zrelay_engine_watch (ticker->engine);
    return 0;
}

void
zrelay_engine_every (zrelay_engine_t *self, size_t msecs,
                     void (*handler) (void *object))
{
    ticker_t *ticker = (ticker_t *) zmalloc (sizeof (ticker_t));
    assert (ticker);
    ticker->engine = self;
    ticker->handler = handler;
    zlist_append (self->tickers, ticker);
    zloop_timer (self->loop, msecs, 0, s_on_ticker, ticker);
}

//  Whatever a caller sent may be in the sentence, but is made printable

int
zrelay_engine_fail (zrelay_engine_t *self, int status, const char *format, ...)
{
    char sentence [ERROR_MAX];
    va_list argptr;
    va_start (argptr, format);
    vsnprintf (sentence, sizeof (sentence), format, argptr);
    va_end (argptr);
    for (char *letter = sentence; *letter; letter++)
        if (!isprint ((byte) *letter))
            *letter = '?';
    zstr_free (&self->error);
    self->error = strdup (sentence);
    assert (self->error);
    return status;
}

void
zrelay_engine_stat (zmsg_t *answer, const char *name, uint64_t value)
{
    zmsg_addstr (answer, name);
    zmsg_addstrf (answer, "%" PRIu64, value);
}

const char *
zrelay_engine_name (zrelay_engine_t *self)
{
    return self->name;
}

void *
zrelay_engine_object (zrelay_engine_t *self)
{
    return self->object;
}

void *
zrelay_engine_socket (zrelay_engine_t *self, zrelay_side_id_t side)
{
    return self->sides [side]? zrelay_side_handle (self->sides [side]): NULL;
}


//  --------------------------------------------------------------------------
//  Selftest: a kind that uses everything a kind can. It greets by itself,
//  drops what is rude, passes on the rest, and ticks.

typedef struct {
    zrelay_engine_t *engine;
    uint64_t greetings;         //  Answered by ourselves
    uint64_t ticks;             //  Calls of the timer
} greeter_t;

static void
s_greeter_tick (void *object)
{
    ((greeter_t *) object)->ticks++;
}

static void *
s_greeter_new (zrelay_engine_t *engine)
{
    greeter_t *self = (greeter_t *) zmalloc (sizeof (greeter_t));
    assert (self);
    self->engine = engine;
    assert (zrelay_engine_socket (engine, ZRELAY_FRONTEND));
    assert (streq (zrelay_engine_name (engine), "polite"));
    zrelay_engine_every (engine, 1, s_greeter_tick);
    return self;
}

static void
s_greeter_destroy (void **object_p)
{
    freen (*object_p);
}

static zrelay_verdict_t
s_greeter_on_request (zmsg_t **msg_p, void *arg)
{
    greeter_t *self = (greeter_t *) arg;
    zframe_t *body = zmsg_last (*msg_p);
    if (zframe_streq (body, "rude"))
        return ZRELAY_DROP;
    if (!zframe_streq (body, "hello"))
        return ZRELAY_PASS;
    self->greetings++;
    zframe_reset (body, "hello to you", 12);
    return ZRELAY_ANSWER;
}

//  WHISPER text: send to the backend out of turn

static int
s_greeter_whisper (zrelay_engine_t *engine, void *object,
                   size_t argc, char **argv, zmsg_t *answer)
{
    (void) argc;
    (void) answer;
    assert (object == zrelay_engine_object (engine));
    zmsg_t *msg = zmsg_new ();
    zmsg_addstr (msg, "");
    zmsg_addstr (msg, argv [0]);
    if (zrelay_engine_send (engine, ZRELAY_BACKEND, &msg) == 0) {
        assert (!msg);
        return ZRELAY_DONE;
    }
    assert (errno == EAGAIN && zmsg_size (msg) == 2);
    zmsg_destroy (&msg);
    return zrelay_engine_fail (engine, ZRELAY_BAD_STATE,
                               "nobody hears '%s'", argv [0]);
}

//  COUNT is a query

static int
s_greeter_count (zrelay_engine_t *engine, void *object,
                 size_t argc, char **argv, zmsg_t *answer)
{
    (void) engine;
    (void) argc;
    (void) argv;
    zmsg_addstrf (answer, "%" PRIu64, ((greeter_t *) object)->greetings);
    return ZRELAY_DONE;
}

static void
s_greeter_stats (void *object, zmsg_t *answer)
{
    zrelay_engine_stat (answer, "greetings", ((greeter_t *) object)->greetings);
    zrelay_engine_stat (answer, "ticked", ((greeter_t *) object)->ticks > 0);
}

static const zrelay_command_t s_greeter_commands [] = {
    { "WHISPER", "text", "tell the workers", s_greeter_whisper, false },
    { "COUNT", "", "tell how many were greeted", s_greeter_count, true },
    { NULL, NULL, NULL, NULL, false }
};

static const zrelay_kind_t s_greeter = {
    .name = "greeter",
    .frontend = { .types = "ROUTER", .options = "rcvhwm=100,linger=0" },
    .backend = { .types = "DEALER" },
    .on_forward = s_greeter_on_request,
    .create = s_greeter_new,
    .destroy = s_greeter_destroy,
    .commands = s_greeter_commands,
    .stats = s_greeter_stats
};

static void
s_greeter_actor (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_greeter, pipe, args);
}

static void
s_test_kind (void)
{
    char name [] = "polite";
    zactor_t *relay = zactor_new (s_greeter_actor, name);
    assert (relay);
    memset (name, 'x', 6);      //  It was copied
    assert (zrelay_testing_status (relay, 3, "WHISPER", "psst", NULL));
    assert (zrelay_testing_error (relay, "psst"));

    zsock_t *client = zrelay_testing_connect (relay, "FRONTEND", ZMQ_DEALER);
    zsock_t *worker = zrelay_testing_connect (relay, "BACKEND", ZMQ_DEALER);
    zstr_sendx (client, "", "hello", NULL);
    assert (zrelay_testing_receives (client, "", "hello to you"));
    zstr_sendx (client, "", "rude", NULL);
    zstr_sendx (client, "", "work", NULL);
    zmsg_t *request = zmsg_recv (worker);
    assert (request && zmsg_size (request) == 3);
    zmsg_send (&request, worker);
    assert (zrelay_testing_receives (client, "", "work"));
    assert (zrelay_testing_status (relay, 0, "WHISPER", "psst", NULL));
    assert (zrelay_testing_receives (worker, "", "psst"));

    zstr_send (relay, "COUNT");
    assert (zrelay_testing_receives (zactor_sock (relay), "COUNT", "1"));
    assert (zrelay_testing_reaches (relay, "greetings", 1));
    assert (zrelay_testing_reaches (relay, "ticked", 1));
    assert (zrelay_testing_reaches (relay, "forward.dropped_handler", 1));
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zactor_destroy (&relay);
}

//  Draining waits for replies, and answers of later commands wait for it

static void
s_test_drain (void)
{
    zactor_t *relay = zactor_new (zrelay_queue, NULL);
    assert (zrelay_testing_status (relay, 0, "DRAIN", "0", NULL));
    assert (zrelay_testing_status (relay, 0, "RESUME", NULL, NULL));
    zsock_t *client = zrelay_testing_connect (relay, "FRONTEND", ZMQ_REQ);
    zsock_t *worker = zrelay_testing_connect (relay, "BACKEND", ZMQ_REP);
    zstr_send (client, "work");
    assert (zrelay_testing_receives (worker, "work", NULL));
    assert (zrelay_testing_status (relay, 3, "DRAIN", "20", NULL));
    assert (zrelay_testing_error (relay, "1 of the return flow"));

    zstr_sendx (relay, "DRAIN", "60000", NULL);
    zstr_send (relay, "STATE");
    zstr_sendx (relay, "DRAIN", "60000", NULL);
    zstr_send (relay, "RESUME");
    assert (zsock_wait (relay) == 3);
    assert (zrelay_testing_receives (zactor_sock (relay), "STATE", "draining"));
    assert (zsock_wait (relay) == 3);
    assert (zsock_wait (relay) == 0);

    zstr_sendx (relay, "DRAIN", "60000", NULL);
    zstr_send (worker, "reply");
    assert (zsock_wait (relay) == 0);
    assert (zrelay_testing_receives (client, "reply", NULL));

    //  New work waits until RESUME
    zstr_send (client, "more");
    zsock_set_rcvtimeo (worker, 50);
    assert (!zstr_recv (worker));
    assert (zrelay_testing_status (relay, 0, "RESUME", NULL, NULL));
    zsock_set_rcvtimeo (worker, ZRELAY_TESTING_TIMEOUT);
    assert (zrelay_testing_receives (worker, "more", NULL));

    //  The relay can be destroyed in the middle of it
    zstr_sendx (relay, "DRAIN", "60000", NULL);
    zsock_destroy (&client);
    zsock_destroy (&worker);
    zactor_destroy (&relay);
}

//  Answers that nobody reads do not stop the relay

static void
s_test_unread_answers (void)
{
    zactor_t *relay = zactor_new (zrelay_streamer, NULL);
    for (int count = 0; count < 5000; count++)
        zstr_send (relay, "PING");
    for (int count = 0; count < 5000; count++)
        assert (zrelay_testing_receives (zactor_sock (relay), "PING", NULL));
    //  As many as the pipe takes together with the word to end
    for (int count = 0; count < 900; count++)
        zstr_send (relay, "PING");
    zactor_destroy (&relay);
}

void
zrelay_engine_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_engine: ");
    //  @selftest
    s_test_kind ();
    s_test_drain ();
    s_test_unread_answers ();
    //  @end
    printf ("OK\n");
}
