/*  =========================================================================
    zrelay_private - listens by ipc for those who are to be let in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  For O_PATH
#define _GNU_SOURCE 1

#include "zrelay_private.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#define TRANSPORT "ipc://"

static const char *
s_path (const char *endpoint)
{
    return endpoint + strlen (TRANSPORT);
}

char *
zrelay_private_expand (const char *pattern, bool *open_p)
{
    static int number = 0;
    int mine = __sync_add_and_fetch (&number, 1);
    size_t size = strlen (ZRELAY_PRIVATE_ANYBODY);
    *open_p = strncmp (pattern, ZRELAY_PRIVATE_ANYBODY, size) == 0;
    pattern += *open_p? size: 0;
    zchunk_t *text = zchunk_new (NULL, 0);
    assert (text);
    for (; *pattern; pattern++) {
        char buffer [16] = { *pattern };
        bool known = *pattern == '%' && (pattern [1] == 'p'
                                      || pattern [1] == 'n');
        if (known)
            snprintf (buffer, sizeof (buffer), "%d",
                      *++pattern == 'p'? (int) getpid (): mine);
        zchunk_extend (text, buffer, strlen (buffer));
    }
    char *endpoint = zchunk_strdup (text);
    assert (endpoint);
    zchunk_destroy (&text);
    return endpoint;
}

bool
zrelay_private_possible (const char *endpoint)
{
    return strncmp (endpoint, TRANSPORT, strlen (TRANSPORT)) == 0
        && *s_path (endpoint) && *s_path (endpoint) != '@'
        && strneq (s_path (endpoint), "*");
}

static void
s_unlink_socket (const char *path)
{
    struct stat status;
    if (lstat (path, &status) == 0 && S_ISSOCK (status.st_mode))
        unlink (path);
}

//  Give the file at a path its group and permissions. By way of a descriptor,
//  so that a link that somebody put in its place gets neither.

static int
s_grant (const char *path, mode_t mode, gid_t group)
{
    int fd = open (path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return -1;
    char self [64];
    snprintf (self, sizeof (self), "/proc/self/fd/%d", fd);
    struct stat status;
    int rc = fstat (fd, &status);
    if (rc == 0 && !S_ISSOCK (status.st_mode)) {
        errno = EADDRINUSE;
        rc = -1;
    }
    if (rc == 0 && group != (gid_t) -1)
        rc = fchownat (fd, "", (uid_t) -1, group, AT_EMPTY_PATH);
    if (rc == 0 && (status.st_mode & ALLPERMS) != mode)
        rc = chmod (self, mode);
    int error = errno;
    close (fd);
    errno = error;
    return rc;
}

//  The mode of a socket before it is bound is that of its file, less the umask,
//  which belongs to all threads. Until listen () nobody can connect.

static int
s_bind_and_listen (int fd, const char *path, mode_t mode, gid_t group,
                   int backlog)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    memcpy (address.sun_path, path, strlen (path) + 1);
    if (fchmod (fd, mode)
    ||  fcntl (fd, F_SETFD, FD_CLOEXEC)
    ||  fcntl (fd, F_SETFL, O_NONBLOCK)
    ||  bind (fd, (struct sockaddr *) &address, sizeof (address)))
        return -1;
    if (s_grant (path, mode, group) == 0 && listen (fd, backlog) == 0)
        return 0;
    int error = errno;
    s_unlink_socket (path);
    errno = error;
    return -1;
}

static int
s_listen (const char *path, mode_t mode, gid_t group, int backlog)
{
    if (strlen (path) >= sizeof (((struct sockaddr_un *) NULL)->sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);
    if (fd == -1)
        return -1;
    s_unlink_socket (path);
    if (s_bind_and_listen (fd, path, mode, group, backlog)) {
        int error = errno;
        close (fd);
        errno = error;
        return -1;
    }
    return fd;
}

int
zrelay_private_use (void *socket, const char *endpoint, int fd)
{
    if (zmq_setsockopt (socket, ZMQ_USE_FD, &fd, sizeof (fd)))
        return -1;
    int rc = zmq_bind (socket, endpoint);
    int error = errno;
    //  Endpoints that are bound later have descriptors of their own
    int none = -1;
    zmq_setsockopt (socket, ZMQ_USE_FD, &none, sizeof (none));
    errno = error;
    return rc;
}

int
zrelay_private_bind_for (void *socket, const char *endpoint, mode_t mode,
                         gid_t group)
{
    int backlog = 0;
    size_t size = sizeof (backlog);
    if (zmq_getsockopt (socket, ZMQ_BACKLOG, &backlog, &size))
        return -1;
    int fd = s_listen (s_path (endpoint), mode, group, backlog);
    if (fd == -1)
        return -1;
    if (zrelay_private_use (socket, endpoint, fd) == 0)
        return 0;
    int error = errno;
    close (fd);
    zrelay_private_remove (endpoint);
    errno = error;
    return -1;
}

int
zrelay_private_bind (void *socket, const char *endpoint)
{
    return zrelay_private_bind_for (socket, endpoint, S_IRUSR | S_IWUSR,
                                    (gid_t) -1);
}

void
zrelay_private_remove (const char *endpoint)
{
    s_unlink_socket (s_path (endpoint));
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_private_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_private: ");

    //  @selftest
    assert (zrelay_private_possible ("ipc:///run/mine/control"));
    const char *others [] = {
        "tcp://127.0.0.1:5555", "ipc://*", "ipc://@name", "ipc://", "inproc://x"
    };
    for (size_t index = 0; index < sizeof (others) / sizeof (*others); index++)
        assert (!zrelay_private_possible (others [index]));

    char folder [] = "/tmp/zrelay-private-XXXXXX";
    assert (mkdtemp (folder));
    char *endpoint = zsys_sprintf ("ipc://%s/control", folder);
    const char *path = endpoint + strlen ("ipc://");
    mode_t mask = umask (0);
    for (int round = 0; round < 2; round++) {
        //  The second time there is a socket of that name
        zsock_t *server = zsock_new (ZMQ_REP);
        assert (zrelay_private_bind (zsock_resolve (server), endpoint) == 0);
        struct stat status;
        assert (stat (path, &status) == 0);
        assert ((status.st_mode & 0777) == (S_IRUSR | S_IWUSR));
        zsock_t *client = zsock_new (ZMQ_REQ);
        int rc = zsock_connect (client, "%s", endpoint);
        assert (rc == 0);
        zsock_set_rcvtimeo (server, 5000);
        zstr_send (client, "hello");
        char *string = zstr_recv (server);
        assert (string && streq (string, "hello"));
        zstr_free (&string);
        zsock_destroy (&client);
        zsock_destroy (&server);
    }
    umask (mask);
    zrelay_private_remove (endpoint);
    assert (!zsys_file_exists (path));

    //  What is not possible leaves nothing behind
    zsock_t *server = zsock_new (ZMQ_REP);
    assert (zrelay_private_bind (zsock_resolve (server),
                                 "ipc:///no/such/folder/control") == -1);
    assert (errno == ENOENT);
    zsock_destroy (&server);
    assert (rmdir (folder) == 0);
    zstr_free (&endpoint);
    //  @end
    printf ("OK\n");
}
