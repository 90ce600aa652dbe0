/*  =========================================================================
    zrelay_security - how those who connect to a side are checked

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_SECURITY_H_INCLUDED
#define ZRELAY_SECURITY_H_INCLUDED

#include <zrelay.h>
#include "zrelay_side.h"

//  libzmq asks the ZAP handler of the process about each peer.

//  DOMAIN, PLAIN and CURVE: how a side's peers are authenticated. Not once it
//  is attached. Where the status is not ZRELAY_STATUS_DONE, there is a sentence
//  in error, and nothing has changed.
zrelay_status_t
    zrelay_security_set_domain (zrelay_side_t *side, zrelay_error_t *error,
                                const char *domain);
zrelay_status_t
    zrelay_security_set_plain (zrelay_side_t *side, zrelay_error_t *error);
zrelay_status_t
    zrelay_security_set_curve (zrelay_side_t *side, zrelay_error_t *error,
                               const char *public_txt, const char *secret_txt);

//  True if the side checks those who connect to it. A peer that checks the
//  relay is none of these.
bool
    zrelay_security_guards (zrelay_side_t *side);

//  Give another socket the same security. Returns -1 with errno if it does not
//  take it.
int
    zrelay_security_share (zrelay_side_t *side, void *handle);

void
    zrelay_security_test (bool verbose);

#endif
