/*  =========================================================================
    zrelay_rules - who may get in, domain by domain

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_rules.h"

static void
s_cidr_destroy (void **item_p)
{
    freen (*item_p);
}

static zlistx_t *
s_list_new (void)
{
    zlistx_t *list = zlistx_new ();
    assert (list);
    zlistx_set_destructor (list, s_cidr_destroy);
    return list;
}

zrelay_rules_t *
zrelay_rules_new (const char *domain)
{
    zrelay_rules_t *self = (zrelay_rules_t *) zmalloc (sizeof (zrelay_rules_t));
    assert (self);
    self->domain = strdup (domain);
    assert (self->domain);
    self->allow = s_list_new ();
    self->deny = s_list_new ();
    return self;
}

void
zrelay_rules_destroy (zrelay_rules_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_rules_t *self = *self_p;
        zlistx_destroy (&self->allow);
        zlistx_destroy (&self->deny);
        zstr_free (&self->domain);
        freen (self);
        *self_p = NULL;
    }
}

void
zrelay_rules_add (zlistx_t *list, const zrelay_cidr_t *network)
{
    zrelay_cidr_t *copy = (zrelay_cidr_t *) zmalloc (sizeof (zrelay_cidr_t));
    assert (copy);
    *copy = *network;
    zlistx_add_end (list, copy);
}

static bool
s_contains (zlistx_t *list, const zrelay_cidr_t *address)
{
    zrelay_cidr_t *network = (zrelay_cidr_t *) zlistx_first (list);
    while (network && !zrelay_cidr_contains (network, address))
        network = (zrelay_cidr_t *) zlistx_next (list);
    return network != NULL;
}


//  --------------------------------------------------------------------------
//  By mechanism

//  A domain with certificates or passwords is not for peers without

static zrelay_rules_answer_t
s_judge_null (zrelay_rules_t *self, zrelay_zap_t *request,
              zrelay_welcome_t *welcome)
{
    (void) request;
    (void) welcome;
    return self->any || self->certs || self->passwords?
           ZRELAY_RULES_MECHANISM: ZRELAY_RULES_ALLOWED;
}

static zrelay_user_t *
s_find_user (zrelay_rules_t *self, zrelay_zap_t *request)
{
    zframe_t *name = request->credentials [0];
    return zrelay_passwords_find (self->passwords, zframe_data (name),
                                  zframe_size (name));
}

static zrelay_rules_answer_t
s_judge_plain (zrelay_rules_t *self, zrelay_zap_t *request,
               zrelay_welcome_t *welcome)
{
    if (!self->passwords)
        return ZRELAY_RULES_MECHANISM;
    if (zrelay_passwords_update (self->passwords))
        return ZRELAY_RULES_BUSY;
    zframe_t *password = request->credentials [1];
    zrelay_user_t *user = s_find_user (self, request);
    if (!zrelay_passwords_match (user, zframe_data (password),
                                 zframe_size (password)))
        return ZRELAY_RULES_PASSWORD;
    welcome->user = zrelay_passwords_name (user);
    welcome->places = zrelay_passwords_places (user);
    return ZRELAY_RULES_ALLOWED;
}

static zrelay_rules_answer_t
s_judge_curve (zrelay_rules_t *self, zrelay_zap_t *request,
               zrelay_welcome_t *welcome)
{
    if (self->any) {
        zmq_z85_encode (request->user, zframe_data (request->credentials [0]),
                        ZRELAY_CERTS_KEY_SIZE);
        welcome->user = request->user;
        return ZRELAY_RULES_ALLOWED;
    }
    if (!self->certs)
        return ZRELAY_RULES_MECHANISM;
    bool later;
    zrelay_cert_t *cert = zrelay_certs_find (self->certs,
        zframe_data (request->credentials [0]), &later);
    if (!cert)
        return later? ZRELAY_RULES_LATER: ZRELAY_RULES_KEY;
    welcome->user = zrelay_certs_name (cert);
    welcome->metadata = zrelay_certs_metadata (cert);
    welcome->places = zrelay_certs_places (cert);
    return ZRELAY_RULES_ALLOWED;
}

static zrelay_rules_answer_t
s_judge_other (zrelay_rules_t *self, zrelay_zap_t *request,
               zrelay_welcome_t *welcome)
{
    (void) self;
    (void) request;
    (void) welcome;
    return ZRELAY_RULES_MECHANISM;
}

zrelay_rules_answer_t
zrelay_rules_judge (zrelay_rules_t *self, zrelay_zap_t *request,
                    zrelay_welcome_t *welcome)
{
    typedef zrelay_rules_answer_t (judge_fn) (zrelay_rules_t *self,
        zrelay_zap_t *request, zrelay_welcome_t *welcome);
    static judge_fn *judges [] = {
        [ZRELAY_ZAP_NULL] = s_judge_null,
        [ZRELAY_ZAP_PLAIN] = s_judge_plain,
        [ZRELAY_ZAP_CURVE] = s_judge_curve,
        [ZRELAY_ZAP_OTHER] = s_judge_other
    };
    memset (welcome, 0, sizeof (*welcome));
    if (s_contains (self->deny, &request->ip)
    || (zlistx_size (self->allow) > 0
        && !s_contains (self->allow, &request->ip)))
        return ZRELAY_RULES_ADDRESS;
    return judges [request->mechanism] (self, request, welcome);
}

bool
zrelay_rules_knows_user (zrelay_rules_t *self, zrelay_zap_t *request)
{
    if (request->mechanism != ZRELAY_ZAP_PLAIN || !self->passwords)
        return false;
    zrelay_passwords_update (self->passwords);
    return s_find_user (self, request) != NULL;
}
