/*  =========================================================================
    zrelay_description - a kind's description, and the names that it may have

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_DESCRIPTION_H_INCLUDED
#define ZRELAY_DESCRIPTION_H_INCLUDED

#include <zrelay.h>

//  Longest name of a relay or a kind.
#define ZRELAY_DESCRIPTION_NAME_MAX 127

//  Copy a description; one that was compiled with an older header is shorter.
//  Its tables remain the kind's. Ends the program if it cannot be one.
void
    zrelay_description_copy (const zrelay_kind_t *kind, zrelay_kind_t *copy);

//  A name as a fresh string, with characters replaced that it may not have: no
//  format that prints one has to escape anything.
char *
    zrelay_description_clean (const char *name);

void
    zrelay_description_test (bool verbose);

#endif
