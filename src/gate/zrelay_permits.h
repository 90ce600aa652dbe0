/*  =========================================================================
    zrelay_permits - who may do what: a file of rules

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_PERMITS_H_INCLUDED
#define ZRELAY_PERMITS_H_INCLUDED

#include <zrelay.h>

//  What no line of the file permits is refused:
//
//      #   WHO             RIGHT       BEGINNING
//      user alice          subscribe   weather.
//      address 10.0.0.0/8  publish     sensors.
//      anybody             request
//
//  A user is a peer's User-Id, an address its Peer-Address, see zrelay_cidr.h.
//  BEGINNING is that of a topic or a message; without one, all are meant. A
//  word in double quotes may have spaces, \" and \\, and bytes such as \x00.

typedef enum {
    ZRELAY_PERMITS_SUBSCRIBE,   //  To a topic that has this beginning
    ZRELAY_PERMITS_PUBLISH,     //  A message that has it
    ZRELAY_PERMITS_REQUEST,     //  Likewise
    ZRELAY_PERMITS_REPLY,       //  And what comes from the backend
    ZRELAY_PERMITS_RIGHTS       //  How many there are
} zrelay_permits_right_t;

typedef struct _zrelay_permits_t zrelay_permits_t;

//  Read a file. The object is without rules, and permits nothing, while there
//  is a problem: a sentence, or NULL.
zrelay_permits_t *
    zrelay_permits_new (const char *filename);

void
    zrelay_permits_destroy (zrelay_permits_t **self_p);

const char *
    zrelay_permits_problem (zrelay_permits_t *self);

//  Read the file again if it has changed, but not more often than once a
//  second; now is in msecs. Returns true if there are other rules now.
bool
    zrelay_permits_update (zrelay_permits_t *self, int64_t now);

//  Changes when somebody has lost a right.
uint64_t
    zrelay_permits_revision (zrelay_permits_t *self);

//  May that peer do that? user and address may be NULL.
bool
    zrelay_permits_allow (zrelay_permits_t *self,
                          zrelay_permits_right_t right, const char *user,
                          const char *address, const void *data, size_t size);

//  The name of a right
const char *
    zrelay_permits_name (zrelay_permits_right_t right);

void
    zrelay_permits_test (bool verbose);

#endif
