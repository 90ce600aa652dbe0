/*  =========================================================================
    pace - how fast and how evenly the machine works now

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#define _GNU_SOURCE 1
#include <sched.h>
#include "perf.h"

static int
s_compare (const void *left, const void *right)
{
    double one = *(const double *) left;
    double other = *(const double *) right;
    return one < other? -1: one > other;
}

//  Sorts the times

static pace_t
s_pace (double *times, int count)
{
    qsort (times, count, sizeof (double), s_compare);
    return (pace_t) { times [0], times [count / 2], times [count * 9 / 10] };
}


//  --------------------------------------------------------------------------
//  Fixed work on every core at once

//  Repetitions on each core, and steps of each repetition. These take some 10
//  msecs, which is longer than the slice that a scheduler gives to a process
#define SPINS 100
#define SPIN_STEPS 4000000

typedef struct {
    int cores;                  //  Cores that this process may use
    int done;                   //  Threads that have all their repetitions
    pthread_barrier_t start;    //  All begin at once
    double *times;              //  Repetitions of all threads, in usecs
} spin_t;

typedef struct {
    spin_t *spin;               //  What they share
    int index;                  //  Number of this one
} spinner_t;

//  Cores that the calling thread may use. Returns their number.

static int
s_cores (cpu_set_t *cores)
{
    CPU_ZERO (cores);
    if (sched_getaffinity (0, sizeof (cpu_set_t), cores))
        CPU_SET (0, cores);
    return CPU_COUNT (cores);
}

//  Keep the calling thread on one of them, counted from 0; they are counted
//  again from the first one if there are fewer

static void
s_pin (int index)
{
    cpu_set_t cores, one;
    index %= s_cores (&cores);
    int core = 0;
    while (!CPU_ISSET (core, &cores) || index-- > 0)
        core++;
    CPU_ZERO (&one);
    CPU_SET (core, &one);
    pthread_setaffinity_np (pthread_self (), sizeof (one), &one);
}

static uint64_t
s_work (uint64_t number)
{
    for (int step = 0; step < SPIN_STEPS; step++) {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
    }
    return number;
}

//  A thread that is done works on until all are done, because cores that share
//  something slow each other down

static void *
s_spinner (void *args)
{
    spinner_t *self = (spinner_t *) args;
    spin_t *spin = self->spin;
    s_pin (self->index);
    pthread_barrier_wait (&spin->start);
    volatile uint64_t number = 1;
    for (int count = 0;
         __atomic_load_n (&spin->done, __ATOMIC_RELAXED) < spin->cores;
         count++) {
        int64_t start = usage_clock ();
        number = s_work (number);
        if (count < SPINS)
            spin->times [self->index * SPINS + count] =
                (double) (usage_clock () - start) / 1e3;
        if (count == SPINS - 1)
            __atomic_add_fetch (&spin->done, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

pace_t
pace_spin (void)
{
    cpu_set_t cores;
    spin_t spin = { .cores = s_cores (&cores) };
    spin.times = (double *) zmalloc (spin.cores * SPINS * sizeof (double));
    assert (spin.times);
    pthread_barrier_init (&spin.start, NULL, spin.cores);
    pthread_t threads [spin.cores];
    spinner_t spinners [spin.cores];
    for (int index = 0; index < spin.cores; index++) {
        spinners [index] = (spinner_t) { &spin, index };
        int rc = pthread_create (&threads [index], NULL, s_spinner,
                                 &spinners [index]);
        assert (rc == 0);
    }
    for (int index = 0; index < spin.cores; index++)
        pthread_join (threads [index], NULL);
    pthread_barrier_destroy (&spin.start);
    pace_t pace = s_pace (spin.times, spin.cores * SPINS);
    freen (spin.times);
    return pace;
}


//  --------------------------------------------------------------------------
//  Round trips of a byte between two cores. Both threads are pinned: on the one
//  core a trip takes a tenth of the time, and the scheduler may move them there

//  Repetitions, and round trips in each of them
#define TRIPS 300
#define TRIP_ROUNDS 20

typedef struct {
    int ends [2];               //  Both ends of the connection
    double times [TRIPS];       //  Of one round trip, in usecs
} trip_t;

static void *
s_echo (void *args)
{
    trip_t *self = (trip_t *) args;
    s_pin (1);
    byte data;
    while (recv (self->ends [1], &data, 1, 0) == 1
       &&  send (self->ends [1], &data, 1, MSG_NOSIGNAL) == 1)
        continue;
    return NULL;
}

static void *
s_travel (void *args)
{
    trip_t *self = (trip_t *) args;
    s_pin (0);
    byte data = 0;
    for (int trip = 0; trip < TRIPS; trip++) {
        int64_t start = usage_clock ();
        for (int count = 0; count < TRIP_ROUNDS; count++)
            if (send (self->ends [0], &data, 1, MSG_NOSIGNAL) != 1
            ||  recv (self->ends [0], &data, 1, 0) != 1)
                break;
        self->times [trip] = (double) (usage_clock () - start) / 1e3
                           / TRIP_ROUNDS;
    }
    shutdown (self->ends [0], SHUT_RDWR);
    return NULL;
}

static void
s_connect (trip_t *self)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    socklen_t size = sizeof (address);
    int listener = socket (AF_INET, SOCK_STREAM, 0);
    self->ends [0] = socket (AF_INET, SOCK_STREAM, 0);
    bool listening = bind (listener, (struct sockaddr *) &address, size) == 0
        && listen (listener, 1) == 0
        && getsockname (listener, (struct sockaddr *) &address, &size) == 0;
    assert (listening);
    int rc = connect (self->ends [0], (struct sockaddr *) &address, size);
    assert (rc == 0);
    self->ends [1] = accept (listener, NULL, NULL);
    assert (self->ends [1] >= 0);
    close (listener);
    for (int end = 0; end < 2; end++) {
        int yes = 1;
        setsockopt (self->ends [end], IPPROTO_TCP, TCP_NODELAY, &yes,
                    sizeof (yes));
    }
}

pace_t
pace_trip (void)
{
    trip_t trip;
    s_connect (&trip);
    pthread_t echo, traveller;
    int rc = pthread_create (&echo, NULL, s_echo, &trip);
    assert (rc == 0);
    rc = pthread_create (&traveller, NULL, s_travel, &trip);
    assert (rc == 0);
    pthread_join (traveller, NULL);
    pthread_join (echo, NULL);
    close (trip.ends [0]);
    close (trip.ends [1]);
    return s_pace (trip.times, TRIPS);
}
