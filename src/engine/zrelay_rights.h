/*  =========================================================================
    zrelay_rights - asks whether a message's sender may send it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_RIGHTS_H_INCLUDED
#define ZRELAY_RIGHTS_H_INCLUDED

#include <zrelay.h>
#include "zrelay_permit.h"
#include "zrelay_view.h"

//  Peers by inproc belong to the process, have no properties, and may do
//  everything.

//  Whether a message that subscribes may: its only frame is a byte and a topic.
bool
    zrelay_rights_subscribe (const zrelay_permit_t *permit,
                             zrelay_view_t *view);

//  Whether a message may be sent, by the direction it travels in, and the type
//  of the socket that it came to. Requests and replies begin behind their
//  routing ids and empty frames.
bool
    zrelay_rights_send (const zrelay_permit_t *permit, zrelay_view_t *view,
                        zrelay_flow_id_t flow, int type);

void
    zrelay_rights_test (bool verbose);

#endif
