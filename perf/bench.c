/*  =========================================================================
    bench - relays side by side on the same work

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

//      perf/bench [--suite quick|readme|full] [--work GLOBS] [--transport LIST]
//                 [--size LIST] [--frames LIST] [--relays LIST]
//                 [--rounds N] [--load FACTOR] [--output FOLDER]
//                 [--busy refuse|warn|ignore] [--pretend FACTS]
//
//  Measures a suite of cells, or those that are chosen: a cell is a work, a
//  transport, a size of frames and their number in a message. Each round runs
//  each relay on each cell once, in an order that turns with the round, so that
//  a disturbance of the machine meets all of them alike. Prints the medians,
//  the medians of zrelay's ratio to each peer round by round, and how these
//  compare with the project's targets; writes all of it to FOLDER.
//
//  The machine has to be quiet, see quiet.c. If it is busy, "refuse" writes the
//  results of single runs but no medians, ratios or targets; this is what the
//  suite "readme" does. "warn" writes them with a warning, and "ignore" does
//  not even look. --pretend sets facts that quiet.c would find out, for tests.
//
//  Exit status: 0 done, 1 a run failed or figures were refused, 2 wrong use. A
//  target that is missed is not a failure.

#include <fnmatch.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include "perf.h"

#define RELAYS 17
#define CELLS_MOST 1000
#define FOLDER_SIZE 512
#define PLACE_SIZE 80

//  Time after which a run is ended, in msecs
#define RUN_DEADLINE 180000
//  And after which a relay that is not ready is given up
#define READY_DEADLINE 30000
//  How long figures for the README wait for the load average to fall: it falls
//  from 3 to 0.1 meanwhile, such as after a build
#define PATIENCE 300000

//  Bytes that are sent in one run, at most; but so many messages at least
#define BYTES_MOST (256 * 1024 * 1024)
#define MESSAGES_LEAST 30
//  And bytes on their way at a time
#define WINDOW_BYTES (256 * 1024 * 1024)


//  --------------------------------------------------------------------------
//  Everything that can be measured

static const char *const s_relays [RELAYS + 1] = {
    "zrelay", "zmq_proxy", "zproxy", "loop", "direct", "pyzmq",
    "zrelay-look", "zrelay-zmsg", "zrelay-filter", "zrelay-capture",
    "zmq_proxy-capture", "zrelay-spin", "zrelay_device_run", "zrelay-only",
    "zrelay-except", "zrelay-rename", "zrelay-rules", NULL
};
#define LOOKERS "zrelay,zrelay-look,zrelay-zmsg,zrelay-filter"
#define RULES "zrelay-only,zrelay-except,zrelay-rename,zrelay-rules"
#define CAPTURES "zmq_proxy,zrelay-capture,zmq_proxy-capture"
#define PEERS "zrelay,zmq_proxy,zproxy,loop,direct,pyzmq"
#define RIVALS "zrelay,zmq_proxy,zproxy,loop"

//  A window keeps a publisher from running into high-water marks, where
//  messages would be lost, and a capture likewise. It is below half of the
//  capture's, since libzmq tells a sender of room when half of it is free.

static const work_t s_works [] = {
    //                                     window        idle
    //  name, kind, sources, sinks,               messages   subs. relays stats
    { "streamer-1", &perf_streamer, 1, 1,       0, 400000, 0, 0, 1, 0 },
    { "streamer-4", &perf_streamer, 4, 4,       0, 400000, 0, 0, 1, 0 },
    { "forwarder-1", &perf_forwarder, 1, 1,   400, 400000, 0, 0, 1, 0 },
    { "forwarder-10", &perf_forwarder, 1, 10, 400,  60000, 0, 0, 1, 0 },
    { "forwarder-100", &perf_forwarder, 1, 100, 200, 8000, 0, 0, 1, 0 },
    { "queue-1", &perf_queue, 1, 1,             1,   5000, 0, 0, 1, 0 },
    { "queue-200", &perf_queue, 1, 1,         200,  60000, 0, 0, 1, 0 },
    { "queue-10-clients", &perf_queue, 10, 1, 200,  60000, 0, 0, 1, 0 },
    { "queue-100-clients", &perf_queue, 100, 1, 200, 60000, 0, 0, 1, 0 },
    //  Messages that are looked at on their way
    { "looked-at", &perf_streamer, 1, 1,      400, 200000, 0, 0, 1, 0 },
    { "looked-at-topics", &perf_forwarder, 1, 1, 400, 200000, 0, 0, 1, 0 },
    //  Peers that are connected and do nothing
    { "peers-1", &perf_streamer, 1, 1,          0, 400000, 0, 0, 1, 0 },
    { "peers-10", &perf_streamer, 1, 1,         0, 400000, 9, 0, 1, 0 },
    { "peers-100", &perf_streamer, 1, 1,        0, 400000, 99, 0, 1, 0 },
    { "peers-1000", &perf_streamer, 1, 1,       0, 400000, 999, 0, 1, 0 },
    { "peers-5000", &perf_streamer, 1, 1,       0, 400000, 4999, 0, 1, 0 },
    //  Peers that all send
    { "busy-1", &perf_streamer, 1, 1,           0, 200000, 0, 0, 1, 0 },
    { "busy-10", &perf_streamer, 10, 1,         0, 200000, 0, 0, 1, 0 },
    { "busy-100", &perf_streamer, 100, 1,       0, 200000, 0, 0, 1, 0 },
    { "busy-1000", &perf_streamer, 1000, 1,     0, 200000, 0, 0, 1, 0 },
    { "busy-5000", &perf_streamer, 5000, 1,     0, 200000, 0, 0, 1, 0 },
    //  Subscriptions that match nothing
    { "topics-10", &perf_forwarder, 1, 1,     400, 200000, 0, 10, 1, 0 },
    { "topics-1000", &perf_forwarder, 1, 1,   400, 200000, 0, 1000, 1, 0 },
    { "topics-100000", &perf_forwarder, 1, 1, 400, 200000, 0, 100000, 1, 0 },
    { "topics-1000000", &perf_forwarder, 1, 1, 400, 200000, 0, 1000000, 1, 0 },
    //  Relays in one process, of which one is used
    { "relays-1", &perf_streamer, 1, 1,         0, 200000, 0, 0, 1, 0 },
    { "relays-10", &perf_streamer, 1, 1,        0, 200000, 0, 0, 10, 0 },
    { "relays-100", &perf_streamer, 1, 1,       0, 200000, 0, 0, 100, 0 },
    { "relays-500", &perf_streamer, 1, 1,       0, 200000, 0, 0, 500, 0 },
    //  Queries while messages pass
    { "stats-0", &perf_streamer, 1, 1,          0, 400000, 0, 0, 1, 0 },
    { "stats-1", &perf_streamer, 1, 1,          0, 400000, 0, 0, 1, 1 },
    { "stats-10", &perf_streamer, 1, 1,         0, 400000, 0, 0, 1, 10 },
    { "stats-100", &perf_streamer, 1, 1,        0, 400000, 0, 0, 1, 100 },
    { "stats-1000", &perf_streamer, 1, 1,       0, 400000, 0, 0, 1, 1000 },
    { NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0 }
};

//  Every combination of the words in these lists; works are patterns, as in the
//  shell
typedef struct {
    const char *works;
    const char *transports;
    const char *sizes;
    const char *frames;
    const char *relays;
} selection_t;

static const selection_t s_quick [] = {
    { "streamer-1", "tcp", "10,100", "1", RIVALS ",direct" },
    { "forwarder-10,queue-1,queue-200", "tcp", "100", "1", RIVALS },
    { "forwarder-1", "tcp", "100", "1", RIVALS },
    { "looked-at", "tcp", "100", "1", LOOKERS "," CAPTURES },
    { "topics-10,topics-100000,peers-1,peers-1000", "tcp", "100", "1",
      "zrelay" },
    { NULL, NULL, NULL, NULL, NULL }
};

#define SIZES "10,100,1024,65536,1048576"
static const selection_t s_full [] = {
    { "streamer-*,forwarder-1,forwarder-10,queue-1,queue-200", "tcp,ipc,inproc",
      SIZES, "1", PEERS },
    { "streamer-1,queue-200", "tcp", SIZES, "10", PEERS },
    { "forwarder-100,queue-10-clients,queue-100-clients", "tcp,ipc", SIZES, "1",
      PEERS },
    { "looked-at", "tcp", SIZES, "1", LOOKERS "," CAPTURES },
    { "looked-at,looked-at-topics", "tcp", "100,10240", "1", LOOKERS },
    { "looked-at", "tcp", "100,1024,10240", "1", "zrelay," RULES },
    { "peers-*,busy-*,topics-*", "tcp", "100", "1", "zrelay,zmq_proxy,loop" },
    //  zproxy takes minutes to bind so many
    { "relays-*", "tcp", "100", "1", "zrelay,zmq_proxy,loop" },
    { "stats-*", "tcp", "100", "1", "zrelay" },
    { "queue-1", "tcp", "100", "1", "zrelay,zmq_proxy,zrelay-spin" },
    { "streamer-1,forwarder-1,queue-200", "tcp,inproc", "100", "1",
      "zrelay_device_run" },
    { NULL, NULL, NULL, NULL, NULL }
};

//  The README's figures, and those in doc/performance
static const selection_t s_readme [] = {
    { "streamer-?,forwarder-1,queue-1,queue-200", "tcp", SIZES, "1",
      RIVALS ",direct" },
    { "forwarder-10,forwarder-100,queue-100-clients", "tcp", "100", "1",
      RIVALS },
    { "streamer-1,forwarder-1,queue-1", "ipc,inproc", "100", "1", RIVALS },
    { "streamer-1,queue-200", "tcp", "100", "10", RIVALS },
    { "looked-at", "tcp", "100", "1", LOOKERS "," CAPTURES },
    { "looked-at,looked-at-topics", "tcp", "100,10240", "1", LOOKERS },
    { "looked-at", "tcp", "100,1024,10240", "1", "zrelay," RULES },
    { "peers-1,peers-1000,peers-5000,topics-10,topics-100000,topics-1000000",
      "tcp", "100", "1", "zrelay,loop" },
    { "relays-1,relays-500,stats-0,stats-1000", "tcp", "100", "1", "zrelay" },
    { "queue-1", "tcp", "100", "1", "zrelay-spin" },
    { "streamer-1,forwarder-1,queue-200", "tcp", "100", "1",
      "zrelay_device_run" },
    { "streamer-1", "inproc", "100", "1", "zrelay_device_run" },
    { NULL, NULL, NULL, NULL, NULL }
};

//  Figures as they are printed
typedef struct {
    const char *name;           //  In CSV
    const char *title;          //  In tables
    double unit;                //  Of tables, in that of CSV
    int digits;                 //  After the point
} column_t;

static const column_t s_columns [FIGURES] = {
    { "messages_s", "kmsg/s", 1e3, 1 },
    { "bytes_s", "MB/s", 1e6, 1 },
    { "cpu_ns", "cpu us", 1e3, 3 },
    { "p50_us", "p50 us", 1, 1 },
    { "p99_us", "p99 us", 1, 1 },
    { "p999_us", "p99.9", 1, 1 },
    { "resident_kib", "MiB", 1024, 1 },
    { "switches_k", "csw/k", 1, 1 },
    { "captured_percent", "copied %", 1, 1 },
    { "io_ns", "of it io", 1e3, 3 }
};

//  A goal of the project, for the median of ratios round by round
typedef struct {
    const char *what;
    const char *work;           //  Pattern
    const char *transport;      //  Pattern
    size_t size;                //  0: any
    figure_t figure;
    const char *relay;          //  Above the line
    const char *peer;           //  Below it
    const char *peer_work;      //  Where, or NULL: in the same cell
    bool least;                 //  At least so much, else at most
    double bound;
} target_t;

static const target_t s_targets [] = {
    { "throughput", "*", "*", 0, RATE, "zrelay", "zmq_proxy", NULL, true, 1 },
    { "throughput", "*", "*", 0, RATE, "zrelay", "zproxy", NULL, true, 1 },
    { "throughput", "streamer-?", "*", 10, RATE, "zrelay", "zmq_proxy", NULL,
      true, 1.5 },
    { "throughput", "streamer-?", "*", 100, RATE, "zrelay", "zmq_proxy", NULL,
      true, 1.5 },
    //  The function in place of the function
    { "throughput", "*", "*", 0, RATE, "zrelay_device_run", "zmq_proxy", NULL,
      true, 1 },
    { "CPU", "*", "tcp", 0, CPU, "zrelay_device_run", "zmq_proxy", NULL, false,
      1 },
    //  If a bare loop misses a target, so will anything that is built on libzmq
    { "(bare loop)", "streamer-?", "*", 10, RATE, "loop", "zmq_proxy", NULL,
      true, 1.5 },
    { "(bare loop)", "streamer-?", "*", 100, RATE, "loop", "zmq_proxy", NULL,
      true, 1.5 },
    { "(bare loop) CPU", "streamer-?", "tcp", 100, CPU, "loop", "zmq_proxy",
      NULL, false, 0.6 },
    { "(bare loop) CPU", "forwarder-*", "tcp", 100, CPU, "loop", "zmq_proxy",
      NULL, false, 0.6 },
    { "CPU", "streamer-?", "tcp", 100, CPU, "zrelay", "zmq_proxy", NULL, false,
      0.6 },
    { "CPU", "streamer-?", "tcp", 100, CPU, "zrelay", "zproxy", NULL, false,
      1 },
    { "CPU", "streamer-?", "tcp", 100, CPU, "zrelay", "loop", NULL, false,
      1.05 },
    { "CPU", "forwarder-*", "tcp", 100, CPU, "zrelay", "zmq_proxy", NULL, false,
      0.6 },
    { "CPU", "forwarder-*", "tcp", 100, CPU, "zrelay", "zproxy", NULL, false,
      1 },
    { "CPU", "forwarder-*", "tcp", 100, CPU, "zrelay", "loop", NULL, false,
      1.05 },
    { "round trip p50", "queue-*", "*", 0, P50, "zrelay", "zmq_proxy", NULL,
      false, 1 },
    { "round trip p99", "queue-*", "*", 0, P99, "zrelay", "zmq_proxy", NULL,
      false, 1 },
    { "round trip (spin)", "queue-1", "tcp", 100, P50, "zrelay-spin",
      "zrelay", NULL, false, 0.9 },
    { "CPU of a look", "looked-at*", "tcp", 100, CPU, "zrelay-look", "zrelay",
      NULL, false, 1.25 },
    { "CPU of a look", "looked-at*", "tcp", 10240, CPU, "zrelay-look",
      "zrelay", NULL, false, 1.25 },
    { "CPU of a filter", "looked-at", "tcp", 0, CPU, "zrelay-filter", "zrelay",
      NULL, false, 2.2 },
    { "CPU of rules", "looked-at", "tcp", 0, CPU, "zrelay-only", "zrelay", NULL,
      false, 1.3 },
    { "CPU of rules", "looked-at", "tcp", 0, CPU, "zrelay-except", "zrelay",
      NULL, false, 1.3 },
    { "CPU of rules", "looked-at", "tcp", 0, CPU, "zrelay-rename", "zrelay",
      NULL, false, 1.3 },
    { "CPU of rules", "looked-at", "tcp", 0, CPU, "zrelay-rules", "zrelay",
      NULL, false, 1.3 },
    { "CPU of a capture", "looked-at", "tcp", 0, CPU, "zrelay-capture",
      "zrelay", NULL, false, 1.6 },
    { "CPU with peers", "peers-*", "*", 0, CPU, "zrelay", "zrelay", "peers-1",
      false, 1.2 },
    { "CPU with topics", "topics-*", "*", 0, CPU, "zrelay", "zrelay",
      "topics-10", false, 1.2 },
    { "CPU with relays", "relays-*", "*", 0, CPU, "zrelay", "zrelay",
      "relays-1", false, 1.2 },
    { "CPU with STATS", "stats-*", "*", 0, CPU, "zrelay", "zrelay", "stats-0",
      false, 1.1 },
    { NULL, NULL, NULL, 0, RATE, NULL, NULL, NULL, false, 0 }
};


//  --------------------------------------------------------------------------
//  The state of the program

typedef struct {
    cell_t cell;
    bool relays [RELAYS];       //  Takes part
    result_t *results;          //  Round by round, relay by relay
} entry_t;

//  How to treat a machine that is busy
typedef enum { BUSY_REFUSE, BUSY_WARN, BUSY_IGNORE } busy_t;

static struct {
    entry_t entries [CELLS_MOST];
    int count;                  //  Of them
    int rounds;
    int done;                   //  Rounds that are complete
    double factor;              //  Of the number of messages
    int failures;               //  Runs without figures
    const char *output;         //  Where results go
    char folder [FOLDER_SIZE];  //  Where this program is
    char place [PLACE_SIZE];    //  Where ipc sockets are
    FILE *runs;                 //  runs.csv
    busy_t busy;                //  What to do if the machine is busy
    quiet_t *quiet;             //  Whether it is, NULL: nobody looks
    bool disturbed;             //  It was
} s_bench;

static volatile sig_atomic_t s_interrupted;

static void
s_on_signal (int number)
{
    s_interrupted = number;
}

static int
s_misuse (const char *what, const char *value)
{
    fprintf (stderr, "bench: %s '%s'; the head of perf/bench.c and "
             "perf/README.md tell how to use it\n", what, value);
    return 2;
}

static result_t *
s_result (entry_t *entry, int round, int relay)
{
    return &entry->results [round * RELAYS + relay];
}

static int
s_relay_index (const char *name)
{
    int index = 0;
    while (index < RELAYS && strneq (s_relays [index], name))
        index++;
    return index < RELAYS? index: -1;
}


//  --------------------------------------------------------------------------
//  Choosing cells

//  Take the next word of a list; returns false at its end

static bool
s_next (const char **list_p, char *word, size_t size)
{
    size_t length = strcspn (*list_p, ",");
    if (length == 0)
        return false;
    snprintf (word, size, "%.*s", (int) length, *list_p);
    *list_p += length + ((*list_p) [length] == ',');
    return true;
}

static bool
s_matches (const char *patterns, const char *name)
{
    char pattern [80];
    while (s_next (&patterns, pattern, sizeof (pattern)))
        if (fnmatch (pattern, name, 0) == 0)
            return true;
    return false;
}

static int64_t
s_messages (const work_t *work, size_t bytes)
{
    double count = work->messages * s_bench.factor;
    double most = (double) BYTES_MOST * s_bench.factor / (double) bytes;
    if (work->kind == &perf_forwarder)
        most /= work->sinks;
    if (count > most)
        count = most;
    return count > MESSAGES_LEAST? (int64_t) count: MESSAGES_LEAST;
}

//  Messages on their way are not to fill the memory; for a queue their number
//  is the work

static int
s_window (const work_t *work, size_t bytes)
{
    size_t most = WINDOW_BYTES / bytes / work->sinks;
    if (work->kind == &perf_queue || (size_t) work->window <= most)
        return work->window;
    return most > 0? (int) most: 1;
}

static void
s_choose_cell (const work_t *work, const char *transport, size_t size,
               int frames, const char *relays)
{
    entry_t *entry = s_bench.entries;
    entry_t *end = entry + s_bench.count;
    while (entry < end
       && (entry->cell.work != work || entry->cell.size != size
       ||  entry->cell.frames != frames
       ||  strneq (entry->cell.transport, transport)))
        entry++;
    if (entry == end) {
        assert (s_bench.count < CELLS_MOST);
        s_bench.count++;
        entry->cell = (cell_t) { work, strdup (transport), size, frames,
                                 s_messages (work, size * frames),
                                 s_window (work, size * frames) };
    }
    //  A relay that is not in C cannot be in the process of its clients
    bool inproc = streq (transport, "inproc");
    for (int relay = 0; relay < RELAYS; relay++)
        if (s_matches (relays, s_relays [relay])
        && (!inproc || strneq (s_relays [relay], "pyzmq")))
            entry->relays [relay] = true;
}

static void
s_choose_sizes (const work_t *work, const selection_t *selection)
{
    char transport [20], size [20], frames [20];
    const char *transports = selection->transports;
    while (s_next (&transports, transport, sizeof (transport))) {
        const char *sizes = selection->sizes;
        while (s_next (&sizes, size, sizeof (size))) {
            const char *counts = selection->frames;
            while (s_next (&counts, frames, sizeof (frames)))
                s_choose_cell (work, transport, strtoul (size, NULL, 10),
                               atoi (frames), selection->relays);
        }
    }
}

static void
s_choose (const selection_t *selection)
{
    for (const work_t *work = s_works; work->name; work++)
        if (s_matches (selection->works, work->name))
            s_choose_sizes (work, selection);
}

//  An alternative that cannot be run is left out, with the reason

static void
s_leave_out_python (void)
{
    if (getenv ("PYTHON") && *getenv ("PYTHON") && getenv ("TOP_SRCDIR"))
        return;
    bool told = false;
    int relay = s_relay_index ("pyzmq");
    for (int index = 0; index < s_bench.count; index++) {
        if (s_bench.entries [index].relays [relay] && !told) {
            fprintf (stderr, "bench: pyzmq is left out: PYTHON names no "
                     "Python 3 with the module zmq, or TOP_SRCDIR nothing\n");
            told = true;
        }
        s_bench.entries [index].relays [relay] = false;
    }
}


//  --------------------------------------------------------------------------
//  One run, of processes that do not outlive this one

static void
s_end (pid_t pid)
{
    if (pid > 0) {
        kill (pid, SIGKILL);
        waitpid (pid, NULL, 0);
    }
}

//  Read output of a process, up to so many bytes or the end of a line

static bool
s_hear (int handle, void *data, size_t size, int msecs)
{
    char *next = (char *) data;
    int64_t until = zclock_mono () + msecs;
    while (size > 0) {
        struct pollfd item = { handle, POLLIN, 0 };
        int64_t left = until - zclock_mono ();
        if (s_interrupted || left <= 0)
            return false;
        if (poll (&item, 1, (int) left) <= 0)
            continue;
        ssize_t got = read (handle, next, size);
        if (got <= 0)
            return false;
        next += got;
        size -= got;
        if (msecs == READY_DEADLINE && next [-1] == '\n') {
            *next = 0;
            return true;
        }
    }
    return true;
}

static void
s_exec_relay (relay_t *relay)
{
    char program [FOLDER_SIZE + 40], count [12], stats [12];
    if (streq (relay->name, "pyzmq")) {
        snprintf (program, sizeof (program), "%s/perf/device.py",
                  getenv ("TOP_SRCDIR"));
        execlp (getenv ("PYTHON"), getenv ("PYTHON"), program,
                relay->kind->name, relay->ends [FRONT], relay->ends [BACK],
                (char *) NULL);
    }
    snprintf (program, sizeof (program), "%s/relay", s_bench.folder);
    snprintf (count, sizeof (count), "%d", relay->count);
    snprintf (stats, sizeof (stats), "%d", relay->stats);
    execl (program, "relay", relay->name, relay->kind->name,
           relay->ends [FRONT], relay->ends [BACK], relay->ends [CAPTURE],
           count, stats, (char *) NULL);
    _exit (EXIT_FAILURE);
}

//  Returns the process, or -1; the relay's ends are then what it has bound

static pid_t
s_start_relay (relay_t *relay)
{
    int handles [2];
    if (pipe (handles))
        return -1;
    pid_t pid = fork ();
    if (pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        dup2 (handles [1], STDOUT_FILENO);
        close (handles [0]);
        close (handles [1]);
        s_exec_relay (relay);
    }
    close (handles [1]);
    char line [4 * PERF_ENDPOINT_SIZE] = "";
    bool ready = pid > 0
        && s_hear (handles [0], line, sizeof (line) - 1, READY_DEADLINE)
        && sscanf (line, "ready %255s %255s %255s", relay->ends [FRONT],
                   relay->ends [BACK], relay->ends [CAPTURE]) == 3;
    close (handles [0]);
    if (!ready) {
        s_end (pid);
        return -1;
    }
    return pid;
}

static void
s_drive (const cell_t *cell, relay_t *relay, pid_t pid, result_t *result)
{
    snprintf (result->error, sizeof (result->error), "no end within %d s",
              RUN_DEADLINE / 1000);
    int handles [2];
    if (pipe (handles))
        return;
    pid_t load = fork ();
    if (load == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        load_run (cell, relay, pid, result);
        ssize_t rc = write (handles [1], result, sizeof (result_t));
        _exit (rc == sizeof (result_t)? EXIT_SUCCESS: EXIT_FAILURE);
    }
    close (handles [1]);
    result_t heard;
    int64_t start = zclock_mono ();
    if (load > 0 && s_hear (handles [0], &heard, sizeof (heard), RUN_DEADLINE))
        *result = heard;
    else
    if (zclock_mono () - start < RUN_DEADLINE)
        snprintf (result->error, sizeof (result->error), "it broke off");
    close (handles [0]);
    s_end (load);
}

static void
s_run (const cell_t *cell, const char *name, result_t *result)
{
    relay_t relay = { .name = name, .kind = cell->work->kind,
                      .count = cell->work->relays,
                      .stats = cell->work->stats };
    static const char *ends [ENDS] = { "front", "back", "capture" };
    bool tcp = streq (cell->transport, "tcp");
    for (int end = 0; end < ENDS; end++)
        snprintf (relay.ends [end], PERF_ENDPOINT_SIZE, "%s://%s%s%s",
                  cell->transport, tcp? "127.0.0.1:*": s_bench.place,
                  tcp? "": "/", tcp? "": ends [end]);
    bool apart = strneq (name, "direct") && strneq (cell->transport, "inproc");
    pid_t pid = apart? s_start_relay (&relay): 0;
    if (pid == -1)
        snprintf (result->error, sizeof (result->error),
                  "the relay did not start");
    else
        s_drive (cell, &relay, pid, result);
    s_end (pid);
    //  Sockets of those that were ended
    zdir_t *dir = zdir_new (s_bench.place, "-");
    zfile_t **files = dir? zdir_flatten (dir): NULL;
    for (int index = 0; files && files [index]; index++)
        unlink (zfile_filename (files [index], NULL));
    if (files)
        zdir_flatten_free (&files);
    zdir_destroy (&dir);
}


//  --------------------------------------------------------------------------
//  Rounds

static void
s_write_head (FILE *file)
{
    fprintf (file, "work,kind,transport,size,frames,relay");
}

static void
s_write_cell (FILE *file, const cell_t *cell, int relay)
{
    fprintf (file, "%s,%s,%s,%zu,%d,%s", cell->work->name,
             cell->work->kind->name, cell->transport, cell->size,
             cell->frames, s_relays [relay]);
}

static void
s_write_number (FILE *file, double number)
{
    isnan (number)? fprintf (file, ","): fprintf (file, ",%.6g", number);
}

static void
s_write_run (entry_t *entry, int round, int relay)
{
    result_t *result = s_result (entry, round, relay);
    s_write_cell (s_bench.runs, &entry->cell, relay);
    fprintf (s_bench.runs, ",%d,%" PRId64, round + 1, result->messages);
    for (int figure = 0; figure < FIGURES; figure++)
        s_write_number (s_bench.runs, *result->error? NAN:
                        result->figures [figure]);
    fprintf (s_bench.runs, ",%s\n", result->error);
    fflush (s_bench.runs);
}

static void
s_run_relays (entry_t *entry, int round)
{
    for (int turn = 0; turn < RELAYS && !s_interrupted; turn++) {
        int relay = (turn + round) % RELAYS;
        if (!entry->relays [relay])
            continue;
        result_t *result = s_result (entry, round, relay);
        s_run (&entry->cell, s_relays [relay], result);
        if (s_interrupted)
            return;
        s_write_run (entry, round, relay);
        if (*result->error) {
            s_bench.failures++;
            fprintf (stderr, "bench: %s %s %zu x %d, %s: %s\n",
                     entry->cell.work->name, entry->cell.transport,
                     entry->cell.size, entry->cell.frames, s_relays [relay],
                     result->error);
        }
    }
}

static void
s_run_rounds (void)
{
    for (int index = 0; index < s_bench.count; index++) {
        s_bench.entries [index].results = (result_t *) zmalloc (
            s_bench.rounds * RELAYS * sizeof (result_t));
        assert (s_bench.entries [index].results);
    }
    for (int round = 0; round < s_bench.rounds && !s_interrupted; round++) {
        fprintf (stderr, "bench: round %d of %d, %d cells\n", round + 1,
                 s_bench.rounds, s_bench.count);
        for (int index = 0; index < s_bench.count && !s_interrupted; index++)
            s_run_relays (&s_bench.entries [index], round);
        if (!s_interrupted)
            s_bench.done++;
        if (s_bench.quiet)
            quiet_round (s_bench.quiet);
    }
}


//  --------------------------------------------------------------------------
//  Medians

typedef struct {
    double quartiles [3];       //  The middle one is the median
    int count;                  //  Rounds that have the figure
} spread_t;

static int
s_compare (const void *left, const void *right)
{
    double one = *(const double *) left;
    double other = *(const double *) right;
    return one < other? -1: one > other;
}

static double
s_figure (entry_t *entry, int round, int relay, figure_t figure)
{
    result_t *result = s_result (entry, round, relay);
    bool there = result->messages && !*result->error;
    return there? result->figures [figure]: NAN;
}

//  Of a figure, or, with another entry, of the ratio to that one

static spread_t
s_spread (entry_t *entry, int relay, entry_t *other, int peer,
          figure_t figure)
{
    spread_t spread = { { NAN, NAN, NAN }, 0 };
    double values [s_bench.rounds];
    for (int round = 0; round < s_bench.rounds; round++) {
        double value = s_figure (entry, round, relay, figure);
        if (other)
            value /= s_figure (other, round, peer, figure);
        if (!isnan (value) && !isinf (value))
            values [spread.count++] = value;
    }
    qsort (values, spread.count, sizeof (double), s_compare);
    //  Between two values, the part of the way
    for (int index = 0; index < 3 && spread.count; index++) {
        double place = (spread.count - 1) * (index + 1) / 4.0;
        int below = (int) place;
        int above = below + 1 < spread.count? below + 1: below;
        spread.quartiles [index] = values [below]
            + (values [above] - values [below]) * (place - below);
    }
    return spread;
}


//  --------------------------------------------------------------------------
//  Where the figures come from

static void
s_print_output (FILE *file, const char *label, const char *command)
{
    char line [256] = "";
    FILE *pipe = popen (command, "r");
    if (pipe && fgets (line, sizeof (line), pipe))
        line [strcspn (line, "\n")] = 0;
    if (pipe)
        pclose (pipe);
    fprintf (file, "%-10s %s\n", label, *line? line: "unknown");
}

static void
s_print_about (FILE *file)
{
    s_print_output (file, "commit",
        "cd \"${TOP_SRCDIR:-.}\" && commit=$(git describe --always --abbrev=12 "
        "2> /dev/null) && { git diff --quiet HEAD -- src include || "
        "dirty=-dirty; } && echo $commit$dirty");
    fprintf (file, "%-10s %d.%d.%d\n", "zrelay", ZRELAY_VERSION_MAJOR,
             ZRELAY_VERSION_MINOR, ZRELAY_VERSION_PATCH);
    int major, minor, patch;
    zmq_version (&major, &minor, &patch);
    fprintf (file, "%-10s %d.%d.%d\n", "libzmq", major, minor, patch);
    zsys_version (&major, &minor, &patch);
    fprintf (file, "%-10s %d.%d.%d\n", "CZMQ", major, minor, patch);
    fprintf (file, "%-10s %s\n", "compiler", __VERSION__);
    s_print_output (file, "date", "date -u '+%Y-%m-%d %H:%M UTC'");
    struct utsname system;
    uname (&system);
    fprintf (file, "%-10s %s %s %s\n", "system", system.sysname,
             system.release, system.machine);
    s_print_output (file, "processor",
        "sed -n 's/^model name.*: //p' /proc/cpuinfo");
    fprintf (file, "%-10s %ld\n", "cores", sysconf (_SC_NPROCESSORS_ONLN));
    s_print_output (file, "load", "cut -d ' ' -f 1-3 /proc/loadavg");
    fprintf (file, "%-10s %d of %d, load %g\n", "rounds", s_bench.done,
             s_bench.rounds, s_bench.factor);
    fprintf (file, "%-10s %s\n", "quiet", !s_bench.quiet? "unknown":
             s_bench.disturbed? "no": "yes");
}


//  --------------------------------------------------------------------------
//  Reports

//  Figures for which there are ratios of zrelay to its peers
static const figure_t s_ratios [] = { RATE, CPU, P50, P99 };
#define RATIOS (int) (sizeof (s_ratios) / sizeof (s_ratios [0]))

static void
s_print_number (double number, int width, int digits)
{
    isnan (number)? printf (" %*s", width, "-"):
                    printf (" %*.*f", width, digits, number);
}

static void
s_print_relay (entry_t *entry, int relay)
{
    printf ("  %-17s", s_relays [relay]);
    for (int figure = 0; figure < FIGURES; figure++) {
        const column_t *column = &s_columns [figure];
        spread_t spread = s_spread (entry, relay, NULL, 0, (figure_t) figure);
        s_print_number (spread.quartiles [1] / column->unit, 8,
                        column->digits);
        if (figure == RATE)
            s_print_number (100 * (spread.quartiles [2] - spread.quartiles [0])
                            / spread.quartiles [1], 3, 0);
    }
    printf ("  |");
    for (int index = 0; index < RATIOS && relay; index++) {
        spread_t ratio = s_spread (entry, 0, entry, relay, s_ratios [index]);
        s_print_number (ratio.quartiles [1], 6, 2);
    }
    printf ("\n");
}

static void
s_print_cell (entry_t *entry)
{
    printf ("\n%s, %s, %d x %zu bytes\n  %-17s", entry->cell.work->name,
            entry->cell.transport, entry->cell.frames, entry->cell.size, "");
    for (int figure = 0; figure < FIGURES; figure++) {
        printf (" %8s", s_columns [figure].title);
        if (figure == RATE)
            printf ("  +-%%");
    }
    printf ("  |  zrelay to it:");
    printf ("\n  %-17s %*s  |", "", FIGURES * 9 + 3, "");
    for (int index = 0; index < RATIOS; index++)
        printf (" %6.6s", s_columns [s_ratios [index]].title);
    printf ("\n");
    for (int relay = 0; relay < RELAYS; relay++)
        if (entry->relays [relay])
            s_print_relay (entry, relay);
}

static void
s_write_summary (FILE *file)
{
    s_write_head (file);
    fprintf (file, ",rounds");
    for (int figure = 0; figure < FIGURES; figure++)
        fprintf (file, ",%s,%s_q1,%s_q3", s_columns [figure].name,
                 s_columns [figure].name, s_columns [figure].name);
    for (int index = 0; index < RATIOS; index++)
        fprintf (file, ",zrelay_to_it_%s",
                 s_columns [s_ratios [index]].name);
    fprintf (file, "\n");
    for (int index = 0; index < s_bench.count; index++)
        for (int relay = 0; relay < RELAYS; relay++) {
            entry_t *entry = &s_bench.entries [index];
            if (!entry->relays [relay])
                continue;
            s_write_cell (file, &entry->cell, relay);
            spread_t rate = s_spread (entry, relay, NULL, 0, RATE);
            fprintf (file, ",%d", rate.count);
            for (int figure = 0; figure < FIGURES; figure++) {
                spread_t spread = s_spread (entry, relay, NULL, 0,
                                            (figure_t) figure);
                s_write_number (file, spread.quartiles [1]);
                s_write_number (file, spread.quartiles [0]);
                s_write_number (file, spread.quartiles [2]);
            }
            for (int ratio = 0; ratio < RATIOS; ratio++)
                s_write_number (file, s_spread (entry, 0, entry, relay,
                                s_ratios [ratio]).quartiles [1]);
            fprintf (file, "\n");
        }
}

//  The cell below the line: the same with another work

static entry_t *
s_other (entry_t *entry, const target_t *target)
{
    if (!target->peer_work)
        return entry;
    for (int index = 0; index < s_bench.count; index++) {
        entry_t *other = &s_bench.entries [index];
        if (other != entry && other->cell.size == entry->cell.size
        &&  other->cell.frames == entry->cell.frames
        &&  streq (other->cell.transport, entry->cell.transport)
        &&  streq (other->cell.work->name, target->peer_work))
            return other;
    }
    return NULL;
}

//  The median decides. A target that was missed though its bound is within the
//  quartiles is unclear: another run may well tell otherwise.

static bool
s_within (const target_t *target, double value)
{
    return target->least? value >= target->bound: value <= target->bound;
}

static const char *
s_verdict (const target_t *target, const spread_t *spread)
{
    double better = spread->quartiles [target->least? 2: 0];
    return s_within (target, spread->quartiles [1])? "met":
           s_within (target, better)? "unclear": "missed";
}

static void
s_report_target (FILE *file, const target_t *target, entry_t *entry)
{
    const cell_t *cell = &entry->cell;
    entry_t *other = s_other (entry, target);
    if (!other || fnmatch (target->work, cell->work->name, 0)
    ||  fnmatch (target->transport, cell->transport, 0)
    || (target->size && target->size != cell->size))
        return;
    spread_t spread = s_spread (entry, s_relay_index (target->relay), other,
                                s_relay_index (target->peer), target->figure);
    if (spread.count == 0)
        return;
    double value = spread.quartiles [1];
    const char *verdict = s_verdict (target, &spread);
    printf ("%-7s %-17s %-17s %-6s %8zu x %-2d %-14s / %-10s %6.2f  %s %.2f\n",
            verdict, target->what, cell->work->name,
            cell->transport, cell->size, cell->frames, target->relay,
            target->peer_work? target->peer_work: target->peer, value,
            target->least? "at least": "at most", target->bound);
    s_write_cell (file, cell, s_relay_index (target->relay));
    fprintf (file, ",%s,%s,%s,%.6g,%.6g,%.6g,%s,%.6g,%s\n", target->what,
             target->peer, target->peer_work? target->peer_work: "", value,
             spread.quartiles [0], spread.quartiles [2],
             target->least? "least": "most", target->bound,
             verdict);
}

static void
s_report_targets (FILE *file)
{
    s_write_head (file);
    fprintf (file, ",what,peer,peer_work,ratio,q1,q3,relation,bound,verdict\n");
    printf ("\nTargets: medians of ratios, round by round\n");
    for (const target_t *target = s_targets; target->what; target++)
        for (int index = 0; index < s_bench.count; index++)
            s_report_target (file, target, &s_bench.entries [index]);
}

static void
s_path (char path [FOLDER_SIZE + 40], const char *name)
{
    snprintf (path, FOLDER_SIZE + 40, "%s/%s", s_bench.output, name);
}

static FILE *
s_open (const char *name)
{
    char path [FOLDER_SIZE + 40];
    s_path (path, name);
    FILE *file = fopen (path, "w");
    if (!file) {
        fprintf (stderr, "bench: %s: %s\n", path, strerror (errno));
        exit (2);
    }
    return file;
}

static void
s_report_figures (void)
{
    for (int index = 0; index < s_bench.count; index++)
        s_print_cell (&s_bench.entries [index]);
    FILE *summary = s_open ("summary.csv");
    s_write_summary (summary);
    fclose (summary);
    FILE *targets = s_open ("targets.csv");
    s_report_targets (targets);
    fclose (targets);
}

//  Print a sentence, and all that is known of the machine

static void
s_complain (const char *what)
{
    fflush (stdout);
    fprintf (stderr, "bench: %s\n", what);
    quiet_print (s_bench.quiet, stderr);
}

//  Returns false if figures were refused

static bool
s_report (void)
{
    FILE *about = s_open ("about.txt");
    s_print_about (about);
    fclose (about);
    s_print_about (stdout);
    if (s_bench.quiet) {
        FILE *quiet = s_open ("quiet.csv");
        quiet_write (s_bench.quiet, quiet);
        fclose (quiet);
    }
    if (s_bench.disturbed && s_bench.busy == BUSY_REFUSE) {
        s_complain (s_interrupted?
            "interrupted, so there are no figures; runs.csv has each run":
            "the machine was busy, so there are no figures; runs.csv has each "
            "run");
        return false;
    }
    s_report_figures ();
    if (s_bench.disturbed)
        s_complain ("warning: the machine was busy, so these figures mean "
                    "little");
    return true;
}


//  --------------------------------------------------------------------------
//  The program

typedef struct {
    selection_t selection;
    const char *suite;
    const char *rounds;
    const char *factor;
    const char *output;
    const char *busy;
    const char *pretend;
} options_t;

static int
s_read_options (options_t *self, int argc, char *argv [])
{
    const struct {
        const char *name;
        const char **value_p;
    } names [] = {
        { "--suite", &self->suite },
        { "--work", &self->selection.works },
        { "--transport", &self->selection.transports },
        { "--size", &self->selection.sizes },
        { "--frames", &self->selection.frames },
        { "--relays", &self->selection.relays },
        { "--rounds", &self->rounds },
        { "--load", &self->factor },
        { "--output", &self->output },
        { "--busy", &self->busy },
        { "--pretend", &self->pretend },
        { NULL, NULL }
    };
    for (int index = 1; index < argc; index += 2) {
        int name = 0;
        while (names [name].name && strneq (names [name].name, argv [index]))
            name++;
        if (!names [name].name)
            return s_misuse ("no such option:", argv [index]);
        if (index + 1 == argc)
            return s_misuse ("no value for", argv [index]);
        *names [name].value_p = argv [index + 1];
    }
    return 0;
}

//  Does each pattern in a list match a name, the first of which is here and the
//  next so many bytes further on? Returns a status for the end of the program.

static int
s_check_words (const char *patterns, const char *const *name, size_t step)
{
    char pattern [80];
    while (s_next (&patterns, pattern, sizeof (pattern))) {
        const char *const *next = name;
        while (*next && fnmatch (pattern, *next, 0))
            next = (const char *const *) ((const char *) next + step);
        if (!*next)
            return s_misuse ("nothing is called", pattern);
    }
    return 0;
}

static int
s_choose_all (options_t *options)
{
    if (options->selection.works) {
        int rc = s_check_words (options->selection.works, &s_works->name,
                                sizeof (work_t));
        if (rc == 0)
            rc = s_check_words (options->selection.relays, s_relays,
                                sizeof (*s_relays));
        if (rc)
            return rc;
    }
    const selection_t *suite = streq (options->suite, "quick")? s_quick:
                               streq (options->suite, "readme")? s_readme:
                               streq (options->suite, "full")? s_full: NULL;
    if (!suite)
        return s_misuse ("no such suite:", options->suite);
    if (options->selection.works)
        s_choose (&options->selection);
    else
        for (; suite->works; suite++)
            s_choose (suite);
    s_leave_out_python ();
    return s_bench.count? 0: s_misuse ("nothing to measure:",
                                       options->selection.works);
}

//  Returns a status for the end of the program, or 0

static int
s_watch (options_t *options)
{
    static const char *words [] = { "refuse", "warn", "ignore", NULL };
    if (!options->busy)
        options->busy = streq (options->suite, "readme")
            && !options->selection.works? "refuse": "warn";
    int word = 0;
    while (words [word] && strneq (words [word], options->busy))
        word++;
    if (!words [word])
        return s_misuse ("refuse, warn or ignore, not", options->busy);
    s_bench.busy = (busy_t) word;
    if (s_bench.busy == BUSY_IGNORE)
        return 0;
    s_bench.quiet = quiet_new (s_bench.rounds);
    if (options->pretend && !quiet_pretend (s_bench.quiet, options->pretend))
        return s_misuse ("no such facts:", options->pretend);
    bool refuse = s_bench.busy == BUSY_REFUSE;
    if (quiet_start (s_bench.quiet, refuse? PATIENCE: 0) || !refuse)
        return 0;
    s_complain ("the machine is busy, so nothing is measured");
    return 1;
}

//  Results of an earlier run are not to be taken for those of this one

static void
s_remove_old (void)
{
    static const char *names [] = {
        "about.txt", "quiet.csv", "summary.csv", "targets.csv", NULL
    };
    for (const char **name = names; *name; name++) {
        char path [FOLDER_SIZE + 40];
        s_path (path, *name);
        unlink (path);
    }
}

static void
s_prepare (const char *output)
{
    s_bench.output = output;
    if (zsys_dir_create ("%s", output)) {
        fprintf (stderr, "bench: cannot create %s\n", output);
        exit (2);
    }
    s_remove_old ();
    ssize_t size = readlink ("/proc/self/exe", s_bench.folder,
                             FOLDER_SIZE - 1);
    assert (size > 0);
    *strrchr (s_bench.folder, '/') = 0;
    //  A path for sockets must be short
    const char *temporary = getenv ("TMPDIR");
    if (!temporary || strlen (temporary) > PLACE_SIZE / 2)
        temporary = "/tmp";
    snprintf (s_bench.place, PLACE_SIZE, "%s/zrelay-perf-XXXXXX", temporary);
    char *made = mkdtemp (s_bench.place);
    assert (made);
    struct sigaction action = { .sa_handler = s_on_signal };
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
    s_bench.runs = s_open ("runs.csv");
    s_write_head (s_bench.runs);
    fprintf (s_bench.runs, ",round,messages");
    for (int figure = 0; figure < FIGURES; figure++)
        fprintf (s_bench.runs, ",%s", s_columns [figure].name);
    fprintf (s_bench.runs, ",error\n");
    fflush (s_bench.runs);
}

int
main (int argc, char *argv [])
{
    options_t options = { { NULL, "tcp", "100", "1", PEERS }, "quick", "3",
                          "1", "perf-results", NULL, NULL };
    int rc = s_read_options (&options, argc, argv);
    if (rc)
        return rc;
    s_bench.rounds = atoi (options.rounds);
    s_bench.factor = atof (options.factor);
    if (s_bench.rounds < 1 || s_bench.factor <= 0)
        return s_misuse ("no number of rounds, or no load:", options.rounds);
    rc = s_choose_all (&options);
    if (rc)
        return rc;
    rc = s_watch (&options);
    if (rc)
        return rc;
    s_prepare (options.output);
    s_run_rounds ();
    fclose (s_bench.runs);
    rmdir (s_bench.place);
    if (s_bench.quiet)
        s_bench.disturbed = s_interrupted || !quiet_stop (s_bench.quiet);
    bool reported = s_report ();
    quiet_destroy (&s_bench.quiet);
    return s_bench.failures || s_interrupted || !reported? 1: 0;
}
