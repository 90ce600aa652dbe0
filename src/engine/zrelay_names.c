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
#include "../zrelay_thread.h"
#include <netdb.h>

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

static question_t *
s_question_new (const char *host)
{
    question_t *self = (question_t *) zmalloc (sizeof (question_t));
    assert (self);
    pthread_mutex_init (&self->mutex, NULL);
    zrelay_thread_make_cond (&self->known);
    self->host = strdup (host);
    assert (self->host);
    return self;
}

bool
zrelay_names_only_ipv6 (const char *host)
{
    question_t *self = s_question_new (host);
    pthread_t thread;
    if (zrelay_thread_start (&thread, s_ask, self)) {
        s_question_destroy (self);
        return false;
    }
    pthread_detach (thread);
    int64_t until = zclock_mono () + WAIT_MOST;
    pthread_mutex_lock (&self->mutex);
    int64_t left;
    while (!self->answered && (left = until - zclock_mono ()) > 0)
        zrelay_thread_wait (&self->known, &self->mutex, left);
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
