/*  =========================================================================
    zrelay_watcher - looks at descriptors while relays are busy

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For pipe2
#define _GNU_SOURCE 1

#include "zrelay_watcher.h"
#include "../zrelay_thread.h"

#include <poll.h>
#include <time.h>
#if defined (__linux__)
#   include <sys/epoll.h>
#endif

//  A relay that is not busy has dealt with what arrived after so many usecs
#define GRACE 500

#if defined (__linux__)

//  Descriptors that are looked at in one go
#define EVENTS_MOST 64

//  Stands for the end of the thread
#define NOBODY 0

struct _zrelay_watcher_t {
    uint32_t number;            //  Tells it apart from those before it
    zrelay_watcher_fn *function;
    void *object;               //  The function's
};

//  What the watchers of a process have in common. Those who come and go have
//  the door; the thread and those who change the list have the list.
static struct {
    pthread_mutex_t door;       //  For the thread's life
    pthread_mutex_t mutex;      //  For the list, and all functions
    pthread_t thread;           //  Sleeps on the descriptors
    int epoll;                  //  That are in here
    int end [2];                //  A pipe that ends the thread
    zlistx_t *list;             //  Watchers; NULL: there is no thread
    uint32_t last;              //  Number of the last that came
} s_all = {
    .door = PTHREAD_MUTEX_INITIALIZER,
    .mutex = PTHREAD_MUTEX_INITIALIZER
};


//  --------------------------------------------------------------------------
//  The thread

//  An event carries the watcher's number and the descriptor

static void
s_handle (uint64_t data)
{
    uint32_t number = (uint32_t) (data >> 32);
    zrelay_watcher_t *watcher = (zrelay_watcher_t *) zlistx_first (s_all.list);
    while (watcher && watcher->number != number)
        watcher = (zrelay_watcher_t *) zlistx_next (s_all.list);
    if (watcher)
        watcher->function (watcher->object, (int) (uint32_t) data);
}

static void *
s_watch (void *arg)
{
    (void) arg;
    const struct timespec grace = { .tv_nsec = GRACE * 1000 };
    struct epoll_event events [EVENTS_MOST];
    while (true) {
        int count = epoll_wait (s_all.epoll, events, EVENTS_MOST, -1);
        for (int index = 0; index < count; index++)
            if (events [index].data.u64 >> 32 == NOBODY)
                return NULL;
        nanosleep (&grace, NULL);
        pthread_mutex_lock (&s_all.mutex);
        for (int index = 0; index < count; index++)
            s_handle (events [index].data.u64);
        pthread_mutex_unlock (&s_all.mutex);
    }
}

static void
s_add (uint32_t number, int fd)
{
    struct epoll_event event = {
        .events = EPOLLIN | (number == NOBODY? 0: EPOLLET),
        .data.u64 = (uint64_t) number << 32 | (uint32_t) fd
    };
    if (epoll_ctl (s_all.epoll, EPOLL_CTL_ADD, fd, &event) == -1
    &&  errno == EEXIST)
        epoll_ctl (s_all.epoll, EPOLL_CTL_MOD, fd, &event);
}

static void
s_close (void)
{
    if (s_all.epoll != -1)
        close (s_all.epoll);
    for (int index = 0; index < 2; index++)
        if (s_all.end [index] != -1)
            close (s_all.end [index]);
    zlistx_destroy (&s_all.list);
}

static void
s_start (void)
{
    s_all.list = zlistx_new ();
    assert (s_all.list);
    s_all.end [0] = s_all.end [1] = -1;
    s_all.epoll = epoll_create1 (EPOLL_CLOEXEC);
    bool made = s_all.epoll != -1 && pipe2 (s_all.end, O_CLOEXEC) == 0;
    if (made)
        s_add (NOBODY, s_all.end [0]);
    if (!made || zrelay_thread_start (&s_all.thread, s_watch, NULL) != 0)
        s_close ();
}

static void
s_stop (void)
{
    close (s_all.end [1]);
    s_all.end [1] = -1;
    pthread_join (s_all.thread, NULL);
    s_close ();
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_watcher_t *
zrelay_watcher_new (zrelay_watcher_fn *function, void *object)
{
    zrelay_watcher_t *self = NULL;
    pthread_mutex_lock (&s_all.door);
    if (!s_all.list)
        s_start ();
    if (s_all.list) {
        self = (zrelay_watcher_t *) zmalloc (sizeof (zrelay_watcher_t));
        assert (self);
        self->function = function;
        self->object = object;
        pthread_mutex_lock (&s_all.mutex);
        self->number = ++s_all.last == NOBODY? ++s_all.last: s_all.last;
        zlistx_add_end (s_all.list, self);
        pthread_mutex_unlock (&s_all.mutex);
    }
    pthread_mutex_unlock (&s_all.door);
    return self;
}

void
zrelay_watcher_destroy (zrelay_watcher_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        pthread_mutex_lock (&s_all.door);
        pthread_mutex_lock (&s_all.mutex);
        void *handle = zlistx_find (s_all.list, *self_p);
        assert (handle);
        zlistx_delete (s_all.list, handle);
        bool last = zlistx_size (s_all.list) == 0;
        pthread_mutex_unlock (&s_all.mutex);
        if (last)
            s_stop ();
        pthread_mutex_unlock (&s_all.door);
        freen (*self_p);
    }
}

void
zrelay_watcher_add (zrelay_watcher_t *self, int fd)
{
    s_add (self->number, fd);
}

#else

zrelay_watcher_t *
zrelay_watcher_new (zrelay_watcher_fn *function, void *object)
{
    (void) function;
    (void) object;
    return NULL;
}

void
zrelay_watcher_destroy (zrelay_watcher_t **self_p)
{
    (void) self_p;
}

void
zrelay_watcher_add (zrelay_watcher_t *self, int fd)
{
    (void) self;
    (void) fd;
}

#endif


//  --------------------------------------------------------------------------
//  Selftest

#if defined (__linux__)
static void
s_test_arrived (void *object, int fd)
{
    (void) fd;
    __atomic_add_fetch ((int *) object, 1, __ATOMIC_SEQ_CST);
}

//  Within five seconds

static bool
s_test_calls (int *calls, int expected)
{
    for (int look = 0; look < 5000; look++, zclock_sleep (1))
        if (__atomic_load_n (calls, __ATOMIC_SEQ_CST) == expected)
            return true;
    return false;
}
#endif

void
zrelay_watcher_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_watcher: ");

    //  @selftest
#if defined (__linux__)
    int calls [2] = { 0, 0 };
    zrelay_watcher_t *one = zrelay_watcher_new (s_test_arrived, &calls [0]);
    zrelay_watcher_t *two = zrelay_watcher_new (s_test_arrived, &calls [1]);
    assert (one && two);
    int fds [2];
    int rc = pipe (fds);
    assert (rc == 0);
    zrelay_watcher_add (one, fds [0]);
    rc = (int) write (fds [1], "x", 1);
    assert (rc == 1);
    assert (s_test_calls (&calls [0], 1));
    //  It is another's now, who hears of what is there
    zrelay_watcher_add (two, fds [0]);
    assert (s_test_calls (&calls [1], 1));
    zrelay_watcher_destroy (&two);
    zrelay_watcher_destroy (&two);
    //  What belongs to nobody is heard by nobody
    rc = (int) write (fds [1], "x", 1);
    assert (rc == 1);
    zrelay_watcher_add (one, fds [0]);
    assert (s_test_calls (&calls [0], 2));
    assert (calls [1] == 1);
    zrelay_watcher_destroy (&one);
    //  The thread comes again
    one = zrelay_watcher_new (s_test_arrived, &calls [0]);
    assert (one);
    zrelay_watcher_add (one, fds [0]);
    assert (s_test_calls (&calls [0], 3));
    zrelay_watcher_destroy (&one);
    close (fds [0]);
    close (fds [1]);
#endif
    //  @end
    printf ("OK\n");
}
