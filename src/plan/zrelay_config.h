/*  =========================================================================
    zrelay_config - reads a file of relays into plans

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CONFIG_H_INCLUDED
#define ZRELAY_CONFIG_H_INCLUDED

#include "zrelay_plan.h"

//  What a file in the form of ZeroMQ RFC 17 (ZDCF) asks for; zrelay.conf(5)
//  describes it
typedef struct {
    zlistx_t *plans;            //  zrelay_plan_t of each relay, in order
    size_t io_threads;          //  Of the context, or 0
    bool verbose;               //  Relays log commands
} zrelay_config_t;

//  Read a file, or, where text is not NULL, that text instead of it. kinds is
//  the table of kinds that may be named. Everything that is wrong is reported.
//  The caller destroys the result, which is never NULL.
zrelay_config_t *
    zrelay_config_read (const char *file, const char *text,
                        const zrelay_kind_t *const *kinds,
                        zrelay_report_t *report);

void
    zrelay_config_destroy (zrelay_config_t **self_p);

//  The plan of that name, or NULL.
zrelay_plan_t *
    zrelay_config_find (zrelay_config_t *self, const char *name);

//  Self test of this class
void
    zrelay_config_test (bool verbose);

#endif
