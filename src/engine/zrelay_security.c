/*  =========================================================================
    zrelay_security - how those who connect to a side are checked

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_security.h"

static zrelay_status_t
s_set_before_attach (zrelay_side_t *side, zrelay_error_t *error,
                     const char *option, const char *value)
{
    if (zrelay_side_attached (side))
        return zrelay_error_set (error, ZRELAY_STATUS_BAD_STATE,
            "the %s is attached already; say how to authenticate before that",
            zrelay_side_name (side));
    return zrelay_side_set_option (side, option, value);
}

zrelay_status_t
zrelay_security_set_domain (zrelay_side_t *side, zrelay_error_t *error,
                            const char *domain)
{
    return s_set_before_attach (side, error, "zap_domain", domain);
}

zrelay_status_t
zrelay_security_set_plain (zrelay_side_t *side, zrelay_error_t *error)
{
    return s_set_before_attach (side, error, "plain_server", "1");
}

//  Check both keys before setting any

static bool
s_key_pair (const char *public_txt, const char *secret_txt)
{
    uint8_t key [32];
    char derived [41];
    return strlen (public_txt) == sizeof (derived) - 1
        && strlen (secret_txt) == sizeof (derived) - 1
        && zmq_z85_decode (key, secret_txt)
        && zmq_curve_public (derived, secret_txt) == 0
        && streq (derived, public_txt);
}

zrelay_status_t
zrelay_security_set_curve (zrelay_side_t *side, zrelay_error_t *error,
                           const char *public_txt, const char *secret_txt)
{
    if (!zsys_has_curve ())
        return zrelay_error_set (error, ZRELAY_STATUS_REFUSED,
                                 "libzmq was built without CURVE");
    if (!s_key_pair (public_txt, secret_txt))
        return zrelay_error_set (error, ZRELAY_STATUS_BAD_ARGUMENTS,
            "that is not a pair of CURVE keys; give first the public and then "
            "the secret key, each of 40 characters in Z85");
    zrelay_status_t status =
        s_set_before_attach (side, error, "curve_publickey", public_txt);
    if (status == ZRELAY_STATUS_DONE)
        status = zrelay_side_set_option (side, "curve_secretkey", secret_txt);
    if (status == ZRELAY_STATUS_DONE)
        status = zrelay_side_set_option (side, "curve_server", "1");
    return status;
}

bool
zrelay_security_guards (zrelay_side_t *side)
{
    //  Only the peers of a socket of ours are watched
    if (!zrelay_side_peers (side))
        return false;
    void *handle = zrelay_side_handle (side);
    char *domain = zsock_zap_domain (handle);
    bool guards = (domain && *domain) || zsock_plain_server (handle)
               || (zsys_has_curve () && zsock_curve_server (handle));
    zstr_free (&domain);
    return guards;
}

//  The domain comes before zap_enforce_domain, which needs it

int
zrelay_security_share (zrelay_side_t *side, void *handle)
{
    static const char *const names [] = {
        "ipv6", "zap_domain", "zap_enforce_domain", "plain_server",
        "curve_publickey", "curve_secretkey", "curve_server", NULL
    };
    zrelay_options_t *options =
        zrelay_choices_options (zrelay_side_choices (side));
    for (int index = 0; names [index]; index++) {
        const zrelay_option_t *option = zrelay_option_find (names [index]);
        const char *value = zrelay_options_get (options, option);
        if (value && zrelay_option_set (option, handle, value))
            return -1;
    }
    return 0;
}


//  --------------------------------------------------------------------------
//  Selftest

static void
s_test_curve (zrelay_side_t *side, zrelay_error_t *error)
{
    zcert_t *cert = zcert_new ();
    const char *public_txt = zcert_public_txt (cert);
    const char *secret_txt = zcert_secret_txt (cert);
    assert (zrelay_security_set_curve (side, error, secret_txt, public_txt)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (!strstr (zrelay_error_sentence (error), secret_txt));
    assert (zrelay_security_set_curve (side, error, "short", secret_txt)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (zrelay_security_set_curve (side, error, public_txt, secret_txt)
            == ZRELAY_STATUS_DONE);
    assert (zrelay_side_attach (side, "inproc://security-curve", true)
            == ZRELAY_STATUS_DONE);
    assert (zrelay_security_set_curve (side, error, public_txt, secret_txt)
            == ZRELAY_STATUS_BAD_STATE);
    zcert_destroy (&cert);
}

void
zrelay_security_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_security: ");

    //  @selftest
    const zrelay_side_spec_t spec = { .types = "ROUTER" };
    zrelay_error_t *error = zrelay_error_new ();
    zrelay_side_t *side = zrelay_side_new ("frontend", &spec, error);
    assert (!zrelay_security_guards (side));
    assert (zrelay_security_set_domain (side, error, "global")
            == ZRELAY_STATUS_DONE);
    assert (zrelay_security_guards (side));
    assert (zrelay_security_set_plain (side, error) == ZRELAY_STATUS_DONE);

    //  Another socket gets the same
    zsock_t *other = zsock_new (ZMQ_PUB);
    int rc = zrelay_security_share (side, zsock_resolve (other));
    assert (rc == 0);
    char *domain = zsock_zap_domain (other);
    assert (streq (domain, "global") && zsock_plain_server (other));
    zstr_free (&domain);
    zsock_destroy (&other);
    if (zsys_has_curve ())
        s_test_curve (side, error);
    zrelay_side_destroy (&side);

    //  Peers are no part of a borrowed side
    zsock_t *sock = zsock_new (ZMQ_PULL);
    zsock_set_plain_server (sock, 1);
    side = zrelay_side_borrow ("frontend", zsock_resolve (sock), error);
    assert (!zrelay_security_guards (side));
    assert (zrelay_security_set_plain (side, error)
            == ZRELAY_STATUS_BAD_STATE);
    zrelay_side_destroy (&side);
    zsock_destroy (&sock);
    zrelay_error_destroy (&error);
    //  @end
    printf ("OK\n");
}
