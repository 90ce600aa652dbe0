/*  =========================================================================
    zrelay_kernel - asks the system about connections

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_kernel.h"

#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#if defined (__linux__)
#   include <netinet/in.h>
#   include <linux/sockios.h>
#   include <linux/tcp.h>
#endif

//  Descriptors that are looked at in one call; at most as many as there may be
#define SPARE_LOOK 64

#if defined (__linux__)
bool
zrelay_kernel_received (int fd, uint64_t *bytes)
{
    struct tcp_info info;
    socklen_t size = sizeof (info);
    if (getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &size) == -1
    ||  size < offsetof (struct tcp_info, tcpi_bytes_received)
               + sizeof (info.tcpi_bytes_received))
        return false;
    *bytes = info.tcpi_bytes_received;
    return true;
}

bool
zrelay_kernel_read (int fd, uint64_t *bytes)
{
    int waiting = 0;
    if (!zrelay_kernel_received (fd, bytes)
    ||  ioctl (fd, SIOCINQ, &waiting) == -1)
        return false;
    *bytes -= (uint64_t) waiting;
    return true;
}
#else
bool
zrelay_kernel_received (int fd, uint64_t *bytes)
{
    (void) fd;
    (void) bytes;
    return false;
}

bool
zrelay_kernel_read (int fd, uint64_t *bytes)
{
    (void) fd;
    (void) bytes;
    return false;
}
#endif

void
zrelay_kernel_cut (int fd)
{
    shutdown (fd, SHUT_RDWR);
}

int
zrelay_kernel_descriptors (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur > INT_MAX)
        return INT_MAX;
    return (int) limit.rlim_cur;
}

//  The system gives away the lowest that is free, so look from the highest down

int
zrelay_kernel_spare (int wanted)
{
    struct pollfd items [SPARE_LOOK];
    int spare = 0;
    for (int end = zrelay_kernel_descriptors (); end > 0 && spare < wanted; ) {
        int count = end < SPARE_LOOK? end: SPARE_LOOK;
        end -= count;
        for (int index = 0; index < count; index++)
            items [index] = (struct pollfd) { .fd = end + index };
        if (poll (items, (nfds_t) count, 0) == -1)
            return wanted;
        for (int index = 0; index < count; index++)
            spare += (items [index].revents & POLLNVAL) != 0;
    }
    return spare;
}
