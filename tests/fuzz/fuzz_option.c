/*  =========================================================================
    fuzz_option - values of options, and what becomes of a socket with them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  The first line of an input names the type of a socket. Each line that
//  follows is an option and its value:
//
//      DEALER
//      sndhwm 10
//      tos 255
//
//  They are set on a side of a relay, and read again. Then a peer connects to
//  the side, and the side to a peer, because libzmq uses many options only
//  then, on its own threads. What must hold is that what was taken is told
//  again, that what was refused is explained and has changed nothing, that no
//  secret is told, and that nothing ends the process.

#include "fuzz.h"

const char *fuzz_name = "option";

//  How long to wait for a connection, in msecs: with odd options there may be
//  none
#define CONNECT_TIME 20

//  A peer for each type of socket, by number of the type
static const int s_peer_types [] = {
    ZMQ_PAIR, ZMQ_SUB, ZMQ_PUB, ZMQ_REP, ZMQ_REQ, ZMQ_ROUTER, ZMQ_DEALER,
    ZMQ_PUSH, ZMQ_PULL, ZMQ_XSUB, ZMQ_XPUB
};


//  --------------------------------------------------------------------------
//  Setting and getting

//  Where the side keeps its sentences

static zrelay_error_t *s_error;

static bool
s_has_sentence (void)
{
    return *zrelay_error_sentence (s_error) != 0;
}

//  Whatever can be asked about an option must be answered in one way

static char *
s_get (zrelay_side_t *side, const char *name)
{
    char *value = NULL;
    zrelay_status_t status = zrelay_side_get_option (side, name, &value);
    FUZZ_MUST ((status == ZRELAY_DONE) == (value != NULL));
    FUZZ_MUST (status == ZRELAY_DONE || s_has_sentence ());
    return value;
}

static bool
s_same (const char *one, const char *two)
{
    return (!one && !two) || (one && two && streq (one, two));
}

static bool
s_is_number (const zrelay_option_t *option)
{
    return strchr ("ilu", option->type) != NULL;
}

//  libzmq itself has to tell what was set, as far as it tells anything: bytes
//  are told in hexadecimal where they are no text, and some numbers stand for
//  others

static void
s_set (zrelay_side_t *side, const char *name, const char *value)
{
    const zrelay_option_t *option = zrelay_option_find (name);
    bool secret = option && (option->flags & ZRELAY_OPTION_SECRET);
    bool moving = option && option->id == ZMQ_EVENTS;
    char *before = s_get (side, name);
    FUZZ_MUST (!secret || !before);
    zrelay_error_clear (s_error);
    zrelay_status_t status = zrelay_side_set_option (side, name, value);
    bool explained = s_has_sentence ();
    char *after = s_get (side, name);
    FUZZ_MUST (!secret || !after);
    if (status != ZRELAY_DONE)
        FUZZ_MUST (moving || s_same (before, after));
    else
    if (option && !secret)
        FUZZ_MUST (after && (!s_is_number (option) || isdigit ((byte) *after)
                             || *after == '-'));
    FUZZ_MUST (status == ZRELAY_DONE || explained);
    zstr_free (&before);
    zstr_free (&after);
}

//  A secret that was refused must not be in the sentence; what is found in the
//  sentence for another value was not betrayed

static void
s_set_secret (zrelay_side_t *side, const char *name, const char *value)
{
    zrelay_side_set_option (side, name, "");
    char *usual = strdup (zrelay_error_sentence (s_error));
    zrelay_side_set_option (side, name, value);
    const char *error = zrelay_error_sentence (s_error);
    FUZZ_MUST (!*error || strlen (value) < 8 || !strstr (error, value)
               || strstr (usual, value));
    freen (usual);
}

static void
s_line (zrelay_side_t *side, fuzz_word_t *line)
{
    fuzz_word_t word;
    fuzz_word (line, &word);
    char *name = fuzz_string (&word);
    char *value = line->data? fuzz_string (line): strdup ("");
    const zrelay_option_t *option = zrelay_option_find (name);
    //  What is to linger makes the process wait when it ends, and to look up
    //  the name of a proxy takes long
    if (!option || (option->id != ZMQ_LINGER && option->id != ZMQ_SOCKS_PROXY))
        s_set (side, name, value);
    if (option && (option->flags & ZRELAY_OPTION_SECRET))
        s_set_secret (side, name, value);
    freen (name);
    freen (value);
}


//  --------------------------------------------------------------------------
//  Using

static void
s_await_peer (zrelay_side_t *side)
{
    zmq_pollitem_t item = {
        .socket = zrelay_peers_handle (zrelay_side_peers (side)),
        .events = ZMQ_POLLIN
    };
    if (zmq_poll (&item, 1, CONNECT_TIME) > 0)
        zrelay_peers_update (zrelay_side_peers (side));
}

//  One message each way, as far as the types allow it

static void
s_exchange (zrelay_side_t *side, zsock_t *peer, int peer_type)
{
    zmq_msg_t frame;
    zmq_msg_init_size (&frame, 1);
    memset (zmq_msg_data (&frame), 1, 1);
    if (zrelay_pairing_sends (zrelay_side_type (side))
    &&  zrelay_side_type (side) != ZMQ_ROUTER)
        zrelay_port_send (zrelay_side_port (side), &frame, false);
    zmq_msg_close (&frame);
    if (zrelay_pairing_sends (peer_type) && peer_type != ZMQ_ROUTER)
        zstr_send (peer, "message");
    char *text = zrelay_pairing_receives (peer_type)? zstr_recv (peer): NULL;
    zstr_free (&text);
    zmq_msg_init (&frame);
    while (zrelay_pairing_receives (zrelay_side_type (side))
       &&  zrelay_port_recv (zrelay_side_port (side), &frame) == 0)
        ;
    zmq_msg_close (&frame);
}

static void
s_use (zrelay_side_t *side)
{
    int type = s_peer_types [zrelay_side_type (side)];
    zsock_t *peer = zsock_new (type);
    FUZZ_MUST (peer);
    zsock_set_rcvtimeo (peer, 1);
    zsock_set_sndtimeo (peer, 1);
    if (type == ZMQ_SUB)
        zsock_set_subscribe (peer, "");
    if (zrelay_side_attach (side, "tcp://127.0.0.1:*", true) == ZRELAY_DONE) {
        zmsg_t *answer = zmsg_new ();
        zrelay_side_endpoints (side, answer, false);
        char *endpoint = zmsg_popstr (answer);
        zmsg_destroy (&answer);
        zsock_connect (peer, "%s", endpoint);
        zstr_free (&endpoint);
        s_await_peer (side);
        s_exchange (side, peer, type);
    }
    if (zsock_bind (peer, "tcp://127.0.0.1:*") != -1
    &&  zrelay_side_attach (side, zsock_endpoint (peer), false)
        == ZRELAY_DONE) {
        s_await_peer (side);
        s_exchange (side, peer, type);
    }
    //  Nobody is there: libzmq tries again and again
    zrelay_side_attach (side, "ipc://@zrelay-fuzz-nobody", false);
    zrelay_side_service (side);
    zsock_destroy (&peer);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > FUZZ_SIZE_MAX)
        return 0;
    fuzz_begin ();
    fuzz_word_t text = { (const char *) data, size };
    fuzz_word_t line;
    const zrelay_side_spec_t spec = { .types = ZRELAY_ANY_TYPE };
    s_error = zrelay_error_new ();
    zrelay_side_t *side = zrelay_side_new ("frontend", &spec, s_error);
    FUZZ_MUST (side);
    //  The first half is set before there is a socket, the rest after
    char *type = data && fuzz_line (&text, &line)? fuzz_string (&line):
                                                   strdup ("");
    for (int count = 0; count < FUZZ_LINES_MAX && fuzz_line (&text, &line);
         count++) {
        if (count == 1 && zrelay_side_choose (side, type) != ZRELAY_DONE)
            zrelay_side_choose (side, "DEALER");
        s_line (side, &line);
    }
    if (zrelay_side_handle (side))
        s_use (side);
    freen (type);
    zrelay_side_destroy (&side);
    zrelay_error_destroy (&s_error);
    fuzz_end ();
    return 0;
}
