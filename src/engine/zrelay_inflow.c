/*  =========================================================================
    zrelay_inflow - which descriptors have brought something

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_inflow.h"

#if defined (__linux__)
#   include <sys/epoll.h>
#   include <sys/socket.h>

//  Descriptors in one call
#define EVENTS_MOST 64

struct _zrelay_inflow_t {
    int epoll;                  //  Reports each arrival once
};

zrelay_inflow_t *
zrelay_inflow_new (void)
{
    int epoll = epoll_create1 (EPOLL_CLOEXEC);
    if (epoll == -1)
        return NULL;
    zrelay_inflow_t *self =
        (zrelay_inflow_t *) zmalloc (sizeof (zrelay_inflow_t));
    assert (self);
    self->epoll = epoll;
    return self;
}

void
zrelay_inflow_destroy (zrelay_inflow_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        close ((*self_p)->epoll);
        freen (*self_p);
    }
}

//  The system looks again before it reports something, and libzmq may have read
//  it by then. So anything that can be sent to has come, too: an arrival is what
//  makes the system look.

void
zrelay_inflow_add (zrelay_inflow_t *self, int fd)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd
    };
    epoll_ctl (self->epoll, EPOLL_CTL_ADD, fd, &event);
}

size_t
zrelay_inflow_next (zrelay_inflow_t *self, int *fds, size_t most)
{
    struct epoll_event events [EVENTS_MOST];
    size_t found = 0;
    int count = 1;
    while (found < most && count > 0) {
        size_t wanted = most - found < EVENTS_MOST? most - found: EVENTS_MOST;
        count = epoll_wait (self->epoll, events, (int) wanted, 0);
        for (int index = 0; index < count; index++)
            fds [found++] = events [index].data.fd;
    }
    return found;
}

#else

zrelay_inflow_t *
zrelay_inflow_new (void)
{
    return NULL;
}

void
zrelay_inflow_destroy (zrelay_inflow_t **self_p)
{
    (void) self_p;
}

void
zrelay_inflow_add (zrelay_inflow_t *self, int fd)
{
    (void) self;
    (void) fd;
}

size_t
zrelay_inflow_next (zrelay_inflow_t *self, int *fds, size_t most)
{
    (void) self;
    (void) fds;
    (void) most;
    return 0;
}

#endif


//  --------------------------------------------------------------------------
//  Selftest

#if defined (__linux__)
static void
s_test_write (int fd)
{
    ssize_t written = write (fd, "x", 1);
    assert (written == 1);
}
#endif

void
zrelay_inflow_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_inflow: ");

    //  @selftest
#if defined (__linux__)
    zrelay_inflow_t *self = zrelay_inflow_new ();
    assert (self);
    int pipes [100][2];
    int fds [100];
    for (int index = 0; index < 100; index++) {
        int rc = pipe (pipes [index]);
        assert (rc == 0);
        //  What is there already has come
        if (index == 0)
            s_test_write (pipes [index][1]);
        zrelay_inflow_add (self, pipes [index][0]);
    }
    assert (zrelay_inflow_next (self, fds, 100) == 1);
    assert (fds [0] == pipes [0][0]);
    assert (zrelay_inflow_next (self, fds, 100) == 0);
    //  Also when it is read before somebody asks
    s_test_write (pipes [7][1]);
    char byte_read;
    ssize_t size = read (pipes [7][0], &byte_read, 1);
    assert (size == 1);
    s_test_write (pipes [7][1]);
    assert (zrelay_inflow_next (self, fds, 100) == 1);
    assert (fds [0] == pipes [7][0]);
    //  All of them, though some may have to wait
    for (int index = 0; index < 100; index++)
        s_test_write (pipes [index][1]);
    bool seen [100] = { false };
    size_t found = zrelay_inflow_next (self, fds, 70);
    assert (found == 70);
    found += zrelay_inflow_next (self, fds + found, 100 - found);
    assert (found == 100);
    for (int index = 0; index < 100; index++)
        for (int other = 0; other < 100; other++)
            seen [other] |= fds [index] == pipes [other][0];
    for (int index = 0; index < 100; index++)
        assert (seen [index]);
    assert (zrelay_inflow_next (self, fds, 100) == 0);
    //  What was read is reported while more can be sent
    int ends [2];
    int rc = socketpair (AF_UNIX, SOCK_STREAM, 0, ends);
    assert (rc == 0);
    zrelay_inflow_add (self, ends [0]);
    assert (zrelay_inflow_next (self, fds, 100) == 1);
    s_test_write (ends [1]);
    size = read (ends [0], &byte_read, 1);
    assert (size == 1);
    assert (zrelay_inflow_next (self, fds, 100) == 1);
    assert (fds [0] == ends [0]);
    assert (zrelay_inflow_next (self, fds, 100) == 0);
    close (ends [0]);
    close (ends [1]);
    //  Those that are closed are forgotten
    s_test_write (pipes [3][1]);
    for (int index = 0; index < 100; index++) {
        close (pipes [index][0]);
        close (pipes [index][1]);
    }
    assert (zrelay_inflow_next (self, fds, 100) == 0);
    zrelay_inflow_destroy (&self);
    assert (self == NULL);
    zrelay_inflow_destroy (&self);
#endif
    //  @end
    printf ("OK\n");
}
