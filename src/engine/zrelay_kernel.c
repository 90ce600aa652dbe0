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

#include <arpa/inet.h>
#include <assert.h>
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

//  What arrives between the two calls counts as waiting, never as read; so there
//  may be more of that than had come before

static bool
s_read_tcp (int fd, uint64_t *bytes, int *waiting)
{
    struct tcp_info info;
    if (!s_info (fd, &info) || ioctl (fd, SIOCINQ, waiting) == -1)
        return false;
    uint64_t least = (uint64_t) *waiting;
    *bytes = info.tcpi_bytes_received > least?
             info.tcpi_bytes_received - least: 0;
    return true;
}

//  The system counts nothing for ipc, but it keeps a place in what waits, for
//  those who peek: see SO_PEEK_OFF in socket(7). It moves back by each byte that
//  is read, down to 0. So put it far ahead, and see how far it has come. libzmq
//  never peeks.
//
//  A thread that reads just then may put it back to where it was: since 6.9,
//  Linux takes no lock for that. Then it is as far back at the next call, and
//  what was counted goes on. So much cannot be read between two calls.

static bool
s_begin_anew (zrelay_kernel_count_t *self, int fd, int counted)
{
    int start = INT_MAX;
    if (setsockopt (fd, SOL_SOCKET, SO_PEEK_OFF, &start, sizeof (start)) == -1)
        return false;
    self->bytes += (uint64_t) counted - self->last;
    self->last = (uint64_t) counted;
    return true;
}

static bool
s_read_ipc (int fd, zrelay_kernel_count_t *self, uint64_t *bytes, int *waiting)
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
    int counted = place == -1? 0: INT_MAX - place;
    if (place < INT_MAX / 2) {
        *bytes = self->bytes - self->last + (uint64_t) counted;
        return s_begin_anew (self, fd, counted);
    }
    self->last = 0;
    *bytes = self->bytes + (uint64_t) counted;
    return true;
}

bool
zrelay_kernel_read (int fd, zrelay_kernel_count_t *count, uint64_t *bytes,
                    uint64_t *waiting_p)
{
    int waiting = 0;
    if (!s_read_tcp (fd, bytes, &waiting)
    &&  !s_read_ipc (fd, count, bytes, &waiting))
        return false;
    *waiting_p = (uint64_t) waiting;
    return true;
}

//  What arrives between the two calls counts as waiting still. What a peer by
//  ipc has not read is thrown away when it goes, which is seen after that.

