/*  =========================================================================
    zrelay_passwords - the users in a password file

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PASSWORDS_H_INCLUDED
#define ZRELAY_PASSWORDS_H_INCLUDED

#include "zrelay_file.h"
#include "zrelay_places.h"

//  A file has a line "name=password" for each user. Empty lines, and those that
//  begin with "#", do not count. The file is in memory, and is read again when
//  it has changed. A file that is gone lets in nobody, and revokes everybody. A
//  file that is wrong lets in nobody until it is right again.

typedef struct _zrelay_passwords_t zrelay_passwords_t;

//  revoked hears of users that are gone or have another password.
zrelay_passwords_t *
    zrelay_passwords_new (const char *filename, zrelay_revoked_fn *revoked,
                          void *arg);

//  Wipes what it has.
void
    zrelay_passwords_destroy (zrelay_passwords_t **self_p);

//  Look at the file, and read it if it has changed. Returns 0, or -1 if it
//  cannot be used now; the sentence says why, with the number of the line.
int
    zrelay_passwords_update (zrelay_passwords_t *self);
const char *
    zrelay_passwords_problem (zrelay_passwords_t *self);

const char *
    zrelay_passwords_filename (zrelay_passwords_t *self);
size_t
    zrelay_passwords_count (zrelay_passwords_t *self);

//  A user, by the bytes that a peer sent
typedef struct _zrelay_user_t zrelay_user_t;

//  The user of that name, or NULL; and does it have that password? self has
//  one for nobody too, so that both cost the same.
zrelay_user_t *
    zrelay_passwords_find (zrelay_passwords_t *self, const void *name,
                           size_t size);
bool
    zrelay_passwords_match (zrelay_user_t *user, const void *password,
                            size_t size);

//  The user's name, and where it is let in from.
const char *
    zrelay_passwords_name (zrelay_user_t *user);
zrelay_places_t *
    zrelay_passwords_places (zrelay_user_t *user);

void
    zrelay_passwords_test (bool verbose);

#endif
