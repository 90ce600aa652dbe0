/*  =========================================================================
    zrelay_printer_internal - standard error of programs that zrelay is in

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PRINTER_INTERNAL_H_INCLUDED
#define ZRELAY_PRINTER_INTERNAL_H_INCLUDED

#include <zrelay_printer.h>

//  Have a line printed to standard error, and settle such lines: for relays
//  that must not touch CZMQ's log.
void
    zrelay_printer_tell (const char *format, ...) CHECK_PRINTF (1);
bool
    zrelay_printer_settle_told (void);

#endif
