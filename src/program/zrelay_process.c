/*  =========================================================================
    zrelay_process - what the program asks of its process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_process.h"
#include "zrelay_signals.h"

#include <sys/resource.h>

//  What a relay needs without any peers, and some room
#define DESCRIPTORS_MIN 64

//  A relay needs eight of libzmq's sockets, of which a context has 1023 unless
//  it is told otherwise: too few for the relays of a long file. One that may be
//  made takes twelve bytes. CZMQ has a variable for those who know better.
#define SOCKETS_MOST 16383
#define SOCKETS_VARIABLE "ZSYS_MAX_SOCKETS"

//  libzmq's ZMQ_ZERO_COPY_RECV, which its header names with the DRAFT API only
#define ZERO_COPY_RECV 10

//  Each peer takes a descriptor, and CZMQ aborts if there is none for its own
//  sockets. So ask for as many as this user may have.

static zrelay_exit_t
s_raise_limit (zrelay_report_t *report)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit))
        return ZRELAY_EXIT_NOT_YET;
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
    getrlimit (RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < DESCRIPTORS_MIN)
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "only %lu files may be open, and a relay needs %d; see ulimit -n",
            (unsigned long) limit.rlim_cur, DESCRIPTORS_MIN);
    return ZRELAY_EXIT_NOT_YET;
}

zrelay_exit_t
zrelay_process_prepare (size_t io_threads, zrelay_report_t *report)
{
    zrelay_exit_t status = s_raise_limit (report);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = zrelay_signals_start (report);
    if (io_threads)
        zsys_set_io_threads (io_threads);
    if (!getenv (SOCKETS_VARIABLE))
        zsys_set_max_sockets (SOCKETS_MOST);
    zsys_set_logstream (zrelay_report_stream (report));
    return status;
}

//  libzmq leaves a frame of more than 33 bytes in the buffer in which it came,
//  and with it all the 8 KB of that, so a peer that sends frames one by one has
//  80 times the memory that it sends

void
zrelay_process_limit (void)
{
    zmq_ctx_set (zsys_init (), ZERO_COPY_RECV, 0);
}

int
zrelay_process_wait (void *sock, long msecs)
{
    zmq_pollitem_t items [] = {
        { NULL, zrelay_signals_fd (), ZMQ_POLLIN, 0 },
        { sock? zsock_resolve (sock): NULL, 0, ZMQ_POLLIN, 0 }
    };
    zrelay_signals_unblock ();
    int rc;
    do
        rc = zmq_poll (items, sock? 2: 1, msecs);
    while (rc == -1 && errno == EINTR);
    zrelay_signals_block ();
    return zrelay_signals_next ();
}
