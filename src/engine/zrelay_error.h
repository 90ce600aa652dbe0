/*  =========================================================================
    zrelay_error - the one sentence about the last failure

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ERROR_H_INCLUDED
#define ZRELAY_ERROR_H_INCLUDED

#include <zrelay.h>

//  A relay has one such object, and each of its parts keeps the sentence there
//  when it refuses something. That is the library's one convention for failure:
//  a function returns a status, and the sentence is here. After
//  ZRELAY_STATUS_DONE the sentence may be a remark.
//
//      return zrelay_error_set (error, ZRELAY_STATUS_REFUSED,
//                               "cannot bind the %s to %s", name,
//                               zrelay_error_quote (error, endpoint));

typedef struct _zrelay_error_t zrelay_error_t;

zrelay_error_t *
    zrelay_error_new (void);

void
    zrelay_error_destroy (zrelay_error_t **self_p);

//  Keep a sentence, made as by printf, and return status. Characters that
//  cannot be printed become "?".
zrelay_status_t
    zrelay_error_set (zrelay_error_t *self, zrelay_status_t status,
                      const char *format, ...) CHECK_PRINTF (3);
zrelay_status_t
    zrelay_error_set_va (zrelay_error_t *self, zrelay_status_t status,
                         const char *format, va_list argptr);

//  The last sentence, or "". It remains the object's.
const char *
    zrelay_error_sentence (zrelay_error_t *self);

//  Forget the sentence.
void
    zrelay_error_clear (zrelay_error_t *self);

//  The command that the sentence, or the next one, is about; "": none. And the
//  sentence behind the command's name, or "". It remains the object's.
void
    zrelay_error_set_command (zrelay_error_t *self, const char *command);
const char *
    zrelay_error_explain (zrelay_error_t *self);

//  A string that came from a caller, for use in a sentence: in quotes, of at
//  most 80 characters, and as '(secret)' if it may be a key or if secrecy is
//  on. Valid until four more were quoted.
const char *
    zrelay_error_quote (zrelay_error_t *self, const char *value);

//  Secrecy: a command is carried out whose arguments nobody may repeat.
void
    zrelay_error_set_secrecy (zrelay_error_t *self, bool secrecy);

//  End the program because of a mistake of its programmer, with this sentence
//  on standard error.
void
    zrelay_error_abort (const char *format, ...)
    CHECK_PRINTF (1) __attribute__ ((noreturn));

void
    zrelay_error_test (bool verbose);

#endif
