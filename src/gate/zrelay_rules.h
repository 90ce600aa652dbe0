/*  =========================================================================
    zrelay_rules - who may get in, domain by domain

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_RULES_H_INCLUDED
#define ZRELAY_RULES_H_INCLUDED

#include "zrelay_certs.h"
#include "zrelay_cidr.h"
#include "zrelay_passwords.h"
#include "zrelay_zap.h"

//  What becomes of a request
typedef enum {
    ZRELAY_RULES_ALLOWED,      //  Let in
    ZRELAY_RULES_ADDRESS,      //  Not from there
    ZRELAY_RULES_KEY,          //  No certificate
    ZRELAY_RULES_PASSWORD,     //  No such user and password
    ZRELAY_RULES_MECHANISM,    //  No rule for this mechanism
    ZRELAY_RULES_DELAYED,      //  Too soon after a failure
    ZRELAY_RULES_BUSY,         //  Files cannot be read
    ZRELAY_RULES_MALFORMED,    //  No request at all
    ZRELAY_RULES_ANSWERS,             //  How many there are
    ZRELAY_RULES_LATER         //  A folder has to be read first
} zrelay_rules_answer_t;

//  The rules of one domain. Files are shared with other domains.
typedef struct {
    char *domain;               //  Its name
    zlistx_t *allow;            //  zrelay_cidr_t, or empty: everybody
    zlistx_t *deny;             //  zrelay_cidr_t
    bool any;                   //  Every CURVE client is welcome
    zrelay_certs_t *certs;      //  CURVE clients, or NULL; not ours
    zrelay_passwords_t *passwords;  //  PLAIN clients, or NULL; not ours
    uint64_t counts [ZRELAY_RULES_ANSWERS];   //  Answers
} zrelay_rules_t;

zrelay_rules_t *
    zrelay_rules_new (const char *domain);

void
    zrelay_rules_destroy (zrelay_rules_t **self_p);

//  Add a network to one of the lists.
void
    zrelay_rules_add (zlistx_t *list, const zrelay_cidr_t *network);

//  Who somebody is that was let in. All is somebody else's, and NULL if there
//  is none.
typedef struct {
    const char *user;           //  User-Id
    zchunk_t *metadata;         //  Further properties
    zrelay_places_t *places;    //  Where the user was let in from
} zrelay_welcome_t;

//  Decide on a request. Passwords are only compared if the user is not delayed,
//  which the caller finds out by zrelay_rules_user ().
zrelay_rules_answer_t
    zrelay_rules_judge (zrelay_rules_t *self, zrelay_zap_t *request,
                        zrelay_welcome_t *welcome);

//  True if the request is one of PLAIN, of a user that there is.
bool
    zrelay_rules_knows_user (zrelay_rules_t *self, zrelay_zap_t *request);

#endif
