/*  =========================================================================
    faults - what the tests under fire share

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each program in this folder brings one fault about, and shows that a relay
//  stands it. With ZRELAY_NAIVE in the environment it is run against the
//  naive relay, and has to fail, see naive_test.sh.
//
//      static const faults_role_t s_roles [] = {
//          { "worker", s_worker },
//          { NULL, NULL }
//      };
//
//      int
//      main (int argc, char **argv)
//      {
//          faults_begin (argc, argv, s_roles);
//          TAP_DEADLINE (60);
//          zactor_t *relay = faults_relay ("queue");
//          char *endpoint = faults_bind (relay, "BACKEND");
//          pid_t worker = faults_spawn ("worker", endpoint, NULL);
//          ...
//          faults_kill (worker);
//          TAP (faults_prompt (faults_end_relay (&relay)), "ends at once");
//          return faults_end ();
//      }

#ifndef FAULTS_H_INCLUDED
#define FAULTS_H_INCLUDED

#include <zrelay.h>
#include "../beats.h"
#include "../tap.h"

//  Longest wait for anything, in msecs. Only a fault reaches it; the naive
//  relay is not worth waiting for.
#define FAULTS_PATIENCE (faults_naive ()? 2000: 10000)

//  Sanitizers keep memory to themselves, and what is resident tells nothing
#if defined (__has_feature)
#   define FAULTS_SANITIZED \
    (__has_feature (address_sanitizer) || __has_feature (thread_sanitizer))
#elif defined (__SANITIZE_ADDRESS__) || defined (__SANITIZE_THREAD__)
#   define FAULTS_SANITIZED 1
#else
#   define FAULTS_SANITIZED 0
#endif

//  What a relay does at once takes fewer beats than that, see beats.h. On a
//  quiet machine that is a tenth of a second.
#define FAULTS_PROMPT (FAULTS_SANITIZED? 100000: 20000)


//  --------------------------------------------------------------------------
//  A test, and the processes it starts

//  What a child process does. argv holds argc strings, as given to
//  faults_spawn (). Returns the exit status.
typedef struct {
    const char *name;
    int (*run) (int argc, char **argv);
} faults_role_t;

//  First line of main (). In a child it runs the role, and does not return.
//  roles ends with one without a name; NULL if there are none.
void
    faults_begin (int argc, char **argv, const faults_role_t *roles);

//  Last line of main (): prints the plan, returns the exit status. Children
//  that are still there are killed.
#define faults_end() faults_leave (tap_end ())
int
    faults_leave (int status);

//  Start this program again as a child that plays a role; the strings that
//  follow are its arguments. To be called on the main thread, with whose end
//  the child ends too.
pid_t
    faults_spawn (const char *role, ...) __attribute__ ((sentinel));

//  End a child with SIGKILL, and wait until it is gone.
void
    faults_kill (pid_t child);

//  Stop a child with SIGSTOP, and return when it stands still; let it go on.
void
    faults_stop (pid_t child);
void
    faults_continue (pid_t child);

//  True if a child stands still because it stopped itself; told once.
bool
    faults_stopped (pid_t child);

//  Wait until a child has ended of itself. Returns its exit status, or -1 if
//  it did not end within FAULTS_PATIENCE or was killed.
int
    faults_await (pid_t child);

//  A number from the environment, or what it is by default. For parameters
//  of longer runs.
long
    faults_parameter (const char *name, long by_default);

//  True if this is a run against the naive relay
bool
    faults_naive (void);


//  --------------------------------------------------------------------------
//  Relays

//  A new relay of a kind, such as "queue". Answers are awaited for
//  FAULTS_PATIENCE.
zactor_t *
    faults_relay (const char *kind);

//  Send a command, a list of strings, and return its status; -1 if there is
//  no answer. That is told in the output, with the relay's own sentence.
int
    faults_command (zactor_t *relay, const char *command, ...)
    __attribute__ ((sentinel));
int
    faults_command_va (zactor_t *relay, const char *command, va_list argptr);

//  The sentence of ERROR. The caller frees it with zstr_free ().
char *
    faults_error (zactor_t *relay);

//  Bind a side to a free port, and return the endpoint; the caller frees it
//  with zstr_free (). Does not return if that fails.
char *
    faults_bind (zactor_t *relay, const char *side);

//  One of the relay's counters; 0 if it does not tell it.
uint64_t
    faults_counter (zactor_t *relay, const char *name);

//  Wait until a counter is at least that; false if it does not come to it.
bool
    faults_counted (zactor_t *relay, const char *name, uint64_t least);

//  Beats until there is something to read from the relay, as an answer; -1 if
//  nothing comes within FAULTS_PATIENCE. It is not read.
int64_t
    faults_answer (zactor_t *relay);

//  Beats until the relay answers PING; -1 if it does not.
int64_t
    faults_ping (zactor_t *relay);

//  End the relay, and return how many beats it took; -1 if it does not end
//  within FAULTS_PATIENCE, and is left to itself.
int64_t
    faults_end_relay (zactor_t **relay_p);

//  True if so many beats are those of something that was done at once
bool
    faults_prompt (int64_t beats);


//  --------------------------------------------------------------------------
//  Peers

//  A socket of a type that is connected to an endpoint, with FAULTS_PATIENCE
//  as the time limit of its calls.
zsock_t *
    faults_connect (int type, const char *endpoint);

//  The same as a user of PLAIN, whose password is the same.
zsock_t *
    faults_connect_as (int type, const char *endpoint, const char *user);

//  A worker, as an actor: it returns what it gets. args are a faults_worker_t.
typedef struct {
    const char *endpoint;       //  Where it works
    const char *user;           //  As whom, or NULL
} faults_worker_t;
void
    faults_worker (zsock_t *pipe, void *args);

//  True if a client's question is answered by such a worker. Where it is not,
//  that is told in the output, with whose it is.
bool
    faults_ask (zsock_t *client, const char *whose);

//  A socket like that of faults_connect (), bound to a free port;
//  zsock_endpoint () tells it.
zsock_t *
    faults_listen (int type);


//  --------------------------------------------------------------------------
//  A process that answers questions at a REP, here at the REQ control

//  The answer, which the caller frees with zstr_free (); and as a number.
char *
    faults_question (zsock_t *control, const char *question);
int64_t
    faults_number (zsock_t *control, const char *question);

//  True if that process uses next to nothing of a second, by its answers to
//  CPU. arg is control; for faults_wait ().
bool
    faults_quiet (void *arg);


//  --------------------------------------------------------------------------
//  Waiting and measuring

//  Call a function every few milliseconds until it returns true. Returns
//  false if it does not for so many msecs.
bool
    faults_wait (bool (*done) (void *arg), void *arg, int64_t msecs);

//  Microseconds of CPU time that this process has used, by all its threads
int64_t
    faults_cpu (void);

//  Resident memory of a process in KiB, 0 for this one. What the allocator
//  could give back is given back first, if it is this one.
int64_t
    faults_memory (pid_t process);

//  Number of open descriptors of this process
int
    faults_descriptors (void);

//  The value below which percent of all are; sorts them.
int64_t
    faults_percentile (int64_t *values, size_t count, double percent);

#endif
