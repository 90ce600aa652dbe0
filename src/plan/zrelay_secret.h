/*  =========================================================================
    zrelay_secret - reads and writes files with secrets

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SECRET_H_INCLUDED
#define ZRELAY_SECRET_H_INCLUDED

#include "zrelay_report.h"

//  CZMQ's zcert_load () opens whatever has the name, waits for a FIFO, and logs
//  lines that it does not understand; its zcert_save () follows links. Here a
//  file is opened once, must be a regular file that others cannot write to, and
//  is never overwritten.

//  Read the certificate in a file. With secret, it must have a secret key that
//  only its owner can read, and a file with "_secret" behind its name is
//  preferred. Returns NULL, with the reason reported, if it cannot be used. The
//  caller destroys it with zrelay_secret_destroy ().
zcert_t *
    zrelay_secret_load (const char *filename, bool secret,
                        zrelay_report_t *report);

//  Read the public key of a server: its 40 letters, or the name of a file with
//  a public certificate, or with just these letters. A file that is there comes
//  first. Returns NULL, with the reason reported, if it is neither.
zcert_t *
    zrelay_secret_load_key (const char *text, zrelay_report_t *report);

//  Read a file that only its owner can read or write to. Returns NULL, with the
//  reason reported, if it cannot be used. The caller wipes the string and frees
//  it with zstr_free ().
char *
    zrelay_secret_read (const char *filename, zrelay_report_t *report);

//  Write a new file that only its owner can write to, and with secret only
//  read. Returns 0, or -1 with errno.
int
    zrelay_secret_write (const char *filename, const char *text, bool secret);

//  Wipe a certificate before it is destroyed.
void
    zrelay_secret_destroy (zcert_t **cert_p);

//  From now on, no core file is written, and nobody but root can look into the
//  process.
void
    zrelay_secret_protect (void);

#endif
