/*  =========================================================================
    zrelay_inherited - listening sockets that a service manager passed

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_inherited.h"
#include "zrelay_private.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/un.h>

//  The first descriptor that is passed, see sd_listen_fds(3)
#define FIRST 3

//  More are left alone
#define SOCKETS_MAX 256

//  What an endpoint is at most, an ipc path with its transport
#define ENDPOINT_SIZE 128

typedef struct {
    int fd;                         //  It listens
    char endpoint [ENDPOINT_SIZE];  //  Its address, as libzmq writes it
    char any [ENDPOINT_SIZE];       //  With "*" for any address, or ""
    bool taken;                     //  By a side
} inherited_t;

//  Descriptors belong to the process, and so does this list
static inherited_t s_sockets [SOCKETS_MAX];
static size_t s_count;

static inherited_t *
s_find (const char *endpoint)
{
    for (size_t index = 0; index < s_count; index++)
        if (streq (s_sockets [index].endpoint, endpoint)
        ||  streq (s_sockets [index].any, endpoint))
            return &s_sockets [index];
    return NULL;
}

bool
zrelay_inherited_has (const char *endpoint)
{
    return s_find (endpoint) != NULL;
}

bool
zrelay_inherited_take (const char *endpoint)
{
    inherited_t *self = s_find (endpoint);
    return self && !__atomic_exchange_n (&self->taken, true, __ATOMIC_SEQ_CST);
}

void
zrelay_inherited_release (const char *endpoint)
{
    inherited_t *self = s_find (endpoint);
    if (self)
        __atomic_store_n (&self->taken, false, __ATOMIC_SEQ_CST);
}

int
zrelay_inherited_bind (void *handle, const char *endpoint)
{
    inherited_t *self = s_find (endpoint);
    assert (self);
    int fd = fcntl (self->fd, F_DUPFD_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    if (zrelay_private_use (handle, endpoint, fd) == 0)
        return 0;
    int error = errno;
    close (fd);
    errno = error;
    return -1;
}


//  --------------------------------------------------------------------------
//  Taking them over

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
} address_t;

static void
s_set_tcp (inherited_t *self, const char *host, bool any, in_port_t port)
{
    snprintf (self->endpoint, ENDPOINT_SIZE, "tcp://%s:%u", host, ntohs (port));
    if (any)
        snprintf (self->any, ENDPOINT_SIZE, "tcp://*:%u", ntohs (port));
}

//  Returns false if it is an address that no endpoint has

static bool
s_set_address (inherited_t *self, const address_t *address, socklen_t size)
{
    char host [INET6_ADDRSTRLEN], brackets [INET6_ADDRSTRLEN + 2];
    self->any [0] = 0;
    switch (address->any.sa_family) {
        case AF_INET:
            inet_ntop (AF_INET, &address->v4.sin_addr, host, sizeof (host));
            s_set_tcp (self, host, address->v4.sin_addr.s_addr == INADDR_ANY,
                       address->v4.sin_port);
            return true;
        case AF_INET6:
            inet_ntop (AF_INET6, &address->v6.sin6_addr, host, sizeof (host));
            snprintf (brackets, sizeof (brackets), "[%s]", host);
            s_set_tcp (self, brackets,
                       IN6_IS_ADDR_UNSPECIFIED (&address->v6.sin6_addr),
                       address->v6.sin6_port);
            return true;
        case AF_UNIX: {
            const char *path = address->local.sun_path;
            int room = (int) size
                     - (int) offsetof (struct sockaddr_un, sun_path);
            //  A name outside of the file system begins with a zero
            snprintf (self->endpoint, ENDPOINT_SIZE, "ipc://%s%.*s",
                room > 1 && !*path? "@": "", room > 1? room - !*path: 0,
                path + !*path);
            return room > 1;
        }
        default:
            return false;
    }
}

//  A socket that does not listen is none of ours

static void
s_inherit (int fd)
{
    address_t address;
    socklen_t size = sizeof (address);
    int listens = 0;
    socklen_t listens_size = sizeof (listens);
    memset (&address, 0, sizeof (address));
    inherited_t *self = &s_sockets [s_count];
    if (s_count < SOCKETS_MAX
    &&  getsockopt (fd, SOL_SOCKET, SO_ACCEPTCONN, &listens,
                    &listens_size) == 0
    &&  listens && getsockname (fd, &address.any, &size) == 0
    &&  s_set_address (self, &address, size)) {
        self->fd = fd;
        self->taken = false;
        s_count++;
        //  libzmq never waits for a connection
        fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
    }
}

size_t
zrelay_inherit_sockets (void)
{
    const char *pid = getenv ("LISTEN_PID");
    const char *count = getenv ("LISTEN_FDS");
    size_t before = s_count;
    if (pid && count && strtol (pid, NULL, 10) == (long) getpid ()) {
        long fds = strtol (count, NULL, 10);
        for (int fd = FIRST; fd < FIRST + fds && fd < FIRST + SOCKETS_MAX; fd++)
        {
            fcntl (fd, F_SETFD, FD_CLOEXEC);
            s_inherit (fd);
        }
    }
    //  They are not for the processes that this one starts
    unsetenv ("LISTEN_PID");
    unsetenv ("LISTEN_FDS");
    unsetenv ("LISTEN_FDNAMES");
    return s_count - before;
}


//  --------------------------------------------------------------------------
//  Selftest

static int
s_test_listen (int family)
{
    address_t address;
    memset (&address, 0, sizeof (address));
    address.any.sa_family = (sa_family_t) family;
    socklen_t size = family == AF_INET? sizeof (address.v4):
                                        sizeof (address.v6);
    int fd = socket (family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert (fd != -1);
    if (family == AF_INET)
        address.v4.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    int rc = bind (fd, &address.any, size);
    assert (rc == 0);
    rc = listen (fd, 1);
    assert (rc == 0);
    return fd;
}

//  libzmq goes on listening for a moment with a socket that was closed, so a
//  client may have to come again

static bool
s_test_serves (zsock_t *server, const char *endpoint)
{
    zsock_set_rcvtimeo (server, 500);
    bool served = false;
    for (int attempt = 0; attempt < 60 && !served; attempt++) {
        zsock_t *client = zsock_new_req (endpoint);
        zstr_send (client, "hello");
        char *string = zstr_recv (server);
        served = string && streq (string, "hello");
        zstr_free (&string);
        zsock_destroy (&client);
    }
    return served;
}

void
zrelay_inherited_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_inherited: ");

    //  @selftest
    size_t before = s_count;
    address_t address;
    memset (&address, 0, sizeof (address));
    inherited_t item;
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons (5559);
    assert (s_set_address (&item, &address, sizeof (address.v4)));
    assert (streq (item.endpoint, "tcp://0.0.0.0:5559"));
    assert (streq (item.any, "tcp://*:5559"));
    address.v4.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    assert (s_set_address (&item, &address, sizeof (address.v4)));
    assert (streq (item.endpoint, "tcp://127.0.0.1:5559"));
    assert (streq (item.any, ""));
    memset (&address, 0, sizeof (address));
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons (5559);
    assert (s_set_address (&item, &address, sizeof (address.v6)));
    assert (streq (item.endpoint, "tcp://[::]:5559"));
    assert (streq (item.any, "tcp://*:5559"));
    memset (&address, 0, sizeof (address));
    address.local.sun_family = AF_UNIX;
    strcpy (address.local.sun_path, "/run/orders");
    socklen_t size = (socklen_t) offsetof (struct sockaddr_un, sun_path);
    assert (s_set_address (&item, &address, size + 12));
    assert (streq (item.endpoint, "ipc:///run/orders"));
    memcpy (address.local.sun_path, "\0orders", 7);
    assert (s_set_address (&item, &address, size + 7));
    assert (streq (item.endpoint, "ipc://@orders"));
    assert (!s_set_address (&item, &address, size));

    //  Nobody takes an endpoint twice, and a socket can be bound again
    s_inherit (s_test_listen (AF_INET));
    assert (s_count == before + 1);
    const char *endpoint = s_sockets [before].endpoint;
    assert (zrelay_inherited_has (endpoint));
    for (int round = 0; round < 2; round++) {
        assert (zrelay_inherited_take (endpoint));
        assert (!zrelay_inherited_take (endpoint));
        zsock_t *server = zsock_new (ZMQ_REP);
        assert (zrelay_inherited_bind (zsock_resolve (server), endpoint) == 0);
        assert (s_test_serves (server, endpoint));
        zsock_destroy (&server);
        zrelay_inherited_release (endpoint);
    }
    //  What does not listen, or is no socket, is left alone
    s_inherit (STDIN_FILENO);
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s_inherit (fd);
    s_inherit (-1);
    assert (s_count == before + 1);
    close (fd);
    close (s_sockets [before].fd);
    s_count = before;
    //  @end
    printf ("OK\n");
}
