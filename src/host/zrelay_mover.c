/*  =========================================================================
    zrelay_mover - brings a host's relays to where a file wants them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_mover.h"
#include "zrelay_change.h"
#include "zrelay_start.h"

#include <pthread.h>
#include <signal.h>

//  Milliseconds in which the host must answer, besides the time for a drain
#define TIMEOUT 30000

//  Those of the actor's pipe, and one for its client
#define MOVER_SOCKETS 3

//  How long libzmq may take to close the sockets of a relay that has ended, and
//  how often that is tried, in milliseconds
#define RELEASE_MAX 2000
#define RELEASE_IVL 10

//  A step that was taken, and can be taken back
typedef struct {
    zrelay_plan_t *plan;        //  Of the relay in question; not ours
    enum {
        STEP_STARTED,           //  It was started
        STEP_STOPPED,           //  It was stopped
        STEP_CHANGED            //  It was given a command
    } what;                     //  What was done with it
    zmsg_t *reverse;            //  Takes that command back
} step_t;

struct _zrelay_mover_t {
    char *endpoint;             //  Where the host is steered
    char *file;                 //  The file's name
    char *text;                 //  Its contents, or NULL
    const zrelay_kind_t *const *kinds;  //  Those that it may name
    zrelay_config_t *old;       //  What was loaded before; not ours
    zrelay_config_t *new;       //  What the file asks for
    zlist_t *running;           //  Names of relays that run
    char *events;               //  Where relays tell of connections, or NULL
    bool check;                 //  Change nothing
    bool done;                  //  All is well
    zrelay_report_t *report;    //  Keeps what was found
    zrelay_client_t *host;      //  Steers the host
    zlistx_t *steps;            //  step_t, in order
    bool stopped;               //  A relay was stopped, and sockets may still
                                //  be there
    pthread_mutex_t lock;       //  The actor holds it while it works
    zactor_t *actor;            //  Does it
};


//  --------------------------------------------------------------------------
//  Steps

static void
s_step_destroy (void **item_p)
{
    step_t *step = (step_t *) *item_p;
    zmsg_destroy (&step->reverse);
    freen (step);
    *item_p = NULL;
}

static step_t *
s_note (zrelay_mover_t *self, zrelay_plan_t *plan, int what)
{
    step_t *step = (step_t *) zmalloc (sizeof (step_t));
    assert (step);
    step->plan = plan;
    step->what = what;
    zlistx_add_end (self->steps, step);
    return step;
}

static bool
s_try_start (zrelay_mover_t *self, zrelay_plan_t *plan,
             zrelay_report_t *report)
{
    zlist_t *lines = zlist_new ();
    assert (lines);
    zlist_autofree (lines);
    zrelay_guard_t *guard = zrelay_guard_new (plan, self->host, report, false);
    bool started =
        zrelay_guard_start (guard) == ZRELAY_EXIT_NOT_YET
     && zrelay_start (plan, self->host, guard, self->events, report,
                      lines)
        == ZRELAY_EXIT_NOT_YET;
    zrelay_report_set_place (report, NULL, NULL);
    if (!started)
        zrelay_guard_clear (plan, self->host);
    zrelay_guard_destroy (&guard);
    zlist_destroy (&lines);
    return started;
}

static bool
s_is_in_use (zrelay_report_t *report)
{
    zrelay_finding_t *finding = (zrelay_finding_t *)
        zlistx_first (zrelay_report_findings (report));
    return finding && strstr (finding->sentence, zmq_strerror (EADDRINUSE));
}

//  Start a relay; what it could not do is reported. libzmq closes sockets some
//  time after a relay has ended, and until then their addresses are in use.

static bool
s_start (zrelay_mover_t *self, zrelay_plan_t *plan)
{
    int64_t deadline = zclock_mono () + RELEASE_MAX;
    bool started = false;
    bool again = self->stopped;
    while (again && !started) {
        zrelay_report_t *report = zrelay_report_new_list ();
        started = s_try_start (self, plan, report);
        again = s_is_in_use (report) && zclock_mono () < deadline;
        zrelay_report_destroy (&report);
        if (again && !started)
            zclock_sleep (RELEASE_IVL);
    }
    return started || s_try_start (self, plan, self->report);
}

static void
s_stop (zrelay_mover_t *self, zrelay_plan_t *plan)
{
    char *msecs = zsys_sprintf ("%zu", plan->drain);
    assert (msecs);
    zrelay_client_set_timeout (self->host, TIMEOUT + plan->drain);
    zrelay_client_command (self->host, "STOP", plan->name,
                           plan->drain? msecs: NULL, NULL);
    zrelay_client_set_timeout (self->host, TIMEOUT);
    zstr_free (&msecs);
    zrelay_guard_clear (plan, self->host);
    self->stopped = true;
}

static bool
s_give (zrelay_mover_t *self, zrelay_plan_t *plan, zmsg_t *words,
        const zrelay_place_t *place)
{
    zmsg_t *copy = zmsg_dup (words);
    assert (copy);
    zrelay_client_set_relay (self->host, plan->name);
    int status = zrelay_client_execute (self->host, &copy, NULL);
    zrelay_client_set_relay (self->host, NULL);
    if (status == ZRELAY_STATUS_DONE)
        return true;
    zrelay_report_set_place (self->report, plan->file, place);
    zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE, "%s",
                       zrelay_client_error (self->host));
    zrelay_report_set_place (self->report, NULL, NULL);
    return false;
}

//  Take all steps back, the last one first

static void
s_take_back (zrelay_mover_t *self)
{
    step_t *step = (step_t *) zlistx_last (self->steps);
    for (; step; step = (step_t *) zlistx_prev (self->steps)) {
        if (step->what == STEP_STARTED)
            s_stop (self, step->plan);
        else
        if (step->what == STEP_STOPPED)
            s_start (self, step->plan);
        else
            s_give (self, step->plan, step->reverse, &step->plan->place);
    }
}


//  --------------------------------------------------------------------------
//  Changes

static zrelay_plan_t *
s_find (zrelay_config_t *config, const char *name)
{
    return config? zrelay_config_find (config, name): NULL;
}

//  Relays of the old file that somebody has stopped are not there

static void
s_ask_who_runs (zrelay_mover_t *self)
{
    zmsg_t *list = zrelay_client_query (self->host, "LIST", NULL);
    while (list && zmsg_size (list) >= 2) {
        char *name = zmsg_popstr (list);
        char *kind = zmsg_popstr (list);
        zlist_append (self->running, name);
        zstr_free (&name);
        zstr_free (&kind);
    }
    zmsg_destroy (&list);
}

static zrelay_plan_t *
s_find_old (zrelay_mover_t *self, const char *name)
{
    return zlist_exists (self->running, (void *) name)?
           s_find (self->old, name): NULL;
}

//  Give a relay the commands that make the difference

static bool
s_change (zrelay_mover_t *self, zrelay_plan_t *plan, zrelay_change_t *change)
{
    zmsg_t *words = (zmsg_t *) zlistx_first (change->commands);
    zmsg_t *reverse = (zmsg_t *) zlistx_first (change->reverse);
    zrelay_place_t *place = (zrelay_place_t *) zlistx_first (change->places);
    while (words && s_give (self, plan, words, place)) {
        s_note (self, plan, STEP_CHANGED)->reverse = zmsg_dup (reverse);
        words = (zmsg_t *) zlistx_next (change->commands);
        reverse = (zmsg_t *) zlistx_next (change->reverse);
        place = (zrelay_place_t *) zlistx_next (change->places);
    }
    return words == NULL;
}

//  What becomes of a relay of the old file
typedef enum {
    FATE_STAYS,                 //  It is as it was
    FATE_CHANGES,               //  Commands change it
    FATE_GOES                   //  It is stopped, and perhaps replaced
} fate_t;

static fate_t
s_fate (zrelay_mover_t *self, zrelay_plan_t *old, zrelay_change_t **change_p)
{
    zrelay_plan_t *new = s_find (self->new, old->name);
    if (!new)
        return FATE_GOES;
    zrelay_change_t *change = zrelay_change_new (old, new);
    fate_t fate = !change->needed? FATE_STAYS:
                  change->possible? FATE_CHANGES: FATE_GOES;
    if (change_p)
        *change_p = change;
    else
        zrelay_change_destroy (&change);
    return fate;
}

//  Relays that exist once more, or for the first time, must be started

static bool
s_is_to_start (zrelay_mover_t *self, zrelay_plan_t *new)
{
    zrelay_plan_t *old = s_find_old (self, new->name);
    return !old || s_fate (self, old, NULL) == FATE_GOES;
}

//  A walk through the plans of a config, which may be searched meanwhile: a
//  list of them that is not theirs

static zlistx_t *
s_plans (zrelay_config_t *config)
{
    zlistx_t *plans = zlistx_new ();
    assert (plans);
    zrelay_plan_t *plan = config?
        (zrelay_plan_t *) zlistx_first (config->plans): NULL;
    for (; plan; plan = (zrelay_plan_t *) zlistx_next (config->plans))
        zlistx_add_end (plans, plan);
    return plans;
}

//  What goes makes room for what comes, and what only changes comes last

static void
s_stop_all (zrelay_mover_t *self, zlistx_t *olds)
{
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (olds);
    for (; plan; plan = (zrelay_plan_t *) zlistx_next (olds))
        if (s_fate (self, plan, NULL) == FATE_GOES) {
            s_stop (self, plan);
            s_note (self, plan, STEP_STOPPED);
        }
}

static bool
s_start_all (zrelay_mover_t *self, zlistx_t *news)
{
    bool right = true;
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (news);
    for (; plan && right; plan = (zrelay_plan_t *) zlistx_next (news))
        if (s_is_to_start (self, plan)) {
            right = s_start (self, plan);
            if (right)
                s_note (self, plan, STEP_STARTED);
        }
    return right;
}

static bool
s_change_all (zrelay_mover_t *self, zlistx_t *olds)
{
    bool right = true;
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (olds);
    for (; plan && right; plan = (zrelay_plan_t *) zlistx_next (olds)) {
        zrelay_change_t *change = NULL;
        if (s_fate (self, plan, &change) == FATE_CHANGES)
            right = s_change (self, s_find (self->new, plan->name), change);
        zrelay_change_destroy (&change);
    }
    return right;
}

static bool
s_apply (zrelay_mover_t *self)
{
    zlistx_t *olds = s_plans (self->old);
    zrelay_plan_t *old = (zrelay_plan_t *) zlistx_first (olds);
    for (; old; old = (zrelay_plan_t *) zlistx_next (olds))
        if (!s_find_old (self, old->name))
            zlistx_detach (olds, zlistx_cursor (olds));
    zlistx_t *news = s_plans (self->new);
    s_stop_all (self, olds);
    bool right = s_start_all (self, news) && s_change_all (self, olds);
    if (!right)
        s_take_back (self);
    zlistx_destroy (&olds);
    zlistx_destroy (&news);
    return right;
}


//  --------------------------------------------------------------------------
//  The whole

static bool
s_rehearse (zrelay_mover_t *self)
{
    zlistx_t *news = s_plans (self->new);
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (news);
    for (; plan; plan = (zrelay_plan_t *) zlistx_next (news)) {
        zrelay_plan_t *old = s_find_old (self, plan->name);
        if (self->check || !old || s_fate (self, old, NULL) != FATE_STAYS)
            zrelay_rehearse (plan, self->host, self->report);
    }
    zlistx_destroy (&news);
    return zrelay_report_failures (self->report) == 0;
}

static bool
s_load (zrelay_mover_t *self)
{
    self->new = zrelay_config_read (self->file, self->text, self->kinds,
                                    self->report);
    bool right = s_rehearse (self);
    if (right && self->old && self->old->io_threads != self->new->io_threads)
        zrelay_report_warn (self->report, "iothreads counts from the next start"
                            " on");
    return right && (self->check || s_apply (self));
}

static void
s_actor (zsock_t *pipe, void *args)
{
    zrelay_mover_t *self = (zrelay_mover_t *) args;
    sigset_t signals;
    sigfillset (&signals);
    pthread_sigmask (SIG_BLOCK, &signals, NULL);
    zsock_signal (pipe, 0);
    pthread_mutex_lock (&self->lock);
    self->host = zrelay_client_connect (self->endpoint);
    if (self->host) {
        zrelay_client_set_timeout (self->host, TIMEOUT);
        s_ask_who_runs (self);
        self->done = s_load (self);
    }
    zrelay_client_destroy (&self->host);
    pthread_mutex_unlock (&self->lock);
    //  The end, which the owner confirms
    zstr_send (pipe, "DONE");
    zmsg_t *term = zmsg_recv (pipe);
    zmsg_destroy (&term);
}

zrelay_mover_t *
zrelay_mover_new (const char *endpoint, const char *file, const char *text,
                   const zrelay_kind_t *const *kinds, zrelay_config_t *old,
                   const char *events, bool check)
{
    zrelay_mover_t *self =
        (zrelay_mover_t *) zmalloc (sizeof (zrelay_mover_t));
    assert (self);
    self->endpoint = strdup (endpoint);
    self->file = strdup (file);
    self->text = text? strdup (text): NULL;
    self->kinds = kinds;
    self->old = old;
    self->events = events? strdup (events): NULL;
    self->check = check;
    self->report = zrelay_report_new_list ();
    self->steps = zlistx_new ();
    self->running = zlist_new ();
    pthread_mutex_init (&self->lock, NULL);
    assert (self->endpoint && self->file && self->steps && self->running);
    zlist_autofree (self->running);
    zlist_comparefn (self->running, (zlist_compare_fn *) strcmp);
    zlistx_set_destructor (self->steps, s_step_destroy);
    if (zrelay_sockets_left (MOVER_SOCKETS))
        self->actor = zactor_new (s_actor, self);
    if (!self->actor)
        zrelay_mover_destroy (&self);
    return self;
}

void
zrelay_mover_destroy (zrelay_mover_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_mover_t *self = *self_p;
        zactor_destroy (&self->actor);
        zrelay_mover_findings (self);
        pthread_mutex_destroy (&self->lock);
        zlistx_destroy (&self->steps);
        zlist_destroy (&self->running);
        zrelay_config_destroy (&self->new);
        zrelay_report_destroy (&self->report);
        zstr_free (&self->endpoint);
        zstr_free (&self->file);
        zstr_free (&self->text);
        zstr_free (&self->events);
        freen (self);
        *self_p = NULL;
    }
}

zsock_t *
zrelay_mover_sock (zrelay_mover_t *self)
{
    return zactor_sock (self->actor);
}

bool
zrelay_mover_done (zrelay_mover_t *self)
{
    return self->done;
}

zlistx_t *
zrelay_mover_findings (zrelay_mover_t *self)
{
    //  From here on, the owner sees all that the actor wrote
    pthread_mutex_lock (&self->lock);
    pthread_mutex_unlock (&self->lock);
    return zrelay_report_findings (self->report);
}

zrelay_config_t *
zrelay_mover_take (zrelay_mover_t *self)
{
    zrelay_config_t *taken = self->done && !self->check? self->new: NULL;
    if (taken)
        self->new = NULL;
    return taken;
}
