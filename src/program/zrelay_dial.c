/*  =========================================================================
    zrelay_dial - connects to relays that run already

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_dial.h"
#include "zrelay_control.h"
#include "zrelay_secret.h"

struct _zrelay_dial_t {
    const char *word;           //  The user's command
    zrelay_report_t *report;    //  Hears what is wrong
    char *endpoint;             //  Where the relays are steered
    zsock_t *sock;              //  A socket with keys, or NULL
    zrelay_client_t *client;    //  Leads there
};

//  --------------------------------------------------------------------------
//  Connecting

//  The word before an endpoint in the environment is for those who open it

static zrelay_exit_t
s_find_endpoint (zrelay_dial_t *self, const char *endpoint)
{
    static const char *anybody = "anybody ";
    const char *given = endpoint? endpoint: zrelay_control_environment ();
    if (given) {
        size_t size = strlen (anybody);
        bool marked = !endpoint && strncmp (given, anybody, size) == 0;
        self->endpoint = strdup (marked? given + size: given);
        assert (self->endpoint);
    }
    else
        self->endpoint = zrelay_control_default ();
    if (self->endpoint)
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "%s: there is no runtime directory (%s); give --control",
        self->word, strerror (errno));
}

//  A socket with our keys and those of the other party

static zrelay_exit_t
s_make_secure (zrelay_dial_t *self, const char *curve, const char *server)
{
    if (!curve || !server)
        return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
            "%s: --curve and --server belong together; give both",
            self->word);
    zcert_t *own = zrelay_secret_load (curve, true, self->report);
    zcert_t *other =
        own? zrelay_secret_load_key (server, self->report): NULL;
    if (other) {
        self->sock = zsock_new (ZMQ_DEALER);
        assert (self->sock);
        zcert_apply (own, self->sock);
        zsock_set_curve_serverkey (self->sock, zcert_public_txt (other));
        zsock_set_immediate (self->sock, 1);
        zsock_set_linger (self->sock, 0);
    }
    zrelay_secret_destroy (&own);
    zrelay_secret_destroy (&other);
    return self->sock? ZRELAY_EXIT_NOT_YET: ZRELAY_EXIT_MISUSE;
}

static zrelay_exit_t
s_connect (zrelay_dial_t *self)
{
    //  It knows which endpoints are safe to connect to
    self->client = zrelay_client_connect (self->endpoint);
    if (self->client && self->sock) {
        zrelay_client_destroy (&self->client);
        if (zsock_connect (self->sock, "%s", self->endpoint) == 0)
            self->client = zrelay_client_new (self->sock);
    }
    if (self->client)
        return ZRELAY_EXIT_NOT_YET;
    return zrelay_report_say (self->report, ZRELAY_EXIT_MISUSE,
        "%s: cannot connect to '%s': %s", self->word, self->endpoint,
        zmq_strerror (errno));
}

//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_dial_t *
zrelay_dial_new (const char *word, const char *endpoint, const char *curve,
                 const char *server, zrelay_report_t *report)
{
    zrelay_dial_t *self = (zrelay_dial_t *) zmalloc (sizeof (zrelay_dial_t));
    assert (self);
    self->word = word;
    self->report = report;
    zrelay_exit_t status = s_find_endpoint (self, endpoint);
    if (status == ZRELAY_EXIT_NOT_YET && (curve || server))
        status = s_make_secure (self, curve, server);
    if (status == ZRELAY_EXIT_NOT_YET)
        status = s_connect (self);
    if (status != ZRELAY_EXIT_NOT_YET)
        zrelay_dial_destroy (&self);
    return self;
}

void
zrelay_dial_destroy (zrelay_dial_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_dial_t *self = *self_p;
        zrelay_client_destroy (&self->client);
        zsock_destroy (&self->sock);
        zstr_free (&self->endpoint);
        freen (self);
        *self_p = NULL;
    }
}

zrelay_client_t *
zrelay_dial_client (zrelay_dial_t *self)
{
    return self->client;
}

const char *
zrelay_dial_endpoint (zrelay_dial_t *self)
{
    return self->endpoint;
}
