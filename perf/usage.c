/*  =========================================================================
    usage - the system's counters of processes and threads

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "perf.h"

#define NSECS 1000000000LL
#define PATH_SIZE 80

int64_t
usage_clock (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return now.tv_sec * NSECS + now.tv_nsec;
}

//  The kernel's number for the CPU clock of a thread, as in its header
//  posix-timers.h: pthread_getcpuclockid () wants a pthread_t, which actors
//  keep to themselves

static clockid_t
s_thread_clock (pid_t tid)
{
    return (clockid_t) (~(unsigned) tid << 3 | 6);
}

void
usage_sample (const usage_t *self, sample_t *sample)
{
    sample->at = usage_clock ();
    sample->cpu = 0;
    clockid_t clock = s_thread_clock (self->tid);
    struct timespec used;
    if (self->pid
    && (self->tid || clock_getcpuclockid (self->pid, &clock) == 0)
    &&  clock_gettime (clock, &used) == 0)
        sample->cpu = used.tv_sec * NSECS + used.tv_nsec;
}

//  Add up the numbers after a label in a file of /proc

static int64_t
s_read (const char *path, const char *label)
{
    int64_t sum = 0;
    FILE *file = fopen (path, "r");
    if (!file)
        return 0;
    char line [256];
    while (fgets (line, sizeof (line), file)) {
        const char *found = strstr (line, label);
        if (found)
            sum += strtoll (found + strlen (label), NULL, 10);
    }
    fclose (file);
    return sum;
}

//  Name of a file about a thread in /proc

static void
s_name_file (char path [PATH_SIZE], pid_t pid, pid_t tid, const char *what)
{
    snprintf (path, PATH_SIZE, "/proc/%d/task/%d/%s", (int) pid, (int) tid,
              what);
}

//  CPU time of a thread if it is one of libzmq's own, which libzmq names, in
//  nsecs: the first number in schedstat. The CPU clock of another process'
//  thread cannot be read.

static int64_t
s_io (pid_t pid, pid_t tid)
{
    char path [PATH_SIZE], name [16] = "";
    s_name_file (path, pid, tid, "comm");
    FILE *file = fopen (path, "r");
    if (file && !fgets (name, sizeof (name), file))
        *name = 0;
    if (file)
        fclose (file);
    if (strncmp (name, "ZMQbg/IO", 8))
        return 0;
    s_name_file (path, pid, tid, "schedstat");
    return s_read (path, "");
}

static int64_t
s_switches (pid_t pid, pid_t tid)
{
    char path [PATH_SIZE];
    s_name_file (path, pid, tid, "status");
    //  Voluntary and nonvoluntary ones
    return s_read (path, "voluntary_ctxt_switches:");
}

//  Threads of a process, ended by 0

static pid_t *
s_threads (pid_t pid)
{
    char path [PATH_SIZE];
    snprintf (path, sizeof (path), "/proc/%d/task", (int) pid);
    size_t count = 0, limit = 16;
    pid_t *threads = (pid_t *) zmalloc (limit * sizeof (pid_t));
    DIR *folder = opendir (path);
    struct dirent *entry;
    while (folder && (entry = readdir (folder))) {
        pid_t tid = (pid_t) atoi (entry->d_name);
        if (tid == 0)
            continue;
        if (count + 1 == limit) {
            limit *= 2;
            threads = (pid_t *) realloc (threads, limit * sizeof (pid_t));
            assert (threads);
        }
        threads [count++] = tid;
    }
    threads [count] = 0;
    if (folder)
        closedir (folder);
    return threads;
}

pid_t *
usage_threads (void)
{
    return s_threads (getpid ());
}

static bool
s_has (const pid_t *threads, pid_t tid)
{
    while (*threads && *threads != tid)
        threads++;
    return *threads != 0;
}

pid_t
usage_new_thread (const pid_t *before)
{
    pid_t *now = usage_threads ();
    pid_t found = 0;
    for (int index = 0; now [index] && !found; index++)
        if (!s_has (before, now [index]))
            found = now [index];
    freen (now);
    return found;
}

void
usage_details (const usage_t *self, sample_t *sample)
{
    sample->io = sample->switches = sample->resident = 0;
    if (self->pid == 0)
        return;
    if (self->tid)
        sample->switches = s_switches (self->pid, self->tid);
    else {
        pid_t *threads = s_threads (self->pid);
        for (int index = 0; threads [index]; index++) {
            sample->switches += s_switches (self->pid, threads [index]);
            sample->io += s_io (self->pid, threads [index]);
        }
        freen (threads);
    }
    char path [PATH_SIZE];
    snprintf (path, sizeof (path), "/proc/%d/status", (int) self->pid);
    sample->resident = s_read (path, "VmRSS:");
}
