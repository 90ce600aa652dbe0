/*  =========================================================================
    zrelay_pairing - socket types, and which of them make a relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PAIRING_H_INCLUDED
#define ZRELAY_PAIRING_H_INCLUDED

#include <zrelay.h>

//  Number of the socket type of that name, letters in either case; -1 if
//  there is no such type or a relay cannot use it.
int
    zrelay_pairing_type (const char *name);

//  True if name is one of the comma-separated types.
bool
    zrelay_pairing_allows (const char *types, const char *name);

//  True if a message can be received from, or sent to, a socket of that type.
bool
    zrelay_pairing_receives (int type);
bool
    zrelay_pairing_sends (int type);

//  True if the first two frames change places on their way from one to the
//  other: the sender's routing id, and the receiver's that the sender named.
bool
    zrelay_pairing_swaps (int input, int output);

//  NULL if frontend and backend make a relay, else the reason why not.
const char *
    zrelay_pairing_refusal (int frontend, int backend);

//  Add the table of pairs to a text for people, for the types in question.
void
    zrelay_pairing_explain (zchunk_t *text, const char *frontends,
                            const char *backends);

void
    zrelay_pairing_test (bool verbose);

#endif
