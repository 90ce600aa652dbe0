/*  =========================================================================
    zrelay_certs - the clients' certificates in a folder

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CERTS_H_INCLUDED
#define ZRELAY_CERTS_H_INCLUDED

#include "zrelay_file.h"
#include "zrelay_places.h"

//  Each file of a folder, except those whose name begins with a dot, is the
//  public certificate of a client, as zcert_save () writes it. They are in
//  memory, in the order of their keys, so that nothing that strangers choose
//  can slow down a search.
//
//  A certificate that is found is compared with its file, so a removal counts
//  at once. When a key is not found the folder is read again, at most once a
//  second and a few milliseconds at a time: zrelay_certs_work () is called, by
//  a timer, until it is done. Bytes of a file that is no certificate are logged
//  never.

#define ZRELAY_CERTS_KEY_SIZE 32

typedef struct _zrelay_certs_t zrelay_certs_t;

//  Read a folder. revoked hears of clients that are gone later.
zrelay_certs_t *
    zrelay_certs_new (const char *path, zrelay_revoked_fn *revoked, void *arg);

void
    zrelay_certs_destroy (zrelay_certs_t **self_p);

const char *
    zrelay_certs_path (zrelay_certs_t *self);
size_t
    zrelay_certs_count (zrelay_certs_t *self);

//  Why the folder cannot be used now, or NULL if it can.
const char *
    zrelay_certs_problem (zrelay_certs_t *self);

//  One client's certificate
typedef struct _zrelay_cert_t zrelay_cert_t;

//  Find a key of ZRELAY_CERTS_KEY_SIZE bytes. Returns NULL if there is none,
//  with *later_p set if that may be different after some work.
zrelay_cert_t *
    zrelay_certs_find (zrelay_certs_t *self, const byte *key, bool *later_p);

//  Look whether the folder has changed, without a key that is looked for.
void
    zrelay_certs_update (zrelay_certs_t *self);

//  Milliseconds until there is work to do; -1 if there is none. Do some of it.
int64_t
    zrelay_certs_delay (zrelay_certs_t *self);
void
    zrelay_certs_work (zrelay_certs_t *self);

//  The client's name, which is the certificate's "name" or else its public key;
//  its metadata as ZAP has it; and where it is let in from.
const char *
    zrelay_certs_name (zrelay_cert_t *cert);
zchunk_t *
    zrelay_certs_metadata (zrelay_cert_t *cert);
zrelay_places_t *
    zrelay_certs_places (zrelay_cert_t *cert);

void
    zrelay_certs_test (bool verbose);

#endif
