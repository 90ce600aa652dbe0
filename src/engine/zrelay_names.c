/*  =========================================================================
    zrelay_names - what the system knows about names of hosts

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_names.h"
#include <netdb.h>
#include <pthread.h>
#include <signal.h>

//  getaddrinfo () takes as long as name servers take, which may be a minute. So
//  it is called on a thread of its own, which nobody waits for when the time is
//  over. What both have is freed by the last of the two.

//  Longest wait, in msecs
#define WAIT_MOST 200

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t known;       //  The answer is there
    char *host;                 //  The question
    bool answered;              //  It has an answer
    bool only_ipv6;             //  And which
    bool alone;                 //  The other one has left
} question_t;

static void
s_question_destroy (question_t *self)
{
    pthread_mutex_destroy (&self->mutex);
    pthread_cond_destroy (&self->known);
    free (self->host);
    free (self);
}

//  Leave, and destroy it if the other one has left

static void
s_leave (question_t *self)
{
    bool alone = self->alone;
    self->alone = true;
    pthread_mutex_unlock (&self->mutex);
    if (alone)
        s_question_destroy (self);
}

static bool
s_has (const char *host, int family)
{
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM
    };
    struct addrinfo *found = NULL;
    if (getaddrinfo (host, NULL, &hints, &found))
        return false;
    freeaddrinfo (found);
    return true;
}

static void *
s_ask (void *arg)
{
    question_t *self = (question_t *) arg;
    bool only_ipv6 = !s_has (self->host, AF_INET)
                  && s_has (self->host, AF_INET6);
    pthread_mutex_lock (&self->mutex);
    self->only_ipv6 = only_ipv6;
    self->answered = true;
    pthread_cond_signal (&self->known);
    s_leave (self);
    return NULL;
}

//  Signals are for the application's threads

static bool
s_start (question_t *self)
{
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    pthread_t thread;
    bool started = pthread_create (&thread, NULL, s_ask, self) == 0;
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach (thread);
    return started;
}

static question_t *
s_question_new (const char *host)
{
    question_t *self = (question_t *) zmalloc (sizeof (question_t));
    assert (self);
    pthread_mutex_init (&self->mutex, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init (&clock);
    pthread_condattr_setclock (&clock, CLOCK_MONOTONIC);
    pthread_cond_init (&self->known, &clock);
    pthread_condattr_destroy (&clock);
    self->host = strdup (host);
    assert (self->host);
    return self;
}

bool
zrelay_names_only_ipv6 (const char *host)
{
    question_t *self = s_question_new (host);
    if (!s_start (self)) {
        s_question_destroy (self);
        return false;
    }
    struct timespec until;
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_MOST * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock (&self->mutex);
    int rc = 0;
    while (!self->answered && rc == 0)
        rc = pthread_cond_timedwait (&self->known, &self->mutex, &until);
    bool only_ipv6 = self->answered && self->only_ipv6;
    s_leave (self);
    return only_ipv6;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_names_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_names: ");

    //  @selftest
    assert (zrelay_names_only_ipv6 ("::1"));
    assert (!zrelay_names_only_ipv6 ("127.0.0.1"));
    assert (!zrelay_names_only_ipv6 ("localhost"));
    assert (!zrelay_names_only_ipv6 ("nobody.invalid"));
    //  @end
    printf ("OK\n");
}
