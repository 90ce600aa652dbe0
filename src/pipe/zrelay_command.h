/*  =========================================================================
    zrelay_command - the table of the engine's commands

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_COMMAND_H_INCLUDED
#define ZRELAY_COMMAND_H_INCLUDED

#include <zrelay.h>

//  Find the command of that name, the kind's before the engine's, and copy its
//  row. Returns false if there is none.
bool
    zrelay_command_find (const zrelay_kind_t *kind, const char *name,
                         zrelay_command_t *command);

//  Carry out a command whose arguments are the frames of msg. Returns its
//  status; a query's frames are added to answer.
int
    zrelay_command_execute (const zrelay_command_t *self,
                            zrelay_engine_t *engine, zmsg_t *msg,
                            zmsg_t *answer);

//  Bytes that only code of this process knows. Behind the arguments of FILTER
//  they say that two of these are pointers.
#define ZRELAY_COMMAND_MARK_SIZE sizeof (void *)
const byte *
    zrelay_command_mark (void);

#endif
