/*  =========================================================================
    beats.h - a clock that a busy machine slows down as well

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Tests have to show that something happens at once. Milliseconds do not
//  show that: where other programs take the processors, any thread may have to
//  wait, however prompt it is. So tests count beats instead. One beat is a
//  byte that goes from this thread to another and back again, which takes
//  turns on the processors just as an answer of a relay does:
//
//      beats = beats_until (s_is_answered, relay, 10000);
//      TAP (beats != -1 && beats < 50000, "the relay answers at once");
//
//  On a quiet machine there are some 200 beats in a millisecond; on a busy one
//  they take longer, as everything does. A thread that waits for something
//  other than a processor - a peer, a timer - is still seen to be late.

#ifndef BEATS_H_INCLUDED
#define BEATS_H_INCLUDED

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

//  Write a byte, or read one; false if the other end is closed

static inline bool
s_beats_move (int handle, bool in)
{
    char beat = 0;
    ssize_t count;
    do
        count = in? read (handle, &beat, 1): write (handle, &beat, 1);
    while (count == -1 && errno == EINTR);
    return count == 1;
}

static inline void *
s_beats_thread (void *arg)
{
    int handle = *(int *) arg;
    while (s_beats_move (handle, true) && s_beats_move (handle, false))
        continue;
    return NULL;
}

static inline int64_t
s_beats_msecs (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Call a function between beats until it returns true, and return how many
//  beats there were. Returns -1 if it has not returned true for so many
//  msecs, which only a hang may do.

static inline int64_t
beats_until (bool (*done) (void *arg), void *arg, int64_t msecs)
{
    if (done (arg))
        return 0;
    int handles [2];
    int rc = socketpair (AF_UNIX, SOCK_STREAM, 0, handles);
    assert (rc == 0);
    pthread_t thread;
    rc = pthread_create (&thread, NULL, s_beats_thread, &handles [1]);
    assert (rc == 0);
    int64_t deadline = s_beats_msecs () + msecs;
    int64_t beats = 0;
    bool over = false;
    while (!(over = done (arg)) && s_beats_msecs () < deadline) {
        rc = s_beats_move (handles [0], false)
          && s_beats_move (handles [0], true);
        assert (rc);
        beats++;
    }
    close (handles [0]);
    pthread_join (thread, NULL);
    close (handles [1]);
    return over? beats: -1;
}

#endif
