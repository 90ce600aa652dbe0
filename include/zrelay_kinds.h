/*  =========================================================================
    zrelay_kinds - the kinds of relay that this library has

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_KINDS_H_INCLUDED
#define ZRELAY_KINDS_H_INCLUDED

#include "zrelay_engine.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  The one table of kinds: what the program offers, in this order, ended by
//  NULL. An application can choose a kind by its name at run time:
//
//      const zrelay_kind_t *kind =
//          zrelay_kinds_find (zrelay_kinds (), "queue");
//      zactor_t *relay = zrelay_engine_spawn (kind, "orders");
ZRELAY_EXPORT const zrelay_kind_t *const *
    zrelay_kinds (void);

//  The kind of that name in such a table, or NULL. The table may be your own.
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_kinds_find (const zrelay_kind_t *const *kinds, const char *name);

//  The kinds one by one, for a table of your own. zactor_new (zrelay_queue,
//  name) and zrelay_engine_spawn (zrelay_queue_kind (), name) do the same.
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_queue_kind (void);
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_forwarder_kind (void);
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_streamer_kind (void);
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_proxy_kind (void);
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_balancer_kind (void);
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_majordomo_kind (void);
ZRELAY_EXPORT const zrelay_kind_t *
    zrelay_cache_kind (void);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_kinds_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
