/*  =========================================================================
    zrelay - the relay that ZeroMQ never had; includes all public headers

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_H_INCLUDED
#define ZRELAY_H_INCLUDED

#include "zrelay_library.h"
#include "zrelay_message.h"
#include "zrelay_index.h"
#include "zrelay_printer.h"
#include "zrelay_spooler.h"
#include "zrelay_engine.h"
#include "zrelay_actor.h"
#include "zrelay_stats.h"
#include "zrelay_client.h"
#include "zrelay_gate.h"
#include "zrelay_queue.h"
#include "zrelay_forwarder.h"
#include "zrelay_pool.h"
#include "zrelay_broker.h"
#include "zrelay_balancer.h"
#include "zrelay_majordomo.h"
#include "zrelay_streamer.h"
#include "zrelay_proxy.h"
#include "zrelay_cache.h"
#include "zrelay_kinds.h"
#include "zrelay_host.h"
#include "zrelay_device.h"

#endif
