/*  =========================================================================
    zrelay_hush - has a socket send without a look at what comes in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For dup3
#define _GNU_SOURCE 1

#include "zrelay_hush.h"

#include <poll.h>
#include <sys/resource.h>

//  libzmq signals by eight bytes, which say one
#define SIGNAL_SIZE 8

struct _zrelay_hush_t {
    int fd;                     //  Where libzmq looks, and is signalled
    int ears;                   //  A copy of it
    int decoy [2];              //  What it is meanwhile, and its other end
};

zrelay_hush_t *
zrelay_hush_new (void *handle)
{
    zrelay_hush_t *self = (zrelay_hush_t *) zmalloc (sizeof (zrelay_hush_t));
    assert (self);
    self->fd = zsock_fd (handle);
    self->decoy [0] = self->decoy [1] = -1;
    self->ears = fcntl (self->fd, F_DUPFD_CLOEXEC, 0);
    if (self->ears == -1
    ||  socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                    self->decoy) == -1)
        zrelay_hush_destroy (&self);
    return self;
}

static void
s_close (int fd)
{
    if (fd != -1)
        close (fd);
}

void
zrelay_hush_destroy (zrelay_hush_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        s_close ((*self_p)->ears);
        s_close ((*self_p)->decoy [0]);
        s_close ((*self_p)->decoy [1]);
        freen (*self_p);
    }
}

//  Linux may be about to give the number away, and says so. It refuses numbers
//  above the limit of descriptors, which may have been lowered since libzmq got
//  this one.

static bool
s_become (zrelay_hush_t *self, int fd)
{
    int rc;
    do
        rc = dup3 (fd, self->fd, O_CLOEXEC);
    while (rc == -1 && (errno == EBUSY || errno == EINTR));
    return rc != -1;
}

bool
zrelay_hush_begin (zrelay_hush_t *self)
{
    return s_become (self, self->decoy [0]);
}

//  Somebody may lower the limit between the two. Then libzmq is deaf until it
//  is raised again; the relay, which waits for that, is no worse off.

void
zrelay_hush_end (zrelay_hush_t *self)
{
    while (!s_become (self, self->ears))
        zclock_sleep (1);
    zrelay_hush_forward (self);
}

int
zrelay_hush_fd (zrelay_hush_t *self)
{
    return self->decoy [1];
}

//  libzmq relies on one signal for each time that something came to a socket
//  that had nothing: no more, and no less

void
zrelay_hush_forward (zrelay_hush_t *self)
{
    byte signal [SIGNAL_SIZE];
    while (recv (self->decoy [1], signal, sizeof (signal), MSG_DONTWAIT)
            == sizeof (signal)) {
        ssize_t rc = write (self->fd, signal, sizeof (signal));
        assert (rc == sizeof (signal));
    }
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test_pub (zsock_t *pub, zrelay_hush_t *hush, const char *text)
{
    bool hushed = zrelay_hush_begin (hush);
    assert (hushed);
    int rc = zstr_send (pub, text);
    zrelay_hush_end (hush);
    return rc == 0;
}

static void
s_test_subscribe (zsock_t *sub, bool subscribe)
{
    if (subscribe)
        zsock_set_subscribe (sub, "A");
    else
        zsock_set_unsubscribe (sub, "A");
}

void
zrelay_hush_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_hush: ");

    //  @selftest
    zsock_t *pub = zsock_new (ZMQ_XPUB);
    int port = zsock_bind (pub, "tcp://127.0.0.1:*");
    assert (port > 0);
    zrelay_hush_t *hush = zrelay_hush_new (zsock_resolve (pub));
    assert (hush);
    zsock_t *sub = zsock_new (ZMQ_SUB);
    zsock_set_subscribe (sub, "");
    zsock_set_rcvtimeo (sub, 5000);
    //  It would drop what is too much
    zsock_set_sndhwm (sub, 0);
    int rc = zsock_connect (sub, "tcp://127.0.0.1:%d", port);
    assert (rc == 0);

    //  Its subscription is not taken in by any send
    for (int count = 0; count < 300; count++) {
        assert (s_test_pub (pub, hush, "unheard"));
        zclock_sleep (1);
    }
    //  But by the first look
    zframe_t *frame = zframe_recv (pub);
    assert (frame && zframe_size (frame) == 1);
    zframe_destroy (&frame);
    assert (s_test_pub (pub, hush, "heard"));
    char *string = zstr_recv (sub);
    assert (string && streq (string, "heard"));
    zstr_free (&string);

    //  No signal is lost, whenever it comes
    zsock_set_rcvtimeo (pub, 0);
    for (int count = 0; count < 2000; count++) {
        s_test_subscribe (sub, count % 2 == 0);
        assert (s_test_pub (pub, hush, "x"));
        int64_t deadline = zclock_mono () + 5000;
        while (!(frame = zframe_recv (pub)) && zclock_mono () < deadline)
            zrelay_hush_forward (hush);
        assert (frame);
        zframe_destroy (&frame);
    }
    //  One that comes meanwhile is forwarded at the end, and once: for a second
    //  one, libzmq would end the process
    for (int count = 0; count < 100; count++) {
        assert (zrelay_hush_begin (hush));
        s_test_subscribe (sub, count % 2 == 0);
        struct pollfd decoy = { .fd = zrelay_hush_fd (hush), .events = POLLIN };
        assert (poll (&decoy, 1, 5000) == 1);
        assert (zstr_send (pub, "x") == 0);
        assert (!zframe_recv (pub));
        zrelay_hush_end (hush);
        frame = zframe_recv (pub);
        assert (frame);
        zframe_destroy (&frame);
        assert (!zframe_recv (pub));
    }
    //  A limit below the number is no reason to end
    struct rlimit before;
    getrlimit (RLIMIT_NOFILE, &before);
    struct rlimit limit = { (rlim_t) zsock_fd (pub), before.rlim_max };
    rc = setrlimit (RLIMIT_NOFILE, &limit);
    assert (rc == 0);
    assert (!zrelay_hush_begin (hush));
    rc = setrlimit (RLIMIT_NOFILE, &before);
    assert (rc == 0);
    assert (s_test_pub (pub, hush, "x"));
    zrelay_hush_destroy (&hush);
    zrelay_hush_destroy (&hush);
    zsock_destroy (&sub);
    zsock_destroy (&pub);
    //  @end
    printf ("OK\n");
}
