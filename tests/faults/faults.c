/*  =========================================================================
    faults - what the tests under fire share

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For pthread_tryjoin_np ()
#ifndef _GNU_SOURCE
#   define _GNU_SOURCE
#endif
#include "faults.h"
#include "naive.h"
#include <dirent.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

//  Between two looks at a condition, in msecs
#define LOOK_IVL 5

//  First argument of a child
#define ROLE_OPTION "--role"

#define ARGS_MAX 16
#define CHILDREN_MAX 256

static pid_t s_children [CHILDREN_MAX];     //  Started and not yet gone


//  --------------------------------------------------------------------------
//  A test

void
faults_begin (int argc, char **argv, const faults_role_t *roles)
{
    setbuf (stdout, NULL);
    if (argc < 3 || strneq (argv [1], ROLE_OPTION))
        return;
    while (roles && roles->name && strneq (roles->name, argv [2]))
        roles++;
    assert (roles && roles->name);
    exit (roles->run (argc - 3, argv + 3));
}

int
faults_leave (int status)
{
    for (int index = 0; index < CHILDREN_MAX; index++)
        if (s_children [index])
            faults_kill (s_children [index]);
    //  The naive relay may be stuck where nothing ends it but this
    if (faults_naive ()) {
        fflush (stdout);
        _exit (status);
    }
    return status;
}

long
faults_parameter (const char *name, long by_default)
{
    const char *value = getenv (name);
    return value && *value? atol (value): by_default;
}

bool
faults_naive (void)
{
    return getenv ("ZRELAY_NAIVE") != NULL;
}


//  --------------------------------------------------------------------------
//  Children

//  The place where a child is noted, or a free one for 0

static pid_t *
s_child (pid_t child)
{
    int index = 0;
    while (index < CHILDREN_MAX && s_children [index] != child)
        index++;
    assert (index < CHILDREN_MAX);
    return &s_children [index];
}

//  Replaces the process; what belongs to threads of the parent is gone with
//  it, which it would not be after a mere fork. Under valgrind the program is
//  what the link is said to lead to, not what it leads to.

static void
s_exec (char **argv, pid_t parent)
{
    char path [PATH_MAX] = "";
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () == parent
    &&  readlink ("/proc/self/exe", path, sizeof (path) - 1) > 0)
        execv (path, argv);
    _exit (127);
}

pid_t
faults_spawn (const char *role, ...)
{
    char *argv [ARGS_MAX] = { "test", ROLE_OPTION, (char *) role };
    int argc = 3;
    va_list argptr;
    va_start (argptr, role);
    while (argc < ARGS_MAX - 1 && (argv [argc] = va_arg (argptr, char *)))
        argc++;
    va_end (argptr);

    pid_t *place = s_child (0);
    pid_t parent = getpid ();
    pid_t child = fork ();
    assert (child != -1);
    if (child == 0)
        s_exec (argv, parent);
    *place = child;
    return child;
}

void
faults_kill (pid_t child)
{
    pid_t *place = s_child (child);
    kill (child, SIGKILL);
    waitpid (child, NULL, 0);
    *place = 0;
}

void
faults_stop (pid_t child)
{
    assert (*s_child (child) == child);
    kill (child, SIGSTOP);
    waitpid (child, NULL, WUNTRACED);
}

void
faults_continue (pid_t child)
{
    assert (*s_child (child) == child);
    kill (child, SIGCONT);
}

bool
faults_stopped (pid_t child)
{
    assert (*s_child (child) == child);
    int status;
    return waitpid (child, &status, WUNTRACED | WNOHANG) == child
        && WIFSTOPPED (status);
}

int
faults_await (pid_t child)
{
    pid_t *place = s_child (child);
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    int status;
    while (waitpid (child, &status, WNOHANG) == 0) {
        if (zclock_mono () > deadline) {
            faults_kill (child);
            return -1;
        }
        zclock_sleep (LOOK_IVL);
    }
    *place = 0;
    return WIFEXITED (status)? WEXITSTATUS (status): -1;
}


//  --------------------------------------------------------------------------
//  Relays

zactor_t *
faults_relay (const char *kind)
{
    const zrelay_kind_t *found = zrelay_kinds_find (zrelay_kinds (), kind);
    assert (found);
    zactor_t *relay = faults_naive ()? zactor_new (naive_relay, (void *) kind):
                                       zrelay_engine_spawn (found, kind);
    assert (relay);
    zsock_set_rcvtimeo (zactor_sock (relay), FAULTS_PATIENCE);
    zsock_set_sndtimeo (zactor_sock (relay), FAULTS_PATIENCE);
    return relay;
}

char *
faults_error (zactor_t *relay)
{
    char *name = NULL;
    char *sentence = NULL;
    zstr_send (relay, "ERROR");
    zstr_recvx (relay, &name, &sentence, NULL);
    zstr_free (&name);
    return sentence? sentence: strdup ("no answer to ERROR");
}

int
faults_command_va (zactor_t *relay, const char *command, va_list argptr)
{
    zmsg_t *msg = zmsg_new ();
    zmsg_addstr (msg, command);
    const char *argument;
    while ((argument = va_arg (argptr, const char *)))
        zmsg_addstr (msg, argument);
    zmsg_send (&msg, relay);
    zmsg_destroy (&msg);
    int status = zsock_wait (relay);
    if (status > 0) {
        char *error = faults_error (relay);
        printf ("#   %s: status %d: %s\n", command, status, error);
        zstr_free (&error);
    }
    else
    if (status == -1)
        printf ("#   %s: no answer\n", command);
    return status;
}

int
faults_command (zactor_t *relay, const char *command, ...)
{
    va_list argptr;
    va_start (argptr, command);
    int status = faults_command_va (relay, command, argptr);
    va_end (argptr);
    return status;
}

char *
faults_bind (zactor_t *relay, const char *side)
{
    int status = faults_command (relay, "BIND", side, "tcp://127.0.0.1:*",
                                 NULL);
    assert (status == 0);
    zstr_sendx (relay, "ENDPOINT", side, NULL);
    zmsg_t *answer = zmsg_recv (relay);
    assert (answer && zmsg_size (answer) > 1);
    char *endpoint = zframe_strdup (zmsg_last (answer));
    zmsg_destroy (&answer);
    return endpoint;
}

uint64_t
faults_counter (zactor_t *relay, const char *name)
{
    zrelay_stats_t *stats = zrelay_stats_query (relay);
    if (!stats)
        printf ("#   no answer to STATS\n");
    uint64_t value = stats? zrelay_stats_value (stats, name): 0;
    zrelay_stats_destroy (&stats);
    return value;
}

typedef struct {
    zactor_t *relay;
    const char *name;
    uint64_t least;
} counted_t;

static bool
s_counted (void *arg)
{
    counted_t *self = (counted_t *) arg;
    return faults_counter (self->relay, self->name) >= self->least;
}

bool
faults_counted (zactor_t *relay, const char *name, uint64_t least)
{
    counted_t counted = { relay, name, least };
    return faults_wait (s_counted, &counted, FAULTS_PATIENCE);
}

static bool
s_has_input (void *arg)
{
    zmq_pollitem_t item = { .socket = arg, .events = ZMQ_POLLIN };
    return zmq_poll (&item, 1, 0) == 1;
}

int64_t
faults_answer (zactor_t *relay)
{
    return beats_until (s_has_input, zsock_resolve (relay), FAULTS_PATIENCE);
}

int64_t
faults_ping (zactor_t *relay)
{
    zstr_send (relay, "PING");
    int64_t beats = faults_answer (relay);
    if (beats == -1)
        return -1;
    char *answer = zstr_recv (relay);
    bool right = answer && streq (answer, "PING");
    zstr_free (&answer);
    return right? beats: -1;
}

//  Ends a relay on a thread of its own, while the caller's counts beats

typedef struct {
    zactor_t *relay;
    pthread_t thread;
} ending_t;

static void *
s_ending_thread (void *arg)
{
    zactor_destroy (&((ending_t *) arg)->relay);
    return NULL;
}

static bool
s_has_ended (void *arg)
{
    return pthread_tryjoin_np (((ending_t *) arg)->thread, NULL) == 0;
}

int64_t
faults_end_relay (zactor_t **relay_p)
{
    ending_t *ending = (ending_t *) zmalloc (sizeof (ending_t));
    assert (ending);
    ending->relay = *relay_p;
    *relay_p = NULL;
    int rc = pthread_create (&ending->thread, NULL, s_ending_thread, ending);
    assert (rc == 0);
    int64_t beats = beats_until (s_has_ended, ending, FAULTS_PATIENCE);
    //  A thread that has not ended still needs it
    if (beats != -1)
        free (ending);
    return beats;
}

bool
faults_prompt (int64_t beats)
{
    return beats >= 0 && beats < FAULTS_PROMPT;
}


//  --------------------------------------------------------------------------
//  Peers

static zsock_t *
s_peer_new (int type)
{
    zsock_t *sock = zsock_new (type);
    assert (sock);
    zsock_set_rcvtimeo (sock, FAULTS_PATIENCE);
    zsock_set_sndtimeo (sock, FAULTS_PATIENCE);
    return sock;
}

zsock_t *
faults_connect (int type, const char *endpoint)
{
    zsock_t *sock = s_peer_new (type);
    int rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    return sock;
}

zsock_t *
faults_connect_as (int type, const char *endpoint, const char *user)
{
    zsock_t *sock = s_peer_new (type);
    zsock_set_plain_username (sock, user);
    zsock_set_plain_password (sock, user);
    int rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    return sock;
}

void
faults_worker (zsock_t *pipe, void *args)
{
    faults_worker_t *self = (faults_worker_t *) args;
    zsock_t *sock = self->user?
        faults_connect_as (ZMQ_DEALER, self->endpoint, self->user):
        faults_connect (ZMQ_DEALER, self->endpoint);
    zpoller_t *poller = zpoller_new (pipe, sock, NULL);
    zsock_signal (pipe, 0);
    while (zpoller_wait (poller, -1) == sock) {
        zmsg_t *msg = zmsg_recv (sock);
        zmsg_send (&msg, sock);
    }
    zpoller_destroy (&poller);
    zsock_destroy (&sock);
}

bool
faults_ask (zsock_t *client, const char *whose)
{
    int64_t start = zclock_mono ();
    zstr_send (client, "question");
    char *reply = zstr_recv (client);
    bool well = reply && streq (reply, "question");
    zstr_free (&reply);
    if (!well)
        printf ("#   %s client: no reply for %" PRId64 " ms\n", whose,
                zclock_mono () - start);
    return well;
}

zsock_t *
faults_listen (int type)
{
    zsock_t *sock = s_peer_new (type);
    int rc = zsock_bind (sock, "tcp://127.0.0.1:*");
    assert (rc != -1);
    return sock;
}


//  --------------------------------------------------------------------------
//  A process that answers questions

//  CPU time in a second that counts as nothing, in usecs
#define QUIET_USECS 50000

char *
faults_question (zsock_t *control, const char *question)
{
    zstr_send (control, question);
    char *answer = zstr_recv (control);
    assert (answer);
    return answer;
}

int64_t
faults_number (zsock_t *control, const char *question)
{
    char *answer = faults_question (control, question);
    int64_t number = atoll (answer);
    zstr_free (&answer);
    return number;
}

bool
faults_quiet (void *arg)
{
    zsock_t *control = (zsock_t *) arg;
    int64_t used = faults_number (control, "CPU");
    zclock_sleep (1000);
    used = faults_number (control, "CPU") - used;
    printf ("# %" PRId64 " us of CPU time in a second\n", used);
    return used < QUIET_USECS;
}


//  --------------------------------------------------------------------------
//  Waiting and measuring

bool
faults_wait (bool (*done) (void *arg), void *arg, int64_t msecs)
{
    int64_t deadline = zclock_mono () + msecs;
    while (!done (arg)) {
        if (zclock_mono () > deadline)
            return false;
        zclock_sleep (LOOK_IVL);
    }
    return true;
}

int64_t
faults_cpu (void)
{
    struct timespec used;
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t) used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

int64_t
faults_memory (pid_t process)
{
    if (process == 0) {
        malloc_trim (0);
        process = getpid ();
    }
    char path [40];
    snprintf (path, sizeof (path), "/proc/%d/statm", (int) process);
    FILE *file = fopen (path, "r");
    assert (file);
    long total, resident;
    int count = fscanf (file, "%ld %ld", &total, &resident);
    assert (count == 2);
    fclose (file);
    return (int64_t) resident * sysconf (_SC_PAGESIZE) / 1024;
}

int
faults_descriptors (void)
{
    DIR *folder = opendir ("/proc/self/fd");
    assert (folder);
    int count = 0;
    while (readdir (folder))
        count++;
    closedir (folder);
    //  Not ".", "..", and the folder itself
    return count - 3;
}

static int
s_compare (const void *left, const void *right)
{
    int64_t difference = *(const int64_t *) left - *(const int64_t *) right;
    return difference < 0? -1: difference > 0;
}

int64_t
faults_percentile (int64_t *values, size_t count, double percent)
{
    assert (count > 0);
    qsort (values, count, sizeof (int64_t), s_compare);
    size_t index = (size_t) (percent / 100 * (double) count);
    return values [index < count? index: count - 1];
}
