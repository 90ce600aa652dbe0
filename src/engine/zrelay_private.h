/*  =========================================================================
    zrelay_private - listens by ipc for those who are to be let in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PRIVATE_H_INCLUDED
#define ZRELAY_PRIVATE_H_INCLUDED

#include <zrelay.h>

//  Stands before an endpoint where anybody may steer
#define ZRELAY_PRIVATE_ANYBODY "anybody "

//  The endpoint that a pattern stands for, as a fresh string: %p becomes the
//  process id, and %n the number of this call within the process, from 1. The
//  word "anybody" and its space are taken off; *open_p says if they were there.
char *
    zrelay_private_expand (const char *pattern, bool *open_p);

//  True if an endpoint is a path of ipc, whose permissions the system checks;
//  not "*", and not a name outside of the file system.
bool
    zrelay_private_possible (const char *endpoint);

//  Bind a socket of libzmq's to such an endpoint, so that at no time anybody
//  but this user can connect, whatever the umask. A socket that a process left
//  there is replaced. Returns 0, or -1 with errno.
int
    zrelay_private_bind (void *socket, const char *endpoint);

//  The same for those whom the file's permissions let in, and whom its group
//  lets in, unless that is -1.
int
    zrelay_private_bind_for (void *socket, const char *endpoint, mode_t mode,
                             gid_t group);

//  Bind a socket of libzmq's to an endpoint at which a descriptor listens. It
//  is libzmq's from here on, if this returns 0; else it is the caller's, and
//  errno is set.
int
    zrelay_private_use (void *socket, const char *endpoint, int fd);

//  Remove the endpoint's file after the socket was closed.
void
    zrelay_private_remove (const char *endpoint);

void
    zrelay_private_test (bool verbose);

#endif
