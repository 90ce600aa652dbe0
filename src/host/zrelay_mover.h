/*  =========================================================================
    zrelay_mover - brings a host's relays to where a file wants them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_MOVER_H_INCLUDED
#define ZRELAY_MOVER_H_INCLUDED

#include "zrelay_config.h"

//  Carries out LOAD and CHECK on a thread of its own, since it waits for the
//  answer to each command, and the host must not. It steers the host as any
//  other client does.
//
//  A file is read, and what is new or changed in it is rehearsed. Only if all
//  of this is right does anything change: relays whose section is as it was are
//  left alone; others are changed by commands where that is possible, or else
//  replaced. If something is refused after all, every step is taken back, last
//  one first, so that the relays are as they were.

typedef struct _zrelay_mover_t zrelay_mover_t;

//  Begin. endpoint is where the host is steered from within the process; old is
//  what was loaded before, or NULL, and remains the caller's; text is the
//  file's contents, or NULL; events is where relays tell of the connections that
//  they make, or NULL. With check, nothing is changed, and all of the
//  file is rehearsed. Returns NULL with errno if there are no sockets left.
zrelay_mover_t *
    zrelay_mover_new (const char *endpoint, const char *file, const char *text,
                       const zrelay_kind_t *const *kinds,
                       zrelay_config_t *old, const char *events, bool check);

//  Waits for it to end.
void
    zrelay_mover_destroy (zrelay_mover_t **self_p);

//  Can be read when it has ended, and not before.
zsock_t *
    zrelay_mover_sock (zrelay_mover_t *self);

//  After its end: if all is well; what it found; and what is loaded now, which
//  is taken, or NULL if it is still the old.
bool
    zrelay_mover_done (zrelay_mover_t *self);
zlistx_t *
    zrelay_mover_findings (zrelay_mover_t *self);
zrelay_config_t *
    zrelay_mover_take (zrelay_mover_t *self);

#endif
