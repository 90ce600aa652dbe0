/*  =========================================================================
    zrelay_signals - the signals that the program handles

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SIGNALS_H_INCLUDED
#define ZRELAY_SIGNALS_H_INCLUDED

#include "zrelay_report.h"

//  SIGINT, SIGTERM, SIGHUP and SIGUSR1 become numbers in a pipe, to be polled
//  for like anything else that the program waits for. SIGHUP does not where it
//  was ignored before, as nohup has it. They are blocked except between
//  zrelay_signals_unblock () and zrelay_signals_block (), so none is missed
//  from the start on, none interrupts a dialogue with the relay, and none is
//  handled on another thread:
//
//      zrelay_signals_unblock ();
//      poll zrelay_signals_fd ()
//      zrelay_signals_block ();
//      int number = zrelay_signals_next ();
//
//  There is one such pipe in a process, since a signal handler can reach
//  nothing but static variables.

//  Block and handle the signals. To be called before there are other threads,
//  so that these have them blocked for good.
zrelay_exit_t
    zrelay_signals_start (zrelay_report_t *report);

void
    zrelay_signals_block (void);
void
    zrelay_signals_unblock (void);

//  Can be read when a signal has arrived.
int
    zrelay_signals_fd (void);

//  Number of the next signal that has arrived, or 0 if there is none.
int
    zrelay_signals_next (void);

//  End the process after so many msecs at the latest, whatever it is doing,
//  with this status; 0: no longer.
void
    zrelay_signals_limit (size_t msecs, zrelay_exit_t status);

//  From now on SIGINT, SIGTERM and SIGHUP end the process almost at once, with
//  this status, as the limit does; and SIGUSR1 is ignored. For the end, when
//  sockets may still linger, and a user who is in a hurry asks again.
void
    zrelay_signals_end (zrelay_exit_t status);

#endif
