/*  =========================================================================
    zrelay_metrics - all that Prometheus is told about this process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_metrics.h"

#include <sys/resource.h>
#include <sys/time.h>

#define MSECS 1000
#define USECS 1000000.0

//  Names of the process's metrics are those that Prometheus recommends to
//  client libraries, see "Writing client libraries" in its documentation

static void
s_put (FILE *output, const char *name, const char *type, const char *help,
       double value)
{
    fprintf (output, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n",
             name, help, name, type, name, value);
}

//  --------------------------------------------------------------------------
//  The relays

static void
s_put_relays (FILE *output, zrelay_snapshot_t *snapshot)
{
    size_t size = zrelay_snapshot_size (snapshot);
    zrelay_stats_t **stats =
        (zrelay_stats_t **) zmalloc ((size + 1) * sizeof (zrelay_stats_t *));
    assert (stats);
    size_t count = 0;
    for (size_t index = 0; index < size; index++)
        if (zrelay_snapshot_stats (snapshot, index))
            stats [count++] = zrelay_snapshot_stats (snapshot, index);
    char *text = zrelay_stats_prometheus (stats, count);
    fputs (text, output);
    zstr_free (&text);
    freen (stats);
    fputs ("# HELP zrelay_up Whether the relay answered in time.\n"
           "# TYPE zrelay_up gauge\n", output);
    for (size_t index = 0; index < size; index++)
        fprintf (output, "zrelay_up{relay=\"%s\",kind=\"%s\"} %d\n",
                 zrelay_snapshot_name (snapshot, index),
                 zrelay_snapshot_kind (snapshot, index),
                 zrelay_snapshot_stats (snapshot, index) != NULL);
}

static void
s_put_build (FILE *output)
{
    int major, minor, patch;
    zmq_version (&major, &minor, &patch);
    fprintf (output,
        "# HELP zrelay_build_info The versions of zrelay and its libraries.\n"
        "# TYPE zrelay_build_info gauge\n"
        "zrelay_build_info{version=\"%d.%d.%d\",czmq=\"%d.%d.%d\","
        "libzmq=\"%d.%d.%d\"} 1\n",
        ZRELAY_VERSION_MAJOR, ZRELAY_VERSION_MINOR, ZRELAY_VERSION_PATCH,
        CZMQ_VERSION_MAJOR, CZMQ_VERSION_MINOR, CZMQ_VERSION_PATCH,
        major, minor, patch);
}

//  --------------------------------------------------------------------------
//  The process

static void
s_put_cpu (FILE *output)
{
    struct rusage usage;
    if (getrusage (RUSAGE_SELF, &usage) == 0)
        s_put (output, "process_cpu_seconds_total", "counter",
               "Time that all threads used a CPU, user and system.",
               (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
               + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
                 / USECS);
}

static void
s_put_files (FILE *output)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
        s_put (output, "process_max_fds", "gauge",
               "Files that may be open at once.", (double) limit.rlim_cur);
    DIR *folder = opendir ("/proc/self/fd");
    if (!folder)
        return;
    size_t count = 0;
    for (struct dirent *entry = readdir (folder); entry;
         entry = readdir (folder))
        count += isdigit ((byte) *entry->d_name) != 0;
    closedir (folder);
    //  The folder was one of them
    s_put (output, "process_open_fds", "gauge", "Files that are open.",
           (double) (count > 0? count - 1: 0));
}

//  When the machine was started, in seconds since 1970

static double
s_boot_time (void)
{
    unsigned long long time = 0;
    FILE *file = fopen ("/proc/stat", "re");
    char line [256];
    while (file && time == 0 && fgets (line, sizeof (line), file))
        if (sscanf (line, "btime %llu", &time) != 1)
            time = 0;
    if (file)
        fclose (file);
    return (double) time;
}

//  The name, second, may hold anything and ends at the last ")". The fields
//  after it are numbered from 3, see proc(5).

static void
s_put_stat (FILE *output)
{
    char text [1024];
    FILE *file = fopen ("/proc/self/stat", "re");
    size_t size = file? fread (text, 1, sizeof (text) - 1, file): 0;
    if (file)
        fclose (file);
    text [size] = 0;
    const char *rest = strrchr (text, ')');
    long threads;
    unsigned long long started;
    unsigned long bytes;
    long pages;
    if (!rest || sscanf (rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u"
            " %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu %lu %ld",
            &threads, &started, &bytes, &pages) != 4)
        return;
    s_put (output, "process_threads", "gauge", "Threads of the process.",
           (double) threads);
    s_put (output, "process_start_time_seconds", "gauge",
           "When the process started, in seconds since 1970.",
           s_boot_time ()
           + (double) started / (double) sysconf (_SC_CLK_TCK));
    s_put (output, "process_virtual_memory_bytes", "gauge",
           "Size of the address space.", (double) bytes);
    s_put (output, "process_resident_memory_bytes", "gauge",
           "Memory in use.",
           (double) pages * (double) sysconf (_SC_PAGESIZE));
}

char *
zrelay_metrics_text (zrelay_snapshot_t *snapshot)
{
    char *text = NULL;
    size_t size;
    FILE *output = open_memstream (&text, &size);
    assert (output);
    s_put_relays (output, snapshot);
    s_put_build (output);
    s_put_cpu (output);
    s_put_files (output);
    s_put_stat (output);
    fclose (output);
    assert (text);
    return text;
}
