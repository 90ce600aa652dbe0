/*  =========================================================================
    kind_names_test - handlers and filters see who sent a message

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Whoever lets peers in, by ZeroMQ RFC 27 (ZAP), gives them user ids. Each
//  function that is shown a message adds a frame that says who sent it, as far
//  as it can tell: "FUNCTION USER ADDRESS ROLE". Messages have one frame, the
//  only one that has properties then; and come one by one, when libzmq fetches
//  them ahead for a poll, as well as several at once.

#include "kind_testing.h"

#define DEADLINE        240         //  Seconds for everything
#define BURST           3           //  Messages at once
#define TOLD_SIZE       200         //  Longest word on who it was


//  --------------------------------------------------------------------------
//  Functions that are shown messages

static void
s_tell_message (zrelay_message_t *message, const char *function)
{
    const char *user = zrelay_message_property (message, "User-Id");
    const char *address = zrelay_message_property (message, "Peer-Address");
    const char *role = zrelay_message_property (message, "Role");
    char told [TOLD_SIZE];
    snprintf (told, sizeof (told), "%s %s %s %s", function, user? user: "-",
              address? address: "-", role? role: "-");
    assert (!zrelay_message_property (message, "No-Such-Property"));
    zrelay_message_append (message, told, strlen (told));
}

static void
s_tell_zmsg (zmsg_t *msg, const char *function)
{
    //  libzmq gives a ROUTER's routing id no properties that a poll fetched
    //  ahead
    zframe_t *frame = zmsg_first (msg);
    size_t left = zmsg_size (msg);
    while (--left > 0 && !zframe_meta (frame, "Peer-Address"))
        frame = zmsg_next (msg);
    const char *user = zframe_meta (frame, "User-Id");
    const char *address = zframe_meta (frame, "Peer-Address");
    const char *role = zframe_meta (frame, "Role");
    zmsg_addstrf (msg, "%s %s %s %s", function, user? user: "-",
                  address? address: "-", role? role: "-");
}

static zrelay_verdict_t
s_on_message (zrelay_engine_t *engine, void *object, zrelay_message_t *message)
{
    (void) engine, (void) object;
    s_tell_message (message, "handler");
    return ZRELAY_VERDICT_PASS;
}

static zrelay_verdict_t
s_on_zmsg (zrelay_engine_t *engine, void *object, zmsg_t **msg_p)
{
    (void) engine, (void) object;
    s_tell_zmsg (*msg_p, "handler");
    return ZRELAY_VERDICT_PASS;
}

static zrelay_verdict_t
s_filter_message (zrelay_engine_t *engine, void *argument,
                  zrelay_message_t *message)
{
    (void) engine;
    s_tell_message (message, (const char *) argument);
    return ZRELAY_VERDICT_PASS;
}

static zrelay_verdict_t
s_filter_zmsg (zmsg_t **msg_p, void *argument)
{
    s_tell_zmsg (*msg_p, (const char *) argument);
    return ZRELAY_VERDICT_PASS;
}

typedef enum { NONE, MESSAGE, ZMSG } form_t;
static const char *s_form_names [] = { "none", "message", "zmsg" };


//  --------------------------------------------------------------------------
//  Those who let peers in

static char s_folder [] = "/tmp/zrelay-names-XXXXXX";
static zcert_t *s_server;           //  The relay's certificate
static zcert_t *s_client;           //  The peer's

static zactor_t *
s_new_zauth (void)
{
    char *made = mkdtemp (s_folder);
    assert (made);
    char *path = zsys_sprintf ("%s/passwords", s_folder);
    FILE *file = fopen (path, "w");
    assert (file);
    fprintf (file, "friend=right\n");
    fclose (file);
    zactor_t *actor = zactor_new (zauth, NULL);
    assert (actor);
    zstr_sendx (actor, "PLAIN", path, NULL);
    int rc = zsock_wait (actor);
    assert (rc == 0);
    zstr_free (&path);
    return actor;
}

static void
s_remove_folder (void)
{
    zdir_t *folder = zdir_new (s_folder, NULL);
    zdir_remove (folder, true);
    zdir_destroy (&folder);
}

//  A handler of ours: everybody whose key is known is "friend", and the "boss"

static void
s_answer_zap (zsock_t *socket)
{
    static const byte metadata [] = {
        4, 'R', 'o', 'l', 'e', 0, 0, 0, 4, 'b', 'o', 's', 's'
    };
    zmsg_t *request = zmsg_recv (socket);
    assert (request);
    char *version = zmsg_popstr (request);
    char *number = zmsg_popstr (request);
    zframe_t *key = zmsg_last (request);
    bool known = key && zframe_size (key) == 32
        && memcmp (zframe_data (key), zcert_public_key (s_client), 32) == 0;
    zmsg_t *reply = zmsg_new ();
    zmsg_addstr (reply, version);
    zmsg_addstr (reply, number);
    zmsg_addstr (reply, known? "200": "400");
    zmsg_addstr (reply, known? "OK": "unknown");
    zmsg_addstr (reply, known? "friend": "");
    zmsg_addmem (reply, metadata, known? sizeof (metadata): 0);
    zmsg_send (&reply, socket);
    zstr_free (&version);
    zstr_free (&number);
    zmsg_destroy (&request);
}


//  --------------------------------------------------------------------------
//  A relay from a side where peers have names to one where they are told

typedef struct {
    const char *mechanism;      //  NULL, PLAIN or CURVE
    const char *type;           //  Socket type of the frontend
    form_t handler;             //  In which form it is shown messages
    form_t filter;              //  Likewise
} row_t;

static void
s_secure (const row_t *row, zactor_t *relay, zsock_t *peer)
{
    int status = 0;
    if (streq (row->mechanism, "PLAIN")) {
        status = faults_command (relay, "PLAIN", "FRONTEND", NULL);
        zsock_set_plain_username (peer, "friend");
        zsock_set_plain_password (peer, "right");
    }
    else
    if (streq (row->mechanism, "CURVE")) {
        status = faults_command (relay, "CURVE", "FRONTEND",
            zcert_public_txt (s_server), zcert_secret_txt (s_server), NULL);
        zcert_apply (s_client, peer);
        zsock_set_curve_serverkey (peer, zcert_public_txt (s_server));
    }
    assert (status == 0);
}

static void
s_set_filter (zactor_t *relay, form_t form)
{
    if (form == MESSAGE)
        zsock_send (relay, "sspps", "FILTER", "FORWARD", s_filter_message,
                    "filter", "message");
    if (form == ZMSG)
        zsock_send (relay, "sspp", "FILTER", "FORWARD", s_filter_zmsg,
                    "filter");
    int status = form == NONE? 0: zsock_wait (relay);
    assert (status == 0);
}

//  Receive one message, and see what was told in the frames behind the body

static bool
s_is_told (const row_t *row, zsock_t *sink, const char *expected)
{
    zmsg_t *msg = zmsg_recv (sink);
    size_t head = streq (row->type, "ROUTER")? 2: 1;
    bool right = msg && zmsg_size (msg) == head + (row->handler != NONE)
                                                + (row->filter != NONE);
    zframe_t *frame = msg? zmsg_first (msg): NULL;
    for (size_t index = 0; frame; index++, frame = zmsg_next (msg)) {
        char *text = zframe_strdup (frame);
        char *who = strchr (text, ' ');
        if (index >= head && (!who || strneq (who + 1, expected))) {
            printf ("#   told: %s\n", text);
            right = false;
        }
        zstr_free (&text);
    }
    zmsg_destroy (&msg);
    return right;
}

static void
s_test_row (const row_t *row)
{
    zrelay_kind_t kind = {
        ZRELAY_KIND, .name = "named",
        .frontend = { .types = row->type }, .backend = { .types = "PUSH" },
        .on_forward = row->handler == MESSAGE? s_on_message: NULL,
        .on_forward_zmsg = row->handler == ZMSG? s_on_zmsg: NULL
    };
    zactor_t *relay = kind_spawn (&kind, NULL);
    zsock_t *peer = zsock_new (streq (row->type, "ROUTER")? ZMQ_DEALER:
                                                            ZMQ_PUSH);
    assert (peer);
    s_secure (row, relay, peer);
    s_set_filter (relay, row->filter);
    zsock_t *sink = kind_connect (relay, "BACKEND", ZMQ_PULL);
    char *endpoint = faults_bind (relay, "FRONTEND");
    int rc = zsock_connect (peer, "%s", endpoint);
    assert (rc == 0);
    const char *expected = streq (row->mechanism, "PLAIN")?
        "friend 127.0.0.1 -": streq (row->mechanism, "CURVE")?
        "friend 127.0.0.1 boss": "- 127.0.0.1 -";

    bool right = true;
    for (int message = 0; message < 2; message++) {
        zstr_send (peer, "body");
        right = s_is_told (row, sink, expected) && right;
    }
    TAP (right, "%s, %s, filter: %s, handler: %s: single messages",
         row->mechanism, row->type, s_form_names [row->filter],
         s_form_names [row->handler]);
    //  They wait together, and are read in one turn
    right = faults_command (relay, "PAUSE", NULL) == 0;
    for (int message = 0; message < BURST; message++)
        zstr_send (peer, "body");
    right = faults_command (relay, "RESUME", NULL) == 0 && right;
    for (int message = 0; message < BURST; message++)
        right = s_is_told (row, sink, expected) && right;
    TAP (right, "%s, %s, filter: %s, handler: %s: several messages",
         row->mechanism, row->type, s_form_names [row->filter],
         s_form_names [row->handler]);
    zstr_free (&endpoint);
    zsock_destroy (&peer);
    zsock_destroy (&sink);
    zactor_destroy (&relay);
}

static void
s_test_mechanism (const char *mechanism)
{
    static const char *types [] = { "ROUTER", "PULL" };
    for (int type = 0; type < 2; type++)
        for (int filter = NONE; filter <= ZMSG; filter++)
            for (int handler = NONE; handler <= ZMSG; handler++) {
                row_t row = { mechanism, types [type], (form_t) handler,
                              (form_t) filter };
                if (filter || handler)
                    s_test_row (&row);
            }
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    TAP_DEADLINE (DEADLINE);
    s_test_mechanism ("NULL");
    zactor_t *actor = s_new_zauth ();
    s_test_mechanism ("PLAIN");
    zactor_destroy (&actor);
    s_remove_folder ();
    if (zsys_has_curve ()) {
        s_server = zcert_new ();
        s_client = zcert_new ();
        kind_zap_t handler = { s_answer_zap };
        actor = zactor_new (kind_zap, &handler);
        s_test_mechanism ("CURVE");
        zactor_destroy (&actor);
        zcert_destroy (&s_server);
        zcert_destroy (&s_client);
    }
    else
        TAP_SKIP ("peers with keys", "libzmq was built without CURVE");
    return faults_end ();
}
