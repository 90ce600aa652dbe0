/*  =========================================================================
    zrelay_proxy - carries messages between any two sockets that fit

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include <zrelay.h>
#include "../../selftest/zrelay_testing.h"

static const zrelay_kind_t s_kind = {
    ZRELAY_KIND,
    .name = "proxy",
    .help = "carries messages between any two sockets that fit",
    .frontend = { .types = ZRELAY_ANY_TYPE },
    .backend = { .types = ZRELAY_ANY_TYPE }
};

const zrelay_kind_t *
zrelay_proxy_kind (void)
{
    return &s_kind;
}

void
zrelay_proxy (zsock_t *pipe, void *args)
{
    zrelay_engine_run (&s_kind, pipe, args);
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_proxy_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_proxy: ");

    //  @selftest
    //  As in zproxy's own test
    zactor_t *proxy = zactor_new (zrelay_proxy, NULL);
    assert (proxy);
    assert (zrelay_testing_status (proxy, 0, "FRONTEND", "PULL",
                                   "inproc://proxy-test-frontend"));
    assert (zrelay_testing_status (proxy, 0, "BACKEND", "PUSH",
                                   "inproc://proxy-test-backend"));
    zsock_t *faucet = zsock_new_push (">inproc://proxy-test-frontend");
    zsock_t *sink = zsock_new_pull (">inproc://proxy-test-backend");
    assert (faucet && sink);
    zstr_sendx (faucet, "Hello", "World", NULL);
    assert (zrelay_testing_receives (sink, "Hello", "World"));

    //  A capture sees what passes
    zsock_t *capture = zsock_new_pull ("@inproc://proxy-test-capture");
    assert (zrelay_testing_status (proxy, 0, "CAPTURE",
                                   "inproc://proxy-test-capture", NULL));
    zstr_sendx (faucet, "Hello", "World", NULL);
    assert (zrelay_testing_receives (capture, "Hello", "World"));
    assert (zrelay_testing_receives (sink, "Hello", "World"));

    //  What is wrong is refused with a reason
    assert (zrelay_testing_status (proxy, 1, "FRONT", "PULL", "inproc://x"));
    assert (zrelay_testing_error (proxy, "FRONT"));
    assert (zrelay_testing_status (proxy, 2, "FRONTEND", "PULLS",
                                   "inproc://x"));
    assert (zrelay_testing_error (proxy, "PULLS"));
    assert (zrelay_testing_status (proxy, 2, "BACKEND", "PULL", "inproc://x"));
    assert (zrelay_testing_error (proxy, "neither side sends"));
    assert (zrelay_testing_status (proxy, 3, "FRONTEND", "SUB", "inproc://x"));
    assert (zrelay_testing_error (proxy, "in use"));
    assert (zrelay_testing_status (proxy, 4, "BIND", "FRONTEND",
                                   "tcp://nowhere"));
    assert (zrelay_testing_error (proxy, "tcp://nowhere"));

    //  And nothing was changed by it
    zstr_sendx (faucet, "Hello", "World", NULL);
    assert (zrelay_testing_receives (sink, "Hello", "World"));
    zsock_destroy (&faucet);
    zsock_destroy (&sink);
    zsock_destroy (&capture);
    zactor_destroy (&proxy);
    //  @end
    printf ("OK\n");
}
