/*  =========================================================================
    zrelay_signals - the signals that the program handles

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_signals.h"

#include <signal.h>
#include <sys/time.h>

//  Those that the program handles
static const int s_signals [] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
#define SIGNALS (sizeof (s_signals) / sizeof (s_signals [0]))

//  The pipe's two ends
typedef enum {
    PIPE_READ = 0,              //  The program reads numbers there
    PIPE_WRITE = 1,             //  The handler writes them there
    PIPE_ENDS = 2               //  How many ends there are
} pipe_end_t;

//  All that the handler can reach
static int s_pipe [PIPE_ENDS];              //  Numbers of signals
static volatile sig_atomic_t s_status;      //  For an end by SIGALRM
static volatile sig_atomic_t s_ending;      //  There is nothing more to do

//  Msecs that libzmq has to finish when somebody is in a hurry. It takes one if
//  all messages have left.
#define HURRY 300

static void
s_set_timer (size_t msecs)
{
    struct itimerval timer = { .it_value = {
        (time_t) (msecs / 1000), (suseconds_t) (msecs % 1000 * 1000) } };
    setitimer (ITIMER_REAL, &timer, NULL);
}

static void
s_on_signal (int number)
{
    int error = errno;
    if (number == SIGALRM)
        _exit (s_status);
    if (s_ending) {
        s_set_timer (HURRY);
        return;
    }
    byte message = (byte) number;
    //  If the pipe is full, more signals are waiting than anybody can want
    ssize_t rc = write (s_pipe [PIPE_WRITE], &message, sizeof (message));
    (void) rc;
    errno = error;
}

static void
s_mask (int how)
{
    sigset_t set;
    sigemptyset (&set);
    for (size_t index = 0; index < SIGNALS; index++)
        sigaddset (&set, s_signals [index]);
    pthread_sigmask (how, &set, NULL);
}

void
zrelay_signals_block (void)
{
    s_mask (SIG_BLOCK);
}

void
zrelay_signals_unblock (void)
{
    s_mask (SIG_UNBLOCK);
}

//  nohup has SIGHUP ignored, and means it. SIGINT is ignored in the background
//  jobs of a script, and who sends it by its number means that.

static void
s_handle (int number)
{
    struct sigaction before;
    if (number == SIGHUP && sigaction (number, NULL, &before) == 0
    &&  before.sa_handler == SIG_IGN)
        return;
    struct sigaction action;
    memset (&action, 0, sizeof (action));
    action.sa_handler = s_on_signal;
    sigemptyset (&action.sa_mask);
    sigaction (number, &action, NULL);
}

zrelay_exit_t
zrelay_signals_start (zrelay_report_t *report)
{
    zrelay_signals_block ();
    if (pipe (s_pipe))
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "cannot create a pipe for signals: %s", strerror (errno));
    for (size_t end = 0; end < PIPE_ENDS; end++) {
        fcntl (s_pipe [end], F_SETFL, O_NONBLOCK);
        fcntl (s_pipe [end], F_SETFD, FD_CLOEXEC);
    }
    //  CZMQ would install handlers of its own
    zsys_handler_set (NULL);
    for (size_t index = 0; index < SIGNALS; index++)
        s_handle (s_signals [index]);
    return ZRELAY_EXIT_NOT_YET;
}

int
zrelay_signals_fd (void)
{
    return s_pipe [PIPE_READ];
}

int
zrelay_signals_next (void)
{
    byte number = 0;
    ssize_t size = read (s_pipe [PIPE_READ], &number, sizeof (number));
    return size == sizeof (number)? number: 0;
}

//  SIGALRM is never blocked

void
zrelay_signals_limit (size_t msecs, zrelay_exit_t status)
{
    s_status = status;
    s_handle (SIGALRM);
    s_set_timer (msecs);
}

void
zrelay_signals_end (zrelay_exit_t status)
{
    s_status = status;
    s_handle (SIGALRM);
    s_ending = true;
    signal (SIGUSR1, SIG_IGN);
    zrelay_signals_unblock ();
}
