/*  =========================================================================
    zrelay_guard - security options of the program, and its certificates

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#ifndef ZRELAY_GUARD_H_INCLUDED
#define ZRELAY_GUARD_H_INCLUDED

#include <zrelay.h>

//  The part of the program that turns its security options into a zauth actor
//  and the relay's security commands. Functions that can fail return NULL, or
//  what was wrong as a fresh string, with how to mend it.

typedef struct _zrelay_guard_t zrelay_guard_t;

zrelay_guard_t *
    zrelay_guard_new (void);

//  Ends the zauth actor, after which no peer is let in any more.
void
    zrelay_guard_destroy (zrelay_guard_t **self_p);

//  Take note of an option by its long name: curve, server, clients, plain,
//  allow, deny, guard.
char *
    zrelay_guard_option (zrelay_guard_t *self, const char *name,
                         const char *value);

//  Check what the options say and the files they name, and start zauth. To be
//  called when all options are known, and before any side is attached.
char *
    zrelay_guard_start (zrelay_guard_t *self);

//  Send the relay the commands that guard one of its sides. binds and
//  connects tell what endpoints it will get.
char *
    zrelay_guard_protect (zrelay_guard_t *self, zactor_t *relay,
                          zrelay_side_id_t side, bool binds, bool connects);

//  Make a certificate: filename gets the public part, filename_secret also
//  the secret one, readable by its owner only. Prints the public key.
char *
    zrelay_guard_keygen (const char *filename);

#endif
