/*  =========================================================================
    zrelay_library - the version of the library, and what it needs

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include <zrelay.h>
#include <fcntl.h>
#include <sys/stat.h>

//  Most sockets that are asked for; and msecs for which to wait until those of
//  a trial have gone
#define SOCKETS_MOST 16
#define TRIAL_MOST 100

int
zrelay_version (void)
{
    return ZRELAY_VERSION;
}


//  --------------------------------------------------------------------------
//  Sockets. libzmq tells only by a trial how many it has left, and a socket
//  that was closed is free again when its descriptor is closed, too. Another
//  thread may be given that number for something else.

static bool
s_look_at_descriptor (int fd, struct stat *status)
{
    return fstat (fd, status) == 0;
}

static bool
s_is_open (int fd, const struct stat *before)
{
    struct stat now;
    return s_look_at_descriptor (fd, &now) && now.st_mode == before->st_mode
        && now.st_dev == before->st_dev && now.st_ino == before->st_ino;
}

bool
zrelay_sockets_left (size_t count)
{
    assert (count <= SOCKETS_MOST);
    void *handles [SOCKETS_MOST];
    size_t made = 0;
    while (made < count
       && (handles [made] = zsys_socket (ZMQ_PAIR, __FILE__, __LINE__)))
        made++;
    int64_t deadline = zclock_mono () + TRIAL_MOST;
    for (size_t index = 0; index < made; index++) {
        int fd = zsock_fd (handles [index]);
        struct stat before;
        bool known = s_look_at_descriptor (fd, &before);
        zsys_close (handles [index], __FILE__, __LINE__);
        while (known && s_is_open (fd, &before) && zclock_mono () < deadline)
            sched_yield ();
    }
    if (made < count)
        errno = EMFILE;
    return made == count;
}
