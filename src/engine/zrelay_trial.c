/*  =========================================================================
    zrelay_trial - tries an endpoint that might end the process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_trial.h"
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

//  Msecs after which what libzmq does on its thread has happened, and for which
//  we wait for the child
#define TRIAL 100
#define WAIT_MOST 1000

//  What the child says when it has survived
#define SURVIVED 'S'

//  No core file, no words, and no handler of the application's

static void
s_be_quiet (void)
{
    struct rlimit none = { 0, 0 };
    setrlimit (RLIMIT_CORE, &none);
    signal (SIGABRT, SIG_DFL);
    int nowhere = open ("/dev/null", O_WRONLY);
    if (nowhere != -1) {
        dup2 (nowhere, STDOUT_FILENO);
        dup2 (nowhere, STDERR_FILENO);
    }
}

//  Whether it succeeds is not asked here. CZMQ's context is the parent's.

static void
s_try (int type, const char *endpoint, bool bind)
{
    void *context = zmq_ctx_new ();
    void *handle = context? zmq_socket (context, type): NULL;
    if (handle && (bind? zmq_bind (handle, endpoint):
                         zmq_connect (handle, endpoint)) == 0)
        poll (NULL, 0, TRIAL);
}

static bool
s_wait (int fd)
{
    struct pollfd item = { .fd = fd, .events = POLLIN };
    int rc;
    do
        rc = poll (&item, 1, WAIT_MOST);
    while (rc == -1 && errno == EINTR);
    char word = 0;
    return rc == 1 && read (fd, &word, 1) == 1 && word == SURVIVED;
}

bool
zrelay_trial_survives (int type, const char *endpoint, bool bind)
{
    int ends [2];
    if (pipe (ends))
        return false;
    pid_t child = fork ();
    if (child == 0) {
        s_be_quiet ();
        s_try (type, endpoint, bind);
        char word = SURVIVED;
        ssize_t size = write (ends [1], &word, 1);
        _exit (size != 1);
    }
    close (ends [1]);
    bool survived = child > 0 && s_wait (ends [0]);
    close (ends [0]);
    if (child > 0) {
        kill (child, SIGKILL);
        while (waitpid (child, NULL, 0) == -1 && errno == EINTR);
    }
    return survived;
}


//  --------------------------------------------------------------------------
//  Selftest

//  Under a checker of memory, or where names take long to resolve, the time of
//  one trial may not be enough. In msecs:

#define TEST_PATIENCE 30000

static bool
s_test_ends (int type, const char *endpoint, bool bind)
{
    int64_t until = zclock_mono () + TEST_PATIENCE;
    bool survives = true;
    while (survives && zclock_mono () < until)
        survives = zrelay_trial_survives (type, endpoint, bind);
    return !survives;
}

void
zrelay_trial_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_trial: ");

    //  @selftest
    assert (zrelay_trial_survives (ZMQ_PUB, "inproc://trial", true));
    //  That libzmq refuses it ends nothing
    assert (zrelay_trial_survives (ZMQ_PUB, "nonsense", true));
    if (zmq_has ("norm")) {
        assert (s_test_ends (ZMQ_PUB, "norm://x", false));
        assert (s_test_ends (ZMQ_SUB, "norm://nope;239.1.1.1:5556", true));
    }
    //  @end
    printf ("OK\n");
}
