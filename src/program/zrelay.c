/*  =========================================================================
    zrelay - the program: runs one relay from the command line

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_main.h"

#define ANY_TYPE \
    "PAIR,PUB,SUB,REQ,REP,DEALER,ROUTER,PULL,PUSH,XPUB,XSUB"

static const zrelay_plan_kind_t s_queue = {
    .name = "queue",
    .help = "shares requests of many clients among many workers",
    .actor = zrelay_queue,
    .frontend = { "ROUTER", "@tcp://127.0.0.1:5559",
                  "REQ and DEALER clients" },
    .backend = { "DEALER", "@tcp://127.0.0.1:5560",
                 "REP, DEALER and ROUTER workers" }
};

static const zrelay_plan_kind_t s_forwarder = {
    .name = "forwarder",
    .help = "carries publications to subscribers, subscriptions back",
    .actor = zrelay_forwarder,
    .frontend = { "XSUB", ">tcp://127.0.0.1:5556",
                  "PUB and XPUB publishers" },
    .backend = { "XPUB", "@tcp://127.0.0.1:8100",
                 "SUB and XSUB subscribers" }
};

static const zrelay_plan_kind_t s_streamer = {
    .name = "streamer",
    .help = "carries tasks from many pushers to many pullers",
    .actor = zrelay_streamer,
    .frontend = { "PULL", "@tcp://127.0.0.1:5557", "PUSH sockets" },
    .backend = { "PUSH", "@tcp://127.0.0.1:5558", "PULL sockets" }
};

static const zrelay_plan_kind_t s_proxy = {
    .name = "proxy",
    .help = "carries messages between any two sockets that fit",
    .actor = zrelay_proxy,
    .frontend = { ANY_TYPE, NULL, NULL },
    .backend = { ANY_TYPE, NULL, NULL }
};

static const zrelay_plan_kind_t *const s_kinds [] = {
    &s_queue, &s_forwarder, &s_streamer, &s_proxy, NULL
};

int
main (int argc, char *argv [])
{
    return zrelay_main (s_kinds, argc, argv);
}
