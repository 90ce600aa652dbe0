/*  =========================================================================
    zrelay_change - what turns one plan into another while its relay runs

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CHANGE_H_INCLUDED
#define ZRELAY_CHANGE_H_INCLUDED

#include "zrelay_plan.h"

//  The commands that bring a running relay from an old plan to a new one, and
//  those that bring it back. Some changes need a new relay: of its kind, its
//  security, its commands, and of socket options, since most of these act on
//  later connections only.

typedef struct {
    bool needed;                //  The plans differ
    bool possible;              //  The commands make the difference
    zlistx_t *commands;         //  zmsg_t, the words of each
    zlistx_t *reverse;          //  zmsg_t, of the one that undoes it
    zlistx_t *places;           //  zrelay_place_t in the new plan's file, or
                                //  of the new plan itself; not ours
} zrelay_change_t;

//  Find the difference. The plans remain the caller's and must outlive it.
zrelay_change_t *
    zrelay_change_new (zrelay_plan_t *old, zrelay_plan_t *new);

void
    zrelay_change_destroy (zrelay_change_t **self_p);

#endif
