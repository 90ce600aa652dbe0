/*  =========================================================================
    zrelay_kernel - asks the system about connections and memory

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_KERNEL_H_INCLUDED
#define ZRELAY_KERNEL_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <netinet/in.h>

//  Its source includes no header of CZMQ's, which conflicts with linux/tcp.h.

//  What is kept of a connection between calls; all zero at first
typedef struct {
    uint64_t bytes;             //  Read before the system began to count anew
    uint64_t last;              //  Of these, what it had counted when it was told
                                //  to at the last call, or 0
} zrelay_kernel_count_t;

//  Bytes of a connection that libzmq has read, in its life or since the first
//  call for it, and those that wait to be read. Returns false if the system does
//  not tell: neither tcp nor ipc, or not Linux.
bool
    zrelay_kernel_read (int fd, zrelay_kernel_count_t *count, uint64_t *bytes,
                        uint64_t *waiting);

//  Bytes that a tcp connection has received in its life, and those that were
//  sent and have arrived. Returns false if the system does not tell.
bool
    zrelay_kernel_moved (int fd, uint64_t *bytes);

//  Bytes that a connection sent and that wait to arrive: by tcp at the peer's
//  system, and by ipc at the peer. *arrived_p gets those that have arrived in its
//  life, or 0 if the system does not count them. Returns false if the connection
//  has ended. A system that does not tell says that nothing waits.
bool
    zrelay_kernel_sent (int fd, uint64_t *arrived_p, uint64_t *waiting_p);

//  End a connection, as if its peer had: libzmq closes the descriptor. discard:
//  throw away what waits to be read. Returns false if the descriptor is no
//  longer that connection's, whose inode that is.
bool
    zrelay_kernel_cut (int fd, ino_t inode, bool discard);

//  A listener takes no more connections from one address, or from any again.
//  address: an IPv4 one is mapped to IPv6. Nobody hears of those who are
//  refused. Returns -1 if the system cannot do that.
int
    zrelay_kernel_refuse (int fd, const struct in6_addr *address);
void
    zrelay_kernel_refuse_nobody (int fd);

//  Descriptors that the process may have open at a time.
int
    zrelay_kernel_descriptors (void);

//  How many of these are free; does not count on when there are as many as are
//  wanted.
int
    zrelay_kernel_spare (int wanted);

//  The number of the calling thread, and bytes of memory that a thread has
//  touched first: what it took, though not what it gave back. 0 if the system
//  does not tell.
pid_t
    zrelay_kernel_thread (void);
uint64_t
    zrelay_kernel_touched (pid_t thread);

//  Give back to the system what malloc () keeps for later.
void
    zrelay_kernel_give_back (void);

//  True if an address is one of the process's code; false also if the system
//  does not tell.
bool
    zrelay_kernel_is_code (const void *address);

void
    zrelay_kernel_test (bool verbose);

#endif
