/*  =========================================================================
    zrelay_thread - how threads of the library begin, and wait

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_THREAD_H_INCLUDED
#define ZRELAY_THREAD_H_INCLUDED

#include <czmq.h>
#include <pthread.h>
#include <signal.h>

//  For all folders but those of kinds and bridges, which are written as a
//  user's are. selftest/zrelay_thread_test.c tests it.

//  Block signals in this thread, which is a new one: they are for the
//  application's threads, and would end polls early here. Those that report a
//  fault in this thread stay.

static inline void
zrelay_thread_block_signals (void)
{
    static const int faults [] = {
        SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF
    };
    sigset_t signals;
    sigfillset (&signals);
    for (size_t index = 0; index < sizeof (faults) / sizeof (*faults); index++)
        sigdelset (&signals, faults [index]);
    pthread_sigmask (SIG_SETMASK, &signals, NULL);
}

//  Start a thread that gets no signals. Returns what pthread_create () does.

static inline int
zrelay_thread_start (pthread_t *thread, void *(*run) (void *arg), void *arg)
{
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int rc = pthread_create (thread, NULL, run, arg);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return rc;
}

//  Make a condition for which zrelay_thread_wait () can wait. It does, for so
//  many msecs at most, with a mutex that is locked.

static inline void
zrelay_thread_make_cond (pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init (&attributes);
    pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
    pthread_cond_init (cond, &attributes);
    pthread_condattr_destroy (&attributes);
}

static inline void
zrelay_thread_wait (pthread_cond_t *cond, pthread_mutex_t *mutex,
                    int64_t msecs)
{
    struct timespec until;
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_sec += msecs / 1000;
    until.tv_nsec += msecs % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait (cond, mutex, &until);
}

#endif
