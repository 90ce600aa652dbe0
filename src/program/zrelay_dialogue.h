/*  =========================================================================
    zrelay_dialogue - gives a relay commands and reads what it says

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_DIALOGUE_H_INCLUDED
#define ZRELAY_DIALOGUE_H_INCLUDED

#include <zrelay.h>

//  Send a command, its words ended by NULL, and read its status. Returns NULL
//  if it is done, or else what the relay says about it, as a fresh string.
#define zrelay_dialogue_command(relay, ...) \
    (zstr_sendx ((relay), __VA_ARGS__, NULL), zrelay_dialogue_answer (relay))

//  The same for a command that was sent before.
char *
    zrelay_dialogue_answer (zactor_t *relay);

//  Where a side was attached last, as a fresh string, or NULL.
char *
    zrelay_dialogue_last_endpoint (zactor_t *relay, const char *side);

#endif
