/*  =========================================================================
    zrelay_option - libzmq's socket options by their zsock names

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_OPTION_H_INCLUDED
#define ZRELAY_OPTION_H_INCLUDED

#include <zrelay.h>

typedef struct {
    const char *name;           //  zsock's name for it
    int id;                     //  libzmq's number for it
    char type;                  //  'i' int, 'l' int64, 'u' uint64, 's' string,
                                //  'b' bytes, 'k' a key in Z85
    unsigned flags;             //  ZRELAY_OPTION_..., below
    const char *refusal;        //  Why a relay does not take it, or NULL
} zrelay_option_t;

//  libzmq 4.3 has it in every build, but names it with the DRAFT API only
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#   define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define ZRELAY_OPTION_NOW    1  //  Acts on connections that exist already
#define ZRELAY_OPTION_SECRET 2  //  Nobody is told its value
#define ZRELAY_OPTION_GET    4  //  Can only be read
#define ZRELAY_OPTION_HELD   8  //  Does not act on connections that endpoints
                                //  accept which are bound already

//  The option of that name, or NULL. Letters in either case.
const zrelay_option_t *
    zrelay_option_find (const char *name);

//  True if value can be a value of this option: a number in range for its
//  type, a string of a length that libzmq can take.
bool
    zrelay_option_valid (const zrelay_option_t *self, const char *value);

//  Set it on a libzmq socket. value has been found valid. Returns 0, or -1 with
//  errno as from zmq_setsockopt.
int
    zrelay_option_set (const zrelay_option_t *self, void *handle,
                       const char *value);

//  Its value as a fresh string, or NULL with errno as from zmq_getsockopt.
char *
    zrelay_option_get (const zrelay_option_t *self, void *handle);

void
    zrelay_option_test (bool verbose);

#endif
