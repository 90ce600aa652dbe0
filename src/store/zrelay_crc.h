/*  =========================================================================
    zrelay_crc - CRC-32C of bytes

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CRC_H_INCLUDED
#define ZRELAY_CRC_H_INCLUDED

#include <zrelay_library.h>

//  Of so many bytes, as RFC 3720 (iSCSI) has it: of "123456789" it is e3069283
uint32_t
    zrelay_crc (const void *data, size_t size);

void
    zrelay_crc_test (bool verbose);

#endif
