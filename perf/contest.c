/*  =========================================================================
    contest - lets crews take turns, and compares them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  Each round runs every entry once, and begins with another one each time, so
//  that a disturbance of the machine meets all of them alike. Ratios are taken
//  within a round; but "least" is the shortest CPU time in any round, which a
//  busy machine disturbs least of all.

#include <poll.h>
#include <sys/prctl.h>
#include "crew.h"

//  Time after which a run is ended, in msecs
#define RUN_DEADLINE 300000

typedef struct {
    const contest_t *contest;
    const entry_t *entries;
    int count;                  //  Of entries
    toll_t *tolls;              //  Round by round, entry by entry
    FILE *csv;                  //  For each run, or NULL
    int failures;               //  Runs without figures
} self_t;

static toll_t *
s_toll (self_t *self, int round, int index)
{
    return self->tolls + round * self->count + index;
}


//  --------------------------------------------------------------------------
//  Runs

//  Read a toll that a child writes

static bool
s_hear (int handle, toll_t *toll)
{
    struct pollfd item = { handle, POLLIN, 0 };
    return poll (&item, 1, RUN_DEADLINE) == 1
        && read (handle, toll, sizeof (toll_t)) == sizeof (toll_t);
}

static void
s_run (const crew_t *crew, toll_t *toll)
{
    int handles [2];
    int rc = pipe (handles);
    assert (rc == 0);
    pid_t pid = fork ();
    if (pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        crew_run (crew, toll);
        ssize_t size = write (handles [1], toll, sizeof (toll_t));
        _exit (size == sizeof (toll_t)? EXIT_SUCCESS: EXIT_FAILURE);
    }
    close (handles [1]);
    if (pid == -1 || !s_hear (handles [0], toll))
        snprintf (toll->error, sizeof (toll->error), "it did not end well");
    close (handles [0]);
    if (pid > 0) {
        kill (pid, SIGKILL);
        waitpid (pid, NULL, 0);
    }
}

static void
s_write_run (self_t *self, int round, int index)
{
    const crew_t *crew = &self->entries [index].crew;
    toll_t *toll = s_toll (self, round, index);
    if (*toll->error) {
        self->failures++;
        fprintf (stderr, "%s: %s\n", self->entries [index].label, toll->error);
    }
    if (!self->csv)
        return;
    fprintf (self->csv, "%s,%s,%d,%d,%d,%d,%d,%zu,%d,%d,", crew->form->name,
             crew->transport, crew->clients, crew->workers, crew->services,
             crew->idle, crew->window, crew->size, crew->heartbeat, round + 1);
    fprintf (self->csv, "%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%s\n", toll->rate,
             toll->cpu, toll->all, toll->share, toll->beats_in,
             toll->beats_out, toll->error);
    fflush (self->csv);
}

static void
s_run_rounds (self_t *self)
{
    for (int round = 0; round < self->contest->rounds; round++) {
        fprintf (stderr, "%s: round %d of %d\n", self->contest->title,
                 round + 1, self->contest->rounds);
        for (int turn = 0; turn < self->count; turn++) {
            int index = (turn + round) % self->count;
            s_run (&self->entries [index].crew, s_toll (self, round, index));
            s_write_run (self, round, index);
        }
    }
}


//  --------------------------------------------------------------------------
//  Medians

typedef enum {
    FIGURE_RATE,                //  Requests a second
    FIGURE_CPU,                 //  Of the relay's thread for each
    FIGURE_ALL,                 //  Of all threads
    FIGURE_SHARE,               //  Of a core, percent
    FIGURE_IN,                  //  Heartbeats a second
    FIGURE_OUT
} place_t;

static double
s_figure (self_t *self, int round, int index, place_t place)
{
    toll_t *toll = s_toll (self, round, index);
    double figures [] = { toll->rate, toll->cpu, toll->all, toll->share,
                          toll->beats_in, toll->beats_out };
    return *toll->error? NAN: figures [place];
}

static int
s_compare (const void *left, const void *right)
{
    double one = *(const double *) left;
    double other = *(const double *) right;
    return one < other? -1: one > other;
}

typedef struct {
    double median;
    double least;
    double most;
} range_t;

//  Of a figure, or of its ratio to a peer's, which is -1 for none

static range_t
s_range (self_t *self, int index, int peer, place_t place)
{
    double values [self->contest->rounds];
    int count = 0;
    for (int round = 0; round < self->contest->rounds; round++) {
        double value = s_figure (self, round, index, place);
        if (peer >= 0)
            value /= s_figure (self, round, peer, place);
        if (!isnan (value))
            values [count++] = value;
    }
    if (count == 0)
        return (range_t) { NAN, NAN, NAN };
    qsort (values, count, sizeof (double), s_compare);
    double median = (values [(count - 1) / 2] + values [count / 2]) / 2;
    return (range_t) { median, values [0], values [count - 1] };
}


//  --------------------------------------------------------------------------
//  Tables

//  A ratio, the least and the most of it, and what its bound makes of it. A
//  bound that is missed by the median, but not by all rounds, is unclear.

static const char *
s_verdict (range_t range, double bound, bool least)
{
    if (least? range.median >= bound: range.median <= bound)
        return "met";
    return (least? range.most >= bound: range.least <= bound)? "unclear":
                                                               "missed";
}

static void
s_print_ratio (self_t *self, int index, place_t place, double bound)
{
    int peer = self->entries [index].peer;
    range_t range = s_range (self, index, peer, place);
    bool least = place == FIGURE_RATE;
    printf ("  %5.2f", range.median);
    if (bound > 0)
        printf (" (%.2f-%.2f; %s %.2f %s)", range.least, range.most,
                least? "at least": "at most", bound,
                s_verdict (range, bound, least));
}

//  What a relay needs above the least that can be, and how that grows

static double
s_above (self_t *self, int index)
{
    return s_range (self, index, -1, FIGURE_CPU).least
         - s_range (self, self->entries [index].floor, -1, FIGURE_CPU).least;
}

static void
s_print_above (self_t *self, int index)
{
    const entry_t *entry = &self->entries [index];
    printf ("  %s + %.0f", self->entries [entry->floor].crew.form->name,
            s_above (self, index));
    if (entry->peer != index)
        printf (": %.2f", s_above (self, index) / s_above (self, entry->peer));
}

static void
s_print_work (self_t *self, int index)
{
    const entry_t *entry = &self->entries [index];
    range_t cpu = s_range (self, index, -1, FIGURE_CPU);
    printf ("%-28s %8.0f %8.0f %8.0f %8.0f", entry->label,
            s_range (self, index, -1, FIGURE_RATE).median, cpu.median,
            cpu.least, s_range (self, index, -1, FIGURE_ALL).median);
    if (entry->peer != index) {
        s_print_ratio (self, index, FIGURE_RATE, entry->rate_least);
        s_print_ratio (self, index, FIGURE_CPU, entry->cpu_most);
        printf ("  %5.2f", cpu.least
                / s_range (self, entry->peer, -1, FIGURE_CPU).least);
        s_print_ratio (self, index, FIGURE_ALL, 0);
    }
    if (entry->floor >= 0)
        s_print_above (self, index);
    printf ("\n");
}

static void
s_print_look (self_t *self, int index)
{
    range_t share = s_range (self, index, -1, FIGURE_SHARE);
    printf ("%-40s %9.3f %9.3f %9.3f %9.0f %9.0f\n",
            self->entries [index].label, share.median, share.least, share.most,
            s_range (self, index, -1, FIGURE_IN).median,
            s_range (self, index, -1, FIGURE_OUT).median);
}

static void
s_print (self_t *self)
{
    printf ("\n%s: medians of %d rounds\n", self->contest->title,
            self->contest->rounds);
    if (self->contest->looks)
        printf ("%-40s %9s %9s %9s %9s %9s\n", "", "% of core", "least", "most",
                "beats in", "and out");
    else
        printf ("%-28s %8s %8s %8s %8s  to %s: rate, cpu, least, all\n", "",
                "req/s", "cpu ns", "least", "all ns", self->contest->peer);
    for (int index = 0; index < self->count; index++)
        if (self->contest->looks)
            s_print_look (self, index);
        else
            s_print_work (self, index);
    fflush (stdout);
}

static void
s_open_csv (self_t *self)
{
    if (!self->contest->csv)
        return;
    bool exists = access (self->contest->csv, F_OK) == 0;
    self->csv = fopen (self->contest->csv, "a");
    if (!self->csv) {
        fprintf (stderr, "%s: %s\n", self->contest->csv, strerror (errno));
        exit (2);
    }
    if (!exists)
        fprintf (self->csv, "form,transport,clients,workers,services,idle,"
                 "window,size,heartbeat,round,requests_s,cpu_ns,all_cpu_ns,"
                 "percent,beats_in_s,beats_out_s,error\n");
    fflush (self->csv);
}

int
contest_run (const contest_t *contest, const entry_t *entries, int count)
{
    self_t self = { .contest = contest, .entries = entries, .count = count };
    self.tolls = (toll_t *) zmalloc (contest->rounds * count
                                     * sizeof (toll_t));
    assert (self.tolls);
    s_open_csv (&self);
    s_run_rounds (&self);
    s_print (&self);
    if (self.csv)
        fclose (self.csv);
    freen (self.tolls);
    return self.failures;
}

bool
contest_flags (const flag_t *flags, int argc, char *argv [])
{
    for (int index = 1; index < argc; index += 2) {
        const flag_t *flag = flags;
        while (flag->name && strneq (flag->name, argv [index]))
            flag++;
        if (!flag->name || index + 1 == argc) {
            fprintf (stderr, "%s: %s %s\n", argv [0], flag->name?
                     "no value for": "no such option:", argv [index]);
            return false;
        }
        *flag->value_p = argv [index + 1];
    }
    return true;
}

bool
contest_chosen (const char *name, const char *list)
{
    size_t size = strlen (name);
    for (const char *next = list; next; next = strchr (next, ',')) {
        next += *next == ',';
        if (strcspn (next, ",") == size && strncmp (next, name, size) == 0)
            return true;
    }
    return false;
}
