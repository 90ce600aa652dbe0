/*  =========================================================================
    zrelay_private - listens by ipc for nobody but this user

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_private.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#define TRANSPORT "ipc://"

//  Connections that may wait to be accepted
#define BACKLOG 100

static const char *
s_path (const char *endpoint)
{
    return endpoint + strlen (TRANSPORT);
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

//  The mode of a socket before it is bound is that of its file, less the umask

static int
s_listen (const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen (path) >= sizeof (address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy (address.sun_path, path, strlen (path) + 1);
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);
    if (fd == -1)
        return -1;
    s_unlink_socket (path);
    if (fchmod (fd, S_IRUSR | S_IWUSR)
    ||  fcntl (fd, F_SETFD, FD_CLOEXEC)
    ||  fcntl (fd, F_SETFL, O_NONBLOCK)
    ||  bind (fd, (struct sockaddr *) &address, sizeof (address))
    ||  listen (fd, BACKLOG)) {
        int error = errno;
        close (fd);
        errno = error;
        return -1;
    }
    return fd;
}

int
zrelay_private_bind (void *socket, const char *endpoint)
{
    int fd = s_listen (s_path (endpoint));
    if (fd == -1)
        return -1;
    //  libzmq closes it from here on
    if (zmq_setsockopt (socket, ZMQ_USE_FD, &fd, sizeof (fd)) == 0
    &&  zmq_bind (socket, endpoint) == 0)
        return 0;
    int error = errno;
    close (fd);
    zrelay_private_remove (endpoint);
    errno = error;
    return -1;
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
