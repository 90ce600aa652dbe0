/*  =========================================================================
    zrelay - the program: runs one relay from the command line

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>
#include <zrelay_main.h>

int
main (int argc, char *argv [])
{
    return zrelay_main (zrelay_kinds (), argc, argv);
}
