/*  =========================================================================
    zrelay_pairing - socket types, and which of them make a relay

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    ========================================================================= */

#include "zrelay_pairing.h"

//  Sets of socket types, as bits
#define T(type) (1u << (type))
#define ANY (~0u)
#define RECEIVE_DATA (T (ZMQ_PAIR) | T (ZMQ_SUB) | T (ZMQ_REQ) | T (ZMQ_REP) \
                    | T (ZMQ_DEALER) | T (ZMQ_ROUTER) | T (ZMQ_PULL) \
                    | T (ZMQ_XSUB))
#define SEND_DATA (T (ZMQ_PAIR) | T (ZMQ_PUB) | T (ZMQ_REQ) | T (ZMQ_REP) \
                 | T (ZMQ_DEALER) | T (ZMQ_ROUTER) | T (ZMQ_PUSH) \
                 | T (ZMQ_XPUB))
//  An XPUB receives subscriptions and an XSUB sends them; they are not data,
//  but carry a relay's purpose where data comes the other way
#define RECEIVE (RECEIVE_DATA | T (ZMQ_XPUB))
#define SEND (SEND_DATA | T (ZMQ_XSUB))
#define TWO_WAY (T (ZMQ_PAIR) | T (ZMQ_REQ) | T (ZMQ_REP) | T (ZMQ_DEALER) \
               | T (ZMQ_ROUTER))

//  Types that only an application can bring with a socket of its own: STREAM,
//  and those of libzmq's DRAFT API. They all send and receive.
#define OTHERS ZMQ_STREAM

//  Numbers as in zmq.h. STREAM is not among them: it is raw TCP without
//  messages.

static const struct {
    const char *name;           //  As in zsock_type_str ()
    int type;                   //  As in zsock_new ()
} s_types [] = {
    { "PAIR", ZMQ_PAIR },
    { "PUB", ZMQ_PUB },
    { "SUB", ZMQ_SUB },
    { "REQ", ZMQ_REQ },
    { "REP", ZMQ_REP },
    { "DEALER", ZMQ_DEALER },
    { "ROUTER", ZMQ_ROUTER },
    { "PULL", ZMQ_PULL },
    { "PUSH", ZMQ_PUSH },
    { "XPUB", ZMQ_XPUB },
    { "XSUB", ZMQ_XSUB },
    { NULL, -1 }
};

//  Of a pair of which each side wants a routing id in front
#define SWAPS "a message names its receiver, and gets its sender's name"

//  A pair is refused by the first row that names one of its types in each
//  column, in either order; a pair that no row refuses is a relay.

static const struct {
    unsigned one;               //  Types of one side
    unsigned other;             //  Types of the other
    const char *reason;         //  Why no relay can be made of them
} s_refusals [] = {
    { ~RECEIVE_DATA, ~RECEIVE_DATA,
      "neither side receives messages" },
    { ~SEND_DATA, ~SEND_DATA,
      "neither side sends messages" },
    { T (ZMQ_REQ), T (ZMQ_REQ),
      "both REQ would wait for a request from the other" },
    { T (ZMQ_REP), T (ZMQ_REP),
      "both REP would wait for a reply from the other" },
    { T (ZMQ_REQ), ~TWO_WAY,
      "a REQ must have its reply taken before it sends again" },
    { T (ZMQ_REP), ~TWO_WAY,
      "a REP must be given its reply before it receives again" },
    { T (ZMQ_XSUB), RECEIVE_DATA & ~SEND_DATA,
      "an XSUB sends nothing but subscriptions" },
    { 0, 0, NULL }
};


//  --------------------------------------------------------------------------
//  Types

static int
s_type_of (const char *name, size_t length)
{
    int index = 0;
    while (s_types [index].name
       && (strlen (s_types [index].name) != length
       ||  strncasecmp (s_types [index].name, name, length)))
        index++;
    return s_types [index].type;
}

//  Two types had other names in ZeroMQ 2, and headers still have these

int
zrelay_pairing_type (const char *name)
{
    if (strcasecmp (name, "XREP") == 0)
        return ZMQ_ROUTER;
    if (strcasecmp (name, "XREQ") == 0)
        return ZMQ_DEALER;
    return s_type_of (name, strlen (name));
}

//  The types of a comma-separated list, as bits

static unsigned
s_types_in (const char *list)
{
    unsigned types = 0;
    while (list && *list) {
        size_t length = strcspn (list, ",");
        int type = s_type_of (list, length);
        assert (type != -1);
        types |= T (type);
        list += length + (list [length] == ',');
    }
    return types;
}

bool
zrelay_pairing_allows (const char *types, const char *name)
{
    int type = zrelay_pairing_type (name);
    return type != -1 && (s_types_in (types) & T (type));
}

bool
zrelay_pairing_receives (int type)
{
    return type >= OTHERS || (type >= 0 && (RECEIVE & T (type)));
}

bool
zrelay_pairing_swaps (int input, int output)
{
    return input == ZMQ_ROUTER && output == ZMQ_ROUTER;
}

bool
zrelay_pairing_sends (int type)
{
    return type >= OTHERS || (type >= 0 && (SEND & T (type)));
}


//  --------------------------------------------------------------------------
//  Pairs

