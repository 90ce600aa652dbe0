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
#include "zrelay_description.h"
#include "zrelay_drain.h"
#include "zrelay_option.h"
#include "zrelay_pairing.h"
#include "zrelay_patrol.h"
#include "zrelay_polls.h"
#include "zrelay_printer_internal.h"
#include "zrelay_security.h"
#include "zrelay_setting.h"
#include "zrelay_wiring.h"

//  Sockets without traffic are looked after when peers come or go, so that
//  libzmq can let go of those that have left; and this often, in msecs
#define SERVICE_IVL 5000

//  Longest time to look on before sleeping, in usecs
#define SPIN_MOST 1000000

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
    zrelay_wiring_t wiring;         //  Its sides and flows
    zrelay_side_t **sides;          //  Those of the wiring
    zrelay_flow_t **flows;          //  Likewise
    zrelay_capture_t *capture;      //  Copies of what passes
    zrelay_events_t *events;        //  What becomes of connections it makes
    zrelay_diary_t *diary;          //  Logs who comes and goes
    zrelay_rulebook_t *rulebook;    //  Rules about topics
    zrelay_polls_t *polls;          //  What the loop waits for
    zrelay_drain_t *drain;          //  DRAIN
    zrelay_patrol_t *patrol;        //  Looks for messages without end
    zrelay_state_t mode;            //  As PAUSE and DRAIN have made it
    zrelay_calls_t *calls;          //  The kind's timers and readers
    int64_t spin;                   //  Usecs to look on before sleeping
    bool exhausted;                 //  The process has no descriptors left
    end_t end;                      //  Why the loop ends
    zrelay_permit_t permit;         //  Says what peers may do, if anybody does
    bool has_bound;                 //  Sockets of the kind's, for others
    int64_t capture_security;       //  SECURITY_SAME or SECURITY_NONE
    char *domain;                   //  Of sockets that no side guards, or NULL
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
s_on_traffic (zrelay_engine_t *self, zrelay_side_id_t side);
static int
s_on_peers (zrelay_engine_t *self);
static int
s_on_wake (zrelay_engine_t *self);
static int
s_on_service (zloop_t *loop, int timer_id, void *arg);
static void
s_report_gone (zrelay_engine_t *self);
static int
s_turn (zrelay_engine_t *self);
static size_t
s_pending (zrelay_engine_t *self);
static int
s_after_kind (zrelay_engine_t *self);


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
//  Constructor and destructor

static const zrelay_polls_part_t s_part = {
    .traffic = s_on_traffic, .peers = s_on_peers, .wake = s_on_wake
};

