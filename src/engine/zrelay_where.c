/*  =========================================================================
    zrelay_where - where connections come from

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_where.h"

#include <arpa/inet.h>
#include <sys/stat.h>

static void
s_map (struct in6_addr *ip, const struct in_addr *ipv4)
{
    memset (ip, 0, sizeof (*ip));
    ip->s6_addr [10] = ip->s6_addr [11] = 0xff;
    memcpy (ip->s6_addr + 12, ipv4, sizeof (*ipv4));
}

int
zrelay_where_parse (zrelay_where_t *self, const char *text)
{
    memset (self, 0, sizeof (*self));
    self->any = streq (text, "*");
    self->none = streq (text, "ipc");
    char copy [INET6_ADDRSTRLEN];
    snprintf (copy, sizeof (copy), "%.*s", (int) strcspn (text, "%"), text);
    struct in_addr ipv4;
    if (inet_pton (AF_INET, copy, &ipv4) == 1) {
        s_map (&self->ip, &ipv4);
        return 0;
    }
    return self->any || self->none
        || inet_pton (AF_INET6, copy, &self->ip) == 1? 0: -1;
}

bool
zrelay_where_has (const zrelay_where_t *self, int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof (address);
    if (getpeername (fd, (struct sockaddr *) &address, &size))
        return false;
    struct in6_addr ip;
    if (address.ss_family == AF_INET)
        s_map (&ip, &((struct sockaddr_in *) &address)->sin_addr);
    else
    if (address.ss_family == AF_INET6)
        ip = ((struct sockaddr_in6 *) &address)->sin6_addr;
    else
        return self->any || self->none;
    return self->any
        || (!self->none && memcmp (&ip, &self->ip, sizeof (ip)) == 0);
}

//  Either end of a connection. Returns false if there is none. A local socket
//  has no numbers: host and port are empty.

typedef int (end_fn) (int fd, struct sockaddr *address, socklen_t *size);

static bool
s_end_of (int fd, end_fn *end, char host [NI_MAXHOST], char port [NI_MAXSERV])
{
    struct sockaddr_storage address;
    socklen_t size = sizeof (address);
    *host = 0;
    *port = 0;
    if (end (fd, (struct sockaddr *) &address, &size))
        return false;
    if (address.ss_family == AF_INET || address.ss_family == AF_INET6)
        getnameinfo ((struct sockaddr *) &address, size, host, NI_MAXHOST,
                     port, NI_MAXSERV, NI_NUMERICHOST | NI_NUMERICSERV);
    return true;
}

char *
zrelay_where_address (int fd, const char *endpoint)
{
    char host [NI_MAXHOST];
    char port [NI_MAXSERV];
    if (!s_end_of (fd, getpeername, host, port))
        return NULL;
    return !*host? strdup (endpoint):
        zsys_sprintf (strchr (host, ':')? "tcp://[%s]:%s": "tcp://%s:%s",
                      host, port);
}

bool
zrelay_where_came_by (int fd, const char *endpoint)
{
    char host [NI_MAXHOST];
    char port [NI_MAXSERV];
    return strncmp (endpoint, "tcp:", strlen ("tcp:")) != 0
        || (s_end_of (fd, getsockname, host, port)
         && streq (port, strrchr (endpoint, ':') + 1));
}

ino_t
zrelay_where_inode (int fd)
{
    struct stat status;
    return fstat (fd, &status) == 0? status.st_ino: 0;
}


//  --------------------------------------------------------------------------
//  Selftest

//  A connection to this address, accepted at that; returns its descriptor, and
//  the client's

static int
s_test_accept (int family, const char *address, int *client)
{
    struct sockaddr_in ipv4 = { .sin_family = AF_INET };
    struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6 };
    struct sockaddr *name = family == AF_INET? (struct sockaddr *) &ipv4:
                                               (struct sockaddr *) &ipv6;
    socklen_t size = family == AF_INET? sizeof (ipv4): sizeof (ipv6);
    inet_pton (family, address, family == AF_INET? (void *) &ipv4.sin_addr:
                                                   (void *) &ipv6.sin6_addr);
    int listener = socket (family, SOCK_STREAM, 0);
    if (listener == -1 || bind (listener, name, size) == -1) {
        close (listener);
        return -1;
    }
    int rc = listen (listener, 1);
    assert (rc == 0);
    getsockname (listener, name, &size);
    *client = socket (family, SOCK_STREAM, 0);
    rc = connect (*client, name, size);
    assert (rc == 0);
    int fd = accept (listener, NULL, NULL);
    assert (fd != -1);
    close (listener);
    return fd;
}

//  There are systems without IPv6

static void
s_test_at (int family, const char *address, const char *prefix)
{
    int client = -1;
    int fd = s_test_accept (family, address, &client);
    if (fd == -1 && family == AF_INET6)
        return;
    zrelay_where_t where;
    int rc = zrelay_where_parse (&where, address);
    assert (rc == 0 && zrelay_where_has (&where, fd));
    rc = zrelay_where_parse (&where, "*");
    assert (rc == 0 && zrelay_where_has (&where, fd));
    rc = zrelay_where_parse (&where, "ipc");
    assert (rc == 0 && !zrelay_where_has (&where, fd));
    rc = zrelay_where_parse (&where, "127.0.0.2");
    assert (rc == 0 && !zrelay_where_has (&where, fd));
    char *text = zrelay_where_address (fd, "tcp://*:1");
    assert (text && strncmp (text, prefix, strlen (prefix)) == 0);
    //  The client's peer is at the port where the other was accepted
    char *server = zrelay_where_address (client, "tcp://*:1");
    assert (server && zrelay_where_came_by (fd, server));
    assert (!zrelay_where_came_by (fd, text));
    assert (zrelay_where_inode (fd) != 0);
    assert (zrelay_where_inode (fd) != zrelay_where_inode (client));
    zstr_free (&text);
    zstr_free (&server);
    close (fd);
    close (client);
    assert (!zrelay_where_has (&where, fd));
    assert (!zrelay_where_address (fd, "tcp://*:1"));
    assert (zrelay_where_inode (fd) == 0);
}

void
zrelay_where_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_where: ");

    //  @selftest
    s_test_at (AF_INET, "127.0.0.1", "tcp://127.0.0.1:");
    s_test_at (AF_INET6, "::1", "tcp://[::1]:");
    zrelay_where_t where;
    assert (zrelay_where_parse (&where, "nowhere") == -1);
    assert (zrelay_where_parse (&where, "") == -1);
    assert (zrelay_where_parse (&where, "fe80::1%eth0") == 0);
    //  Both forms are one
    zrelay_where_t mapped;
    int rc = zrelay_where_parse (&where, "10.0.0.1");
    assert (rc == 0);
    rc = zrelay_where_parse (&mapped, "::ffff:10.0.0.1");
    assert (rc == 0 && memcmp (&where, &mapped, sizeof (where)) == 0);

    int fds [2];
    rc = socketpair (AF_UNIX, SOCK_STREAM, 0, fds);
    assert (rc == 0);
    assert (!zrelay_where_has (&where, fds [0]));
    rc = zrelay_where_parse (&where, "ipc");
    assert (rc == 0 && zrelay_where_has (&where, fds [0]));
    char *text = zrelay_where_address (fds [0], "ipc://@here");
    assert (text && streq (text, "ipc://@here"));
    zstr_free (&text);
    close (fds [0]);
    close (fds [1]);
    //  @end
    printf ("OK\n");
}
