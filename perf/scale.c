/*  =========================================================================
    scale - what a request costs as workers and services grow

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//      perf/scale [--what LIST] [--forms LIST] [--workers LIST]
//                 [--services LIST] [--window N] [--requests N] [--msecs N]
//                 [--rounds N] [--csv FILE]
//
//  CPU time of the relay's own thread, by inproc, so that thousands of workers
//  fit into a process. --what names one or several of these:
//
//      workers     as workers grow; all of them get work, one after another. To
//                  the first number of them.
//      services    as services grow, with as many workers as there are services
//                  at most. To the first number of them.
//      beats       with heartbeats of the greatest number of workers, while
//                  they get work. To the same without heartbeats.
//      idle        with and without heartbeats of the greatest number of
//                  workers, which get no work: percent of a core
//
//  "bare" is libzmq's part: the memory that it needs for each connection grows,
//  and caches do not. The part of the relay is what is above it, which the last
//  column shows, with its ratio to that of the first number.

#include "crew.h"

#define ENTRIES_MOST 64
#define NUMBERS_MOST 8

//  Cost for each request may grow by so much
#define FLAT 1.2
//  Msecs between heartbeats
#define HEARTBEAT 1000

typedef struct {
    int numbers [NUMBERS_MOST]; //  In the order given
    int count;                  //  How many these are
    int most;                   //  The greatest one
} numbers_t;

static numbers_t
s_numbers (const char *list)
{
    numbers_t self = { { 0 }, 0, 0 };
    for (const char *next = list; next && self.count < NUMBERS_MOST;
         next = strchr (next, ',')) {
        next += *next == ',';
        int number = atoi (next);
        self.numbers [self.count++] = number;
        self.most = number > self.most? number: self.most;
    }
    return self;
}

typedef struct {
    crew_t crew;                //  What all have
    contest_t contest;          //  Likewise
    const char *forms;          //  Those chosen
    entry_t entries [ENTRIES_MOST];
    int count;                  //  Of entries
    int failures;               //  Runs that failed
} self_t;

static crew_t *
s_add (self_t *self, const form_t *form, int workers, int services)
{
    assert (self->count < ENTRIES_MOST);
    entry_t *entry = &self->entries [self->count];
    *entry = (entry_t) { .crew = self->crew, .peer = self->count++,
                         .floor = -1 };
    entry->crew.form = form;
    entry->crew.workers = workers;
    entry->crew.services = services;
    return &entry->crew;
}

//  The last entry: what it is called, and how far back its peer is

static void
s_call (self_t *self, int back, const char *what, int number)
{
    entry_t *entry = &self->entries [self->count - 1];
    entry->peer -= back;
    entry->cpu_most = back? FLAT: 0;
    snprintf (entry->label, sizeof (entry->label), "%s, %d %s",
              entry->crew.form->name, number, what);
}

//  The last entry's floor is a bare relay, if there is one with the same
//  workers

static void
s_find_floor (self_t *self)
{
    entry_t *entry = &self->entries [self->count - 1];
    const char *bare = entry->crew.form->shared? "bare-majordomo": "bare";
    if (!*entry->crew.form->ready)
        return;
    for (int index = 0; index < self->count - 1; index++) {
        const crew_t *crew = &self->entries [index].crew;
        if (streq (crew->form->name, bare)
        &&  strneq (entry->crew.form->name, bare)
        &&  crew->workers == entry->crew.workers)
            entry->floor = index;
    }
}

static void
s_run (self_t *self, const char *title, const char *peer)
{
    self->contest.title = title;
    self->contest.peer = peer;
    self->failures += contest_run (&self->contest, self->entries, self->count);
    self->count = 0;
}

//  Is a form chosen? Only these have heartbeats, or services.

static bool
s_is_chosen (self_t *self, const form_t *form)
{
    return contest_chosen (form->name, self->forms);
}

static bool
s_beats (const form_t *form)
{
    return *form->beat != NULL;
}

static bool
s_has_services (const form_t *form)
{
    return form->zrelay && form->shared;
}

static void
s_grow_workers (self_t *self, const numbers_t *workers)
{
    for (const form_t *form = crew_forms; form->name; form++)
        for (int index = 0; s_is_chosen (self, form)
             && index < workers->count; index++) {
            s_add (self, form, workers->numbers [index], 1);
            s_call (self, index, "workers", workers->numbers [index]);
            s_find_floor (self);
        }
    s_run (self, "As workers grow", "the first number");
}

static void
s_grow_services (self_t *self, const numbers_t *services)
{
    for (const form_t *form = crew_forms; form->name; form++)
        for (int index = 0; s_is_chosen (self, form) && s_has_services (form)
             && index < services->count; index++) {
            s_add (self, form, services->most, services->numbers [index]);
            s_call (self, index, "services", services->numbers [index]);
        }
    s_run (self, "As services grow", "the first number");
}

static void
s_beat (self_t *self, int workers, bool work)
{
    for (const form_t *form = crew_forms; form->name; form++)
        for (int beats = 0; s_is_chosen (self, form) && s_beats (form)
             && beats < 2; beats++) {
            crew_t *crew = s_add (self, form, workers, 1);
            crew->heartbeat = beats? HEARTBEAT: 0;
            if (!work)
                crew->requests = 0;
            s_call (self, beats, beats? "beating": "silent", workers);
        }
    self->contest.looks = !work;
    s_run (self, work? "Heartbeats and work": "Heartbeats without work",
           "none");
    self->contest.looks = false;
}

int
main (int argc, char *argv [])
{
    const char *what = "workers,services,beats,idle";
    const char *forms = "queue,bare,bare-majordomo,balancer-req,balancer-ppp,"
                        "majordomo-0.1,majordomo-0.2";
    const char *workers = "10,100,1000,10000", *services = "1,100,10000";
    const char *window = "8", *requests = "60000", *msecs = "5000";
    const char *rounds = "9", *csv = NULL;
    const flag_t flags [] = {
        { "--what", &what }, { "--forms", &forms }, { "--workers", &workers },
        { "--services", &services }, { "--window", &window },
        { "--requests", &requests }, { "--msecs", &msecs },
        { "--rounds", &rounds }, { "--csv", &csv }, { NULL, NULL }
    };
    if (!contest_flags (flags, argc, argv))
        return 2;
    self_t self = {
        .crew = { .transport = "inproc", .clients = 1, .window = atoi (window),
                  .size = 100, .requests = atoll (requests),
                  .msecs = atoi (msecs) },
        .contest = { .rounds = atoi (rounds), .csv = csv },
        .forms = forms
    };
    numbers_t some_workers = s_numbers (workers);
    numbers_t some_services = s_numbers (services);
    if (self.contest.rounds < 1 || self.crew.window < 1
    ||  self.crew.requests < 2 || self.crew.msecs < 1
    ||  some_workers.most < 1 || some_services.most < 1) {
        fprintf (stderr, "scale: a number is too small\n");
        return 2;
    }
    if (contest_chosen ("workers", what))
        s_grow_workers (&self, &some_workers);
    if (contest_chosen ("services", what))
        s_grow_services (&self, &some_services);
    if (contest_chosen ("beats", what))
        s_beat (&self, some_workers.most, true);
    if (contest_chosen ("idle", what))
        s_beat (&self, some_workers.most, false);
    return self.failures? 1: 0;
}