static zrelay_engine_t *
s_engine_new (const zrelay_kind_t *kind, const char *name)
{
    zrelay_engine_t *self =
        (zrelay_engine_t *) zmalloc (sizeof (zrelay_engine_t));
    assert (self);
    zrelay_description_copy (kind, &self->kind);
    self->sides = self->wiring.sides;
    self->flows = self->wiring.flows;
    self->name = zrelay_description_clean (name && *name? name: kind->name);
    self->mode = ZRELAY_STATE_ACTIVE;
    self->started = zclock_mono ();
    self->error = zrelay_error_new ();
    self->capture = zrelay_capture_new (self->error);
    self->events = zrelay_events_new (self->name);
    self->diary = zrelay_diary_new (s_log_line, self);
    self->rulebook = zrelay_rulebook_new (&self->wiring, self->error);
    self->loop = zloop_new ();
    assert (self->loop);
    //  The relay ends when its owner says so, not when Ctrl-C is pressed
    zloop_set_nonstop (self->loop, true);
    self->calls = zrelay_calls_new (self, self->loop, s_after_kind);
    self->polls = zrelay_polls_new (self, &self->wiring, self->loop, &s_part);
    self->drain = zrelay_drain_new (self, &self->kind, &self->wiring,
                                    self->polls, self->loop, self->error,
                                    s_pending);
    self->patrol = zrelay_patrol_new (self, &self->wiring, self->loop, s_turn);
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
    zrelay_shown_to_t handlers [ZRELAY_FLOWS] = {
        [ZRELAY_FLOW_FORWARD] = { .message = kind->on_forward,
            .zmsg = kind->on_forward? NULL: kind->on_forward_zmsg },
        [ZRELAY_FLOW_RETURN] = { .message = kind->on_return,
            .zmsg = kind->on_return? NULL: kind->on_return_zmsg }
    };
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
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
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_keep_options (self->flows [flow], self->defaults);
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (self->sides [side])
            zrelay_choices_keep (zrelay_side_choices (self->sides [side]),
                                 self->defaults);
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
            ZRELAY_DESCRIPTION_NAME_MAX);
    self->sides [ZRELAY_SIDE_FRONTEND] =
        zrelay_side_new ("frontend", &self->kind.frontend, self->error);
    if (self->kind.backend.types)
        self->sides [ZRELAY_SIDE_BACKEND] =
            zrelay_side_new ("backend", &self->kind.backend, self->error);
    for (int side = 0; self->kind.topic && side < ZRELAY_SIDES; side++)
        if (self->sides [side])
            zrelay_subscriptions_set_default (
                zrelay_side_subscriptions (self->sides [side]),
                self->kind.topic);
    for (int side = 0; side < ZRELAY_SIDES; side++)
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
    zrelay_polls_borrow (self->polls, self->capture, capture);
    if (capture)
        zrelay_capture_borrow (self->capture, capture);
    s_make_flows (self, backend == frontend? front:
                        self->sides [ZRELAY_SIDE_BACKEND]);
    //  What a flow has read is missed by whoever uses these sockets next
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_set_careful (self->flows [flow]);
    s_keep_defaults (self);
    zrelay_engine_changed (self);
    return self;
}

