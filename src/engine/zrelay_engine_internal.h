/*  =========================================================================
    zrelay_engine_internal - what those that steer an engine need of it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ENGINE_INTERNAL_H_INCLUDED
#define ZRELAY_ENGINE_INTERNAL_H_INCLUDED

#include <zrelay.h>
#include "zrelay_capture.h"
#include "zrelay_drain.h"
#include "zrelay_error.h"
#include "zrelay_flow.h"
#include "zrelay_rulebook.h"
#include "zrelay_side.h"

//  The engine does what it is told, and reports by callbacks; it does not know
//  who tells it. src/pipe and src/device do.

//  A relay of this kind, whose description is copied. name as in
//  zrelay_engine_spawn ().
zrelay_engine_t *
    zrelay_engine_new (const zrelay_kind_t *kind, const char *name);

//  A relay between libzmq's sockets of somebody else, in that one's thread,
//  which closes none of them. backend may be the frontend, capture NULL.
zrelay_engine_t *
    zrelay_engine_borrow (const zrelay_kind_t *kind,
                          void *frontend, void *backend, void *capture);

void
    zrelay_engine_destroy (zrelay_engine_t **self_p);


//  --------------------------------------------------------------------------
//  Its parts, which remain the engine's. A side or a flow that a kind does not
//  have is NULL.

const zrelay_kind_t *
    zrelay_engine_kind (zrelay_engine_t *self);
zrelay_side_t *
    zrelay_engine_side (zrelay_engine_t *self, zrelay_side_id_t side);
zrelay_flow_t *
    zrelay_engine_flow (zrelay_engine_t *self, zrelay_flow_id_t flow);
zrelay_side_t *
    zrelay_engine_guarded (zrelay_engine_t *self);
zrelay_access_t *
    zrelay_engine_restricted (zrelay_engine_t *self);

//  The ZAP domain of sockets that bind and take over no security of a side: the
//  capture, and those of the kind's own. NULL: none. Sockets that are there
//  already do not change.
int
    zrelay_engine_set_domain (zrelay_engine_t *self, const char *domain);
const char *
    zrelay_engine_domain (zrelay_engine_t *self);

zrelay_capture_t *
    zrelay_engine_capture (zrelay_engine_t *self);
zrelay_rulebook_t *
    zrelay_engine_rulebook (zrelay_engine_t *self);
zrelay_error_t *
    zrelay_engine_error (zrelay_engine_t *self);
zloop_t *
    zrelay_engine_zloop (zrelay_engine_t *self);

//  True if its sockets are somebody else's.
bool
    zrelay_engine_borrowed (zrelay_engine_t *self);

//  Any pointer, for the one who steers it.
void
    zrelay_engine_set_owner (zrelay_engine_t *self, void *owner);
void *
    zrelay_engine_owner (zrelay_engine_t *self);

//  Log each command, and what became of it.
void
    zrelay_engine_set_verbose (zrelay_engine_t *self);
bool
    zrelay_engine_verbose (zrelay_engine_t *self);

//  Have a borrowed relay log to standard error. It logs nowhere otherwise, since
//  it must not touch CZMQ's log, which would take over the signals of the
//  program.
void
    zrelay_engine_tell (zrelay_engine_t *self);


//  --------------------------------------------------------------------------
//  Running

//  Run until zrelay_engine_stop () is called, and return 0; or until polling
//  fails, and return -1 with errno: ETERM, EINTR, ENOTSOCK. Can be called
//  again.
int
    zrelay_engine_loop (zrelay_engine_t *self);
void
    zrelay_engine_stop (zrelay_engine_t *self);

//  True if the loop is to end; its other callbacks return -1 then.
bool
    zrelay_engine_ends (zrelay_engine_t *self);

//  Something was changed that flows or polls depend on, such as an option or an
//  endpoint. To be called after each command.
void
    zrelay_engine_changed (zrelay_engine_t *self);

//  PAUSE, and the end of PAUSE and DRAIN.
void
    zrelay_engine_pause (zrelay_engine_t *self);
void
    zrelay_engine_resume (zrelay_engine_t *self);

//  Take no new work; when the work inside is done, or after so many msecs, or
//  after zrelay_engine_resume (), call on_end, once, with a status, after one
//  other than ZRELAY_STATUS_DONE with a sentence in the error.
void
    zrelay_engine_drain (zrelay_engine_t *self, size_t msecs,
                         zrelay_drained_fn *on_end, void *arg);

//  True until that was called.
bool
    zrelay_engine_drains (zrelay_engine_t *self);

//  FRONTEND and BACKEND, see zrelay_configure (); a pair of types that makes no
//  relay is refused before anything is done.
zrelay_status_t
    zrelay_engine_configure (zrelay_engine_t *self, zrelay_side_id_t side,
                             const char *type, const char *endpoints,
                             size_t count, char **words);

//  Ask somebody what peers may do, see zrelay_flow_set_permit (); permit is
//  copied, and the engine's if that is done. All subscribers are cut. Refused
//  if somebody is asked already, where sockets are borrowed, or where the kind
//  has bound some of its own.
zrelay_status_t
    zrelay_engine_set_permit (zrelay_engine_t *self,
                              const zrelay_permit_t *permit);

//  The relay's own options, and the kind's. The second function sets *value_p
//  to a fresh string.
zrelay_status_t
    zrelay_engine_set_option (zrelay_engine_t *self, const char *option,
                              const char *value);
zrelay_status_t
    zrelay_engine_get_option (zrelay_engine_t *self, const char *option,
                              char **value_p);
extern const zrelay_setting_t zrelay_engine_settings [];

//  The values that options had when the relay had been made, of the owners
//  "relay", "forward", "return", "frontend" and "backend"; see
//  zrelay_setting_explain ().
zchunk_t *
    zrelay_engine_defaults (zrelay_engine_t *self);

//  EVENTS: send events about the connections that the relay makes to that
//  endpoint, see zrelay_events.h.
zrelay_status_t
    zrelay_engine_report_to (zrelay_engine_t *self, const char *endpoint);

//  STATS and RESET
void
    zrelay_engine_stats (zrelay_engine_t *self, zrelay_counts_t *counts);
void
    zrelay_engine_reset (zrelay_engine_t *self);

//  The state's name
const char *
    zrelay_engine_state_name (zrelay_engine_t *self);

#endif
