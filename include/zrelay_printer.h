/*  =========================================================================
    zrelay_printer - lines that their writer does not wait for

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PRINTER_H_INCLUDED
#define ZRELAY_PRINTER_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  Standard error may be a pipe that nobody reads, a stopped terminal, or a
//  file system that hangs. Whoever writes there then waits, perhaps for ever.
//  A printer takes lines at once and has them printed by a thread, which runs
//  while there are lines. It holds ZRELAY_PRINTER_MAX bytes; lines beyond are
//  lost, and a line says later how many. All that relays and gates log goes
//  through a printer.
//
//      zrelay_printer_t *printer = zrelay_printer_new (s_print, file);
//      zrelay_printer_print (printer, ZRELAY_LOG_INFO, "%zu peers", count);
//      zrelay_printer_destroy (&printer);

//  Bytes of lines that wait
#define ZRELAY_PRINTER_MAX 65536

//  How important a line of the log is
typedef enum {
    ZRELAY_LOG_INFO = 0,        //  Normal
    ZRELAY_LOG_WARNING = 1,     //  Somebody should look
    ZRELAY_LOG_ERROR = 2        //  Something does not work
} zrelay_log_t;

typedef struct _zrelay_printer_t zrelay_printer_t;

//  Prints a line, which has no newline at its end, and may take its time. It is
//  called on the printer's thread, where all signals are blocked; or, if there
//  can be no thread, by whoever has the line printed.
typedef void (zrelay_printer_fn) (void *arg, zrelay_log_t level,
                                  const char *line);

ZRELAY_EXPORT zrelay_printer_t *
    zrelay_printer_new (zrelay_printer_fn *print, void *arg);

//  Settles, see below. A line that is being printed still may use arg.
ZRELAY_EXPORT void
    zrelay_printer_destroy (zrelay_printer_t **self_p);

//  Have a line printed. It is made as by printf, and one newline at its end is
//  left out. Any thread may call this.
ZRELAY_EXPORT void
    zrelay_printer_print (zrelay_printer_t *self, zrelay_log_t level,
                          const char *format, ...) CHECK_PRINTF (3);

//  Wait until all lines are printed, or give up: when a line takes longer than
//  half a second, or after 5 seconds. Returns true if all are printed.
ZRELAY_EXPORT bool
    zrelay_printer_settle (zrelay_printer_t *self);

//  Have a line logged by CZMQ: by zsys_info (), zsys_warning () or
//  zsys_error (). zrelay_printer_settle_log () settles these lines; a relay
//  does so when it ends.
ZRELAY_EXPORT void
    zrelay_printer_log (zrelay_log_t level,
                        const char *format, ...) CHECK_PRINTF (2);
ZRELAY_EXPORT bool
    zrelay_printer_settle_log (void);

//  Self test of this class.
ZRELAY_EXPORT void
    zrelay_printer_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