bool
zrelay_kernel_sent (int fd, uint64_t *arrived_p, uint64_t *waiting_p)
{
    int waiting = 0;
    struct pollfd item = { .fd = fd };
    if (ioctl (fd, SIOCOUTQ, &waiting) == -1 || poll (&item, 1, 0) != 0)
        return false;
    struct tcp_info info;
    *arrived_p = s_info (fd, &info)? info.tcpi_bytes_acked: 0;
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
zrelay_kernel_read (int fd, zrelay_kernel_count_t *count, uint64_t *bytes,
                    uint64_t *waiting_p)
{
    (void) fd;
    (void) count;
    (void) bytes;
    (void) waiting_p;
    return false;
}

bool
zrelay_kernel_sent (int fd, uint64_t *arrived_p, uint64_t *waiting_p)
{
    (void) fd;
    *arrived_p = *waiting_p = 0;
    return true;
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


//  --------------------------------------------------------------------------
//  Selftest

//  Can somebody connect from that address to a listener of its family? What is
//  refused is not answered.

static bool
s_test_connects (const char *from, int listener)
{
    struct sockaddr_storage there;
    socklen_t size = sizeof (there);
    int rc = getsockname (listener, (struct sockaddr *) &there, &size);
    assert (rc == 0);
    struct sockaddr_storage here = { .ss_family = there.ss_family };
    inet_pton (there.ss_family, from, there.ss_family == AF_INET?
               (void *) &((struct sockaddr_in *) &here)->sin_addr:
               (void *) &((struct sockaddr_in6 *) &here)->sin6_addr);
    int fd = socket (there.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    rc = bind (fd, (struct sockaddr *) &here, size);
    assert (rc == 0);
    connect (fd, (struct sockaddr *) &there, size);
    struct pollfd item = { .fd = fd, .events = POLLOUT };
    bool connects = poll (&item, 1, 100) == 1
                 && (item.revents & (POLLERR | POLLHUP)) == 0;
    close (fd);
    return connects;
}

//  Listen at an address; -1 if this machine has none of that family

static int
s_test_listen (const char *address)
{
    struct sockaddr_storage here = {
        .ss_family = strchr (address, ':')? AF_INET6: AF_INET
    };
    bool ipv4 = here.ss_family == AF_INET;
    inet_pton (here.ss_family, address, ipv4?
               (void *) &((struct sockaddr_in *) &here)->sin_addr:
               (void *) &((struct sockaddr_in6 *) &here)->sin6_addr);
    int fd = socket (here.ss_family, SOCK_STREAM, 0);
    if (fd != -1
    && (bind (fd, (struct sockaddr *) &here,
              ipv4? sizeof (struct sockaddr_in): sizeof (struct sockaddr_in6))
     || listen (fd, SOMAXCONN))) {
        close (fd);
        return -1;
    }
    return fd;
}

static void
s_test_refuse (const char *address, const char *from, const char *refused,
               bool connects)
{
    int fd = s_test_listen (address);
    if (fd == -1)
        return;
    struct in6_addr ip;
    inet_pton (AF_INET6, refused, &ip);
    assert (s_test_connects (from, fd));
    if (zrelay_kernel_refuse (fd, &ip) == 0) {
        assert (s_test_connects (from, fd) == connects);
        zrelay_kernel_refuse_nobody (fd);
    }
    assert (s_test_connects (from, fd));
    close (fd);
}

#if defined (__linux__)
//  As a thread leaves it that has read so many bytes since the system was told to
//  count

static void
s_test_put_back (int fd, int bytes)
{
    int place = INT_MAX - bytes;
    int rc = setsockopt (fd, SOL_SOCKET, SO_PEEK_OFF, &place, sizeof (place));
    assert (rc == 0);
}

static void
s_test_transfer (int fds [2], size_t size)
{
    static char bytes [1000];
    ssize_t count = write (fds [1], bytes, size);
    assert (count == (ssize_t) size);
    count = read (fds [0], bytes, size);
    assert (count == (ssize_t) size);
}

//  Gigabytes by ipc are counted one after the other, also if a thread that reads
//  keeps the system from counting anew

static void
s_test_read_ipc (void)
{
    const int half = INT_MAX / 2 + 10;
    int fds [2];
    int rc = socketpair (AF_UNIX, SOCK_STREAM, 0, fds);
    assert (rc == 0);
    zrelay_kernel_count_t count = { 0, 0 };
    uint64_t bytes, waiting;
    assert (zrelay_kernel_read (fds [0], &count, &bytes, &waiting));
    assert (bytes == 0 && waiting == 0);
    s_test_transfer (fds, 300);
    assert (zrelay_kernel_read (fds [0], &count, &bytes, &waiting));
    assert (bytes == 300);
    for (uint64_t round = 0; round < 5; round++) {
        s_test_put_back (fds [0], half);
        assert (zrelay_kernel_read (fds [0], &count, &bytes, &waiting));
        assert (bytes == round * (half + 15) + half);
        if (round % 2)
            s_test_put_back (fds [0], half);
        s_test_transfer (fds, 5);
        assert (zrelay_kernel_read (fds [0], &count, &bytes, &waiting));
        assert (bytes == round * (half + 15) + half + 5);
        s_test_transfer (fds, 10);
        assert (zrelay_kernel_read (fds [0], &count, &bytes, &waiting));
        assert (bytes == round * (half + 15) + half + 15);
        count = (zrelay_kernel_count_t) { bytes, 0 };
    }
    close (fds [0]);
    close (fds [1]);
}
#endif

void
zrelay_kernel_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_kernel: ");

    //  @selftest
    //  A listener refuses one address, and all of it counts
    static const struct {
        const char *listens;
        const char *from;
        const char *refused;
        bool connects;
    } rows [] = {
        { "127.0.0.1", "127.0.0.9", "::ffff:127.0.0.9", false },
        { "127.0.0.1", "127.0.0.9", "::ffff:127.0.0.8", true },
        { "127.0.0.1", "127.0.0.9", "::ffff:126.0.0.9", true },
        { "127.0.0.1", "127.0.0.9", "::1", true },
        { "::1", "::1", "::1", false },
        { "::1", "::1", "::2", true },
        { "::1", "::1", "::1:0:1", true },
        { "::1", "::1", "0:0:1::1", true },
        { "::1", "::1", "1::1", true },
        { "::1", "::1", "::ffff:127.0.0.1", true }
    };
    for (size_t row = 0; row < sizeof (rows) / sizeof (*rows); row++)
        s_test_refuse (rows [row].listens, rows [row].from,
                       rows [row].refused, rows [row].connects);

#if defined (__linux__)
    s_test_read_ipc ();
#endif
    //  Code is told from other memory
    assert (zrelay_kernel_is_code ((const void *) zrelay_kernel_test));
    assert (!zrelay_kernel_is_code (rows));
    //  @end
    printf ("OK\n");
}