static void
s_report_undelivered (zrelay_engine_t *self)
{
    for (int index = 0; index < ZRELAY_FLOWS; index++) {
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
        zrelay_patrol_destroy (&self->patrol);
        zrelay_drain_destroy (&self->drain);
        zrelay_polls_destroy (&self->polls);
        zrelay_wiring_clear (&self->wiring);
        zrelay_capture_destroy (&self->capture);
        zrelay_events_destroy (&self->events);
        zrelay_diary_destroy (&self->diary);
        zrelay_rulebook_destroy (&self->rulebook);
        if (self->permit.may)
            self->permit.destroy (self->permit.object);
        zrelay_error_destroy (&self->error);
        zchunk_destroy (&self->defaults);
        zstr_free (&self->name);
        zstr_free (&self->domain);
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

//  An XSUB keeps subscriptions for publishers that come later. A kind with
//  on_state decides for itself which flows read while the relay is paused.

static bool
s_may_run (zrelay_engine_t *self, zrelay_flow_id_t flow)
{
    bool work = zrelay_wiring_carries_work (&self->wiring, flow);
    bool stops = self->mode == ZRELAY_STATE_PAUSED && !self->kind.on_state;
    if (zrelay_wiring_attached (&self->wiring))
        return !stops || !work;
    zrelay_side_id_t output = zrelay_wiring_other (zrelay_wiring_input (flow));
    return !work && zrelay_wiring_type (&self->wiring, output) == ZMQ_XSUB;
}


//  --------------------------------------------------------------------------
//  Watching

static void
s_report_news (zrelay_engine_t *self, zrelay_flow_t *flow)
{
    const char *news = zrelay_flow_news (flow);
    if (news)
        zrelay_engine_log (self, ZRELAY_LOG_WARNING, "the %s flow: %s",
                           zrelay_flow_name (flow), news);
}

static void
s_watch (zrelay_engine_t *self)
{
    for (int index = 0; index < ZRELAY_FLOWS; index++)
        if (self->flows [index])
            zrelay_flow_set_running (self->flows [index],
                s_may_run (self, (zrelay_flow_id_t) index));
    zrelay_polls_update (self->polls, self->spin);
    for (int index = 0; index < ZRELAY_FLOWS; index++)
        if (self->flows [index])
            s_report_news (self, self->flows [index]);
}

//  A command may have been the first to find that a peer has left

static bool
s_peers_leaving (zrelay_engine_t *self)
{
    for (int side = 0; self->kind.on_gone && side < ZRELAY_SIDES; side++) {
        zrelay_peers_t *peers =
            zrelay_wiring_peers (&self->wiring, (zrelay_side_id_t) side);
        if (peers && zrelay_peers_leaving (peers))
            return true;
    }
    return false;
}

void
zrelay_engine_changed (zrelay_engine_t *self)
{
    if (s_peers_leaving (self))
        zrelay_polls_wake_in (self->polls, 0);
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_update (self->flows [flow]);
    s_watch (self);
}


//  --------------------------------------------------------------------------
//  Pause and drain

static size_t
s_pending (zrelay_engine_t *self)
{
    return self->kind.pending?
        self->kind.pending (self, self->object): ZRELAY_PENDING_UNKNOWN;
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

bool
zrelay_engine_drains (zrelay_engine_t *self)
{
    return zrelay_drain_runs (self->drain);
}

void
zrelay_engine_drain (zrelay_engine_t *self, size_t msecs,
                     zrelay_drained_fn *on_end, void *arg)
{
    zrelay_drain_start (self->drain, msecs, on_end, arg);
    s_set_mode (self, ZRELAY_STATE_DRAINING);
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
    zrelay_drain_end (self->drain);
    s_set_mode (self, ZRELAY_STATE_ACTIVE);
}


//  --------------------------------------------------------------------------
//  Commands

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
    int other = zrelay_wiring_type (&self->wiring, zrelay_wiring_other (id));
    const char *refusal = number != -1 && other != -1?
        zrelay_pairing_refusal (number, other): NULL;
    if (refusal)
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s as %s with %s as %s makes no relay: %s", zsys_sockname (number),
            zrelay_side_name (side), zsys_sockname (other),
            zrelay_side_name (self->sides [zrelay_wiring_other (id)]), refusal);
    zrelay_flow_id_t brings = id == ZRELAY_SIDE_FRONTEND?
        ZRELAY_FLOW_FORWARD: ZRELAY_FLOW_RETURN;
    if (number != -1 && !zrelay_flow_has_topics (number)
    &&  zrelay_rulebook_applies (self->rulebook, brings))
        return zrelay_error_set (self->error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "the %s flow has rules about topics, and messages from a %s have "
            "none", zrelay_flow_name (self->flows [brings]),
            zsys_sockname (number));
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
    for (int index = 0; index < ZRELAY_FLOWS; index++) {
        zrelay_flow_id_t back = zrelay_wiring_back ((zrelay_flow_id_t) index);
        if (self->flows [index])
            zrelay_flow_set_permit (self->flows [index], self->flows [back],
                                    &self->permit);
    }
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (self->sides [side]
        &&  zrelay_side_type (self->sides [side]) == ZMQ_XPUB)
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
    return self->mode == ZRELAY_STATE_ACTIVE
        && !zrelay_wiring_attached (&self->wiring)? ZRELAY_STATE_IDLE:
           self->mode;
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

void
zrelay_engine_stats (zrelay_engine_t *self, zrelay_counts_t *counts)
{
    zrelay_counts_add_word (counts, "kind", self->kind.name);
    zrelay_counts_add_word (counts, "name", self->name);
    zrelay_counts_add_word (counts, "state", zrelay_engine_state_name (self));
    zrelay_counts_add (counts, zclock_mono () - self->started, "uptime_ms");
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (self->sides [side])
            zrelay_side_stats (self->sides [side], counts);
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_stats (self->flows [flow], counts);
    zrelay_capture_stats (self->capture, counts);
    zrelay_counts_add_table (counts, self->kind.counters, self->object);
    if (self->kind.stats) {
        zmsg_t *own = zmsg_new ();
        assert (own);
        self->kind.stats (self, self->object, own);
        zrelay_counts_add_frames (counts, own);
        zmsg_destroy (&own);
    }
}

void
zrelay_engine_reset (zrelay_engine_t *self)
{
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (self->sides [side])
            zrelay_side_reset (self->sides [side]);
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
        if (self->flows [flow])
            zrelay_flow_reset (self->flows [flow]);
    zrelay_capture_reset (self->capture);
    zrelay_counts_reset_table (self->kind.counters, self->object);
    if (self->kind.reset)
        self->kind.reset (self, self->object);
}


//  --------------------------------------------------------------------------
//  Traffic

//  Peers of ROUTER sides that have gone

static void
s_report_gone (zrelay_engine_t *self)
{
    for (int index = 0; self->kind.on_gone && index < ZRELAY_SIDES; index++) {
        zrelay_side_id_t id = (zrelay_side_id_t) index;
        zrelay_peers_t *peers = zrelay_wiring_peers (&self->wiring, id);
        if (!peers || !zrelay_peers_leaving (peers))
            continue;
        byte gone [ZRELAY_PEERS_ID_MAX];
        size_t size;
        while ((size = zrelay_peers_gone (peers, gone)) > 0)
            self->kind.on_gone (self, self->object, id, gone, size);
    }
}

//  Sides that can take a message, for which the kind has waited

static void
s_report_room (zrelay_engine_t *self)
{
    for (int index = 0; index < ZRELAY_SIDES; index++) {
        zrelay_side_id_t id = (zrelay_side_id_t) index;
        if (!zrelay_polls_awaits_room (self->polls, id)
        ||  !zrelay_port_has (zrelay_side_port (self->sides [id]), ZMQ_POLLOUT))
            continue;
        zrelay_polls_await_room (self->polls, id, false);
        self->kind.on_room (self, self->object, id);
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
    s_report_room (self);
    s_watch (self);
    zrelay_drain_check (self->drain);
    for (int side = 0; side < ZRELAY_SIDES; side++)
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
s_on_traffic (zrelay_engine_t *self, zrelay_side_id_t side)
{
    bool back = side == ZRELAY_SIDE_BACKEND;
    zrelay_flow_t *writer = back? self->flows [ZRELAY_FLOW_FORWARD]:
                                  self->flows [ZRELAY_FLOW_RETURN];
    bool both = writer && zrelay_flow_stalled (writer);
    return s_turn_of (self, both || !back, both || back);
}

static int
s_on_wake (zrelay_engine_t *self)
{
    if (zrelay_wiring_behind (&self->wiring))
        zrelay_wiring_look_at_peers (&self->wiring);
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

static int
s_on_service (zloop_t *loop, int timer_id, void *arg)
{
    (void) loop;
    (void) timer_id;
    zrelay_engine_t *self = (zrelay_engine_t *) arg;
    zrelay_wiring_look_at_peers (&self->wiring);
    zrelay_patrol_check (self->patrol);
    zrelay_patrol_report (self->patrol);
    zrelay_capture_service (self->capture);
    //  A borrowed relay leaves descriptor limits to the application
    if (!self->borrowed)
        s_check_descriptors (self);
    return s_turn (self);
}

//  A kind with on_gone hears of a peer when the flows have read all that came
//  from it

static int
s_on_peers (zrelay_engine_t *self)
{
    zrelay_wiring_look_at_peers (&self->wiring);
    zrelay_patrol_check (self->patrol);
    if (self->kind.on_gone)
        return s_turn (self);
    s_watch (self);
    zrelay_drain_check (self->drain);
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
    zrelay_flow_t *flow = zrelay_wiring_writer (&self->wiring, id);
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
    for (int flow = 0; flow < ZRELAY_FLOWS; flow++)
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

bool
zrelay_engine_has_room (zrelay_engine_t *self, zrelay_side_id_t id)
{
    zrelay_side_t *side = self->sides [id];
    bool has = side && zrelay_port_has (zrelay_side_port (side), ZMQ_POLLOUT);
    zrelay_polls_await_room (self->polls, id,
                             side && !has && self->kind.on_room);
    return has;
}

void
zrelay_engine_set_outlet (zrelay_engine_t *self, zrelay_flow_id_t flow,
                          zrelay_outlet_fn *outlet)
{
    if (!self->flows [flow])
        return;
    zrelay_flow_set_outlet (self->flows [flow], outlet, self->object);
    zrelay_engine_outlet_ready (self, flow);
}

void
zrelay_engine_outlet_ready (zrelay_engine_t *self, zrelay_flow_id_t flow)
{
    if (self->flows [flow] && zrelay_flow_held (self->flows [flow]) > 0)
        zrelay_polls_wake_in (self->polls, 0);
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
    zrelay_drain_check (self->drain);
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
    if (self->sides [side]
    &&  zrelay_security_share (self->sides [side], handle))
        return zrelay_engine_fail (self, ZRELAY_STATUS_REFUSED,
            "a socket cannot take over the security of the %s: %s",
            zrelay_side_name (self->sides [side]), zmq_strerror (errno));
    if (self->domain
    && !(self->sides [side] && zrelay_security_guards (self->sides [side])))
        zsock_set_zap_domain (handle, self->domain);
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
    char digits [ZRELAY_COUNTS_DIGITS + 1];
    zmsg_addstr (answer, name);
    zmsg_addstr (answer, zrelay_counts_digits (digits, value));
}

void
zrelay_engine_stat_of (zmsg_t *answer, const char *name, const char *label,
                       const void *data, size_t size, uint64_t value)
{
    char *whole = zrelay_counts_name_of (name, label, data, size);
    zrelay_engine_stat (answer, whole, value);
    zstr_free (&whole);
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
        zrelay_choices_value (zrelay_side_choices (self->sides [side]), name):
        NULL;
}

size_t
zrelay_engine_peers (zrelay_engine_t *self, zrelay_side_id_t side)
{
    zrelay_peers_t *peers = zrelay_wiring_peers (&self->wiring, side);
    return peers? zrelay_peers_count (peers): 0;
}

void
zrelay_engine_list_peers (zrelay_engine_t *self, zrelay_side_id_t side,
                          zmsg_t *answer)
{
    zrelay_peers_t *peers = zrelay_wiring_peers (&self->wiring, side);
    if (peers)
        zrelay_peers_update (peers);
    zmsg_addstrf (answer, "%zu", peers? zrelay_peers_count (peers): 0);
    if (peers)
        zrelay_peers_list (peers, answer);
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
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (self->capture_security == SECURITY_SAME && self->sides [side]
        &&  zrelay_security_guards (self->sides [side]))
            return self->sides [side];
    return NULL;
}

int
zrelay_engine_set_domain (zrelay_engine_t *self, const char *domain)
{
    if (!*domain
    || !zrelay_option_valid (zrelay_option_find ("zap_domain"), domain))
        return zrelay_engine_fail (self, ZRELAY_STATUS_BAD_ARGUMENTS,
            "%s is not a domain; one has 1 to 255 characters",
            zrelay_engine_quote (self, domain));
    zstr_free (&self->domain);
    self->domain = strdup (domain);
    assert (self->domain);
    return ZRELAY_STATUS_DONE;
}

const char *
zrelay_engine_domain (zrelay_engine_t *self)
{
    return self->domain;
}

zrelay_access_t *
zrelay_engine_restricted (zrelay_engine_t *self)
{
    for (int side = 0; side < ZRELAY_SIDES; side++)
        if (self->capture_security == SECURITY_SAME && self->sides [side]
        &&  zrelay_access_restricts (zrelay_side_access (self->sides [side])))
            return zrelay_side_access (self->sides [side]);
    return NULL;
}

zrelay_rulebook_t *
zrelay_engine_rulebook (zrelay_engine_t *self)
{
    return self->rulebook;
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
