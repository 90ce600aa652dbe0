/*  =========================================================================
    zrelay_kernel - asks the system about connections and memory

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_kernel.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
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
//  Counts of bytes came late, and bytes_received last

static bool
s_info (int fd, struct tcp_info *info)
{
    socklen_t size = sizeof (*info);
    return getsockopt (fd, IPPROTO_TCP, TCP_INFO, info, &size) == 0
        && size >= offsetof (struct tcp_info, tcpi_bytes_received)
                   + sizeof (info->tcpi_bytes_received);
}

bool
zrelay_kernel_moved (int fd, uint64_t *bytes)
{
    struct tcp_info info;
    if (!s_info (fd, &info))
        return false;
    *bytes = info.tcpi_bytes_received + info.tcpi_bytes_acked;
    return true;
}

//  What arrives between the two calls counts as waiting, never as read

static bool
s_read_tcp (int fd, uint64_t *bytes, int *waiting)
{
    struct tcp_info info;
    if (!s_info (fd, &info) || ioctl (fd, SIOCINQ, waiting) == -1)
        return false;
    *bytes = info.tcpi_bytes_received - (uint64_t) *waiting;
    return true;
}

//  The system counts nothing for ipc, but it keeps a place in what waits, for
//  those who peek: see SO_PEEK_OFF in socket(7). It moves back by each byte that
//  is read, down to 0. So put it far ahead, and see how far it has come. libzmq
//  never peeks.

static bool
s_read_ipc (int fd, uint64_t *base, uint64_t *bytes, int *waiting)
{
    int place = 0;
    socklen_t size = sizeof (place);
    int domain = 0;
    socklen_t domain_size = sizeof (domain);
    if (getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) == -1
    ||  domain != AF_UNIX
    ||  getsockopt (fd, SOL_SOCKET, SO_PEEK_OFF, &place, &size) == -1
    ||  ioctl (fd, SIOCINQ, waiting) == -1)
        return false;
    int begun = place == -1? 0: INT_MAX - place;
    if (place < INT_MAX / 2) {
        int start = INT_MAX;
        if (setsockopt (fd, SOL_SOCKET, SO_PEEK_OFF, &start, sizeof (start)))
            return false;
        *base += (uint64_t) begun;
        begun = 0;
    }
    *bytes = *base + (uint64_t) begun;
    return true;
}

bool
zrelay_kernel_read (int fd, uint64_t *base, uint64_t *bytes,
                    uint64_t *waiting_p)
{
    int waiting = 0;
    if (!s_read_tcp (fd, bytes, &waiting)
    &&  !s_read_ipc (fd, base, bytes, &waiting))
        return false;
    *waiting_p = (uint64_t) waiting;
    return true;
}
#else
bool
zrelay_kernel_moved (int fd, uint64_t *bytes)
{
    (void) fd;
    (void) bytes;
    return false;
}

bool
zrelay_kernel_read (int fd, uint64_t *base, uint64_t *bytes,
                    uint64_t *waiting_p)
{
    (void) fd;
    (void) base;
    (void) bytes;
    (void) waiting_p;
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

//  See proc(5): "FROM-TO rwxp OFFSET ...", in hexadecimal digits

bool
zrelay_kernel_is_code (const void *address)
{
    FILE *maps = fopen ("/proc/self/maps", "re");
    if (!maps)
        return false;
    bool found = false;
    char line [LINE_MAX];
    while (!found && fgets (line, sizeof (line), maps)) {
        uintptr_t from, to;
        char execute;
        found = sscanf (line, "%" SCNxPTR "-%" SCNxPTR " %*c%*c%c",
                        &from, &to, &execute) == 3
             && execute == 'x'
             && (uintptr_t) address >= from && (uintptr_t) address < to;
    }
    fclose (maps);
    return found;
}