const char *
zrelay_pairing_refusal (int frontend, int backend)
{
    unsigned front = T (frontend);
    unsigned back = T (backend);
    int index = 0;
    while (s_refusals [index].reason
       && !((s_refusals [index].one & front)
         && (s_refusals [index].other & back))
       && !((s_refusals [index].one & back)
         && (s_refusals [index].other & front)))
        index++;
    return s_refusals [index].reason;
}

static void
s_add (zchunk_t *text, const char *string)
{
    zchunk_extend (text, string, strlen (string));
}

void
zrelay_pairing_explain (zchunk_t *text, const char *frontends,
                        const char *backends)
{
    unsigned fronts = s_types_in (frontends);
    unsigned backs = s_types_in (backends);
    for (int front = 0; s_types [front].name; front++) {
        if (!(fronts & T (s_types [front].type)))
            continue;
        s_add (text, "  ");
        s_add (text, s_types [front].name);
        s_add (text, " with:\n");
        for (int back = 0; s_types [back].name; back++) {
            if (!(backs & T (s_types [back].type)))
                continue;
            const char *reason = zrelay_pairing_refusal (
                s_types [front].type, s_types [back].type);
            const char *note = reason? reason: zrelay_pairing_swaps (
                s_types [front].type, s_types [back].type)? SWAPS: "";
            char line [80];
            snprintf (line, sizeof (line), "    %-6s  %s%s%s\n",
                      s_types [back].name, reason? "no": "yes",
                      *note? ": ": "", note);
            s_add (text, line);
        }
    }
}


//  --------------------------------------------------------------------------
//  Selftest

static bool
s_test_pair (const char *frontend, const char *backend)
{
    const char *there = zrelay_pairing_refusal (
        zrelay_pairing_type (frontend), zrelay_pairing_type (backend));
    const char *back = zrelay_pairing_refusal (
        zrelay_pairing_type (backend), zrelay_pairing_type (frontend));
    assert (there == back);
    return there == NULL;
}

void
zrelay_pairing_test (bool verbose)
{
    printf (" * zrelay_pairing: ");

    //  @selftest
    assert (zrelay_pairing_type ("ROUTER") == ZMQ_ROUTER);
    assert (zrelay_pairing_type ("router") == ZMQ_ROUTER);
    assert (zrelay_pairing_type ("XREP") == ZMQ_ROUTER);
    assert (zrelay_pairing_type ("xreq") == ZMQ_DEALER);
    assert (zrelay_pairing_type ("STREAM") == -1);
    assert (zrelay_pairing_type ("ROUTE") == -1);
    assert (zrelay_pairing_type ("ROUTERS") == -1);
    assert (zrelay_pairing_type ("") == -1);
    assert (zrelay_pairing_allows ("PULL,SUB", "sub"));
    assert (!zrelay_pairing_allows ("PULL,SUB", "XSUB"));
    assert (!zrelay_pairing_allows ("PULL", "PULL,PULL"));

    //  The classic relays, and useful mixtures
    assert (s_test_pair ("ROUTER", "DEALER"));
    assert (s_test_pair ("XSUB", "XPUB"));
    assert (s_test_pair ("PULL", "PUSH"));
    assert (s_test_pair ("SUB", "PUSH"));
    assert (s_test_pair ("SUB", "XPUB"));
    assert (s_test_pair ("XSUB", "PUB"));
    assert (s_test_pair ("PULL", "PUB"));
    assert (s_test_pair ("PAIR", "PAIR"));
    assert (s_test_pair ("REP", "REQ"));
    assert (s_test_pair ("DEALER", "DEALER"));

    //  Through these, nothing can flow
    assert (!s_test_pair ("PUSH", "PUSH"));
    assert (!s_test_pair ("PULL", "PULL"));
    assert (!s_test_pair ("SUB", "PULL"));
    assert (!s_test_pair ("PUB", "PUSH"));
    assert (!s_test_pair ("XPUB", "XPUB"));
    assert (!s_test_pair ("XSUB", "XSUB"));
    assert (!s_test_pair ("REQ", "REQ"));
    assert (!s_test_pair ("REP", "REP"));
    assert (!s_test_pair ("REQ", "PUSH"));
    assert (!s_test_pair ("REP", "PULL"));
    assert (!s_test_pair ("XSUB", "PULL"));

    //  Whatever is not refused has a way in and a way out
    for (int front = ZMQ_PAIR; front <= ZMQ_XSUB; front++)
        for (int back = ZMQ_PAIR; back <= ZMQ_XSUB; back++)
            assert (zrelay_pairing_refusal (front, back)
                || (zrelay_pairing_receives (front)
                 && zrelay_pairing_sends (back))
                || (zrelay_pairing_receives (back)
                 && zrelay_pairing_sends (front)));

    //  The table is for people
    zchunk_t *text = zchunk_new (NULL, 0);
    zrelay_pairing_explain (text, ZRELAY_ANY_TYPE, ZRELAY_ANY_TYPE);
    zchunk_extend (text, "", 1);
    if (verbose)
        printf ("\n%s", (char *) zchunk_data (text));
    assert (strstr ((char *) zchunk_data (text), "    PULL    no: "));
    assert (strstr ((char *) zchunk_data (text), "    ROUTER  yes: " SWAPS));
    assert (strstr ((char *) zchunk_data (text), "    DEALER  yes\n"));
    zchunk_destroy (&text);
    //  @end
    printf ("OK\n");
}
