/*  =========================================================================
    zrelay_engine - moves messages between two sockets; what kinds are made of

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_engine_internal.h"
#include "zrelay_attachments.h"
#include "zrelay_calls.h"
#include "zrelay_configure.h"
#include "zrelay_counts.h"
#include "zrelay_pairing.h"
#include "zrelay_printer_internal.h"
#include "zrelay_row.h"
#include "zrelay_setting.h"

//  Sockets without traffic are looked after when peers come or go, so that
//  libzmq can let go of those that have left; and this often, in msecs
#define SERVICE_IVL 5000

//  Longest time to look on before sleeping, in usecs
#define SPIN_MOST 1000000

//  Longest name of a relay or a kind, and the characters in it: no format that
//  prints one has to escape anything
#define NAME_MOST 127
#define NAME_CHARACTERS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

#define SIDES 2
#define FLOWS 2

//  The polls of one side
typedef struct {
    void *handle;               //  libzmq's socket, which may be replaced
    short events;               //  And for what
    int hush;                   //  What is polled for that, or 0
    void *monitor;              //  The peers' socket
    int monitor_fd;             //  Which is watched by this descriptor
} watch_t;

//  Why the loop ends
typedef enum {
    END_NOT,                    //  It does not
    END_STOPPED,                //  zrelay_engine_stop ()
    END_INTERRUPTED             //  A signal was caught in mid-turn
} end_t;

struct _zrelay_engine_t {
    zrelay_kind_t kind;             //  Its description
    char *name;                     //  Its name
    void *object;                   //  The kind's own state
    void *owner;                    //  For the one who steers it
    bool borrowed;                  //  Sockets and thread are somebody else's
    bool tells;                     //  Such a relay logs to standard error
    bool verbose;                   //  Commands are to be logged
    zloop_t *loop;                  //  Drives everything
    zrelay_error_t *error;          //  The one sentence
    zrelay_side_t *sides [SIDES];   //  By zrelay_side_id_t; backend or NULL
    zrelay_flow_t *flows [FLOWS];   //  By zrelay_flow_id_t; return or NULL
    zrelay_capture_t *capture;      //  Copies of what passes
    zrelay_events_t *events;        //  What becomes of connections it makes
    zrelay_diary_t *diary;          //  Logs who comes and goes
    zrelay_sieve_t *sieves [FLOWS]; //  Rules about topics
    watch_t watches [SIDES];        //  The polls of the sides
    void *capturing;                //  A borrowed capture's socket, or NULL
    short capture_events;           //  What that is polled for
    zrelay_state_t mode;            //  As PAUSE and DRAIN have made it
    zrelay_drained_fn *on_drained;  //  To be called at the end of a DRAIN, or
                                    //  NULL when there is none under way
    void *drained_arg;              //  Its argument
    int64_t drain_until;            //  When the time is over, by zclock_mono ()
    int drain_timer;                //  The loop's timer for that, or 0
    zrelay_flow_t *forsaken;        //  Read to its end, since nobody is left
                                    //  who could reply; or NULL
    zrelay_calls_t *calls;          //  The kind's timers and readers
    int wake_timer;                 //  Gives a turn without a poll, or 0
    int guard_timer;                //  Looks for messages without end, or 0
    int64_t guard_at;               //  When it does that, in msecs
    int64_t wake_at;                //  When it will
    int64_t spin;                   //  Usecs to look on before sleeping
    int64_t moved_at;               //  When messages moved last, in usecs
    uint64_t moved;                 //  How many had, ever
    bool exhausted;                 //  The process has no descriptors left
    end_t end;                      //  Why the loop ends
    zrelay_permit_t permit;         //  Says what peers may do, if anybody does
    bool has_bound;                 //  Sockets of the kind's, for others
    int64_t capture_security;       //  SECURITY_SAME or SECURITY_NONE
    int64_t started;                //  When, in msecs of zclock_mono ()
    zchunk_t *defaults;             //  Values of all options at the start
};

//  Security of a capture that binds
enum { SECURITY_SAME, SECURITY_NONE };
static const char *const s_securities [] = { "same", "none", NULL };

const zrelay_setting_t zrelay_engine_settings [] = {
    { ZRELAY_SETTING, .name = "spin",
      .help = "microseconds to look for messages before sleeping",
      .offset = offsetof (zrelay_engine_t, spin), .most = SPIN_MOST },
    { ZRELAY_SETTING, .name = "capture_security",
      .help = "of a capture that binds: same as the side's, or none",
      .offset = offsetof (zrelay_engine_t, capture_security),
      .words = s_securities },
    { .name = NULL }
};

static int
s_on_peers (zloop_t *loop, zmq_pollitem_t *item, void *arg);
static int
s_on_traffic (zloop_t *loop, zmq_pollitem_t *item, void *arg);
static int
s_on_service (zloop_t *loop, int timer_id, void *arg);
static int
s_on_retry (zloop_t *loop, int timer_id, void *arg);
static void
s_report_gone (zrelay_engine_t *self);
static void
s_watch (zrelay_engine_t *self);
static int
s_turn (zrelay_engine_t *self);
static int
s_after_kind (zrelay_engine_t *self);


//  --------------------------------------------------------------------------
//  Names of sides and flows by their numbers

static zrelay_side_id_t
s_other (zrelay_side_id_t side)
{
    return side == ZRELAY_SIDE_FRONTEND? ZRELAY_SIDE_BACKEND:
                                         ZRELAY_SIDE_FRONTEND;
}

static zrelay_side_id_t
s_input (zrelay_flow_id_t flow)
{
    return flow == ZRELAY_FLOW_FORWARD? ZRELAY_SIDE_FRONTEND:
                                        ZRELAY_SIDE_BACKEND;
}

static zrelay_flow_id_t
s_back (zrelay_flow_id_t flow)
{
    return flow == ZRELAY_FLOW_FORWARD? ZRELAY_FLOW_RETURN:
                                        ZRELAY_FLOW_FORWARD;
}

//  The flow that reads from a side, or NULL

static zrelay_flow_t *
s_reader (zrelay_engine_t *self, zrelay_side_id_t side)
{
    return self->flows [side == ZRELAY_SIDE_FRONTEND? ZRELAY_FLOW_FORWARD:
                                                      ZRELAY_FLOW_RETURN];
}

//  The flow to which a message belongs that goes to a side

static zrelay_flow_t *
s_flow_to (zrelay_engine_t *self, zrelay_side_id_t side)
{
    zrelay_flow_t *flow = s_reader (self, s_other (side));
    return flow? flow: self->flows [ZRELAY_FLOW_FORWARD];
}


//  --------------------------------------------------------------------------
//  Log

void
zrelay_engine_log (zrelay_engine_t *self, zrelay_log_t level,
                   const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    char *sentence = zsys_vprintf (format, argptr);
    va_end (argptr);
    assert (sentence);
    if (!self->borrowed)
        zrelay_printer_log (level, "%s: %s", self->name, sentence);
    else
    if (self->tells)
        zrelay_printer_tell ("zrelay: process %d: %s: %s", (int) getpid (),
                             self->name, sentence);
    zstr_free (&sentence);
}

static void
s_log_line (void *object, zrelay_log_t level, const char *line)
{
    zrelay_engine_log ((zrelay_engine_t *) object, level, "%s", line);
}


//  --------------------------------------------------------------------------
//  The kind. A structure that was compiled with an older header is shorter.

static void
s_copy_kind (zrelay_engine_t *self, const zrelay_kind_t *kind)
{
    if (kind->size < offsetof (zrelay_kind_t, create))
        zrelay_error_abort ("a kind has no size; its description begins with "
                            "ZRELAY_KIND");
    zrelay_row_copy (kind, &self->kind, sizeof (self->kind));
    const char *name = self->kind.name? self->kind.name: "";
    if (!*name || strlen (name) > NAME_MOST
    ||  strspn (name, NAME_CHARACTERS) != strlen (name))
        zrelay_error_abort ("'%s' is not a name for a kind; it takes 1 to %d "
            "letters, digits, '_', '-' and '.'", name, NAME_MOST);
    if (!self->kind.frontend.types)
        zrelay_error_abort ("the kind %s has no frontend", name);
}

//  The rows of a kind's tables must have a size, by which the next is found

static void
s_check_table (zrelay_engine_t *self, const void *table, size_t least,
               const char *macro)
{
    const zrelay_counter_t *row = zrelay_row_first (table);
    for (; row; row = zrelay_row_next (row))
        if (row->size < least)
            zrelay_error_abort ("'%s' of the kind %s has no size; it begins "
                                "with %s", row->name, self->kind.name, macro);
}

static void
s_check_tables (zrelay_engine_t *self)
{
    s_check_table (self, self->kind.commands,
                   offsetof (zrelay_command_t, flags), "ZRELAY_COMMAND");
    s_check_table (self, self->kind.settings,
                   offsetof (zrelay_setting_t, words), "ZRELAY_SETTING");
    s_check_table (self, self->kind.counters,
                   offsetof (zrelay_counter_t, flags), "ZRELAY_COUNTER");
}

//  A name is made of these characters only

static char *
s_clean_name (const char *name)
{
    char *clean = strndup (name, NAME_MOST);
    assert (clean);
    for (char *character = clean; *character; character++)
        if (!strchr (NAME_CHARACTERS, *character))
            *character = '_';
    return clean;
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

static zrelay_engine_t *
s_engine_new (const zrelay_kind_t *kind, const char *name)
{
    zrelay_engine_t *self =
        (zrelay_engine_t *) zmalloc (sizeof (zrelay_engine_t));
    assert (self);
    s_copy_kind (self, kind);
    s_check_tables (self);
    self->name = s_clean_name (name && *name? name: kind->name);
    self->mode = ZRELAY_STATE_ACTIVE;
    self->started = zclock_mono ();
    self->error = zrelay_error_new ();
    self->capture = zrelay_capture_new (self->error);
    self->events = zrelay_events_new (self->name);
    self->diary = zrelay_diary_new (s_log_line, self);
    for (int flow = 0; flow < FLOWS; flow++)
        self->sieves [flow] = zrelay_sieve_new ();
    self->loop = zloop_new ();
    assert (self->loop);
    //  The relay ends when its owner says so, not when Ctrl-C is pressed
    zloop_set_nonstop (self->loop, true);
    self->calls = zrelay_calls_new (self, self->loop, s_after_kind);
    zloop_timer (self->loop, SERVICE_IVL, 0, s_on_service, self);
    return self;
}

//  The forward flow leads nowhere if there is no backend, unless a side that is
//  both is given as such

static void
s_make_flows (zrelay_engine_t *self, zrelay_side_t *output)
{
    zrelay_side_t *frontend = self->sides [ZRELAY_SIDE_FRONTEND];
    zrelay_side_t *backend = self->sides [ZRELAY_SIDE_BACKEND];
    self->flows [ZRELAY_FLOW_FORWARD] = zrelay_flow_new (ZRELAY_FLOW_FORWARD,
        self, frontend, output, self->capture, self->kind.reasons);
    if (backend)
        self->flows [ZRELAY_FLOW_RETURN] = zrelay_flow_new (ZRELAY_FLOW_RETURN,
            self, backend, frontend, self->capture, self->kind.reasons);
}

static void
s_set_handlers (zrelay_engine_t *self)
{
    const zrelay_kind_t *kind = &self->kind;
    zrelay_shown_to_t handlers [FLOWS] = {
        [ZRELAY_FLOW_FORWARD] = { .message = kind->on_forward,
            .zmsg = kind->on_forward? NULL: kind->on_forward_zmsg },
        [ZRELAY_FLOW_RETURN] = { .message = kind->on_return,
            .zmsg = kind->on_return? NULL: kind->on_return_zmsg }
    };
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow]) {
            handlers [flow].object = self->object;
            zrelay_flow_set_handler (self->flows [flow], handlers [flow]);
            if (kind->on_gone)
                zrelay_flow_listen_for_ids (self->flows [flow], s_report_gone);
        }
}

static void
s_keep_defaults (zrelay_engine_t *self)
{
    self->defaults = zchunk_new (NULL, 0);
    assert (self->defaults);
    zrelay_setting_keep (zrelay_engine_settings, "relay", self, self,
                         self->defaults);
    if (self->object)
        zrelay_setting_keep (self->kind.settings, "relay", self, self->object,
                             self->defaults);
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_keep_options (self->flows [flow], self->defaults);
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side])
            zrelay_side_keep_options (self->sides [side], self->defaults);
}

zchunk_t *
zrelay_engine_defaults (zrelay_engine_t *self)
{
    return self->defaults;
}

//  None of a relay's sockets may lead to another

static void
s_join_sides (zrelay_engine_t *self)
{
    zrelay_side_t *frontend = self->sides [ZRELAY_SIDE_FRONTEND];
    if (self->sides [ZRELAY_SIDE_BACKEND])
        zrelay_side_join (self->sides [ZRELAY_SIDE_BACKEND], frontend);
    zrelay_capture_join (self->capture, frontend);
}

zrelay_engine_t *
zrelay_engine_new (const zrelay_kind_t *kind, const char *name)
{
    zrelay_engine_t *self = s_engine_new (kind, name);
    if (name && *name && strneq (name, self->name))
        zrelay_engine_log (self, ZRELAY_LOG_WARNING, "a relay's name has up to "
            "%d letters, digits, '_', '-' and '.'; others were replaced",
            NAME_MOST);
    self->sides [ZRELAY_SIDE_FRONTEND] =
        zrelay_side_new ("frontend", &self->kind.frontend, self->error);
    if (self->kind.backend.types)
        self->sides [ZRELAY_SIDE_BACKEND] =
            zrelay_side_new ("backend", &self->kind.backend, self->error);
    for (int side = 0; self->kind.topic && side < SIDES; side++)
        if (self->sides [side])
            zrelay_side_set_default_topic (self->sides [side],
                                           self->kind.topic);
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side])
            zrelay_side_report_to (self->sides [side], self->events,
                                   self->diary);
    s_join_sides (self);
    s_make_flows (self, self->sides [ZRELAY_SIDE_BACKEND]);
    if (self->kind.create)
        self->object = self->kind.create (self);
    s_keep_defaults (self);
    s_set_handlers (self);
    zrelay_engine_changed (self);
    return self;
}

zrelay_engine_t *
zrelay_engine_borrow (const zrelay_kind_t *kind,
                      void *frontend, void *backend, void *capture)
{
    zrelay_engine_t *self = s_engine_new (kind, NULL);
    self->borrowed = true;
    zrelay_side_t *front = zrelay_side_borrow ("frontend", frontend,
                                               self->error);
    self->sides [ZRELAY_SIDE_FRONTEND] = front;
    if (backend != frontend)
        self->sides [ZRELAY_SIDE_BACKEND] =
            zrelay_side_borrow ("backend", backend, self->error);
    s_join_sides (self);
    self->capturing = capture;
    if (capture)
        zrelay_capture_borrow (self->capture, capture);
    s_make_flows (self, backend == frontend? front:
                        self->sides [ZRELAY_SIDE_BACKEND]);
    //  What a flow has read is missed by whoever uses these sockets next
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_set_careful (self->flows [flow]);
    s_keep_defaults (self);
    zrelay_engine_changed (self);
    return self;
}

static void
s_report_undelivered (zrelay_engine_t *self)
{
    for (int index = 0; index < FLOWS; index++) {
        zrelay_flow_t *flow = self->flows [index];
        size_t count = flow? zrelay_flow_abandon (flow): 0;
        if (count > 0)
            zrelay_engine_log (self, ZRELAY_LOG_WARNING, "ended with %zu "
                "messages of the %s flow undelivered", count,
                zrelay_flow_name (flow));
    }
}

void
zrelay_engine_destroy (zrelay_engine_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_engine_t *self = *self_p;
        s_report_undelivered (self);
        if (self->kind.destroy)
            self->kind.destroy (&self->object);
        zloop_destroy (&self->loop);
        zrelay_calls_destroy (&self->calls);
        for (int flow = 0; flow < FLOWS; flow++)
            zrelay_flow_destroy (&self->flows [flow]);
        for (int side = 0; side < SIDES; side++)
            zrelay_side_destroy (&self->sides [side]);
        zrelay_capture_destroy (&self->capture);
        zrelay_events_destroy (&self->events);
        zrelay_diary_destroy (&self->diary);
        for (int flow = 0; flow < FLOWS; flow++)
            zrelay_sieve_destroy (&self->sieves [flow]);
        if (self->permit.may)
            self->permit.destroy (self->permit.object);
        zrelay_error_destroy (&self->error);
        zchunk_destroy (&self->defaults);
        zstr_free (&self->name);
        if (!self->borrowed)
            zrelay_printer_settle_log ();
        else
        if (self->tells)
            zrelay_printer_settle_told ();
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Permissions of flows

static bool
s_attached (zrelay_engine_t *self)
{
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side] && !zrelay_side_attached (self->sides [side]))
            return false;
    return true;
}

static int
s_type (zrelay_engine_t *self, zrelay_side_id_t side)
{
    return self->sides [side]? zrelay_side_type (self->sides [side]): -1;
}

//  Subscriptions are no work: they go on while a relay is paused or drains.
//  libzmq puts no bound on those that wait in an XPUB.

static bool
s_carries_work (zrelay_engine_t *self, zrelay_flow_id_t flow)
{
    return self->flows [flow]
        && zrelay_flow_possible (self->flows [flow])
        && s_type (self, s_input (flow)) != ZMQ_XPUB;
}

//  An XSUB keeps subscriptions for publishers that come later. A kind with
//  on_state decides for itself which flows read while the relay is paused.

static bool
s_may_run (zrelay_engine_t *self, zrelay_flow_id_t flow)
{
    bool work = s_carries_work (self, flow);
    bool stops = self->mode == ZRELAY_STATE_PAUSED && !self->kind.on_state;
    if (s_attached (self))
        return !stops || !work;
    return !work && s_type (self, s_other (s_input (flow))) == ZMQ_XSUB;
}


//  --------------------------------------------------------------------------
//  Polls

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
    //  When that context has ended, zloop would end the process if it was given
    //  the socket. The next poll, as it is, will report the end.
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

static void
s_look_at_peers (zrelay_engine_t *self)
{
    for (int index = 0; index < SIDES; index++) {
        zrelay_side_t *side = self->sides [index];
        if (side && zrelay_side_peers (side))
            zrelay_peers_update (zrelay_side_peers (side));
        if (side)
            zrelay_side_service (side);
    }
}

//  To ask a socket for its events costs more than to move a message, and would
//  be done at each poll for each socket that is polled. So the peers' sockets
//  are polled as bare descriptors. These only report that something has
//  happened since the socket was used last: whoever uses it has to read it to
//  the end.

static void
s_poll_monitor (zrelay_engine_t *self, watch_t *watch, zrelay_peers_t *peers)
{
    void *monitor = peers? zrelay_peers_handle (peers): NULL;
    if (monitor == watch->monitor)
        return;
    zmq_pollitem_t item = { .fd = watch->monitor_fd, .events = ZMQ_POLLIN };
    if (watch->monitor)
        zloop_poller_end (self->loop, &item);
    watch->monitor = monitor;
    if (!monitor)
        return;
    item.fd = watch->monitor_fd = zsock_fd (monitor);
    zloop_poller (self->loop, &item, s_on_peers, self);
    s_look_at_peers (self);
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
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow])
            moved += zrelay_flow_passed (self->flows [flow])
                   + zrelay_flow_dropped (self->flows [flow]);
    int64_t now = zclock_usecs ();
    if (moved != self->moved)
        self->moved_at = now;
    self->moved = moved;
    if (now - self->moved_at < self->spin)
        s_wake_in (self, 0);
}

//  There is no end to events while somebody makes them

static bool
s_peers_behind (zrelay_engine_t *self)
{
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side]
        &&  zrelay_peers_behind (zrelay_side_peers (self->sides [side])))
            return true;
    return false;
}

static void
s_watch_flow (zrelay_engine_t *self, zrelay_flow_id_t id, short *events)
{
    zrelay_flow_t *flow = self->flows [id];
    if (!flow)
        return;
    zrelay_flow_set_running (flow, s_may_run (self, id));
    zrelay_side_id_t input = s_input (id);
    size_t msecs = zrelay_flow_wants (flow, &events [input],
                                      &events [s_other (input)]);
    if (msecs > 0)
        s_wake_in (self, msecs);
    const char *news = zrelay_flow_news (flow);
    if (news)
        zrelay_engine_log (self, ZRELAY_LOG_WARNING, "the %s flow: %s",
                           zrelay_flow_name (flow), news);
}

//  A signal came to the side's socket when it was not to be heard

static int
s_on_hush (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side])
            zrelay_port_unhush (zrelay_side_port (self->sides [side]));
    return 0;
}

static void
s_poll_hush (zrelay_engine_t *self, watch_t *watch, zrelay_side_t *side)
{
    int fd = zrelay_port_hush_fd (zrelay_side_port (side));
    fd = fd == -1? 0: fd;
    if (fd == watch->hush)
        return;
    zmq_pollitem_t item = { .fd = watch->hush, .events = ZMQ_POLLIN };
    if (watch->hush)
        zloop_poller_end (self->loop, &item);
    item.fd = watch->hush = fd;
    if (fd)
        zloop_poller (self->loop, &item, s_on_hush, self);
}

static void
s_watch (zrelay_engine_t *self)
{
    short events [SIDES] = { 0, 0 };
    s_watch_flow (self, ZRELAY_FLOW_FORWARD, events);
    s_watch_flow (self, ZRELAY_FLOW_RETURN, events);
    for (int index = 0; index < SIDES; index++) {
        zrelay_side_t *side = self->sides [index];
        watch_t *watch = &self->watches [index];
        if (!side)
            continue;
        s_poll_socket (self, &watch->handle, &watch->events,
                       zrelay_side_handle (side), events [index]);
        s_poll_monitor (self, watch, zrelay_side_peers (side));
        s_poll_hush (self, watch, side);
    }
    if (self->capturing)
        s_poll_socket (self, &self->capturing, &self->capture_events,
            self->capturing,
            zrelay_capture_waiting (self->capture)? ZMQ_POLLOUT: 0);
    if (s_peers_behind (self))
        s_wake_in (self, 1);
    s_spin (self);
}

//  A command may have been the first to find that a peer has left

static bool
s_peers_leaving (zrelay_engine_t *self)
{
    for (int side = 0; self->kind.on_gone && side < SIDES; side++) {
        zrelay_peers_t *peers = self->sides [side]?
            zrelay_side_peers (self->sides [side]): NULL;
        if (peers && zrelay_peers_leaving (peers))
            return true;
    }
    return false;
}

void
zrelay_engine_changed (zrelay_engine_t *self)
{
    if (s_peers_leaving (self))
        s_wake_in (self, 0);
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_update (self->flows [flow]);
    s_watch (self);
}


//  --------------------------------------------------------------------------
//  Draining

//  A ROUTER or REP is asked and replies; the others ask

static bool
s_serves (int type)
{
    return type == ZMQ_ROUTER || type == ZMQ_REP;
}

//  What the kind has inside, or ZRELAY_PENDING_UNKNOWN

static size_t
s_pending (zrelay_engine_t *self)
{
    return self->kind.pending?
        self->kind.pending (self, self->object): ZRELAY_PENDING_UNKNOWN;
}

static bool
s_keeps_account (zrelay_engine_t *self)
{
    return s_pending (self) != ZRELAY_PENDING_UNKNOWN;
}

//  Requests whose replies are to travel by this flow; -1 if it carries none
//  because it carries work of its own, or the kind keeps account

static int64_t
s_outstanding (zrelay_engine_t *self, zrelay_flow_id_t flow)
{
    zrelay_side_id_t input = s_input (flow);
    if (s_keeps_account (self) || !s_serves (s_type (self, s_other (input)))
    ||  s_serves (s_type (self, input)))
        return -1;
    int64_t requests = zrelay_flow_passed (self->flows [s_back (flow)]);
    int64_t replies = zrelay_flow_passed (self->flows [flow])
                    + zrelay_flow_dropped (self->flows [flow]);
    return requests > replies? requests - replies: 0;
}

//  Does a drain end the reading of this flow? The replies to what a kind has
//  inside come by the return flow.

static bool
s_brings_work (zrelay_engine_t *self, zrelay_flow_id_t flow)
{
    return !self->kind.on_state
        && s_carries_work (self, flow)
        && s_outstanding (self, flow) < 0
        && !(s_keeps_account (self) && flow == ZRELAY_FLOW_RETURN);
}

//  Messages that one flow still has: those held, or 1 if it still reads

static uint64_t
s_undelivered (zrelay_engine_t *self, zrelay_flow_id_t id)
{
    zrelay_flow_t *flow = self->flows [id];
    uint64_t count = flow? zrelay_flow_undelivered (flow): 0;
    if (count > 0 || !s_carries_work (self, id) || !s_attached (self))
        return count;
    return zrelay_flow_reads_to_end (flow);
}

//  Replies that it awaits

static uint64_t
s_unanswered (zrelay_engine_t *self, zrelay_flow_id_t id)
{
    if (!s_carries_work (self, id) || !s_attached (self))
        return 0;
    int64_t outstanding = s_outstanding (self, id);
    return outstanding > 0? (uint64_t) outstanding: 0;
}

bool
zrelay_engine_drains (zrelay_engine_t *self)
{
    return self->on_drained != NULL;
}

static void
s_finish_drain (zrelay_engine_t *self, zrelay_status_t status)
{
    zrelay_drained_fn *on_drained = self->on_drained;
    self->on_drained = NULL;
    //  Other workers may come
    if (self->forsaken)
        zrelay_flow_open (self->forsaken);
    self->forsaken = NULL;
    if (self->drain_timer)
        zloop_timer_end (self->loop, self->drain_timer);
    self->drain_timer = 0;
    on_drained (status, self->drained_arg);
}

//  What a drain has left
typedef struct {
    uint64_t forward;           //  Messages of that flow
    uint64_t back;              //  And of the return flow
    uint64_t replies;           //  Those that no worker has given
    size_t kept;                //  What the kind has inside
} left_t;

//  Say so; it is something

static zrelay_status_t
s_explain_drain (zrelay_engine_t *self, const char *why, const left_t *left)
{
    char also [60] = "";
    if (left->forward > 0 && left->back > 0)
        snprintf (also, sizeof (also), " and %" PRIu64 " of the return flow",
                  left->back);
    char flows [160] = "";
    uint64_t first = left->forward > 0? left->forward: left->back;
    if (first > 0)
        snprintf (flows, sizeof (flows), " with at least %" PRIu64
                  " message%s of the %s flow%s still to be delivered", first,
                  first == 1? "": "s",
                  left->forward > 0? "forward": "return", also);
    char replies [80] = "";
    if (left->replies > 0)
        snprintf (replies, sizeof (replies), "; there %s %" PRIu64
                  " repl%s that no worker has given",
                  left->replies == 1? "is": "are", left->replies,
                  left->replies == 1? "y": "ies");
    char inside [60] = "";
    if (left->kept > 0)
        snprintf (inside, sizeof (inside), "; the %.20s has %zu inside",
                  self->kind.name, left->kept);
    return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
                             "%s%s%s%s", why, flows, replies, inside);
}

//  The flow that awaits replies from workers of which none is connected any
//  more; or NULL

static zrelay_flow_t *
s_forsaken (zrelay_engine_t *self)
{
    for (int index = 0; index < FLOWS; index++) {
        zrelay_flow_id_t id = (zrelay_flow_id_t) index;
        uint64_t awaited = s_unanswered (self, id);
        if (awaited > 0)
            return zrelay_side_deserted (self->sides [s_input (id)], awaited)?
                   self->flows [id]: NULL;
    }
    return NULL;
}

//  Workers may have replied before they left, so that flow is read to its end
//  first. It is to go on when this drain is over: others may come.

static void
s_give_up_replies (zrelay_engine_t *self, const left_t *left)
{
    zrelay_flow_t *flow = s_forsaken (self);
    if (!flow || left->forward + left->back + left->kept > 0)
        return;
    if (self->forsaken != flow) {
        self->forsaken = flow;
        zrelay_flow_close (flow);
        s_wake_in (self, 0);
        return;
    }
    s_finish_drain (self, s_explain_drain (self,
        "no worker is connected any more", left));
}

static void
s_check_drain (zrelay_engine_t *self)
{
    if (!self->on_drained)
        return;
    left_t left = {
        .forward = s_undelivered (self, ZRELAY_FLOW_FORWARD),
        .back = s_undelivered (self, ZRELAY_FLOW_RETURN),
        .replies = s_unanswered (self, ZRELAY_FLOW_FORWARD)
                 + s_unanswered (self, ZRELAY_FLOW_RETURN),
        .kept = s_keeps_account (self)? s_pending (self): 0
    };
    if (left.forward + left.back + left.replies + left.kept == 0)
        s_finish_drain (self, ZRELAY_STATUS_DONE);
    else
    if (zclock_mono () >= self->drain_until)
        s_finish_drain (self, s_explain_drain (self, "time ran out", &left));
    else
    if (left.replies > 0)
        s_give_up_replies (self, &left);
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

static void
s_set_mode (zrelay_engine_t *self, zrelay_state_t mode)
{
    if (self->mode == mode)
        return;
    self->mode = mode;
    if (self->kind.on_state)
        self->kind.on_state (self, self->object, mode);
}

void
zrelay_engine_drain (zrelay_engine_t *self, size_t msecs,
                     zrelay_drained_fn *on_end, void *arg)
{
    self->on_drained = on_end;
    self->drained_arg = arg;
    self->drain_until = zclock_mono () + (int64_t) msecs;
    for (int side = 0; side < SIDES; side++)
        //  Messages in the sockets may take as long to leave after the end
        if (self->sides [side])
            zrelay_side_set_linger (self->sides [side], (int) msecs);
    for (int flow = 0; flow < FLOWS; flow++)
        if (s_brings_work (self, (zrelay_flow_id_t) flow))
            zrelay_flow_close (self->flows [flow]);
    s_set_mode (self, ZRELAY_STATE_DRAINING);
    self->drain_timer =
        zloop_timer (self->loop, msecs, 1, s_on_drain_over, self);
    //  A relay that has nothing to do is drained at once
    s_turn (self);
}

void
zrelay_engine_pause (zrelay_engine_t *self)
{
    s_set_mode (self, ZRELAY_STATE_PAUSED);
}

void
zrelay_engine_resume (zrelay_engine_t *self)
{
    if (self->on_drained)
        s_finish_drain (self, zrelay_error_set (self->error,
            ZRELAY_STATUS_BAD_STATE, "RESUME ended the DRAIN"));
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side])
            zrelay_side_restore_linger (self->sides [side]);
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_open (self->flows [flow]);
    s_set_mode (self, ZRELAY_STATE_ACTIVE);
}


//  --------------------------------------------------------------------------
//  Commands

static zrelay_sieve_t *
s_sieve (zrelay_engine_t *self, zrelay_flow_t *flow)
{
    return self->sieves [flow == self->flows [ZRELAY_FLOW_FORWARD]?
                         ZRELAY_FLOW_FORWARD: ZRELAY_FLOW_RETURN];
}

//  Subscriptions that publishers have got already cannot be changed by rules

static zrelay_status_t
s_check_rules (zrelay_engine_t *self, zrelay_flow_id_t id)
{
    zrelay_side_t *input = self->sides [s_input (id)];
    int type = zrelay_side_type (input);
    if (type != -1 && !zrelay_flow_has_topics (type))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "messages of the %s flow come from a %s and have no topics; those "
            "from SUB, XSUB, PULL and PAIR have",
            zrelay_flow_name (self->flows [id]), zsys_sockname (type));
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side] && zrelay_side_attached (self->sides [side]))
            return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
                "the %s is attached already; give rules before that",
                zrelay_side_name (self->sides [side]));
    return ZRELAY_STATUS_DONE;
}

static void
s_use_sieve (zrelay_engine_t *self, zrelay_flow_id_t id)
{
    zrelay_sieve_t *sieve = zrelay_sieve_empty (self->sieves [id])? NULL:
                            self->sieves [id];
    zrelay_flow_set_sieve (self->flows [id], sieve);
    if (self->flows [s_back (id)])
        zrelay_flow_set_asked (self->flows [s_back (id)], sieve);
    zrelay_side_set_sieve (self->sides [s_input (id)], sieve);
}

zrelay_status_t
zrelay_engine_add_rule (zrelay_engine_t *self, zrelay_flow_id_t id,
                        zrelay_sieve_rule_t rule, const char *topic,
                        const char *to)
{
    zrelay_status_t status = s_check_rules (self, id);
    if (status != ZRELAY_STATUS_DONE)
        return status;
    zrelay_side_switch_topics (self->sides [s_input (id)], false);
    zrelay_sieve_add (self->sieves [id], rule, topic, to);
    s_use_sieve (self, id);
    zrelay_side_switch_topics (self->sides [s_input (id)], true);
    return ZRELAY_STATUS_DONE;
}

zrelay_status_t
zrelay_engine_clear_rules (zrelay_engine_t *self, zrelay_flow_id_t id)
{
    zrelay_status_t status = s_check_rules (self, id);
    if (status != ZRELAY_STATUS_DONE)
        return status;
    zrelay_side_switch_topics (self->sides [s_input (id)], false);
    zrelay_sieve_clear (self->sieves [id]);
    s_use_sieve (self, id);
    zrelay_side_switch_topics (self->sides [s_input (id)], true);
    return ZRELAY_STATUS_DONE;
}

void
zrelay_engine_list_rules (zrelay_engine_t *self, zrelay_flow_id_t id,
                          zmsg_t *answer)
{
    zrelay_sieve_list (self->sieves [id], answer);
}

zrelay_status_t
zrelay_engine_configure (zrelay_engine_t *self, zrelay_side_id_t id,
                         const char *type, const char *endpoints,
                         size_t count, char **words)
{
    zrelay_side_t *side = self->sides [id];
    if (!side)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "the %s has no backend", self->kind.name);
    int number = zrelay_pairing_type (type);
    int other = s_type (self, s_other (id));
    const char *refusal = number != -1 && other != -1?
        zrelay_pairing_refusal (number, other): NULL;
    if (refusal)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s as %s with %s as %s makes no relay: %s", zsys_sockname (number),
            zrelay_side_name (side), zsys_sockname (other),
            zrelay_side_name (self->sides [s_other (id)]), refusal);
    zrelay_flow_t *flow = s_reader (self, id);
    if (number != -1 && !zrelay_flow_has_topics (number) && flow
    && !zrelay_sieve_empty (s_sieve (self, flow)))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "the %s flow has rules about topics, and messages from a %s have "
            "none", zrelay_flow_name (flow), zsys_sockname (number));
    return zrelay_configure (side, self->error, type, endpoints, count, words);
}

zrelay_status_t
zrelay_engine_set_permit (zrelay_engine_t *self, const zrelay_permit_t *permit)
{
    if (self->borrowed || self->has_bound)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            self->borrowed?
            "the application's sockets cannot be watched for what peers may do":
            "the relay has bound a socket that permissions do not cover");
    if (self->permit.may)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "there are permissions already; change their file");
    self->permit = *permit;
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_set_permit (self->flows [flow],
                self->flows [s_back ((zrelay_flow_id_t) flow)], &self->permit);
    for (int side = 0; side < SIDES; side++)
        if (s_type (self, (zrelay_side_id_t) side) == ZMQ_XPUB)
            zrelay_peers_refuse_all (zrelay_side_peers (self->sides [side]));
    return ZRELAY_STATUS_DONE;
}

//  The row of an option and the object that it is in, or NULL with a sentence

static const zrelay_setting_t *
s_find_option (zrelay_engine_t *self, const char *option, void **object_p)
{
    const zrelay_setting_t *row =
        zrelay_setting_find (zrelay_engine_settings, option);
    *object_p = row? (void *) self: self->object;
    if (!row)
        row = zrelay_setting_find (self->kind.settings, option);
    if (!row) {
        const zrelay_setting_t *tables [] = {
            zrelay_engine_settings, self->kind.settings, NULL
        };
        char *names = zrelay_setting_names (tables);
        zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "the relay has no option %s; it has %s",
            zrelay_error_quote (self->error, option), names);
        zstr_free (&names);
    }
    return row;
}

zrelay_status_t
zrelay_engine_set_option (zrelay_engine_t *self, const char *option,
                          const char *value)
{
    void *object;
    const zrelay_setting_t *row = s_find_option (self, option, &object);
    return !row? ZRELAY_STATUS_BAD_ARGUMENTS:
        zrelay_setting_set (row, self, object, value, self->error);
}

zrelay_status_t
zrelay_engine_get_option (zrelay_engine_t *self, const char *option,
                          char **value_p)
{
    void *object;
    const zrelay_setting_t *row = s_find_option (self, option, &object);
    if (!row)
        return ZRELAY_STATUS_BAD_ARGUMENTS;
    *value_p = zrelay_setting_get (row, self, object);
    return ZRELAY_STATUS_DONE;
}

//  As many events as may wait for a reader
#define EVENTS_MOST 10000

zrelay_status_t
zrelay_engine_report_to (zrelay_engine_t *self, const char *endpoint)
{
    if (self->borrowed)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_STATE,
            "a relay in another program makes no sockets of its own");
    void *handle = zsys_socket (ZMQ_PUSH, __FILE__, __LINE__);
    const char *refusal = handle? NULL: zmq_strerror (errno);
    if (handle) {
        zsock_set_linger (handle, 0);
        zsock_set_sndhwm (handle, EVENTS_MOST);
        refusal = zrelay_attachments_ask (handle, endpoint, false, NULL);
    }
    if (refusal) {
        if (handle)
            zsys_close (handle, __FILE__, __LINE__);
        return zrelay_error_set (self->error, ZRELAY_STATUS_REFUSED,
            "cannot send events to %s: %s",
            zrelay_error_quote (self->error, endpoint), refusal);
    }
    zrelay_events_send_to (self->events, handle);
    return ZRELAY_STATUS_DONE;
}

zrelay_state_t
zrelay_engine_state (zrelay_engine_t *self)
{
    return self->mode != ZRELAY_STATE_ACTIVE || s_attached (self)?
           self->mode: ZRELAY_STATE_IDLE;
}

const char *
zrelay_engine_state_name (zrelay_engine_t *self)
{
    static const char *names [] = {
        [ZRELAY_STATE_IDLE] = "idle",
        [ZRELAY_STATE_ACTIVE] = "active",
        [ZRELAY_STATE_PAUSED] = "paused",
        [ZRELAY_STATE_DRAINING] = "draining"
    };
    return names [zrelay_engine_state (self)];
}

static uint64_t *
s_counter_value (zrelay_engine_t *self, const zrelay_counter_t *counter)
{
    return (uint64_t *) ((byte *) self->object + counter->offset);
}

static bool
s_is_gauge (const zrelay_counter_t *counter)
{
    return counter->size > offsetof (zrelay_counter_t, flags)
        && counter->flags & ZRELAY_COUNTER_GAUGE;
}

void
zrelay_engine_stats (zrelay_engine_t *self, zmsg_t *answer)
{
    zmsg_addstr (answer, "kind");
    zmsg_addstr (answer, self->kind.name);
    zmsg_addstr (answer, "name");
    zmsg_addstr (answer, self->name);
    zmsg_addstr (answer, "state");
    zmsg_addstr (answer, zrelay_engine_state_name (self));
    zrelay_counts_add (answer, zclock_mono () - self->started, "uptime_ms");
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side])
            zrelay_side_stats (self->sides [side], answer);
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_stats (self->flows [flow], answer);
    zrelay_capture_stats (self->capture, answer);
    const zrelay_counter_t *counter = zrelay_row_first (self->kind.counters);
    for (; counter; counter = zrelay_row_next (counter))
        zrelay_counts_add (answer, *s_counter_value (self, counter), "%s",
                           counter->name);
    if (self->kind.stats)
        self->kind.stats (self, self->object, answer);
}

void
zrelay_engine_reset (zrelay_engine_t *self)
{
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side])
            zrelay_side_reset (self->sides [side]);
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_reset (self->flows [flow]);
    zrelay_capture_reset (self->capture);
    const zrelay_counter_t *counter = zrelay_row_first (self->kind.counters);
    for (; counter; counter = zrelay_row_next (counter))
        if (!s_is_gauge (counter))
            *s_counter_value (self, counter) = 0;
    if (self->kind.reset)
        self->kind.reset (self, self->object);
}


//  --------------------------------------------------------------------------
//  Traffic

//  Peers of ROUTER sides that have gone

static void
s_report_gone (zrelay_engine_t *self)
{
    for (int index = 0; self->kind.on_gone && index < SIDES; index++) {
        zrelay_side_id_t id = (zrelay_side_id_t) index;
        zrelay_side_t *side = self->sides [id];
        zrelay_peers_t *peers = side? zrelay_side_peers (side): NULL;
        if (!peers || !zrelay_peers_leaving (peers))
            continue;
        byte gone [ZRELAY_PEERS_ID_MAX];
        size_t size;
        while ((size = zrelay_peers_gone (peers, gone)) > 0)
            self->kind.on_gone (self, self->object, id, gone, size);
    }
}

//  Returns what ends the loop, if the application is to hear of a signal.

static int
s_turn_of (zrelay_engine_t *self, bool forward, bool back)
{
    zrelay_capture_flush (self->capture);
    if (forward)
        zrelay_flow_turn (self->flows [ZRELAY_FLOW_FORWARD]);
    zrelay_flow_t *returning = self->flows [ZRELAY_FLOW_RETURN];
    if (returning && (back || zrelay_flow_has_heard (returning)))
        zrelay_flow_turn (returning);
    s_report_gone (self);
    s_watch (self);
    s_check_drain (self);
    for (int side = 0; side < SIDES; side++)
        if (self->sides [side]
        &&  zrelay_port_interrupted (zrelay_side_port (self->sides [side])))
            self->end = END_INTERRUPTED;
    return zrelay_engine_ends (self)? -1: 0;
}

static int
s_turn (zrelay_engine_t *self)
{
    return s_turn_of (self, true, true);
}

//  A socket is read by one flow, and written to by the other if that waits for
//  room

static int
s_on_traffic (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    bool back = item->socket == self->watches [ZRELAY_SIDE_BACKEND].handle;
    zrelay_flow_t *writer = back? self->flows [ZRELAY_FLOW_FORWARD]:
                                  self->flows [ZRELAY_FLOW_RETURN];
    bool both = writer && zrelay_flow_stalled (writer);
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
        zrelay_engine_log (self, ZRELAY_LOG_WARNING, "no descriptors left; new "
                           "peers must wait until others leave");
    if (!exhausted && self->exhausted)
        zrelay_engine_log (self, ZRELAY_LOG_INFO,
                           "there are descriptors again");
    self->exhausted = exhausted;
}

//  Bytes that whole messages may have which wait in the socket. An XPUB takes in
//  all that come.

static int64_t
s_waiting_most (zrelay_side_t *side)
{
    int64_t most = zrelay_limits_most_bytes (zrelay_side_limits (side));
    int64_t messages = zsock_rcvhwm (zrelay_side_handle (side)) + 1;
    return messages == 1 || most > INT64_MAX / messages
        || zrelay_side_type (side) == ZMQ_XPUB? INT64_MAX:
           most * messages;
}

//  Others keep messages to themselves that nobody has subscribed to or asked
//  for, or that are nothing new

static bool
s_hands_over_all (zrelay_side_t *side)
{
    int type = zrelay_side_type (side);
    return type != ZMQ_SUB && type != ZMQ_XSUB && type != ZMQ_PUB
        && type != ZMQ_REQ
        && (type != ZMQ_XPUB || zrelay_side_hears_topics (side));
}

//  The first peer of an XPUB may be noted by the watcher, of which the relay
//  does not hear

static bool
s_needs_guard (zrelay_side_t *side)
{
    return side && zrelay_side_peers (side)
        && (zrelay_side_type (side) == ZMQ_XPUB
         || zrelay_peers_count (zrelay_side_peers (side)) > 0)
        && zrelay_limits_most_bytes (zrelay_side_limits (side)) != INT64_MAX;
}

//  Look for messages that never end, where there is a limit to them

static int
s_on_guard (zloop_t *loop, int timer_id, void *arg)
{
    (void) timer_id;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    size_t soon = 0;
    for (int index = 0; index < SIDES; index++) {
        zrelay_side_t *side = self->sides [index];
        if (!s_needs_guard (side))
            continue;
        void *watched = s_hands_over_all (side)?
            zrelay_side_handle (side): NULL;
        size_t msecs = zrelay_peers_look (zrelay_side_peers (side), watched,
                                          s_waiting_most (side));
        soon = soon == 0 || msecs < soon? msecs: soon;
    }
    self->guard_timer = soon == 0? 0:
        zloop_timer (loop, soon, 1, s_on_guard, self);
    self->guard_at = zclock_mono () + (int64_t) soon;
    return s_turn (self);
}

//  A newcomer is looked at soon: in the time between two looks when all is
//  quiet it could bring megabytes

static void
s_guard (zrelay_engine_t *self)
{
    bool needed = false;
    bool hasty = false;
    for (int index = 0; index < SIDES; index++) {
        zrelay_side_t *side = self->sides [index];
        if (!s_needs_guard (side))
            continue;
        needed = true;
        hasty |= zrelay_peers_has_new (zrelay_side_peers (side));
    }
    int64_t when = zclock_mono () + 1;
    if (!needed || (self->guard_timer && (!hasty || self->guard_at <= when)))
        return;
    if (self->guard_timer)
        zloop_timer_end (self->loop, self->guard_timer);
    self->guard_timer = zloop_timer (self->loop, 1, 1, s_on_guard, self);
    self->guard_at = when;
}

static void
s_report_cuts (zrelay_engine_t *self)
{
    for (int index = 0; index < SIDES; index++) {
        zrelay_side_t *side = self->sides [index];
        zrelay_peers_t *peers = side? zrelay_side_peers (side): NULL;
        const char *address, *reason;
        uint64_t count = peers?
            zrelay_peers_report (peers, &address, &reason): 0;
        if (count > 0)
            zrelay_engine_log (self, ZRELAY_LOG_WARNING, "%s: %" PRIu64
                " connections were cut; the last came from %s (%s)",
                zrelay_side_name (side), count, address, reason);
    }
}

static int
s_on_service (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    s_look_at_peers (self);
    s_guard (self);
    s_report_cuts (self);
    zrelay_capture_service (self->capture);
    //  A borrowed relay leaves descriptor limits to the application
    if (!self->borrowed)
        s_check_descriptors (self);
    return s_turn (self);
}

//  A kind with on_gone hears of a peer when the flows have read all that came
//  from it

static int
s_on_peers (zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    (void) loop;
    (void) item;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    s_look_at_peers (self);
    s_guard (self);
    if (self->kind.on_gone)
        return s_turn (self);
    s_watch (self);
    s_check_drain (self);
    return 0;
}


//  --------------------------------------------------------------------------
//  The loop. It also ends when a poll fails, which it does when a context has
//  ended, or when a debugger or a signal was in between.

int
zrelay_engine_loop (zrelay_engine_t *self)
{
    self->end = END_NOT;
    errno = 0;
    zloop_start (self->loop);
    if (self->end == END_INTERRUPTED)
        errno = EINTR;
    return self->end == END_STOPPED? 0: -1;
}

void
zrelay_engine_stop (zrelay_engine_t *self)
{
    self->end = END_STOPPED;
}

bool
zrelay_engine_ends (zrelay_engine_t *self)
{
    return self->end != END_NOT;
}


//  --------------------------------------------------------------------------
//  For kinds: sending, dropping, reading

static zrelay_send_t
s_sent (zrelay_flow_t *flow, zrelay_outcome_t outcome)
{
    switch (outcome) {
        case ZRELAY_OUTCOME_SENT:
            return ZRELAY_SEND_DONE;
        case ZRELAY_OUTCOME_FULL:
        case ZRELAY_OUTCOME_PEER_FULL:
            return ZRELAY_SEND_FULL;
        case ZRELAY_OUTCOME_UNROUTABLE:
            return ZRELAY_SEND_UNROUTABLE;
        case ZRELAY_OUTCOME_LOST:
            zrelay_flow_count_drop (flow, ZRELAY_OUTCOME_LOST);
            return ZRELAY_SEND_LOST;
        default:
            return ZRELAY_SEND_REFUSED;
    }
}

zrelay_send_t
zrelay_engine_send (zrelay_engine_t *self, zrelay_side_id_t id,
                    zrelay_message_t *message)
{
    zrelay_side_t *side = self->sides [id];
    if (!side || !zrelay_pairing_sends (zrelay_side_type (side)))
        return ZRELAY_SEND_REFUSED;
    if (zrelay_message_frames (message) == 0)
        return ZRELAY_SEND_UNROUTABLE;
    if (zrelay_port_accepts (zrelay_side_port (side), message)
            != ZRELAY_OUTCOME_SENT)
        return ZRELAY_SEND_REFUSED;
    zrelay_flow_t *flow = s_flow_to (self, id);
    return s_sent (flow, zrelay_flow_send (flow, side, message));
}

zrelay_send_t
zrelay_engine_send_zmsg (zrelay_engine_t *self, zrelay_side_id_t side,
                         zmsg_t **msg_p)
{
    assert (msg_p && *msg_p);
    zrelay_message_t *message = zrelay_message_new ();
    zframe_t *frame = zmsg_first (*msg_p);
    for (; frame; frame = zmsg_next (*msg_p))
        zrelay_message_append (message, zframe_data (frame),
                               zframe_size (frame));
    zrelay_send_t result = zrelay_engine_send (self, side, message);
    if (result == ZRELAY_SEND_DONE || result == ZRELAY_SEND_LOST)
        zmsg_destroy (msg_p);
    zrelay_message_destroy (&message);
    return result;
}

zrelay_verdict_t
zrelay_engine_drop (zrelay_engine_t *self, size_t reason)
{
    //  Just one of them is showing a message now
    for (int flow = 0; flow < FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_set_reason (self->flows [flow], reason);
    return ZRELAY_VERDICT_DROP;
}

void
zrelay_engine_count_drop (zrelay_engine_t *self, zrelay_flow_id_t flow,
                          size_t reason)
{
    if (self->flows [flow])
        zrelay_flow_count_reason (self->flows [flow], reason);
}

size_t
zrelay_engine_held (zrelay_engine_t *self, zrelay_flow_id_t flow)
{
    return self->flows [flow]? zrelay_flow_held (self->flows [flow]): 0;
}

void
zrelay_engine_set_reading (zrelay_engine_t *self, zrelay_flow_id_t flow,
                           zrelay_reading_t reading)
{
    if (self->flows [flow])
        zrelay_flow_set_reading (self->flows [flow], reading);
}

void
zrelay_engine_set_handler (zrelay_engine_t *self, zrelay_flow_id_t flow,
                           zrelay_message_fn *handler)
{
    if (self->flows [flow])
        zrelay_flow_set_handler (self->flows [flow], (zrelay_shown_to_t) {
            .message = handler, .object = self->object });
}


//  --------------------------------------------------------------------------
//  For kinds: timers and readers. The kind may have changed anything meanwhile.

static int
s_after_kind (zrelay_engine_t *self)
{
    s_watch (self);
    s_check_drain (self);
    return zrelay_engine_ends (self)? -1: 0;
}

int
zrelay_engine_timer (zrelay_engine_t *self, size_t msecs, size_t times,
                     zrelay_timer_fn *function, void *object)
{
    return zrelay_calls_timer (self->calls, msecs, times, function, object);
}

void
zrelay_engine_timer_end (zrelay_engine_t *self, int timer)
{
    zrelay_calls_timer_end (self->calls, timer);
}

void
zrelay_engine_reader (zrelay_engine_t *self, void *sock, int fd,
                      zrelay_reader_fn *function, void *object)
{
    zrelay_calls_reader (self->calls, sock, fd, function, object);
}

void
zrelay_engine_reader_end (zrelay_engine_t *self, void *sock, int fd)
{
    zrelay_calls_reader_end (self->calls, sock, fd);
}

int
zrelay_engine_bind (zrelay_engine_t *self, zrelay_side_id_t side, void *sock,
                    const char *endpoint)
{
    void *handle = zsock_resolve (sock);
    if (self->permit.may)
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_STATE,
            "there are permissions, which do not cover a socket of the kind's");
    if (self->sides [side] && zrelay_side_secure (self->sides [side], handle))
        return zrelay_engine_fail (self, ZRELAY_STATUS_REFUSED,
            "a socket cannot take over the security of the %s: %s",
            zrelay_side_name (self->sides [side]), zmq_strerror (errno));
    zrelay_access_t *access = self->sides [side]?
        zrelay_side_access (self->sides [side]): NULL;
    const char *refusal = zrelay_attachments_ask (handle, endpoint, true,
                                                  access);
    self->has_bound |= !refusal;
    return !refusal? ZRELAY_STATUS_DONE:
        zrelay_engine_fail (self, ZRELAY_STATUS_REFUSED,
            "cannot bind to %s: %s", zrelay_engine_quote (self, endpoint),
            refusal);
}


//  --------------------------------------------------------------------------
//  For kinds: sentences, counts, properties

int
zrelay_engine_fail (zrelay_engine_t *self, int status, const char *format, ...)
{
    va_list argptr;
    va_start (argptr, format);
    zrelay_error_set_va (self->error, (zrelay_status_t) status, format, argptr);
    va_end (argptr);
    return status;
}

const char *
zrelay_engine_quote (zrelay_engine_t *self, const char *value)
{
    return zrelay_error_quote (self->error, value);
}

void
zrelay_engine_stat (zmsg_t *answer, const char *name, uint64_t value)
{
    zrelay_counts_add (answer, value, "%s", name);
}

void
zrelay_engine_stat_of (zmsg_t *answer, const char *name, const char *label,
                       const void *data, size_t size, uint64_t value)
{
    zrelay_counts_add_of (answer, value, name, label, data, size);
}

const char *
zrelay_engine_encode (char room [ZRELAY_LABEL_ROOM], const void *data,
                      size_t size)
{
    return zrelay_counts_encode (room, data, size);
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

//  No command was refused, so the sentence remains that of the last one

char *
zrelay_engine_option (zrelay_engine_t *self, zrelay_side_id_t side,
                      const char *name)
{
    return self->sides [side]?
        zrelay_side_option (self->sides [side], name): NULL;
}

size_t
zrelay_engine_peers (zrelay_engine_t *self, zrelay_side_id_t side)
{
    zrelay_peers_t *peers = self->sides [side]?
        zrelay_side_peers (self->sides [side]): NULL;
    return peers? zrelay_peers_count (peers): 0;
}

char *
zrelay_engine_flow_option (zrelay_engine_t *self, zrelay_flow_id_t flow,
                           const char *name)
{
    char *value = NULL;
    const zrelay_setting_t *const *table = zrelay_flow_settings;
    while (*table && !zrelay_setting_find (*table, name))
        table++;
    //  Only what exists is asked for, since a refusal would leave a sentence
    if (*table && self->flows [flow])
        zrelay_flow_get_option (self->flows [flow], name, &value, self->error);
    return value;
}


//  --------------------------------------------------------------------------
//  For those that steer

const zrelay_kind_t *
zrelay_engine_kind (zrelay_engine_t *self)
{
    return &self->kind;
}

zrelay_side_t *
zrelay_engine_side (zrelay_engine_t *self, zrelay_side_id_t side)
{
    return self->sides [side];
}

zrelay_flow_t *
zrelay_engine_flow (zrelay_engine_t *self, zrelay_flow_id_t flow)
{
    return self->flows [flow];
}

zrelay_side_t *
zrelay_engine_guarded (zrelay_engine_t *self)
{
    for (int side = 0; side < SIDES; side++)
        if (self->capture_security == SECURITY_SAME && self->sides [side]
        &&  zrelay_side_guards (self->sides [side]))
            return self->sides [side];
    return NULL;
}

zrelay_access_t *
zrelay_engine_restricted (zrelay_engine_t *self)
{
    for (int side = 0; side < SIDES; side++)
        if (self->capture_security == SECURITY_SAME && self->sides [side]
        &&  zrelay_access_restricts (zrelay_side_access (self->sides [side])))
            return zrelay_side_access (self->sides [side]);
    return NULL;
}

zrelay_capture_t *
zrelay_engine_capture (zrelay_engine_t *self)
{
    return self->capture;
}

zrelay_error_t *
zrelay_engine_error (zrelay_engine_t *self)
{
    return self->error;
}

zloop_t *
zrelay_engine_zloop (zrelay_engine_t *self)
{
    return self->loop;
}

bool
zrelay_engine_borrowed (zrelay_engine_t *self)
{
    return self->borrowed;
}

void
zrelay_engine_set_owner (zrelay_engine_t *self, void *owner)
{
    self->owner = owner;
}

void *
zrelay_engine_owner (zrelay_engine_t *self)
{
    return self->owner;
}

void
zrelay_engine_set_verbose (zrelay_engine_t *self)
{
    self->verbose = true;
    zrelay_diary_open (self->diary);
}

bool
zrelay_engine_verbose (zrelay_engine_t *self)
{
    return self->verbose;
}

void
zrelay_engine_tell (zrelay_engine_t *self)
{
    self->tells = true;
}
