/*  =========================================================================
    zrelay_zap - one question that libzmq asks about a peer

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ZAP_H_INCLUDED
#define ZRELAY_ZAP_H_INCLUDED

#include "zrelay_cidr.h"

//  A request of ZAP 1.0 (ZeroMQ RFC 27), as a ROUTER gets it:
//
//      routing id, "", version, request id, domain, address, identity,
//      mechanism, credentials ...
//
//  libzmq makes them, but anybody in the process may send others.

typedef enum {
    ZRELAY_ZAP_NULL,        //  No credentials
    ZRELAY_ZAP_PLAIN,       //  User name and password
    ZRELAY_ZAP_CURVE,       //  Public key
    ZRELAY_ZAP_OTHER        //  GSSAPI, or another one
} zrelay_mechanism_t;

//  Most credentials that matter; and a public key as text
#define ZRELAY_ZAP_CREDENTIALS 2
#define ZRELAY_ZAP_KEY_SIZE 41

typedef struct {
    zframe_t *peer;             //  Routing id, to answer to
    zframe_t *id;               //  Request id, to be repeated
    char *domain;               //  Of the socket
    char *address;              //  Of the peer, as libzmq reports it
    zrelay_cidr_t ip;           //  The same
    zrelay_mechanism_t mechanism;   //  The socket's
    zframe_t *credentials [ZRELAY_ZAP_CREDENTIALS]; //  As far as needed
    char user [ZRELAY_ZAP_KEY_SIZE];    //  Room for a User-Id
} zrelay_zap_t;

//  Take a message apart, and destroy it. Returns NULL if it is no request.
zrelay_zap_t *
    zrelay_zap_new (zmsg_t **message_p);

//  Wipes the credentials.
void
    zrelay_zap_destroy (zrelay_zap_t **self_p);

//  The part of the address that belongs to one customer of a network: of IPv6
//  the first 64 bits, of ipc the user.
const void *
    zrelay_zap_origin (zrelay_zap_t *self, size_t *size_p);

#endif
