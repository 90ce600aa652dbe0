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
#include <malloc.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined (__linux__)
#   include <linux/filter.h>
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

//  What waits would still be read before the end is seen: megabytes of tcp,
//  which takes in nothing more then. All of it goes at once, or libzmq would
//  take what comes after a gap for the end of a message. See MSG_TRUNC in
//  tcp(7). What ipc holds is little, and it has no such call.

static void
s_discard (int fd)
{
    int protocol = 0;
    socklen_t size = sizeof (protocol);
    if (getsockopt (fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == -1
    ||  protocol != IPPROTO_TCP)
        return;
#if defined (SYS_recvfrom)
    //  Sanitizers take recv () for one that writes what it returns
    char none;
    syscall (SYS_recvfrom, fd, &none, (size_t) INT_MAX,
             MSG_TRUNC | MSG_DONTWAIT, NULL, NULL);
#endif
}

//  libzmq closes descriptors on its own threads, and the system gives them away
//  again. A descriptor of our own keeps the connection that we have looked at.
//  If there is none to be had, the time between two calls has to do.

bool
zrelay_kernel_cut (int fd, ino_t inode, bool discard)
{
    int own = fcntl (fd, F_DUPFD_CLOEXEC, 0);
    int held = own == -1? fd: own;
    struct stat status;
    bool same = fstat (held, &status) == 0 && status.st_ino == inode;
    if (same)
        shutdown (held, SHUT_RDWR);
    if (same && discard && own != -1)
        s_discard (own);
    if (own != -1)
        close (own);
    return same;
}

#if defined (__linux__)
//  The program of the filter: see the headers of IP, of either version; packets
//  from that address are dropped, all others go on. See packet(7) and
//  Documentation/networking/filter in Linux.

#define SOURCE_IPV4 12          //  Where the address is in the header
#define SOURCE_IPV6 8
#define WORDS_IPV6 4
#define LOAD_BYTE(place) \
    BPF_STMT (BPF_LD | BPF_B | BPF_ABS, (uint32_t) SKF_NET_OFF + (place))
#define LOAD_WORD(place) \
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, (uint32_t) SKF_NET_OFF + (place))
#define GO_ON_UNLESS(value, skipped) \
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)
#define DROP BPF_STMT (BPF_RET | BPF_K, 0)
#define GO_ON BPF_STMT (BPF_RET | BPF_K, UINT32_MAX)

static int
s_filter (int fd, struct sock_filter *code, size_t size)
{
    struct sock_fprog program = {
        .len = (unsigned short) (size / sizeof (*code)), .filter = code
    };
    return setsockopt (fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                       sizeof (program));
}

static int
s_refuse_ipv4 (int fd, uint32_t address)
{
    struct sock_filter code [] = {
        LOAD_BYTE (0),
        BPF_STMT (BPF_ALU | BPF_RSH | BPF_K, 4),
        GO_ON_UNLESS (4, 3),
        LOAD_WORD (SOURCE_IPV4),
        GO_ON_UNLESS (address, 1),
        DROP,
        GO_ON
    };
    return s_filter (fd, code, sizeof (code));
}

static int
s_refuse_ipv6 (int fd, const struct in6_addr *address)
{
    uint32_t words [WORDS_IPV6];
    memcpy (words, address, sizeof (words));
    struct sock_filter code [] = {
        LOAD_BYTE (0),
        BPF_STMT (BPF_ALU | BPF_RSH | BPF_K, 4),
        GO_ON_UNLESS (6, 9),
        LOAD_WORD (SOURCE_IPV6),
        GO_ON_UNLESS (ntohl (words [0]), 7),
        LOAD_WORD (SOURCE_IPV6 + 4),
        GO_ON_UNLESS (ntohl (words [1]), 5),
        LOAD_WORD (SOURCE_IPV6 + 8),
        GO_ON_UNLESS (ntohl (words [2]), 3),
        LOAD_WORD (SOURCE_IPV6 + 12),
        GO_ON_UNLESS (ntohl (words [3]), 1),
        DROP,
        GO_ON
    };
    return s_filter (fd, code, sizeof (code));
}

int
zrelay_kernel_refuse (int fd, const struct in6_addr *address)
{
    if (!IN6_IS_ADDR_V4MAPPED (address))
        return s_refuse_ipv6 (fd, address);
    uint32_t ipv4;
    memcpy (&ipv4, address->s6_addr + 12, sizeof (ipv4));
    return s_refuse_ipv4 (fd, ntohl (ipv4));
}

void
zrelay_kernel_refuse_nobody (int fd)
{
    int none = 0;
    setsockopt (fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof (none));
}
#else
int
zrelay_kernel_refuse (int fd, const struct in6_addr *address)
{
    (void) fd;
    (void) address;
    return -1;
}

void
zrelay_kernel_refuse_nobody (int fd)
{
    (void) fd;
}
#endif

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

#if defined (__linux__)
pid_t
zrelay_kernel_thread (void)
{
    return (pid_t) syscall (SYS_gettid);
}
#else
pid_t
zrelay_kernel_thread (void)
{
    return 0;
}
#endif

//  See proc(5): the name of the program, which may hold anything, stands in
//  parentheses; minflt is the eighth number or letter after it. The system
//  gives memory by pages, when they are touched first.

uint64_t
zrelay_kernel_touched (pid_t thread)
{
    char line [LINE_MAX];
    snprintf (line, sizeof (line), "/proc/self/task/%d/stat", (int) thread);
    FILE *stat = fopen (line, "re");
    if (!stat)
        return 0;
    const char *rest = fgets (line, sizeof (line), stat)?
        strrchr (line, ')'): NULL;
    fclose (stat);
    uint64_t pages;
    bool found = rest
              && sscanf (rest, ") %*c %*s %*s %*s %*s %*s %*s %" SCNu64,
                         &pages) == 1;
    return found? pages * (uint64_t) sysconf (_SC_PAGESIZE): 0;
}

void
zrelay_kernel_give_back (void)
{
#if defined (__GLIBC__)
    malloc_trim (0);
#endif
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
