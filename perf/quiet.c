/*  =========================================================================
    quiet - whether the machine did nothing else while it was measured

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//  There are three ways to notice other work, and each is blind to something:
//
//  - The load average before the start. Later the benchmark itself raises it.
//  - The CPU time that other processes take during each round, that is, all
//    time that is neither idle nor the benchmark's own; and the time that the
//    host withholds (steal).
//  - A calibration, see pace.c, before the first round and another one after
//    the last: a fixed piece of work on every core at once, and round trips
//    between two cores by tcp. These also notice a neighbour on the same host,
//    which the machine's own counters do not show.

#include <sys/resource.h>
#include "perf.h"

#define NSECS 1000000000LL


//  --------------------------------------------------------------------------
//  Bounds. Those of the calibration come from a virtual machine with two cores,
//  once idle, and once while compilers took 4 to 80 % of the CPU. Up to 20 %
//  the median of the repetitions hardly moved, but their 90th percentile did: a
//  spread is therefore the ratio of the 90th percentile to the shortest one.

//  Load average of the last minute, for each core: on two cores, a process that
//  ran for half of the time. The kernel samples it every five seconds, so it is
//  only good for coarse disturbances, such as a build that has just ended.
#define LOAD_MOST 0.25
//  Pause between two looks at it while it falls, in msecs
#define LOAD_PACE 1000

//  Part of the CPU time of all cores. The count is accurate to 3 %, since
//  kernels differ in whether they charge an interrupt to the process that it
//  interrupts
#define OTHERS_MOST 0.04
//  The host should withhold nothing; a few thousandths are usual
#define STOLEN_MOST 0.02

//  Idle 1.01 to 1.03, otherwise 1.2 to 7
#define SPIN_SPREAD_MOST 1.15
//  Medians on an idle machine differ by 1 %; a clock frequency that changes
//  under load would show here
#define SPIN_DRIFT_MOST 1.1
//  Idle 1.9 to 2.5, since a sleeping core may take more or less time to wake;
//  otherwise 2 to 18
#define TRIP_SPREAD_MOST 3
//  Medians on an idle machine differ by up to 1.4
#define TRIP_DRIFT_MOST 2

//  One round in so many may be disturbed; the median of all rounds hardly moves
#define ROUNDS_PART 4

//  Calibrations that are made until one is within bounds, when it matters: a
//  single bad second does not spoil the work of an hour, and a busy machine
//  fails all of them
#define ATTEMPTS 3


//  --------------------------------------------------------------------------
//  Facts

typedef struct {
    const char *name;           //  In CSV
    double most;                //  Bound; INFINITY: none, it only informs
    bool early;                 //  Known, and has to hold, before the start
    const char *meaning;        //  For people
} fact_t;

static const fact_t s_facts [QUIET_FACTS] = {
    { "load", LOAD_MOST, true,
      "load average of the last minute before the start, for each core" },
    { "others", OTHERS_MOST, false,
      "part of the CPU time that other processes took" },
    { "stolen", STOLEN_MOST, false,
      "part of the CPU time that the host withheld (steal)" },
    { "spin_spread", SPIN_SPREAD_MOST, true,
      "fixed work on all cores: 90th percentile to shortest time" },
    { "spin_drift", SPIN_DRIFT_MOST, false,
      "fixed work on all cores: median before to after, or reverse" },
    { "trip_spread", TRIP_SPREAD_MOST, true,
      "round trip between two cores: 90th percentile to shortest" },
    { "trip_drift", TRIP_DRIFT_MOST, false,
      "round trip between two cores: median before to after, or reverse" },
    { "others_worst", INFINITY, false,
      "part of the CPU time that other processes took, in the worst round" },
    { "spin_before_us", INFINITY, false, "fixed work: median before" },
    { "spin_after_us", INFINITY, false, "fixed work: median after" },
    { "trip_before_us", INFINITY, false, "round trip: median before" },
    { "trip_after_us", INFINITY, false, "round trip: median after" }
};

//  Counters of the system at one moment, in nsecs
typedef struct {
    int64_t at;                 //  Time of all cores
    int64_t idle;               //  Time without work, or waiting for a disk
    int64_t interrupts;         //  Time in interrupts, of both sorts
    int64_t stolen;             //  Time that the host withheld
    int64_t own;                //  CPU time of this process and of its children
} look_t;

enum { BEFORE, AFTER, TIMES };

struct _quiet_t {
    double facts [QUIET_FACTS]; //  NAN: not known
    bool pretended [QUIET_FACTS];   //  Set by quiet_pretend ()
    double *others;             //  Round by round
    double *stolen;             //  Likewise
    int limit;                  //  Rounds that there can be
    int rounds;                 //  Rounds that there were
    look_t last;                //  At the end of the round before
    int attempts;               //  Calibrations at a time, at most
    pace_t spins [TIMES];       //  Calibrations: fixed work
    pace_t trips [TIMES];       //  Calibrations: round trips
};

quiet_t *
quiet_new (int rounds)
{
    quiet_t *self = (quiet_t *) zmalloc (sizeof (quiet_t));
    assert (self);
    self->limit = rounds;
    self->others = (double *) zmalloc (rounds * sizeof (double));
    self->stolen = (double *) zmalloc (rounds * sizeof (double));
    assert (self->others && self->stolen);
    for (int fact = 0; fact < QUIET_FACTS; fact++)
        self->facts [fact] = NAN;
    return self;
}

void
quiet_destroy (quiet_t **self_p)
{
    quiet_t *self = *self_p;
    if (self) {
        freen (self->others);
        freen (self->stolen);
        freen (self);
        *self_p = NULL;
    }
}

static void
s_set (quiet_t *self, quiet_fact_t fact, double value)
{
    if (!self->pretended [fact])
        self->facts [fact] = value;
}

bool
quiet_pretend (quiet_t *self, const char *facts)
{
    char name [40];
    double value;
    int length;
    while (sscanf (facts, "%39[^=]=%lf%n", name, &value, &length) == 2) {
        int fact = 0;
        while (fact < QUIET_FACTS && strneq (s_facts [fact].name, name))
            fact++;
        if (fact == QUIET_FACTS)
            return false;
        self->facts [fact] = value;
        self->pretended [fact] = true;
        facts += length;
        facts += *facts == ',';
    }
    return *facts == 0;
}


//  --------------------------------------------------------------------------
//  Samples

static int
s_compare (const void *left, const void *right)
{
    double one = *(const double *) left;
    double other = *(const double *) right;
    return one < other? -1: one > other;
}

//  Sort the values of all rounds. Returns the highest one, not counting as many
//  rounds as may be disturbed.

static double
s_disturbance (double *values, int count)
{
    if (count == 0)
        return NAN;
    qsort (values, count, sizeof (double), s_compare);
    return values [count - 1 - count / ROUNDS_PART];
}


//  --------------------------------------------------------------------------
//  Counters of the system

static double
s_load (void)
{
    double load;
    return getloadavg (&load, 1) == 1?
        load / (double) sysconf (_SC_NPROCESSORS_ONLN): NAN;
}

//  The kernel measures idle time, but only samples the time of work, and short
//  bursts fall between its samples. The time of others is therefore all time
//  that is neither idle, see proc(5), nor our own, which getrusage(2) knows
//  exactly. Children count once they have been waited for.

static bool
s_look (look_t *look)
{
    enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, TIMES_SHOWN };
    long long ticks [TIMES_SHOWN] = { 0 };
    FILE *file = fopen ("/proc/stat", "r");
    if (!file)
        return false;
    int found = fscanf (file, "cpu %lld %lld %lld %lld %lld %lld %lld %lld",
                        &ticks [USER], &ticks [NICE], &ticks [SYSTEM],
                        &ticks [IDLE], &ticks [IOWAIT], &ticks [IRQ],
                        &ticks [SOFTIRQ], &ticks [STEAL]);
    fclose (file);
    int64_t tick = NSECS / sysconf (_SC_CLK_TCK);
    look->at = usage_clock () * sysconf (_SC_NPROCESSORS_ONLN);
    look->idle = (ticks [IDLE] + ticks [IOWAIT]) * tick;
    look->interrupts = (ticks [IRQ] + ticks [SOFTIRQ]) * tick;
    look->stolen = ticks [STEAL] * tick;
    look->own = 0;
    static const int whose [] = { RUSAGE_SELF, RUSAGE_CHILDREN };
    for (int index = 0; index < 2; index++) {
        struct rusage usage;
        getrusage (whose [index], &usage);
        look->own += (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NSECS
            + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
    }
    return found == TIMES_SHOWN;
}

void
quiet_round (quiet_t *self)
{
    look_t now, last = self->last;
    if (!s_look (&now) || self->rounds == self->limit)
        return;
    double all = (double) (now.at - last.at);
    double stolen = (double) (now.stolen - last.stolen);
    double others = all - stolen - (double) (now.idle - last.idle)
        - (double) (now.interrupts - last.interrupts)
        - (double) (now.own - last.own);
    self->others [self->rounds] = others > 0? others / all: 0;
    self->stolen [self->rounds++] = stolen / all;
    self->last = now;
}


//  --------------------------------------------------------------------------
//  Start and end

//  The best of several attempts counts; of the calibrations before and after
//  all rounds, the worse one does

static pace_t
s_attempt (quiet_t *self, quiet_fact_t fact, pace_t (*measure) (void))
{
    pace_t best = measure ();
    double spread = best.slow / best.shortest;
    for (int left = self->attempts - 1;
         left > 0 && spread > s_facts [fact].most; left--) {
        pace_t pace = measure ();
        if (pace.slow / pace.shortest < spread) {
            best = pace;
            spread = pace.slow / pace.shortest;
        }
    }
    if (isnan (self->facts [fact]) || spread > self->facts [fact])
        s_set (self, fact, spread);
    return best;
}

//  Takes a second or two, so it is left out when its results do not matter

static void
s_calibrate (quiet_t *self, int time)
{
    if (self->pretended [QUIET_SPIN_SPREAD]
    &&  self->pretended [QUIET_SPIN_DRIFT]
    &&  self->pretended [QUIET_TRIP_SPREAD]
    &&  self->pretended [QUIET_TRIP_DRIFT])
        return;
    self->spins [time] = s_attempt (self, QUIET_SPIN_SPREAD, pace_spin);
    self->trips [time] = s_attempt (self, QUIET_TRIP_SPREAD, pace_trip);
    s_set (self, time == BEFORE? QUIET_SPIN_BEFORE: QUIET_SPIN_AFTER,
           self->spins [time].median);
    s_set (self, time == BEFORE? QUIET_TRIP_BEFORE: QUIET_TRIP_AFTER,
           self->trips [time].median);
}

//  Ratio of the higher median to the lower one

static double
s_drift (const pace_t *paces)
{
    double drift = paces [AFTER].median / paces [BEFORE].median;
    return drift < 1? 1 / drift: drift;
}

//  A fact that is not known, or is not a number, is not within its bound

static bool
s_is_quiet (quiet_t *self, bool early)
{
    for (int fact = 0; fact < QUIET_FACTS; fact++)
        if (!isinf (s_facts [fact].most) && (s_facts [fact].early || !early)
        && !(self->facts [fact] <= s_facts [fact].most))
            return false;
    return true;
}

static void
s_await_load (quiet_t *self, int patience)
{
    int64_t until = zclock_mono () + patience;
    s_set (self, QUIET_LOAD, s_load ());
    if (self->facts [QUIET_LOAD] > LOAD_MOST && patience > 0)
        fprintf (stderr, "bench: waits up to %d s for the load average to fall:"
                 " it is %.2f for each core, and has to be at most %.2f\n",
                 patience / 1000, self->facts [QUIET_LOAD], LOAD_MOST);
    while (self->facts [QUIET_LOAD] > LOAD_MOST && zclock_mono () < until
       &&  !self->pretended [QUIET_LOAD]) {
        zclock_sleep (LOAD_PACE);
        s_set (self, QUIET_LOAD, s_load ());
    }
}

bool
quiet_start (quiet_t *self, int patience)
{
    self->attempts = patience > 0? ATTEMPTS: 1;
    s_await_load (self, patience);
    s_calibrate (self, BEFORE);
    s_look (&self->last);
    return s_is_quiet (self, true);
}

bool
quiet_stop (quiet_t *self)
{
    s_calibrate (self, AFTER);
    s_set (self, QUIET_SPIN_DRIFT, s_drift (self->spins));
    s_set (self, QUIET_TRIP_DRIFT, s_drift (self->trips));
    s_set (self, QUIET_OTHERS, s_disturbance (self->others, self->rounds));
    s_set (self, QUIET_STOLEN, s_disturbance (self->stolen, self->rounds));
    //  They have been sorted
    s_set (self, QUIET_OTHERS_WORST, self->rounds?
           self->others [self->rounds - 1]: NAN);
    return s_is_quiet (self, false);
}


//  --------------------------------------------------------------------------
//  Reports

static const char *
s_verdict (quiet_t *self, int fact)
{
    double value = self->facts [fact];
    return isinf (s_facts [fact].most)? "":
           isnan (value)? "unknown":
           value > s_facts [fact].most? "busy": "quiet";
}

void
quiet_print (quiet_t *self, FILE *file)
{
    for (int fact = 0; fact < QUIET_FACTS; fact++) {
        if (isnan (self->facts [fact]))
            continue;
        char bound [20] = "";
        if (!isinf (s_facts [fact].most))
            snprintf (bound, sizeof (bound), "at most %.2f",
                      s_facts [fact].most);
        fprintf (file, "%-7s %10.3f  %-12s  %s\n", s_verdict (self, fact),
                 self->facts [fact], bound, s_facts [fact].meaning);
    }
}

void
quiet_write (quiet_t *self, FILE *file)
{
    fprintf (file, "fact,value,most,verdict\n");
    for (int fact = 0; fact < QUIET_FACTS; fact++) {
        fprintf (file, "%s,", s_facts [fact].name);
        if (!isnan (self->facts [fact]))
            fprintf (file, "%.6g", self->facts [fact]);
        fprintf (file, ",");
        if (!isinf (s_facts [fact].most))
            fprintf (file, "%g", s_facts [fact].most);
        fprintf (file, ",%s%s\n", s_verdict (self, fact),
                 self->pretended [fact]? " (pretended)": "");
    }
}
