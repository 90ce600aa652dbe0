/*  =========================================================================
    perf.h - what the parts of the benchmark share

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  relays.c starts relays of every make in this process, by inproc in
//  the benchmark's and by tcp or ipc in perf/relay's; load.c sends messages
//  through a relay and takes the figures; usage.c reads the system's counters
//  of processes and threads; quiet.c and pace.c know whether the machine did
//  anything else; bench.c goes round, compares and prints. README.md in this
//  folder describes what is measured.

#ifndef PERF_H_INCLUDED
#define PERF_H_INCLUDED

#include <zrelay.h>

#define PERF_ENDPOINT_SIZE 256


//  --------------------------------------------------------------------------
//  Relays: relays.c

//  A pattern of messages, and the relay for it
typedef struct {
    const char *name;           //  As zrelay calls it
    zactor_fn *actor;           //  zrelay's
    int types [2];              //  Of the relay's sockets
    const char *names [2];      //  The same in words
    int source;                 //  Of the sockets that connect to them
    int sink;
    int hwm;                    //  High-water mark of each socket
} kind_t;

extern const kind_t perf_streamer, perf_forwarder, perf_queue;

//  The kind of that name, or NULL
const kind_t *
    perf_kind (const char *name);

//  Places of a relay's endpoints
enum { FRONT, BACK, CAPTURE, ENDS };

typedef struct {
    const char *name;           //  Make: "zrelay", "loop" ...
    const kind_t *kind;
    char ends [ENDS] [PERF_ENDPOINT_SIZE];      //  Where to bind
    int count;                  //  Relays in this process; one is used
    int stats;                  //  How often a second STATS is asked
} relay_t;

//  Makes of relays. Direct is none; pyzmq's is a program in Python.
bool
    perf_relay_known (const char *name);
bool
    perf_relay_captures (const char *name);

//  Settings of this process, before there is any socket
void
    perf_relay_prepare (const kind_t *kind);

//  Start a relay in this process, of any make but "direct" and "pyzmq". Its
//  ends then hold what is really bound. Returns its actor, of which those of
//  zrelay and zproxy may be destroyed; others run on. Ends the process if it
//  cannot. If it is to be several, the first one is returned.
zactor_t *
    perf_relay_start (relay_t *relay);

//  Ask zrelay for STATS as often as told, or wait; until the process is ended
void
    perf_relay_serve (relay_t *relay, zactor_t *actor);


//  --------------------------------------------------------------------------
//  The system's counters: usage.c

//  A process, or one thread of this process
typedef struct {
    pid_t pid;                  //  Process, 0: none
    pid_t tid;                  //  Thread, 0: all
} usage_t;

typedef struct {
    int64_t at;                 //  Time of the sample, in nsecs
    int64_t cpu;                //  User and system time, in nsecs
    int64_t io;                 //  The part of libzmq's I/O threads; of a
                                //  process
    int64_t switches;           //  Context switches, of both sorts
    int64_t resident;           //  Memory, in KiB; of the process
} sample_t;

//  Monotonic clock, in nsecs
int64_t
    usage_clock (void);
//  Take the time and CPU time, quickly; the rest of the sample stays as it is
void
    usage_sample (const usage_t *usage, sample_t *sample);
//  Take context switches, memory, and the time of I/O threads, likewise
void
    usage_details (const usage_t *usage, sample_t *sample);
//  The one thread of this process that is not in a list that ends with 0; and
//  such a list, which the caller frees
pid_t
    usage_new_thread (const pid_t *before);
pid_t *
    usage_threads (void);


//  --------------------------------------------------------------------------
//  How fast and how evenly the machine works: pace.c

//  Times of many repetitions of the same thing, in usecs
typedef struct {
    double shortest;            //  Of all
    double median;              //  Of all
    double slow;                //  90th percentile
} pace_t;

//  Fixed work on every core that this process may use, at the same time
pace_t
    pace_spin (void);
//  A byte there and back between two threads by tcp, on two cores if there are
pace_t
    pace_trip (void);


//  --------------------------------------------------------------------------
//  Whether the machine is quiet: quiet.c

//  Facts that show it. The first ones have bounds, see quiet.c
typedef enum {
    QUIET_LOAD,                 //  Load average before the start
    QUIET_OTHERS,               //  CPU time of other processes
    QUIET_STOLEN,               //  CPU time that the host withheld
    QUIET_SPIN_SPREAD,          //  How evenly fixed work runs
    QUIET_SPIN_DRIFT,           //  How it differs before and after
    QUIET_TRIP_SPREAD,          //  How evenly a byte travels by tcp
    QUIET_TRIP_DRIFT,           //  How that differs before and after
    QUIET_OTHERS_WORST,         //  CPU time of others in the worst round
    QUIET_SPIN_BEFORE,          //  Medians
    QUIET_SPIN_AFTER,
    QUIET_TRIP_BEFORE,
    QUIET_TRIP_AFTER,
    QUIET_FACTS
} quiet_fact_t;

typedef struct _quiet_t quiet_t;

//  For so many rounds at most. The caller owns it.
quiet_t *
    quiet_new (int rounds);
void
    quiet_destroy (quiet_t **self_p);

//  Take these for facts, whatever is measured: "load=0.5,others=0", so that a
//  test can do without a quiet machine. Returns false if one does not exist.
bool
    quiet_pretend (quiet_t *self, const char *facts);

//  Before the first round: wait so many msecs for the load average to fall,
//  calibrate, several times if there is time to wait, and begin to count.
//  Returns false if the machine is busy.
bool
    quiet_start (quiet_t *self, int patience);
//  After each round, when no child of this process runs
void
    quiet_round (quiet_t *self);
//  After the last round: calibrate again. Returns false if the machine was busy
//  at any time.
bool
    quiet_stop (quiet_t *self);

//  All that is known, for people and as CSV
void
    quiet_print (quiet_t *self, FILE *file);
void
    quiet_write (quiet_t *self, FILE *file);


//  --------------------------------------------------------------------------
//  The load: load.c

typedef struct {
    const char *name;
    const kind_t *kind;
    int sources;                //  Connections to the frontend
    int sinks;                  //  And to the backend
    int window;                 //  Messages on their way, 0: no limit but HWM
    int messages;               //  In one run, when they are small
    int idle;                   //  Connections to the frontend without traffic
    int subscriptions;          //  That match nothing
    int relays;                 //  In the relay's process
    int stats;                  //  STATS a second
} work_t;

typedef struct {
    const work_t *work;
    const char *transport;
    size_t size;                //  Bytes in a frame
    int frames;                 //  In a message
    int64_t count;              //  Messages that are sent
    int window;                 //  Of the work, or less if they are large
} cell_t;

//  Results of a run. Those that do not apply are NAN. A message of a queue
//  is a request and its reply; one of a forwarder each copy that arrives.
typedef enum {
    RATE,                       //  Messages a second
    BYTES,                      //  Bytes a second
    CPU,                        //  Nsecs of the relay's CPU for each message
    P50, P99, P999,             //  Round trips, in usecs
    RESIDENT,                   //  Memory of the relay, in KiB
    SWITCHES,                   //  Context switches for a thousand messages
    CAPTURED,                   //  Percent of messages that were captured
    IO,                         //  The part of CPU in libzmq's I/O threads
    FIGURES
} figure_t;

typedef struct {
    int64_t messages;           //  That were measured, after the warm-up
    double figures [FIGURES];
    char error [80];            //  Why there are no figures, or empty
} result_t;

//  How long nothing may arrive before a run has failed, in msecs
#define PERF_PATIENCE 10000

//  Send messages through a relay and measure. Creates threads and contexts
//  and leaves them behind, so has to be called in a process of its own. For
//  inproc it starts the relay too; for the relay "direct" it binds the source.
void
    load_run (const cell_t *cell, relay_t *relay, pid_t pid,
              result_t *result);

#endif
