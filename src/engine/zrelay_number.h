/*  =========================================================================
    zrelay_number - reads numbers that people wrote

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_NUMBER_H_INCLUDED
#define ZRELAY_NUMBER_H_INCLUDED

#include <zrelay.h>

//  A number that is written in full, in decimal digits, with "-" before it at
//  most: no spaces, no "+", no exponent, nothing behind it.

//  True if text is such a number from least to most, which *value_p becomes;
//  else *value_p is left alone.
bool
    zrelay_number_read (const char *text, int64_t least, int64_t most,
                        int64_t *value_p);

//  The same for all numbers of 64 bits without a sign.
bool
    zrelay_number_read_unsigned (const char *text, uint64_t *value_p);

void
    zrelay_number_test (bool verbose);

#endif
