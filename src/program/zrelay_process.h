/*  =========================================================================
    zrelay_process - what the program asks of its process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PROCESS_H_INCLUDED
#define ZRELAY_PROCESS_H_INCLUDED

#include "zrelay_config.h"

//  What comes before there is any socket, and so before CZMQ has threads: as
//  many descriptors as this user may have, signals, threads for input and
//  output (0: as many as CZMQ takes), and the log, which goes to the report.
zrelay_exit_t
    zrelay_process_prepare (size_t io_threads, zrelay_report_t *report);

//  After that: frames that come take memory as their size says, and not as they
//  were sent. This costs time, see doc/security.md.
void
    zrelay_process_limit (void);

//  Wait for a signal, or until sock can be read unless it is NULL, or for so
//  many msecs unless that is -1. Returns the number of the signal, or 0.
int
    zrelay_process_wait (void *sock, long msecs);

#endif
