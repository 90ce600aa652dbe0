/*  =========================================================================
    zrelay_errand - a thread that does what would take a relay too long

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_errand.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

struct _zrelay_errand_t {
    zrelay_errand_fn *run;      //  The work
    zrelay_errand_free_fn *release;     //  Frees its argument
    void *work;                 //  Which is this
    pthread_mutex_t lock;       //  Over the work's members, and over these:
    pthread_cond_t changed;     //  Something has changed
    bool left;                  //  The owner is not there any more
    bool done;                  //  The thread is not
    int fds [2];                //  A pipe: read end, write end
};

static void
s_destroy (zrelay_errand_t *self)
{
    self->release (self->work);
    for (int end = 0; end < 2; end++)
        if (self->fds [end] != -1)
            close (self->fds [end]);
    pthread_mutex_destroy (&self->lock);
    pthread_cond_destroy (&self->changed);
    freen (self);
}

static void *
s_thread (void *arg)
{
    zrelay_errand_t *self = (zrelay_errand_t *) arg;
    self->run (self, self->work);
    zrelay_errand_lock (self);
    self->done = true;
    bool last = self->left;
    //  The pipe has room for a byte
    if (!last && write (self->fds [1], "", 1) == -1)
        assert (false);
    zrelay_errand_unlock (self);
    if (last)
        s_destroy (self);
    return NULL;
}

//  Signals are for the application's threads

static int
s_start (zrelay_errand_t *self)
{
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    pthread_attr_t attributes;
    pthread_attr_init (&attributes);
    pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int error = pthread_create (&thread, &attributes, s_thread, self);
    pthread_attr_destroy (&attributes);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return error;
}

zrelay_errand_t *
zrelay_errand_new (zrelay_errand_fn *run, zrelay_errand_free_fn *release,
                   void *work)
{
    zrelay_errand_t *self =
        (zrelay_errand_t *) zmalloc (sizeof (zrelay_errand_t));
    assert (self);
    self->run = run;
    self->release = release;
    self->work = work;
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->changed, NULL);
    self->fds [0] = self->fds [1] = -1;
    int error = pipe (self->fds) == -1? errno: 0;
    for (int end = 0; end < 2 && !error; end++)
        fcntl (self->fds [end], F_SETFD, FD_CLOEXEC);
    if (!error)
        error = s_start (self);
    if (!error)
        return self;
    s_destroy (self);
    errno = error;
    return NULL;
}

void
zrelay_errand_leave (zrelay_errand_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_errand_t *self = *self_p;
        zrelay_errand_lock (self);
        self->left = true;
        bool last = self->done;
        pthread_cond_signal (&self->changed);
        zrelay_errand_unlock (self);
        if (last)
            s_destroy (self);
        *self_p = NULL;
    }
}

int
zrelay_errand_fd (zrelay_errand_t *self)
{
    return self->fds [0];
}

bool
zrelay_errand_ended (zrelay_errand_t *self)
{
    zrelay_errand_lock (self);
    bool done = self->done;
    zrelay_errand_unlock (self);
    return done;
}

void
zrelay_errand_lock (zrelay_errand_t *self)
{
    pthread_mutex_lock (&self->lock);
}

void
zrelay_errand_unlock (zrelay_errand_t *self)
{
    pthread_mutex_unlock (&self->lock);
}

void
zrelay_errand_wait (zrelay_errand_t *self)
{
    pthread_cond_wait (&self->changed, &self->lock);
}

void
zrelay_errand_changed (zrelay_errand_t *self)
{
    pthread_cond_signal (&self->changed);
}

bool
zrelay_errand_left (zrelay_errand_t *self)
{
    return self->left;
}


//  --------------------------------------------------------------------------
//  Selftest: work that waits for a number

typedef struct {
    int number;                 //  0 until it is given
    int seen;                   //  What the thread found
    int *freed;                 //  Counts releases
} test_t;

static void
s_test_run (zrelay_errand_t *self, void *work)
{
    test_t *test = (test_t *) work;
    zrelay_errand_lock (self);
    while (test->number == 0 && !zrelay_errand_left (self))
        zrelay_errand_wait (self);
    test->seen = test->number;
    zrelay_errand_unlock (self);
}

static void
s_test_free (void *work)
{
    test_t *test = (test_t *) work;
    __atomic_add_fetch (test->freed, 1, __ATOMIC_SEQ_CST);
    freen (test);
}

void
zrelay_errand_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_errand: ");
    //  @selftest
    static int freed;
    test_t *test = (test_t *) zmalloc (sizeof (test_t));
    test->freed = &freed;
    zrelay_errand_t *self = zrelay_errand_new (s_test_run, s_test_free, test);
    assert (self);
    assert (!zrelay_errand_ended (self));
    zrelay_errand_lock (self);
    test->number = 42;
    zrelay_errand_changed (self);
    zrelay_errand_unlock (self);
    zmq_pollitem_t item = {
        .fd = zrelay_errand_fd (self), .events = ZMQ_POLLIN
    };
    assert (zmq_poll (&item, 1, 10000) == 1);
    assert (zrelay_errand_ended (self));
    assert (test->seen == 42);
    zrelay_errand_leave (&self);
    zrelay_errand_leave (&self);
    assert (freed == 1);

    //  One that is left ends, too
    test = (test_t *) zmalloc (sizeof (test_t));
    test->freed = &freed;
    self = zrelay_errand_new (s_test_run, s_test_free, test);
    assert (self);
    zrelay_errand_leave (&self);
    while (__atomic_load_n (&freed, __ATOMIC_SEQ_CST) < 2)
        zclock_sleep (1);
    //  @end
    printf ("OK\n");
}
