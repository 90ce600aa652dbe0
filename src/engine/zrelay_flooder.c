/*  =========================================================================
    zrelay_flooder - an address that subscriptions flood from

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_flooder.h"
#include "zrelay_kernel.h"
#include "zrelay_where.h"

#include <arpa/inet.h>
#include <poll.h>

//  Longest address that is known
#define ADDRESS_MAX 100

//  Times that all has to be read after the end of a flood
#define EMPTIES_LEAST 2

//  Longest time without newcomers from where a flood came, in msecs
#define FLOOD_MOST 30000

//  Where connections are accepted
typedef struct {
    int fd;                     //  The descriptor
    ino_t inode;                //  And the system's number for it
} listener_t;

struct _zrelay_flooder_t {
    char address [ADDRESS_MAX]; //  Whose subscriptions were too many last,
                                //  without the port
    bool refused;               //  The system takes no newcomers from there
    listener_t *listeners;      //  Where they would come
    size_t listening;           //  How many of them there are
    const void *connection;     //  The one they came by; NULL: it has ended
    uint64_t empties;           //  Times the socket was read empty then
    int64_t noted_at;           //  And when that was, in msecs
};

zrelay_flooder_t *
zrelay_flooder_new (void)
{
    zrelay_flooder_t *self =
        (zrelay_flooder_t *) zmalloc (sizeof (zrelay_flooder_t));
    assert (self);
    return self;
}

void
zrelay_flooder_destroy (zrelay_flooder_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        freen ((*self_p)->listeners);
        freen (*self_p);
    }
}

void
zrelay_flooder_listen (zrelay_flooder_t *self, int fd)
{
    self->listeners = (listener_t *) realloc (self->listeners,
        (self->listening + 1) * sizeof (listener_t));
    assert (self->listeners);
    self->listeners [self->listening++] =
        (listener_t) { fd, zrelay_where_inode (fd) };
}

void
zrelay_flooder_unlisten (zrelay_flooder_t *self, int fd)
{
    size_t index = 0;
    while (index < self->listening && self->listeners [index].fd != fd)
        index++;
    if (index < self->listening)
        self->listeners [index] = self->listeners [--self->listening];
}

//  An address is as zrelay_where_address () writes it

static bool
s_find (zrelay_flooder_t *self, zrelay_where_t *where)
{
    char text [ADDRESS_MAX];
    const char *start = self->address + strlen ("tcp://");
    if (strncmp (self->address, "tcp://", strlen ("tcp://")) != 0)
        return false;
    start += *start == '[';
    snprintf (text, sizeof (text), "%.*s", (int) strcspn (start, "]"), start);
    return zrelay_where_parse (where, text) == 0;
}

static bool
s_is_there (const listener_t *listener)
{
    return listener->inode == zrelay_where_inode (listener->fd);
}

static void
s_refuse (zrelay_flooder_t *self)
{
    zrelay_where_t where;
    self->refused = s_find (self, &where);
    for (size_t index = 0; self->refused && index < self->listening; index++)
        if (s_is_there (&self->listeners [index]))
            zrelay_kernel_refuse (self->listeners [index].fd, &where.ip);
}

static void
s_let_in (zrelay_flooder_t *self)
{
    for (size_t index = 0; self->refused && index < self->listening; index++)
        if (s_is_there (&self->listeners [index]))
            zrelay_kernel_refuse_nobody (self->listeners [index].fd);
    self->refused = false;
    *self->address = 0;
}

void
zrelay_flooder_note (zrelay_flooder_t *self, const char *address,
                     const void *connection)
{
    if (zrelay_flooder_is (self, address))
        return;
    const char *port = strrchr (address, ':');
    snprintf (self->address, sizeof (self->address), "%.*s",
              (int) (port - address), address);
    self->connection = connection;
    self->noted_at = zclock_mono ();
    s_refuse (self);
}

void
zrelay_flooder_left (zrelay_flooder_t *self, const void *connection,
                     uint64_t empties)
{
    if (self->connection == connection) {
        self->connection = NULL;
        self->empties = empties;
    }
}

bool
zrelay_flooder_is (zrelay_flooder_t *self, const char *address)
{
    size_t size = strlen (self->address);
    return size > 0
        && strncmp (address, self->address, size) == 0
        && strchr (address + size, ':') == address + size;
}

bool
zrelay_flooder_over (zrelay_flooder_t *self, uint64_t empties)
{
    return *self->address && !self->connection
        && empties >= self->empties + EMPTIES_LEAST;
}

void
zrelay_flooder_forget (zrelay_flooder_t *self)
{
    if (!self->connection)
        s_let_in (self);
}

void
zrelay_flooder_forget_old (zrelay_flooder_t *self)
{
    if (*self->address && zclock_mono () > self->noted_at + FLOOD_MOST)
        s_let_in (self);
}


//  --------------------------------------------------------------------------
//  Selftest

//  An address of either family, and a port

static socklen_t
s_test_name (const char *address, int port, struct sockaddr_storage *name)
{
    memset (name, 0, sizeof (*name));
    struct sockaddr_in *ipv4 = (struct sockaddr_in *) name;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *) name;
    if (!strchr (address, ':')) {
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons ((uint16_t) port);
        inet_pton (AF_INET, address, &ipv4->sin_addr);
        return sizeof (*ipv4);
    }
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons ((uint16_t) port);
    inet_pton (AF_INET6, address, &ipv6->sin6_addr);
    return sizeof (*ipv6);
}

//  Can somebody connect from there? The system answers at once or not at all.

static bool
s_test_connects (const char *from, const char *to, int port)
{
    struct sockaddr_storage name;
    socklen_t size = s_test_name (from, 0, &name);
    int fd = socket (name.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int rc = bind (fd, (struct sockaddr *) &name, size);
    assert (rc == 0);
    s_test_name (to, port, &name);
    connect (fd, (struct sockaddr *) &name, size);
    struct pollfd item = { .fd = fd, .events = POLLOUT };
    bool connects = poll (&item, 1, 100) == 1
                 && (item.revents & (POLLERR | POLLHUP)) == 0;
    close (fd);
    return connects;
}

//  Returns -1 if the system has no such address

static int
s_test_listen (const char *at, int *port)
{
    struct sockaddr_storage name;
    socklen_t size = s_test_name (at, 0, &name);
    int fd = socket (name.ss_family, SOCK_STREAM, 0);
    if (fd != -1 && bind (fd, (struct sockaddr *) &name, size) == -1) {
        close (fd);
        fd = -1;
    }
    if (fd == -1)
        return -1;
    int rc = listen (fd, 20);
    assert (rc == 0);
    getsockname (fd, (struct sockaddr *) &name, &size);
    //  It stands at the same place in both
    *port = ntohs (((struct sockaddr_in *) &name)->sin_port);
    return fd;
}

//  From one address to another, as the flooder's is written; another one that
//  can connect, or NULL

static void
s_test_flood (const char *from, const char *at, const char *address,
              const char *other)
{
    int port;
    int fd = s_test_listen (at, &port);
    if (fd == -1)
        return;
    zrelay_flooder_t *self = zrelay_flooder_new ();
    zrelay_flooder_listen (self, fd);
    assert (s_test_connects (from, at, port));
    assert (!zrelay_flooder_is (self, address));
    zrelay_flooder_note (self, address, &fd);
    assert (zrelay_flooder_is (self, address));
#if defined (__linux__)
    assert (!s_test_connects (from, at, port));
#endif
    assert (!other || s_test_connects (other, at, port));
    //  It is not over before its connection has ended
    assert (!zrelay_flooder_over (self, 100));
    zrelay_flooder_forget (self);
    zrelay_flooder_forget_old (self);
    zrelay_flooder_left (self, &port, 100);
    assert (zrelay_flooder_is (self, address));
    zrelay_flooder_left (self, &fd, 100);
    assert (!zrelay_flooder_over (self, 101));
    assert (zrelay_flooder_over (self, 102));
    zrelay_flooder_forget (self);
    assert (!zrelay_flooder_is (self, address));
    assert (!zrelay_flooder_over (self, 103));
    assert (s_test_connects (from, at, port));
    //  A listener that is no more is left alone
    zrelay_flooder_unlisten (self, fd);
    zrelay_flooder_note (self, address, &fd);
    assert (s_test_connects (from, at, port));
    close (fd);
    zrelay_flooder_destroy (&self);
    assert (self == NULL);
    zrelay_flooder_destroy (&self);
}

void
zrelay_flooder_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_flooder: ");

    //  @selftest
    s_test_flood ("127.0.0.9", "127.0.0.1", "tcp://127.0.0.9:4000",
                  "127.0.0.8");
    s_test_flood ("127.0.0.9", "127.0.0.1", "tcp://[::ffff:127.0.0.9]:4000",
                  "127.0.0.8");
    s_test_flood ("::1", "::1", "tcp://[::1]:4000", NULL);
    //  ipc has no addresses to be refused
    zrelay_flooder_t *self = zrelay_flooder_new ();
    zrelay_flooder_note (self, "ipc://@here", self);
    zrelay_flooder_left (self, self, 0);
    zrelay_flooder_forget (self);
    zrelay_flooder_destroy (&self);
    //  @end
    printf ("OK\n");
}
