/*  =========================================================================
    zrelay_keygen - makes a CURVE certificate

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_KEYGEN_H_INCLUDED
#define ZRELAY_KEYGEN_H_INCLUDED

#include "zrelay_report.h"

//  The command "keygen FILE", or "keygen --help"; argv [0] is "keygen". FILE
//  gets the public part of a new certificate, and FILE_secret also the secret
//  one, readable by its owner only. Neither may exist. Prints the public key.
//  Returns ZRELAY_EXIT_ASKED, or reports a failure and returns another status.
zrelay_exit_t
    zrelay_keygen (int argc, char **argv, zrelay_report_t *report);

#endif
