/*  =========================================================================
    work - relays that know their workers, side by side

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//      perf/work [--forms LIST] [--transport tcp|inproc] [--workers N]
//                [--clients N] [--window N] [--size BYTES] [--requests N]
//                [--idle LIST] [--rounds N] [--csv FILE]
//
//  Requests through the queue, the balancer and majordomo, and through brokers
//  to compare with: how many a second, and what CPU time the relay's own thread
//  takes for each. All are compared with the queue. Then majordomo is compared
//  with the broker that is made like the Guide's: without other workers, and
//  with as many idle workers of other services as --idle names.

#include "crew.h"

#define ENTRIES_MOST 64

//  What issue 11 of the project wants, to the queue and to the Guide's broker
typedef struct {
    const char *form;
    double rate_least;
    double cpu_most;
} bar_t;

static const bar_t s_bars [] = {
    { "balancer-req", 0.90, 1.6 },
    { "balancer-ppp", 0.90, 1.6 },
    { "majordomo-0.1", 0.80, 2.0 },
    { "majordomo-0.2", 0.80, 2.0 },
    { NULL, 0, 0 }
};
#define GUIDE_RATE_LEAST 3.0

static const bar_t *
s_bar (const char *form)
{
    const bar_t *bar = s_bars;
    while (bar->form && strneq (bar->form, form))
        bar++;
    return bar;
}

//  The queue comes first, as all others are compared with it

static int
s_to_queue (const crew_t *crew, const char *forms, contest_t *contest)
{
    entry_t entries [ENTRIES_MOST];
    int count = 0;
    for (const form_t *form = crew_forms; form->name; form++) {
        if (count && !contest_chosen (form->name, forms))
            continue;
        const bar_t *bar = s_bar (form->name);
        entry_t *entry = &entries [count++];
        *entry = (entry_t) { .crew = *crew, .floor = -1,
                             .rate_least = bar->rate_least,
                             .cpu_most = bar->cpu_most };
        entry->crew.form = form;
        snprintf (entry->label, sizeof (entry->label), "%s", form->name);
    }
    return contest_run (contest, entries, count);
}

static int
s_to_guide (const crew_t *crew, const char *forms, int idle,
            contest_t *contest)
{
    static const char *names [] = { "guide", "majordomo-0.1", "majordomo-0.2",
                                    NULL };
    entry_t entries [ENTRIES_MOST];
    int count = 0;
    for (const char **name = names; *name; name++) {
        if (!contest_chosen (*name, forms))
            continue;
        entry_t *entry = &entries [count++];
        *entry = (entry_t) { .crew = *crew, .floor = -1,
                             .rate_least = GUIDE_RATE_LEAST };
        entry->crew.form = crew_form (*name);
        entry->crew.idle = idle;
        snprintf (entry->label, sizeof (entry->label), "%s, %d idle", *name,
                  idle);
    }
    return count > 1? contest_run (contest, entries, count): 0;
}

int
main (int argc, char *argv [])
{
    const char *forms = "queue,bare,bare-majordomo,balancer-req,balancer-ppp,"
                        "majordomo-0.1,majordomo-0.2,guide";
    const char *transport = "tcp", *workers = "32", *clients = "1";
    const char *window = "32", *size = "100", *requests = "200000";
    const char *idle = "0", *rounds = "5", *csv = NULL;
    const flag_t flags [] = {
        { "--forms", &forms }, { "--transport", &transport },
        { "--workers", &workers }, { "--clients", &clients },
        { "--window", &window }, { "--size", &size },
        { "--requests", &requests }, { "--idle", &idle },
        { "--rounds", &rounds }, { "--csv", &csv }, { NULL, NULL }
    };
    if (!contest_flags (flags, argc, argv))
        return 2;
    crew_t crew = {
        .transport = transport, .clients = atoi (clients),
        .workers = atoi (workers), .services = 1, .window = atoi (window),
        .size = strtoul (size, NULL, 10), .requests = atoll (requests),
        .heartbeat = 1000
    };
    contest_t contest = { .rounds = atoi (rounds), .csv = csv };
    if (contest.rounds < 1 || crew.clients < 1 || crew.workers < 1
    ||  crew.window < 1 || crew.size < sizeof (int64_t) || crew.requests < 2) {
        fprintf (stderr, "work: a number is too small\n");
        return 2;
    }
    char *title = zsys_sprintf ("%s, %s bytes, %s workers, %s clients, window "
                                "%s", transport, size, workers, clients,
                                window);
    contest.title = title;
    contest.peer = "the queue";
    int failures = s_to_queue (&crew, forms, &contest);
    contest.peer = "the guide's";
    const char *next = *idle? idle: NULL;
    for (; next; next = strchr (next, ',')) {
        next += *next == ',';
        failures += s_to_guide (&crew, forms, atoi (next), &contest);
    }
    zstr_free (&title);
    return failures? 1: 0;
}
