/*  =========================================================================
    zrelay_setting - tables of options that are numbers or words

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SETTING_H_INCLUDED
#define ZRELAY_SETTING_H_INCLUDED

#include <zrelay.h>
#include "zrelay_error.h"

//  A table, see zrelay_setting_t in zrelay_engine.h, describes the options of
//  one object: a kind's, a flow, the limits of a side, the relay itself. engine
//  is for the functions of a kind's table, and may else be NULL.

//  The row of that name, characters in either case, or NULL. table may be NULL.
const zrelay_setting_t *
    zrelay_setting_find (const zrelay_setting_t *table, const char *name);

//  Set the option of an object.
zrelay_status_t
    zrelay_setting_set (const zrelay_setting_t *self, zrelay_engine_t *engine,
                        void *object, const char *value,
                        zrelay_error_t *error);

//  Its value as a fresh string.
char *
    zrelay_setting_get (const zrelay_setting_t *self, zrelay_engine_t *engine,
                        void *object);

//  All names, for a sentence, as a fresh string: "burst, overflow and queue".
//  The list of tables ends with NULL.
char *
    zrelay_setting_names (const zrelay_setting_t *const *tables);

//  Keep the present values of an object's options, each as "OWNER.NAME=VALUE"
//  and a zero, where owner is "relay", say. They are added to the chunk.
void
    zrelay_setting_keep (const zrelay_setting_t *table, const char *owner,
                         zrelay_engine_t *engine, void *object,
                         zchunk_t *values);

//  Add lines for each row to a text for people, with the default that was kept
//  for each of the owners. Their list ends with NULL.
void
    zrelay_setting_explain (const zrelay_setting_t *table,
                            const char *const *owners, zchunk_t *defaults,
                            zchunk_t *text);

void
    zrelay_setting_test (bool verbose);

#endif
