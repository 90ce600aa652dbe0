/*  =========================================================================
    zrelay_thread_test - self test of how threads begin, and wait

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_testing.h"
#include "../src/zrelay_thread.h"

//  Longer than any test runs, in msecs
#define LONG 60000

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;        //  The thread has begun
    bool begun;                 //  It has
    sigset_t before;            //  Signals that are blocked when it begins
    sigset_t after;             //  And after it has blocked some itself
} test_t;

static void *
s_run (void *arg)
{
    test_t *self = (test_t *) arg;
    pthread_sigmask (SIG_SETMASK, NULL, &self->before);
    zrelay_thread_block_signals ();
    pthread_sigmask (SIG_SETMASK, NULL, &self->after);
    pthread_mutex_lock (&self->mutex);
    self->begun = true;
    pthread_cond_signal (&self->cond);
    pthread_mutex_unlock (&self->mutex);
    return NULL;
}

void
zrelay_thread_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_thread: ");

    //  @selftest
    test_t self = { .begun = false };
    pthread_mutex_init (&self.mutex, NULL);
    zrelay_thread_make_cond (&self.cond);
    sigset_t ours, still;
    pthread_sigmask (SIG_SETMASK, NULL, &ours);
    pthread_mutex_lock (&self.mutex);
    int64_t began = zclock_mono ();
    zrelay_thread_wait (&self.cond, &self.mutex, 20);
    assert (zclock_mono () < began + LONG);

    //  A thread gets no signals; of those that it lets in itself, it has faults
    pthread_t thread;
    int rc = zrelay_thread_start (&thread, s_run, &self);
    assert (rc == 0);
    while (!self.begun) {
        zrelay_thread_wait (&self.cond, &self.mutex, LONG);
        assert (zclock_mono () < began + LONG);
    }
    pthread_mutex_unlock (&self.mutex);
    pthread_join (thread, NULL);
    assert (sigismember (&self.before, SIGINT) == 1);
    assert (sigismember (&self.before, SIGSEGV) == 1);
    assert (sigismember (&self.after, SIGINT) == 1);
    assert (sigismember (&self.after, SIGSEGV) == 0);

    //  The starter gets them as before
    pthread_sigmask (SIG_SETMASK, NULL, &still);
    assert (sigismember (&still, SIGINT) == sigismember (&ours, SIGINT));
    pthread_cond_destroy (&self.cond);
    pthread_mutex_destroy (&self.mutex);
    //  @end
    printf ("OK\n");
}
