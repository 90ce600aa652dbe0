/*  =========================================================================
    commands_test - every command: done, refused, and what refusals leave alone

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Most of this is a table of commands, with the kinds and states of relays
//  that they are sent to, and what the answer must be. After each refusal
//  everything that a relay can be asked for is as it was, and a message still
//  travels through it. What HELP says of arguments is held against what is
//  taken, and noise is answered as everything else is.

#include "faults/faults.h"
#include <sys/socket.h>
#include <sys/un.h>

#define DEADLINE        300         //  Seconds for everything
#define BIG             (10 * 1024 * 1024)      //  Bytes in a big frame
#define LONG_NAME       300         //  Letters in what is too long for libzmq
#define FRAMES_MAX      8           //  Frames in one command of the table
#define NOISE           10000       //  Messages of noise for each kind
#define NOISE_BATCH     100         //  So many before answers are read
#define NOISE_FRAMES    5           //  Most frames in one
#define NOISE_SIZE      40          //  Most bytes in a frame of noise
#define SEED            20240229    //  Noise is the same each time
#define ANYWHERE        "tcp://127.0.0.1:*"
#define TOPIC           "news"      //  All messages here begin with it

//  Kinds and states, as bits
enum {
    QUEUE = 1, FORWARDER = 2, STREAMER = 4, PROXY = 8,
    ALL = QUEUE | FORWARDER | STREAMER | PROXY
};
enum {
    FRESH = 1,                      //  As it was made
    ATTACHED = 2,                   //  Both sides have peers
    PAUSED = 4,                     //  And it was told PAUSE
    DRAINING = 8,                   //  Or DRAIN
    CAPTURED = 16,                  //  Or CAPTURE
    UP = ATTACHED | PAUSED | DRAINING | CAPTURED,
    ANY = FRESH | UP
};

typedef struct {
    const char *name;
    unsigned bit;
    zactor_fn *actor;
    const char *frontend;           //  Socket types to choose, or NULL
    const char *backend;
    int client;                     //  Socket type of who sends
    int worker;                     //  Socket type of who receives
    bool replies;                   //  And sends back
} kind_t;

static const kind_t s_kinds [] = {
    { "queue", QUEUE, zrelay_queue, NULL, NULL,
      ZMQ_DEALER, ZMQ_DEALER, true },
    { "forwarder", FORWARDER, zrelay_forwarder, NULL, NULL,
      ZMQ_XPUB, ZMQ_SUB, false },
    { "streamer", STREAMER, zrelay_streamer, NULL, NULL,
      ZMQ_PUSH, ZMQ_PULL, false },
    { "proxy", PROXY, zrelay_proxy, "SUB", "PUSH",
      ZMQ_XPUB, ZMQ_PULL, false },
};
#define KINDS (sizeof (s_kinds) / sizeof (*s_kinds))

typedef struct {
    const char *name;
    unsigned bit;
    const char *enter [2];          //  Command that leads into it, or NULL
} state_t;

static const state_t s_states [] = {
    { "fresh", FRESH, { NULL, NULL } },
    { "attached", ATTACHED, { NULL, NULL } },
    { "paused", PAUSED, { "PAUSE", NULL } },
    { "draining", DRAINING, { "DRAIN", "0" } },
    { "captured", CAPTURED, { "CAPTURE", "inproc://commands-capture" } },
};
#define STATES (sizeof (s_states) / sizeof (*s_states))

//  A relay with a socket on each side
typedef struct {
    const kind_t *kind;
    const state_t *state;
    zactor_t *relay;
    zsock_t *client;                //  NULL until the relay is attached
    zsock_t *worker;
    char *endpoints [2];            //  Where they are connected to
    unsigned carried;               //  Messages carried so far
} bench_t;

static const char *s_sides [] = { "FRONTEND", "BACKEND" };


//  --------------------------------------------------------------------------
//  What the words of the table stand for that begin with "%"

static struct {
    char *folder;                   //  For ipc endpoints
    zsock_t *tcp;                   //  Sockets that use endpoints
    zsock_t *ipc;
    zsock_t *capture;               //  Where captures lead
    zcert_t *cert;                  //  A pair of keys
} s_world;

static zframe_t *
s_string_frame (const char *string)
{
    return zframe_new (string, strlen (string));
}

static zframe_t *
s_filled_frame (const char *start, size_t size)
{
    zframe_t *frame = zframe_new (NULL, size);
    memset (zframe_data (frame), 'a', size);
    memcpy (zframe_data (frame), start, strlen (start));
    return frame;
}

static zframe_t *
s_big (bench_t *bench)
{
    (void) bench;
    return s_filled_frame ("", BIG);
}

static zframe_t *
s_big_tcp (bench_t *bench)
{
    (void) bench;
    return s_filled_frame ("tcp://127.0.0.1:1", BIG);
}

static zframe_t *
s_big_ipc (bench_t *bench)
{
    (void) bench;
    return s_filled_frame ("ipc:///", BIG);
}

static zframe_t *
s_long (bench_t *bench)
{
    (void) bench;
    return s_filled_frame ("", LONG_NAME);
}

static zframe_t *
s_long_path (bench_t *bench)
{
    (void) bench;
    return s_filled_frame ("ipc:///", LONG_NAME);
}

//  A name is free again only some time after use

static zframe_t *
s_fresh (bench_t *bench)
{
    (void) bench;
    static unsigned count = 0;
    char *endpoint = zsys_sprintf ("inproc://commands-%u", count++);
    zframe_t *frame = s_string_frame (endpoint);
    zstr_free (&endpoint);
    return frame;
}

static zframe_t *
s_zero (bench_t *bench)
{
    (void) bench;
    return zframe_new ("A\0B", 3);
}

static zframe_t *
s_null (bench_t *bench)
{
    (void) bench;
    void *pointer = NULL;
    return zframe_new (&pointer, sizeof (pointer));
}

static zframe_t *
s_frontend (bench_t *bench)
{
    return s_string_frame (bench->endpoints [0]);
}

//  The same place by another name

static zframe_t *
s_frontend_at (bench_t *bench, const char *host)
{
    char *endpoint = zsys_sprintf ("tcp://%s%s", host,
                                   strrchr (bench->endpoints [0], ':'));
    zframe_t *frame = s_string_frame (endpoint);
    zstr_free (&endpoint);
    return frame;
}

static zframe_t *
s_frontend_localhost (bench_t *bench)
{
    return s_frontend_at (bench, "localhost");
}

static zframe_t *
s_frontend_anywhere (bench_t *bench)
{
    return s_frontend_at (bench, "0.0.0.0");
}

static zframe_t *
s_backend (bench_t *bench)
{
    return s_string_frame (bench->endpoints [1]);
}

static zframe_t *
s_used_tcp (bench_t *bench)
{
    (void) bench;
    return s_string_frame (zsock_endpoint (s_world.tcp));
}

static zframe_t *
s_used_ipc (bench_t *bench)
{
    (void) bench;
    return s_string_frame (zsock_endpoint (s_world.ipc));
}

//  A list of which the first is free and the second is not

static zframe_t *
s_used_second (bench_t *bench)
{
    (void) bench;
    char *list = zsys_sprintf ("@%s,@%s", ANYWHERE,
                               zsock_endpoint (s_world.tcp));
    zframe_t *frame = s_string_frame (list);
    zstr_free (&list);
    return frame;
}

static zframe_t *
s_file (bench_t *bench)
{
    (void) bench;
    char *endpoint = zsys_sprintf ("ipc://%s/file", s_world.folder);
    zframe_t *frame = s_string_frame (endpoint);
    zstr_free (&endpoint);
    return frame;
}

static zframe_t *
s_public (bench_t *bench)
{
    (void) bench;
    return s_string_frame (zcert_public_txt (s_world.cert));
}

static zframe_t *
s_secret (bench_t *bench)
{
    (void) bench;
    return s_string_frame (zcert_secret_txt (s_world.cert));
}

static const struct {
    const char *word;
    zframe_t *(*make) (bench_t *bench);
} s_words [] = {
    { "%big", s_big },              //  Ten megabytes
    { "%big-tcp", s_big_tcp },      //  As an endpoint
    { "%big-ipc", s_big_ipc },
    { "%long", s_long },            //  Too long for an option
    { "%long-path", s_long_path },  //  Too long for a file's name
    { "%fresh", s_fresh },          //  An endpoint that nobody has
    { "%zero", s_zero },            //  Has a zero byte in it
    { "%null", s_null },            //  A pointer
    { "%frontend", s_frontend },    //  Where the relay is bound
    { "%frontend-localhost", s_frontend_localhost },    //  By other names
    { "%frontend-anywhere", s_frontend_anywhere },
    { "%backend", s_backend },
    { "%used-tcp", s_used_tcp },    //  Where another socket is
    { "%used-ipc", s_used_ipc },
    { "%used-second", s_used_second },
    { "%file", s_file },            //  Where a file is that is no socket
    { "%public", s_public },        //  Keys
    { "%secret", s_secret },
    { NULL, NULL }
};

static zframe_t *
s_frame (bench_t *bench, const char *word)
{
    int index = 0;
    while (s_words [index].word && strneq (s_words [index].word, word))
        index++;
    return s_words [index].word? s_words [index].make (bench)
                               : s_string_frame (word);
}

static void
s_world_begin (void)
{
    char folder [] = "/tmp/zrelay-commands-XXXXXX";
    s_world.folder = strdup (mkdtemp (folder));
    char *path = zsys_sprintf ("%s/file", s_world.folder);
    FILE *file = fopen (path, "w");
    assert (file);
    fclose (file);
    zstr_free (&path);
    s_world.tcp = faults_listen (ZMQ_ROUTER);
    s_world.ipc = zsock_new (ZMQ_ROUTER);
    int rc = zsock_bind (s_world.ipc, "ipc://%s/used", s_world.folder);
    assert (rc == 0);
    s_world.capture = zsock_new_pull ("@inproc://commands-capture");
    assert (s_world.capture);
    s_world.cert = zcert_new ();
    assert (s_world.cert);
}

static void
s_world_end (void)
{
    zsock_destroy (&s_world.tcp);
    zsock_destroy (&s_world.ipc);
    zsock_destroy (&s_world.capture);
    zcert_destroy (&s_world.cert);
    static const char *names [] = { "file", "used", "drain" };
    for (int index = 0; index < 3; index++) {
        char *path = zsys_sprintf ("%s/%s", s_world.folder, names [index]);
        remove (path);
        zstr_free (&path);
    }
    rmdir (s_world.folder);
    zstr_free (&s_world.folder);
}


//  --------------------------------------------------------------------------
//  Asking

static int
s_command (bench_t *bench, const char *name, const char *one, const char *two,
           const char *three)
{
    zstr_sendx (bench->relay, name, one, two, three, NULL);
    return zsock_wait (bench->relay);
}

//  The second frame of an answer, or NULL if it is a status

static char *
s_query (bench_t *bench, const char *name, const char *one, const char *two)
{
    zstr_sendx (bench->relay, name, one, two, NULL);
    zmsg_t *answer = zmsg_recv (bench->relay);
    char *first = answer? zmsg_popstr (answer): NULL;
    char *second = first && streq (first, name)? zmsg_popstr (answer): NULL;
    zstr_free (&first);
    zmsg_destroy (&answer);
    return second;
}

static bool
s_query_is (bench_t *bench, const char *expected, const char *name,
            const char *one, const char *two)
{
    char *value = s_query (bench, name, one, two);
    bool same = value && streq (value, expected);
    zstr_free (&value);
    return same;
}

static char *
s_endpoint (bench_t *bench, const char *side)
{
    char *endpoint = s_query (bench, "ENDPOINT", side, NULL);
    assert (endpoint);
    return endpoint;
}


//  --------------------------------------------------------------------------
//  Everything that a relay can be asked for, as one text

static const char *s_options [] = {
    "sndhwm", "rcvhwm", "linger", "identity", "maxmsgsize", "rate",
    "heartbeat_ivl", "zap_domain", "mechanism", "xpub_nodrop", "type"
};
#define OPTIONS (sizeof (s_options) / sizeof (*s_options))

static const char *s_flow_options [] = {
    "burst", "overflow", "queue", "spool", "spool_bytes", "spool_messages",
    "spool_full", "spool_sync", "durable"
};
#define FLOW_OPTIONS (sizeof (s_flow_options) / sizeof (*s_flow_options))

//  Send all questions; returns their number

static size_t
s_ask_everything (bench_t *bench)
{
    static const char *flows [] = { "FORWARD", "RETURN" };
    size_t count = 2;
    zstr_send (bench->relay, "STATS");
    zstr_send (bench->relay, "STATE");
    for (int index = 0; index < 2; index++) {
        zstr_sendx (bench->relay, "ENDPOINT", s_sides [index], NULL);
        count++;
        for (size_t option = 0; option < OPTIONS; option++, count++)
            zstr_sendx (bench->relay, "GET", s_sides [index],
                        s_options [option], NULL);
        for (size_t option = 0; option < FLOW_OPTIONS; option++, count++)
            zstr_sendx (bench->relay, "GET", flows [index],
                        s_flow_options [option], NULL);
    }
    return count;
}

static char *
s_everything (bench_t *bench)
{
    zchunk_t *text = zchunk_new (NULL, 0);
    size_t count = s_ask_everything (bench);
    for (size_t index = 0; index < count; index++) {
        zmsg_t *answer = zmsg_recv (bench->relay);
        int status = answer? zmsg_signal (answer): -1;
        char *word = status >= 0? zsys_sprintf ("status %d", status):
                     answer? zmsg_popstr (answer): strdup ("NO ANSWER");
        while (word) {
            //  Time goes on
            if (streq (word, "uptime_ms") && status == -1) {
                char *value = zmsg_popstr (answer);
                zstr_free (&value);
            }
            zchunk_extend (text, word, strlen (word));
            zchunk_extend (text, " ", 1);
            zstr_free (&word);
            word = status >= 0 || !answer? NULL: zmsg_popstr (answer);
        }
        zchunk_extend (text, "\n", 1);
        zmsg_destroy (&answer);
    }
    zchunk_extend (text, "", 1);
    char *string = strdup ((char *) zchunk_data (text));
    zchunk_destroy (&text);
    return string;
}


//  --------------------------------------------------------------------------
//  A relay in one of the states, and a message through it

static void
s_enter (bench_t *bench)
{
    const char *const *enter = bench->state->enter;
    if (enter [0]) {
        int status = s_command (bench, enter [0], enter [1], NULL, NULL);
        assert (status == ZRELAY_DONE);
    }
}

//  Messages travel in some states only

static bool
s_stands_still (bench_t *bench)
{
    return bench->state->bit & (PAUSED | DRAINING);
}

static void
s_attach (bench_t *bench)
{
    const kind_t *kind = bench->kind;
    int status = kind->frontend?
        s_command (bench, "FRONTEND", kind->frontend, ANYWHERE, TOPIC):
        s_command (bench, "BIND", "FRONTEND", ANYWHERE, NULL);
    assert (status == ZRELAY_DONE);
    status = kind->backend?
        s_command (bench, "BACKEND", kind->backend, ANYWHERE, NULL):
        s_command (bench, "BIND", "BACKEND", ANYWHERE, NULL);
    assert (status == ZRELAY_DONE);
    for (int index = 0; index < 2; index++)
        bench->endpoints [index] = s_endpoint (bench, s_sides [index]);
    bench->client = faults_connect (kind->client, bench->endpoints [0]);
    bench->worker = faults_connect (kind->worker, bench->endpoints [1]);
    if (kind->worker == ZMQ_SUB)
        zsock_set_subscribe (bench->worker, TOPIC);
    if (kind->client == ZMQ_XPUB) {
        zframe_t *subscription = zframe_recv (bench->client);
        assert (subscription);
        zframe_destroy (&subscription);
    }
}

//  The next message, without its envelope, is that string

static bool
s_receives (zsock_t *sock, const char *expected, bool reply)
{
    zmsg_t *msg = zmsg_recv (sock);
    bool same = msg && zframe_streq (zmsg_last (msg), expected);
    if (same && reply)
        zmsg_send (&msg, sock);
    zmsg_destroy (&msg);
    return same;
}

static bool
s_carries (bench_t *bench)
{
    if (s_stands_still (bench)) {
        int status = s_command (bench, "RESUME", NULL, NULL, NULL);
        assert (status == ZRELAY_DONE);
    }
    char *text = zsys_sprintf ("%s %u", TOPIC, bench->carried++);
    zstr_send (bench->client, text);
    bool same = s_receives (bench->worker, text, bench->kind->replies);
    if (same && bench->kind->replies)
        same = s_receives (bench->client, text, false);
    zstr_free (&text);
    if (s_stands_still (bench))
        s_enter (bench);
    return same;
}

static bench_t *
s_bench_new (const kind_t *kind, const state_t *state)
{
    bench_t *self = (bench_t *) zmalloc (sizeof (bench_t));
    self->kind = kind;
    self->state = state;
    self->relay = zactor_new (kind->actor, NULL);
    assert (self->relay);
    zsock_set_rcvtimeo (self->relay, FAULTS_PATIENCE);
    if (state->bit & UP) {
        s_attach (self);
        s_enter (self);
        //  Now all connections and subscriptions stand
        bool carries = s_carries (self);
        assert (carries);
    }
    return self;
}

static void
s_bench_destroy (bench_t **self_p)
{
    bench_t *self = *self_p;
    zactor_destroy (&self->relay);
    zsock_destroy (&self->client);
    zsock_destroy (&self->worker);
    zstr_free (&self->endpoints [0]);
    zstr_free (&self->endpoints [1]);
    freen (self);
    *self_p = NULL;
}


//  --------------------------------------------------------------------------
//  The table

typedef struct {
    unsigned kinds;
    unsigned states;
    int status;                     //  Of the answer
    const char *word;               //  In ERROR, or in what a query answers
    const char *frames [FRAMES_MAX];    //  The command
} case_t;

//  Statuses, short enough for a table
enum { DONE, UNKNOWN, ARGS, STATE, SYSTEM };

static const case_t s_cases [] = {
    //  No command at all
    { ALL, ANY, UNKNOWN, "no command ''", { "" } },
    { ALL, ANY, UNKNOWN, "no command", { "", "", "" } },
    { ALL, ANY, UNKNOWN, "no command 'A'", { "%zero" } },
    { ALL, ATTACHED, UNKNOWN, "no command 'aaaa", { "%big" } },
    { ALL, ANY, UNKNOWN, "HELP lists", { "NONSENSE" } },
    { ALL, ANY, UNKNOWN, "no command 'pause'", { "pause" } },
    { ALL, ANY, UNKNOWN, "no command 'PAUSE '", { "PAUSE " } },
    { ALL, ANY, UNKNOWN, "no command 'BIND FRONT",
      { "BIND FRONTEND tcp://127.0.0.1:*" } },

    //  Sides
    { ALL, ANY, ARGS, "FRONTEND or BACKEND", { "BIND", "SIDE", ANYWHERE } },
    { ALL, ANY, ARGS, "FRONTEND or BACKEND", { "BIND", "", ANYWHERE } },
    { ALL, ANY, ARGS, "FRONTEND or BACKEND", { "BIND", "FORWARD", ANYWHERE } },
    { ALL, ANY, ARGS, "FRONTEND or BACKEND",
      { "BIND", "FRONTEND ", ANYWHERE } },
    { ALL, ATTACHED, ARGS, "FRONTEND or BACKEND",
      { "BIND", "%big", ANYWHERE } },
    { ALL, ANY, ARGS, "not a string", { "BIND", "%zero", ANYWHERE } },

    //  BIND
    { ALL, ANY, ARGS, "BIND side endpoint", { "BIND" } },
    { ALL, ANY, ARGS, "BIND side endpoint", { "BIND", "FRONTEND" } },
    { ALL, ANY, ARGS, "BIND side endpoint",
      { "BIND", "FRONTEND", ANYWHERE, ANYWHERE } },
    { ALL, ANY, ARGS, "not a string", { "BIND", "BACKEND", "%zero" } },
    { PROXY, FRESH, STATE, "no socket yet", { "BIND", "FRONTEND", ANYWHERE } },
    { PROXY, FRESH, STATE, "BACKEND TYPE", { "BIND", "BACKEND", ANYWHERE } },
    { ALL & ~PROXY, FRESH, SYSTEM, "in use",
      { "BIND", "BACKEND", "%used-tcp" } },
    { ALL, UP, SYSTEM, "not an endpoint", { "BIND", "FRONTEND", "" } },
    { ALL, UP, SYSTEM, "not an endpoint", { "BIND", "FRONTEND", "nonsense" } },
    { ALL, UP, SYSTEM, "not an endpoint", { "BIND", "FRONTEND", "tcp://" } },
    { ALL, UP, SYSTEM, "not an endpoint", { "BIND", "BACKEND", "tcp://*" } },
    { ALL, UP, SYSTEM, "transport",
      { "BIND", "BACKEND", "http://127.0.0.1:1" } },
    { ALL, UP, SYSTEM, "transport",
      { "BIND", "BACKEND", "udp://127.0.0.1:1" } },
    { ALL, UP, SYSTEM, "transport", { "BIND", "BACKEND", "norm://;" } },
    { ALL, UP, SYSTEM, "transport", { "BIND", "FRONTEND", "@" ANYWHERE } },
    { ALL, UP, SYSTEM, "65535",
      { "BIND", "FRONTEND", "tcp://127.0.0.1:70000" } },
    { ALL, UP, SYSTEM, "65535",
      { "BIND", "FRONTEND", "tcp://127.0.0.1:65536" } },
    { ALL, UP, SYSTEM, "65535", { "BIND", "FRONTEND", "tcp://127.0.0.1:-1" } },
    { ALL, ATTACHED, SYSTEM, "65535", { "BIND", "FRONTEND", "%big-tcp" } },
    { ALL, UP, SYSTEM, "interface", { "BIND", "BACKEND", "tcp://nowhere0:*" } },
    //  An address for documentation, see RFC 5737; nobody has it
    { ALL, UP, SYSTEM, "cannot bind",
      { "BIND", "BACKEND", "tcp://192.0.2.1:*" } },
    { ALL, UP, SYSTEM, "in use", { "BIND", "FRONTEND", "%used-tcp" } },
    { ALL, UP, SYSTEM, "in use", { "BIND", "BACKEND", "%used-ipc" } },
    { ALL, UP, SYSTEM, "not a socket", { "BIND", "BACKEND", "%file" } },
    { ALL, UP, SYSTEM, "in use", { "BIND", "BACKEND", "%frontend" } },
    { ALL, UP, SYSTEM, "too long", { "BIND", "BACKEND", "%long-path" } },
    { ALL, ATTACHED, SYSTEM, "cannot bind", { "BIND", "BACKEND", "%big-ipc" } },
    { ALL, ATTACHED, SYSTEM, "not an endpoint", { "BIND", "BACKEND", "%big" } },
    { ALL, UP, STATE, "already", { "BIND", "FRONTEND", "%frontend" } },
    { ALL, UP, DONE, NULL, { "BIND", "FRONTEND", ANYWHERE } },
    { ALL, UP, DONE, NULL, { "BIND", "backend", ANYWHERE } },
    { ALL, UP, DONE, NULL, { "BIND", "BackEnd", "%fresh" } },
    { ALL & ~PROXY, FRESH, DONE, NULL, { "BIND", "frontend", ANYWHERE } },

    //  UNBIND
    { ALL, ANY, ARGS, "UNBIND side endpoint", { "UNBIND", "FRONTEND" } },
    { ALL, ANY, ARGS, "FRONTEND or BACKEND", { "UNBIND", "x", "%used-tcp" } },
    { ALL, ANY, ARGS, "not a string", { "UNBIND", "FRONTEND", "%zero" } },
    { ALL, ANY, STATE, "not bound", { "UNBIND", "FRONTEND", ANYWHERE } },
    { ALL, ANY, STATE, "not bound", { "UNBIND", "FRONTEND", "" } },
    { ALL, ANY, STATE, "not bound", { "UNBIND", "FRONTEND", "nonsense" } },
    { ALL, ANY, STATE, "not bound", { "UNBIND", "FRONTEND", "%used-tcp" } },
    { ALL, ATTACHED, STATE, "not bound", { "UNBIND", "FRONTEND", "%big" } },
    { ALL, UP, STATE, "not bound", { "UNBIND", "BACKEND", "%frontend" } },
    { ALL, UP, DONE, NULL, { "UNBIND", "FRONTEND", "%frontend" } },
    { ALL, UP, DONE, NULL, { "UNBIND", "backend", "%backend" } },

    //  CONNECT
    { ALL, ANY, ARGS, "CONNECT side endpoint", { "CONNECT" } },
    { ALL, ANY, ARGS, "CONNECT side endpoint",
      { "CONNECT", "FRONTEND", "%used-tcp", "%used-tcp" } },
    { ALL, ANY, ARGS, "FRONTEND or BACKEND", { "CONNECT", "x", "%used-tcp" } },
    { ALL, ANY, ARGS, "not a string", { "CONNECT", "FRONTEND", "%zero" } },
    { PROXY, FRESH, STATE, "no socket yet",
      { "CONNECT", "FRONTEND", "%used-tcp" } },
    { ALL, UP, SYSTEM, "not an endpoint", { "CONNECT", "FRONTEND", "" } },
    { ALL, UP, SYSTEM, "not an endpoint",
      { "CONNECT", "FRONTEND", "nonsense" } },
    { ALL, UP, SYSTEM, "not an endpoint", { "CONNECT", "FRONTEND", ANYWHERE } },
    { ALL, UP, SYSTEM, "not an endpoint",
      { "CONNECT", "FRONTEND", "tcp://no where:1" } },
    { ALL, UP, SYSTEM, "1 to 65535",
      { "CONNECT", "FRONTEND", "tcp://127.0.0.1:0" } },
    { ALL, UP, SYSTEM, "1 to 65535",
      { "CONNECT", "FRONTEND", "tcp://127.0.0.1:70000" } },
    { ALL, ATTACHED, SYSTEM, "1 to 65535",
      { "CONNECT", "FRONTEND", "%big-tcp" } },
    { ALL, UP, SYSTEM, "transport",
      { "CONNECT", "BACKEND", "http://127.0.0.1:1" } },
    { ALL, UP, SYSTEM, "transport", { "CONNECT", "BACKEND", "norm://x" } },
    { ALL, UP, SYSTEM, "too long", { "CONNECT", "BACKEND", "%long-path" } },
    { ALL, ATTACHED, SYSTEM, "not an endpoint",
      { "CONNECT", "BACKEND", "%big" } },
    //  Messages would go round
    { ALL, UP, STATE, "for ever", { "CONNECT", "BACKEND", "%frontend" } },
    { ALL, UP, STATE, "for ever", { "CONNECT", "FRONTEND", "%frontend" } },
    { ALL, UP, STATE, "for ever", { "CONNECT", "FRONTEND", "%backend" } },
    { ALL, UP, STATE, "for ever",
      { "CONNECT", "BACKEND", "%frontend-localhost" } },
    { ALL, UP, STATE, "for ever",
      { "CONNECT", "BACKEND", "%frontend-anywhere" } },
    { ALL, UP, DONE, NULL, { "CONNECT", "FRONTEND", "%used-tcp" } },
    { ALL, UP, DONE, NULL,
      { "CONNECT", "backEND", "inproc://commands-later" } },
    { ALL & ~PROXY, FRESH, DONE, NULL, { "CONNECT", "FRONTEND", "%used-ipc" } },

    //  DISCONNECT
    { ALL, ANY, ARGS, "DISCONNECT side endpoint",
      { "DISCONNECT", "FRONTEND" } },
    { ALL, ANY, ARGS, "FRONTEND or BACKEND",
      { "DISCONNECT", "", "%used-tcp" } },
    { ALL, ANY, ARGS, "not a string", { "DISCONNECT", "FRONTEND", "%zero" } },
    { ALL, ANY, STATE, "not connected",
      { "DISCONNECT", "FRONTEND", "nonsense" } },
    { ALL, ANY, STATE, "not connected",
      { "DISCONNECT", "FRONTEND", "%used-tcp" } },
    { ALL, ATTACHED, STATE, "not connected",
      { "DISCONNECT", "FRONTEND", "%big" } },
    { ALL, UP, STATE, "not connected",
      { "DISCONNECT", "FRONTEND", "%frontend" } },

    //  FRONTEND and BACKEND
    { ALL, ANY, ARGS, "FRONTEND type endpoints", { "FRONTEND" } },
    { ALL, ANY, ARGS, "BACKEND type endpoints", { "BACKEND", "PUSH" } },
    { ALL, ANY, ARGS, "can be", { "FRONTEND", "NONSENSE", ANYWHERE } },
    { ALL, ANY, ARGS, "can be", { "FRONTEND", "STREAM", ANYWHERE } },
    { ALL, ANY, ARGS, "can be", { "FRONTEND", "", ANYWHERE } },
    { ALL, ANY, ARGS, "can be", { "FRONTEND", "ROUTER,DEALER", ANYWHERE } },
    { ALL, ATTACHED, ARGS, "can be", { "FRONTEND", "%big", ANYWHERE } },
    { ALL, ANY, ARGS, "not a string", { "FRONTEND", "%zero", ANYWHERE } },
    { ALL, ANY, ARGS, "not a string", { "FRONTEND", "ROUTER", "%zero" } },
    { QUEUE, ANY, ARGS, "can be ROUTER", { "FRONTEND", "REP", ANYWHERE } },
    { FORWARDER, ANY, ARGS, "can be XPUB", { "BACKEND", "PUB", ANYWHERE } },
    { STREAMER, ANY, ARGS, "can be PUSH", { "BACKEND", "DEALER", ANYWHERE } },
    { STREAMER, ANY, ARGS, "makes no relay", { "BACKEND", "PULL", ANYWHERE } },
    { PROXY, UP, ARGS, "makes no relay", { "BACKEND", "PULL", ANYWHERE } },
    { PROXY, UP, ARGS, "makes no relay", { "FRONTEND", "PUB", ANYWHERE } },
    { PROXY, UP, STATE, "in use as a SUB", { "FRONTEND", "PULL", ANYWHERE } },
    { PROXY, UP, STATE, "in use as a PUSH", { "BACKEND", "DEALER", ANYWHERE } },
    { QUEUE, ANY, SYSTEM, "not an endpoint", { "FRONTEND", "ROUTER", "" } },
    { STREAMER, ANY, SYSTEM, "in use", { "BACKEND", "PUSH", "%used-second" } },
    { STREAMER, ANY, SYSTEM, "65535",
      { "BACKEND", "PUSH", ">inproc://commands-list,tcp://*:70000" } },
    { PROXY, FRESH, SYSTEM, "in use", { "FRONTEND", "PULL", "%used-tcp" } },
    { PROXY, FRESH, SYSTEM, "in use", { "FRONTEND", "PULL", "%used-second" } },
    { PROXY, FRESH, SYSTEM, "not an endpoint",
      { "FRONTEND", "SUB", "%big", "A" } },
    { PROXY, UP, SYSTEM, "in use", { "FRONTEND", "SUB", "%used-second", "A" } },
    { STREAMER, ANY, ARGS, "take topics",
      { "FRONTEND", "PULL", ANYWHERE, "A" } },
    { PROXY, FRESH, ARGS, "take topics",
      { "FRONTEND", "PULL", ANYWHERE, "A" } },
    { PROXY, FRESH, ARGS, "too long", { "FRONTEND", "SUB", ANYWHERE, "%big" } },
    { PROXY, ATTACHED, ARGS, "too long",
      { "FRONTEND", "SUB", ANYWHERE, "A", "%big" } },
    { PROXY, ANY, ARGS, "not a string",
      { "FRONTEND", "SUB", ANYWHERE, "%zero" } },
    { QUEUE, ANY, ARGS, "HEARTBEAT_IVL takes",
      { "FRONTEND", "ROUTER", ANYWHERE, "HEARTBEAT_IVL" } },
    { QUEUE, ANY, ARGS, "HEARTBEAT_IVL takes",
      { "FRONTEND", "ROUTER", ANYWHERE, "HEARTBEAT_IVL", "soon" } },
    { QUEUE, ANY, ARGS, "HEARTBEAT_TIMEOUT takes",
      { "FRONTEND", "ROUTER", ANYWHERE, "HEARTBEAT_TIMEOUT", "-1" } },
    { QUEUE, ANY, ARGS, "HEARTBEAT_TTL takes",
      { "FRONTEND", "ROUTER", ANYWHERE, "HEARTBEAT_TTL", "6553600" } },
    { QUEUE, ANY, ARGS, "HEARTBEAT_TTL takes",
      { "FRONTEND", "ROUTER", ANYWHERE, "HEARTBEAT_IVL", "10",
        "HEARTBEAT_TTL", "" } },
    { QUEUE, ANY, SYSTEM, "not an endpoint",
      { "FRONTEND", "ROUTER", "nonsense", "HEARTBEAT_IVL", "10",
        "HEARTBEAT_TTL", "500" } },
    { PROXY, FRESH, SYSTEM, "not an endpoint",
      { "FRONTEND", "ROUTER", "nonsense", "HEARTBEAT_IVL", "10" } },
    { QUEUE, ANY, DONE, NULL, { "FRONTEND", "ROUTER", ANYWHERE } },
    { QUEUE, ANY, DONE, NULL, { "BACKEND", "dealer", "@" ANYWHERE } },
    { QUEUE, ANY, DONE, NULL,
      { "FRONTEND", "ROUTER", ANYWHERE, "HEARTBEAT_IVL", "10" } },
    { STREAMER, ANY, DONE, NULL,
      { "FRONTEND", "PULL", ANYWHERE "," ANYWHERE ",>inproc://commands-on" } },
    { FORWARDER, ANY, DONE, NULL, { "FRONTEND", "XSUB", ANYWHERE, "A", "" } },
    { PROXY, ANY, DONE, NULL, { "FRONTEND", "sub", ANYWHERE, "A", "B" } },
    { PROXY, FRESH, DONE, NULL, { "FRONTEND", "PAIR", ANYWHERE } },

    //  SUBSCRIBE and UNSUBSCRIBE
    { ALL, ANY, ARGS, "SUBSCRIBE topic", { "SUBSCRIBE" } },
    { ALL, ANY, ARGS, "UNSUBSCRIBE topic", { "UNSUBSCRIBE" } },
    { QUEUE | STREAMER, ANY, STATE, "only SUB and XSUB", { "SUBSCRIBE", "A" } },
    { QUEUE | STREAMER, ANY, STATE, "only SUB and XSUB",
      { "UNSUBSCRIBE", "A" } },
    { PROXY, FRESH, STATE, "only SUB and XSUB", { "SUBSCRIBE", "A" } },
    { FORWARDER, ANY, ARGS, "not a string", { "SUBSCRIBE", "A", "%zero" } },
    { FORWARDER, ATTACHED, ARGS, "too long", { "SUBSCRIBE", "A", "%big" } },
    { PROXY, ATTACHED, ARGS, "too long", { "SUBSCRIBE", "%big" } },
    { FORWARDER, ATTACHED, ARGS, "too long", { "UNSUBSCRIBE", "%big" } },
    { FORWARDER, ANY, STATE, "not subscribed", { "UNSUBSCRIBE", "A" } },
    //  One of them is subscribed to, and stays so
    { PROXY, UP, STATE, "not subscribed to 'A'",
      { "UNSUBSCRIBE", TOPIC, "A" } },
    { FORWARDER, ANY, STATE, "not subscribed to ''", { "UNSUBSCRIBE", "" } },
    { FORWARDER, ANY, DONE, NULL, { "SUBSCRIBE", "" } },
    { FORWARDER, ANY, DONE, NULL, { "SUBSCRIBE", "A", "A", "B" } },
    { PROXY, UP, DONE, NULL, { "SUBSCRIBE", "A" } },
    { PROXY, UP, DONE, NULL, { "UNSUBSCRIBE", TOPIC } },

    //  SET: sides
    { ALL, ANY, ARGS, "SET side|flow|relay option", { "SET" } },
    { ALL, ANY, ARGS, "SET side|flow|relay option",
      { "SET", "FRONTEND", "sndhwm" } },
    { ALL, ANY, ARGS, "SET side|flow|relay option",
      { "SET", "FRONTEND", "sndhwm", "1", "2" } },
    { ALL, ANY, ARGS, "FORWARD, RETURN or RELAY",
      { "SET", "x", "sndhwm", "1" } },
    { ALL, ANY, ARGS, "it has spin", { "SET", "RELAY", "sndhwm", "1" } },
    { ALL, ANY, ARGS, "0 to 1000000", { "SET", "RELAY", "spin", "" } },
    { ALL, ANY, ARGS, "0 to 1000000", { "SET", "RELAY", "spin", "-1" } },
    { ALL, ANY, ARGS, "0 to 1000000", { "SET", "RELAY", "spin", "1000001" } },
    { ALL, ANY, DONE, NULL, { "SET", "relay", "SPIN", "20" } },
    { ALL, ANY, ARGS, "no option", { "SET", "FRONTEND", "nonsense", "1" } },
    { ALL, ANY, ARGS, "no option", { "SET", "FRONTEND", "", "1" } },
    { ALL, ANY, ARGS, "no option", { "SET", "FRONTEND", "burst", "5" } },
    { ALL, ATTACHED, ARGS, "no option", { "SET", "FRONTEND", "%big", "1" } },
    { ALL, ANY, ARGS, "not a string",
      { "SET", "FRONTEND", "sndhwm", "%zero" } },
    { ALL, ANY, ARGS, "whole number", { "SET", "FRONTEND", "sndhwm", "" } },
    { ALL, ANY, ARGS, "whole number", { "SET", "FRONTEND", "sndhwm", "many" } },
    { ALL, ANY, ARGS, "whole number", { "SET", "FRONTEND", "sndhwm", "1.5" } },
    { ALL, ANY, ARGS, "whole number",
      { "SET", "FRONTEND", "sndhwm", "99999999999" } },
    { ALL, ATTACHED, ARGS, "whole number",
      { "SET", "FRONTEND", "linger", "%big" } },
    { ALL, ANY, ARGS, "characters",
      { "SET", "FRONTEND", "zap_domain", "%long" } },
    { ALL, ATTACHED, ARGS, "characters",
      { "SET", "FRONTEND", "zap_domain", "%big" } },
    { ALL, ANY, ARGS, "40 characters",
      { "SET", "FRONTEND", "curve_serverkey", "short" } },
    { ALL, ANY, ARGS, "(secret)",
      { "SET", "FRONTEND", "curve_secretkey", "x" } },
    { ALL, UP, ARGS, "does not take", { "SET", "FRONTEND", "sndhwm", "-1" } },
    { ALL, UP, ARGS, "does not take", { "SET", "FRONTEND", "identity", "" } },
    { STREAMER, ANY, ARGS, "PULL socket does not take",
      { "SET", "FRONTEND", "xpub_nodrop", "1" } },
    { ALL, ANY, ARGS, "not set", { "SET", "FRONTEND", "events", "1" } },
    { ALL, ANY, ARGS, "not set", { "SET", "FRONTEND", "fd", "1" } },
    { ALL, ANY, ARGS, "not set", { "SET", "FRONTEND", "type", "1" } },
    { ALL, ANY, ARGS, "not set", { "SET", "FRONTEND", "rcvmore", "1" } },
    { ALL, ANY, ARGS, "not set", { "SET", "FRONTEND", "mechanism", "1" } },
    { ALL, ANY, ARGS, "not set", { "SET", "FRONTEND", "last_endpoint", "x" } },
    { ALL, ANY, ARGS, "tear messages", { "SET", "BACKEND", "conflate", "1" } },
    { ALL, ANY, ARGS, "always on",
      { "SET", "BACKEND", "router_mandatory", "0" } },
    { ALL, ANY, ARGS, "raw TCP", { "SET", "BACKEND", "router_raw", "1" } },
    { ALL, ANY, ARGS, "never waits", { "SET", "BACKEND", "rcvtimeo", "1" } },
    { ALL, ANY, ARGS, "never waits", { "SET", "BACKEND", "sndtimeo", "1" } },
    { ALL, ANY, ARGS, "is the command",
      { "SET", "FRONTEND", "subscribe", "A" } },
    { ALL, ANY, ARGS, "is the command",
      { "SET", "FRONTEND", "unsubscribe", "A" } },
    { ALL, ANY, ARGS, "no relay gives",
      { "SET", "BACKEND", "xpub_manual", "1" } },
    { ALL, ANY, ARGS, "handed over", { "SET", "BACKEND", "use_fd", "1" } },
    { ALL, ANY, ARGS, "ends the process",
      { "SET", "BACKEND", "connect_rid", "A" } },
    { ALL, ANY, ARGS, "not a value for rate",
      { "SET", "FRONTEND", "rate", "-1" } },
    { ALL, ANY, ARGS, "not a value for rate", { "SET", "FRONTEND", "rate", "" } },
    { ALL, ANY, ARGS, "not a value for rate_burst",
      { "SET", "FRONTEND", "rate_burst", "some" } },
    { ALL, ANY, ARGS, "not a value for maxmsgsize",
      { "SET", "FRONTEND", "maxmsgsize", "-2" } },
    { ALL, ANY, ARGS, "not a value for maxframes",
      { "SET", "FRONTEND", "maxframes", "9223372036854775808" } },
    { ALL, ANY, DONE, NULL, { "SET", "FRONTEND", "sndhwm", "10" } },
    { ALL, ANY, DONE, NULL, { "SET", "frontend", "RATE", "100000" } },
    { ALL, ANY, DONE, NULL, { "SET", "Backend", "maxmsgsize", "-1" } },
    { ALL, ANY, DONE, NULL, { "SET", "BACKEND", "linger", "-1" } },

    //  SET: flows
    { ALL, ANY, ARGS, "no option", { "SET", "FORWARD", "sndhwm", "1" } },
    { ALL, ANY, ARGS, "burst, overflow, queue, spool, spool_bytes, "
      "spool_messages, spool_full, spool_sync and durable",
      { "SET", "FORWARD", "", "1" } },
    { ALL, ANY, ARGS, "from 1", { "SET", "FORWARD", "burst", "0" } },
    { ALL, ANY, ARGS, "to 1000000", { "SET", "FORWARD", "burst", "1000001" } },
    { ALL, ANY, ARGS, "not a value for burst", { "SET", "RETURN", "burst", "" } },
    { ALL, ANY, ARGS, "not a value for queue",
      { "SET", "RETURN", "queue", "-1" } },
    { ALL, ANY, ARGS, "not a value for queue",
      { "SET", "RETURN", "queue", "4294967296" } },
    { ALL, ATTACHED, ARGS, "not a value for queue",
      { "SET", "RETURN", "queue", "%big" } },
    { ALL, ANY, ARGS, "hold, drop-new, drop-old or spool",
      { "SET", "FORWARD", "overflow", "drop" } },
    { ALL, ANY, ARGS, "hold, drop-new, drop-old or spool",
      { "SET", "FORWARD", "overflow", "" } },
    { ALL, ANY, SYSTEM, "libzrelay-store",
      { "SET", "FORWARD", "overflow", "spool" } },
    { ALL, ANY, SYSTEM, "libzrelay-store",
      { "SET", "FORWARD", "spool", "/tmp/nowhere" } },
    { ALL, ANY, ARGS, "always, second or never",
      { "SET", "FORWARD", "spool_sync", "sometimes" } },
    { ALL, ANY, ARGS, "from 0 to 1", { "SET", "RETURN", "durable", "2" } },
    { ALL, ANY, DONE, NULL, { "SET", "FORWARD", "spool", "" } },
    { ALL, ANY, DONE, NULL, { "SET", "FORWARD", "spool_full", "drop-new" } },
    { ALL, ANY, DONE, NULL, { "SET", "FORWARD", "burst", "1" } },
    { ALL, ANY, DONE, NULL, { "SET", "return", "Queue", "0" } },
    { ALL, ANY, DONE, NULL, { "SET", "Forward", "OVERFLOW", "Drop-Old" } },

    //  GET
    { ALL, ANY, ARGS, "GET side|flow|relay option", { "GET", "FRONTEND" } },
    { ALL, ANY, ARGS, "GET side|flow|relay option",
      { "GET", "FORWARD", "burst", "1" } },
    { ALL, ANY, ARGS, "FORWARD, RETURN or RELAY",
      { "GET", "x", "sndhwm" } },
    { ALL, ANY, ARGS, "it has spin", { "GET", "RELAY", "sndhwm" } },
    { ALL, ANY, ARGS, "not a string", { "GET", "FRONTEND", "%zero" } },
    { ALL, ANY, ARGS, "no option", { "GET", "FRONTEND", "nonsense" } },
    { ALL, ATTACHED, ARGS, "no option", { "GET", "FRONTEND", "%big" } },
    { ALL, ANY, ARGS, "no option", { "GET", "RETURN", "sndhwm" } },
    { ALL, ANY, ARGS, "a secret", { "GET", "FRONTEND", "curve_secretkey" } },
    { ALL, ANY, ARGS, "a secret", { "GET", "FRONTEND", "plain_password" } },
    { STREAMER, ANY, ARGS, "does not report",
      { "GET", "FRONTEND", "xpub_nodrop" } },
    { PROXY, FRESH, STATE, "no socket yet", { "GET", "FRONTEND", "sndhwm" } },
    { ALL, UP, DONE, "1000", { "GET", "FRONTEND", "rcvhwm" } },
    { ALL, ANY, DONE, "-1", { "GET", "backend", "MaxMsgSize" } },
    { ALL, ANY, DONE, "1000", { "GET", "forward", "BURST" } },
    { ALL, ANY, DONE, "hold", { "GET", "RETURN", "Overflow" } },

    //  CAPTURE
    { ALL, ANY, ARGS, "two prefixes",
      { "CAPTURE", "inproc://commands-capture", "PUSH", "I" } },
    { ALL, ANY, ARGS, "wrong number",
      { "CAPTURE", "inproc://commands-capture", "PUSH", "I", "O", "x" } },
    { ALL, ANY, ARGS, "PUSH,PUB,PAIR",
      { "CAPTURE", "inproc://commands-capture", "PULL" } },
    { ALL, ANY, ARGS, "PUSH,PUB,PAIR",
      { "CAPTURE", "inproc://commands-capture", "" } },
    { ALL, ATTACHED, ARGS, "PUSH,PUB,PAIR",
      { "CAPTURE", "inproc://commands-capture", "%big" } },
    { ALL, ANY, ARGS, "not a string", { "CAPTURE", "%zero" } },
    { ALL, ANY, ARGS, "not a string",
      { "CAPTURE", "inproc://commands-capture", "PUSH", "I", "%zero" } },
    { ALL, ANY, SYSTEM, "not an endpoint", { "CAPTURE", "" } },
    { ALL, ANY, SYSTEM, "not an endpoint", { "CAPTURE", "nonsense" } },
    { ALL, ATTACHED, SYSTEM, "not an endpoint", { "CAPTURE", "%big" } },
    { ALL, ANY, SYSTEM, "in use", { "CAPTURE", "%used-second" } },
    { ALL, ANY, SYSTEM, "65535", { "CAPTURE", "@tcp://127.0.0.1:70000" } },
    { ALL, UP, STATE, "for ever", { "CAPTURE", "%frontend" } },
    { ALL, UP, STATE, "for ever", { "CAPTURE", "%backend", "PUB" } },
    { ALL, ANY, DONE, NULL, { "CAPTURE" } },
    { ALL, ANY, DONE, NULL, { "CAPTURE", "inproc://commands-capture" } },
    { ALL, ANY, DONE, NULL, { "CAPTURE", "@" ANYWHERE, "pub" } },
    { ALL, ANY, DONE, NULL,
      { "CAPTURE", "inproc://commands-capture", "PUSH", "I", "" } },

    //  FILTER
    { ALL, ANY, ARGS, "FILTER flow", { "FILTER" } },
    { ALL, ANY, ARGS, "FILTER flow", { "FILTER", "FORWARD", "%null" } },
    { ALL, ANY, ARGS, "FORWARD or RETURN",
      { "FILTER", "FRONTEND", "%null", "%null" } },
    { ALL, ANY, ARGS, "not a string", { "FILTER", "%zero", "%null", "%null" } },
    { ALL, ANY, ARGS, "argument 2 of FILTER is not a pointer",
      { "FILTER", "FORWARD", "printf", "%null" } },
    { ALL, ANY, ARGS, "argument 3 of FILTER is not a pointer",
      { "FILTER", "FORWARD", "%null", "" } },
    { ALL, ATTACHED, ARGS, "not a pointer",
      { "FILTER", "FORWARD", "%big", "%null" } },
    { STREAMER, ANY, STATE, "nothing travels return",
      { "FILTER", "RETURN", "%null", "%null" } },
    { PROXY, FRESH, STATE, "nothing travels forward",
      { "FILTER", "FORWARD", "%null", "%null" } },
    { ALL, UP, DONE, NULL, { "FILTER", "forward", "%null", "%null" } },

    //  Going and stopping
    { ALL, ANY, ARGS, "it is PAUSE", { "PAUSE", "FORWARD" } },
    { ALL, ANY, ARGS, "it is RESUME", { "RESUME", "" } },
    { ALL, ANY, ARGS, "DRAIN [ms]", { "DRAIN", "1", "2" } },
    { ALL, ANY, ARGS, "not a time to drain", { "DRAIN", "" } },
    { ALL, ANY, ARGS, "not a time to drain", { "DRAIN", "-1" } },
    { ALL, ANY, ARGS, "not a time to drain", { "DRAIN", "1.5" } },
    { ALL, ANY, ARGS, "not a time to drain", { "DRAIN", "soon" } },
    { ALL, ANY, ARGS, "not a time to drain", { "DRAIN", "86400001" } },
    { ALL, ANY, ARGS, "not a time to drain", { "DRAIN", "99999999999999999999" } },
    { ALL, ATTACHED, ARGS, "not a time to drain", { "DRAIN", "%big" } },
    { ALL, ANY, DONE, NULL, { "PAUSE" } },
    { ALL, ANY, DONE, NULL, { "RESUME" } },
    { ALL, ANY, DONE, NULL, { "DRAIN", "5000" } },

    //  Security
    { ALL, ANY, ARGS, "DOMAIN side|relay name", { "DOMAIN", "FRONTEND" } },
    { ALL, ANY, ARGS, "FRONTEND, BACKEND or RELAY",
      { "DOMAIN", "x", "global" } },
    { ALL, ANY, ARGS, "1 to 255 characters", { "DOMAIN", "RELAY", "%long" } },
    { ALL, ANY, ARGS, "1 to 255 characters", { "DOMAIN", "RELAY", "" } },
    { ALL, ANY, DONE, NULL, { "DOMAIN", "relay", "global" } },
    { ALL, FRESH, ARGS, "characters", { "DOMAIN", "FRONTEND", "%long" } },
    { ALL, UP, STATE, "attached already", { "DOMAIN", "FRONTEND", "global" } },
    { ALL, FRESH, DONE, NULL, { "DOMAIN", "FRONTEND", "global" } },
    { ALL, ANY, ARGS, "PLAIN side", { "PLAIN" } },
    { ALL, ANY, ARGS, "FRONTEND or BACKEND", { "PLAIN", "FORWARD" } },
    { ALL, UP, STATE, "attached already", { "PLAIN", "BACKEND" } },
    { ALL, FRESH, DONE, NULL, { "PLAIN", "backend" } },
    { ALL, ANY, ARGS, "CURVE side public secret",
      { "CURVE", "FRONTEND", "%public" } },
    //  What may be a key is not told
    { ALL, ANY, ARGS, "'(secret)' is not a side",
      { "CURVE", "%secret", "%public", "FRONTEND" } },
    { ALL, ANY, ARGS, "not a pair",
      { "CURVE", "FRONTEND", "%secret", "%public" } },
    { ALL, ANY, ARGS, "not a pair",
      { "CURVE", "FRONTEND", "%public", "%public" } },
    { ALL, ANY, ARGS, "not a pair", { "CURVE", "FRONTEND", "%public", "short" } },
    { ALL, ATTACHED, ARGS, "not a pair",
      { "CURVE", "FRONTEND", "%big", "%secret" } },
    { ALL, ANY, ARGS, "not a string",
      { "CURVE", "FRONTEND", "%public", "%zero" } },
    { ALL, UP, STATE, "attached already",
      { "CURVE", "FRONTEND", "%public", "%secret" } },
    { ALL, FRESH, DONE, NULL, { "CURVE", "FRONTEND", "%public", "%secret" } },

    //  Queries
    { ALL, ANY, ARGS, "it is STATS", { "STATS", "FRONTEND" } },
    { ALL, ANY, ARGS, "it is COUNTERS", { "COUNTERS", "FRONTEND" } },
    { ALL, ANY, ARGS, "it is RESET", { "RESET", "STATS" } },
    { ALL, ANY, ARGS, "it is STATE", { "STATE", "" } },
    { ALL, ATTACHED, ARGS, "it is PING", { "PING", "%big" } },
    { ALL, ANY, ARGS, "it is ERROR", { "ERROR", "1" } },
    { ALL, ANY, ARGS, "it is VERBOSE", { "VERBOSE", "1" } },
    { ALL, ANY, ARGS, "it is $TERM", { "$TERM", "now" } },
    { ALL, ANY, ARGS, "ENDPOINT side", { "ENDPOINT" } },
    { ALL, ANY, ARGS, "BACKEND or CAPTURE", { "ENDPOINT", "RETURN" } },
    { ALL, ANY, ARGS, "can be marked", { "ENDPOINT", "FRONTEND", "named" } },
    { ALL, UP, DONE, "@tcp://127.0.0.1:",
      { "ENDPOINT", "frontend", "Marked" } },
    { ALL, FRESH, DONE, NULL, { "ENDPOINT", "capture" } },
    { ALL, ANY, ARGS, "EVENTS endpoint", { "EVENTS" } },
    { ALL, ANY, SYSTEM, "cannot send events to 'nonsense'",
      { "EVENTS", "nonsense" } },
    { ALL, ANY, DONE, NULL, { "EVENTS", "inproc://commands-events" } },

    //  RULE
    { ALL, ANY, ARGS, "RULE flow rule", { "RULE", "FORWARD" } },
    { ALL, ANY, ARGS, "FORWARD or RETURN", { "RULE", "FRONTEND", "none" } },
    { ALL, ANY, ARGS, "is not a rule", { "RULE", "FORWARD", "never", "A" } },
    { ALL, ANY, ARGS, "is not a rule", { "RULE", "FORWARD", "only" } },
    { ALL, ANY, ARGS, "is not a rule", { "RULE", "FORWARD", "rename", "A" } },
    { ALL, ANY, ARGS, "is not a rule", { "RULE", "FORWARD", "none", "A" } },
    { ALL, ANY, ARGS, "not empty", { "RULE", "FORWARD", "only", "" } },
    { ALL, ATTACHED, ARGS, "too long", { "RULE", "FORWARD", "only", "%big" } },
    { QUEUE, ANY, STATE, "have no topics", { "RULE", "FORWARD", "only", "A" } },
    { FORWARDER | STREAMER, FRESH, DONE, NULL,
      { "RULE", "forward", "Only", "A" } },
    { FORWARDER, FRESH, DONE, NULL,
      { "RULE", "FORWARD", "rename", "", "A" } },
    { FORWARDER, FRESH, DONE, NULL, { "RULE", "FORWARD", "none" } },
    { FORWARDER, ANY, STATE, "have no topics",
      { "RULE", "RETURN", "except", "A" } },
    { FORWARDER | STREAMER, UP, STATE, "attached already",
      { "RULE", "FORWARD", "only", "A" } },
    { ALL, ANY, DONE, NULL, { "RULES", "FORWARD" } },
    { ALL, ANY, ARGS, "PEERS side", { "PEERS", "FRONTEND", "BACKEND" } },
    { ALL, ANY, ARGS, "FRONTEND or BACKEND", { "PEERS", "" } },
    { ALL, ANY, ARGS, "HELP [command]", { "HELP", "BIND", "UNBIND" } },
    { ALL, ANY, ARGS, "no command 'NONSENSE'", { "HELP", "NONSENSE" } },
    { ALL, ANY, ARGS, "no command ''", { "HELP", "" } },
    { ALL, ANY, ARGS, "not a string", { "HELP", "%zero" } },
    { ALL, ATTACHED, ARGS, "no command 'aaaa", { "HELP", "%big" } },
    { ALL, FRESH, DONE, "idle", { "STATE" } },
    { ALL, ATTACHED | CAPTURED, DONE, "active", { "STATE" } },
    { ALL, PAUSED, DONE, "paused", { "STATE" } },
    { ALL, DRAINING, DONE, "draining", { "STATE" } },
    { ALL, UP, DONE, "tcp://127.0.0.1:", { "ENDPOINT", "FrontEnd" } },
    { ALL, UP, DONE, "1", { "PEERS", "backend" } },
    { ALL, ANY, ARGS, "CUT side address", { "CUT", "FRONTEND" } },
    { ALL, ANY, ARGS, "IP address", { "CUT", "FRONTEND", "localhost" } },
    { ALL, ANY, ARGS, "FRONTEND or BACKEND", { "CUT", "x", "127.0.0.1" } },
    { ALL, ANY, DONE, NULL, { "CUT", "FRONTEND", "10.9.9.9" } },
    { ALL, ANY, ARGS, "PERMIT file", { "PERMIT" } },
    { ALL, ANY, ARGS, "not a string", { "PERMIT", "%zero" } },
    { ALL, ANY, SYSTEM, "No such file", { "PERMIT", "/nowhere/permits" } },
    { ALL, ANY, SYSTEM, "not a regular file", { "PERMIT", "/dev/null" } },
    { ALL, FRESH, DONE, "0", { "PEERS", "FRONTEND" } },
    { ALL, ANY, DONE, "kind", { "STATS" } },
    { ALL, ANY, DONE, "kind", { "COUNTERS" } },
    { ALL, ANY, DONE, "BIND side endpoint", { "HELP" } },
    { ALL, ANY, DONE, "BIND side endpoint", { "HELP", "BIND" } },
    { ALL, ANY, DONE, " with:", { "HELP", "FRONTEND" } },
    { ALL, ANY, DONE, NULL, { "PING" } },
    { ALL, ANY, DONE, NULL, { "RESET" } },
    { ALL, ANY, DONE, NULL, { "VERBOSE" } },
};
#define CASES (sizeof (s_cases) / sizeof (*s_cases))


//  --------------------------------------------------------------------------
//  Running the table

//  Send a command of the table; returns its status, and as *text_p the second
//  frame of a query's answer, which may be NULL, or the sentence of ERROR

static int
s_try (bench_t *bench, const case_t *item, char **text_p)
{
    zmsg_t *msg = zmsg_new ();
    for (int index = 0; index < FRAMES_MAX && item->frames [index]; index++) {
        zframe_t *frame = s_frame (bench, item->frames [index]);
        zmsg_append (msg, &frame);
    }
    zmsg_send (&msg, bench->relay);
    zmsg_t *answer = zmsg_recv (bench->relay);
    int status = answer? zmsg_signal (answer): -1;
    *text_p = NULL;
    if (answer && status == -1) {
        char *name = zmsg_popstr (answer);
        if (streq (name, item->frames [0]))
            status = ZRELAY_DONE;
        zstr_free (&name);
        *text_p = zmsg_popstr (answer);
    }
    zmsg_destroy (&answer);
    if (status > ZRELAY_DONE)
        *text_p = s_query (bench, "ERROR", NULL, NULL);
    return status;
}

//  Something is not as it should be with one kind in one state

static bool
s_complain (bench_t *bench, const char *what, const char *more)
{
    printf ("#   %s, %s: %s %s\n", bench->kind->name, bench->state->name,
            what, more? more: "");
    return false;
}

static bool
s_same_as_before (bench_t *bench, const char *before)
{
    char *after = s_everything (bench);
    bool same = streq (before, after);
    if (!same) {
        s_complain (bench, "before:\n", before);
        s_complain (bench, "after:\n", after);
    }
    zstr_free (&after);
    return same;
}

static bool
s_run_on (bench_t *bench, const case_t *item)
{
    char *before = item->status == DONE? NULL: s_everything (bench);
    char *text;
    int status = s_try (bench, item, &text);
    bool right = true;
    if (status != item->status) {
        char number [20];
        snprintf (number, sizeof (number), "%d", status);
        right = s_complain (bench, "status", number);
    }
    if (item->word && (!text || !strstr (text, item->word)))
        right = s_complain (bench, "text is", text);
    zstr_free (&text);
    if (before) {
        right = s_same_as_before (bench, before) && right;
        if (!bench->client)
            s_attach (bench);
        if (!s_carries (bench))
            right = s_complain (bench, "carries no more", NULL);
    }
    zstr_free (&before);
    return right;
}

//  Relays that are attached see one refusal after the other, until one of
//  them breaks something. They are made when they are needed.

static bench_t *s_benches [KINDS] [STATES];

static bool
s_run_with (size_t kind, size_t state, const case_t *item)
{
    bool keeps = item->status != DONE && s_states [state].bit != FRESH;
    bench_t *bench = keeps? s_benches [kind] [state]: NULL;
    if (!bench)
        bench = s_bench_new (&s_kinds [kind], &s_states [state]);
    bool right = s_run_on (bench, item);
    s_benches [kind] [state] = keeps && right? bench: s_benches [kind] [state];
    if (!keeps || !right) {
        if (keeps)
            s_benches [kind] [state] = NULL;
        s_bench_destroy (&bench);
    }
    return right;
}

static void
s_run_case (const case_t *item)
{
    bool right = true;
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t state = 0; state < STATES; state++)
            if (item->kinds & s_kinds [kind].bit
            &&  item->states & s_states [state].bit)
                right = s_run_with (kind, state, item) && right;
    char command [80] = "";
    for (int index = 0; index < FRAMES_MAX && item->frames [index]; index++) {
        size_t length = strlen (command);
        snprintf (command + length, sizeof (command) - length, " %s",
                  *item->frames [index]? item->frames [index]: "''");
    }
    TAP (right, "status %d:%s", item->status, command);
}

static void
s_test_table (void)
{
    for (size_t index = 0; index < CASES; index++)
        s_run_case (&s_cases [index]);
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t state = 0; state < STATES; state++)
            if (s_benches [kind] [state])
                s_bench_destroy (&s_benches [kind] [state]);
}


//  --------------------------------------------------------------------------
//  HELP, and what it says of the number of arguments

static const char *s_names [] = {
    "BIND", "UNBIND", "CONNECT", "DISCONNECT", "FRONTEND", "BACKEND",
    "SUBSCRIBE", "UNSUBSCRIBE", "SET", "GET", "CAPTURE", "FILTER", "PAUSE",
    "RESUME", "DRAIN", "STATS", "COUNTERS", "RESET", "STATE", "ENDPOINT",
    "PEERS", "CUT", "EVENTS", "RULE", "RULES", "HELP", "ERROR", "PING",
    "DOMAIN", "PLAIN", "CURVE", "PERMIT", "VERBOSE", "$TERM"
};
#define NAMES (sizeof (s_names) / sizeof (*s_names))

//  For each word of a usage text, an argument that is taken
static const struct {
    const char *word;
    const char *value;
} s_arguments [] = {
    { "side", "FRONTEND" }, { "side|capture", "FRONTEND" },
    { "marked", "marked" }, { "rule", "rename" }, { "to", "B" }, { "flow", "FORWARD" }, { "side|flow|relay", "FORWARD" },
    { "endpoint", "nonsense" }, { "endpoints", "nonsense" },
    { "type", "PUSH" }, { "topic", "A" }, { "option", "burst" },
    { "value", "5" }, { "in-prefix", "I" }, { "out-prefix", "O" },
    { "*function", "%null" }, { "*argument", "%null" }, { "ms", "0" },
    { "command", "PING" }, { "name", "global" }, { "public", "%public" },
    { "secret", "%secret" }, { "address", "10.9.9.9" }, { NULL, NULL }
};

//  A usage text, taken apart
typedef struct {
    char words [FRAMES_MAX] [20];   //  The arguments
    size_t count;                   //  How many
    bool ends [FRAMES_MAX + 1];     //  So many arguments may be given
    bool repeats;                   //  The last may be given again
} usage_t;

//  Brackets open and close where a caller may stop: "a [b [c d]]" takes one
//  argument, two, or four

static usage_t
s_parse (const char *text)
{
    usage_t usage = { .count = 0 };
    char *copy = strdup (text);
    char *rest = copy;
    char *word;
    while ((word = strsep (&rest, " "))) {
        if (!*word)
            continue;
        if (*word == '[') {
            usage.ends [usage.count] = true;
            word++;
        }
        word [strcspn (word, "]")] = 0;
        if (streq (word, "..."))
            usage.repeats = true;
        else {
            assert (usage.count < FRAMES_MAX);
            snprintf (usage.words [usage.count], sizeof (usage.words [0]),
                      "%s", word);
            usage.count++;
        }
    }
    usage.ends [usage.count] = true;
    freen (copy);
    return usage;
}

static bool
s_takes (const usage_t *usage, size_t count)
{
    return count <= usage->count? usage->ends [count]: usage->repeats;
}

static const char *
s_argument (const usage_t *usage, size_t position)
{
    size_t last = usage->count - 1;
    const char *word = usage->words [position < last? position: last];
    int index = 0;
    while (s_arguments [index].word && strneq (s_arguments [index].word, word))
        index++;
    return s_arguments [index].word? s_arguments [index].value: "x";
}

//  With a wrong number of arguments a command is refused for that reason, and
//  with a right one it is not

static bool
s_count_agrees (bench_t *bench, const char *name, const usage_t *usage,
                size_t count)
{
    //  That would be the end
    if (streq (name, "$TERM") && count == 0)
        return true;
    case_t item = { .frames = { name } };
    for (size_t index = 0; index < count; index++)
        item.frames [index + 1] = usage->count? s_argument (usage, index): "x";
    char *text;
    int status = s_try (bench, &item, &text);
    bool refused = status == ZRELAY_BAD_ARGUMENTS && text
        && (strstr (text, "wrong number") || strstr (text, "two prefixes"));
    bool right = refused != s_takes (usage, count) && status != -1;
    if (!right)
        printf ("#   %s with %zu arguments: %d: %s\n", name, count, status,
                text? text: "");
    zstr_free (&text);
    return right;
}

//  A frame with a zero byte is refused in every place

static bool
s_strings_only (bench_t *bench, const char *name, const usage_t *usage)
{
    bool right = true;
    for (size_t place = 0; place < usage->count; place++) {
        size_t count = place + 1;
        while (!s_takes (usage, count))
            count++;
        case_t item = { .frames = { name } };
        for (size_t index = 0; index < count; index++)
            item.frames [index + 1] =
                index == place? "%zero": s_argument (usage, index);
        char *text;
        int status = s_try (bench, &item, &text);
        if (status != ZRELAY_BAD_ARGUMENTS || !text
        || !strstr (text, "not a ")) {
            right = false;
            printf ("#   %s, argument %zu: %d: %s\n", name, place + 1, status,
                    text? text: "");
        }
        zstr_free (&text);
    }
    return right;
}

//  The line of HELP's answer that begins with that name, without it; the
//  caller frees it

static char *
s_usage_line (const char *help, const char *name)
{
    char *start = zsys_sprintf ("  %s", name);
    size_t length = strlen (start);
    const char *line = help;
    while (line && (strncmp (line, start, length)
                ||  (line [length] != ' ' && line [length] != '\n'))) {
        line = strchr (line, '\n');
        line = line? line + 1: NULL;
    }
    zstr_free (&start);
    return line? strndup (line + length, strcspn (line + length, "\n")): NULL;
}

static void
s_test_usage (bench_t *bench, const char *help, const char *name)
{
    char *own = s_query (bench, "HELP", name, NULL);
    char *line = s_usage_line (help, name);
    char *own_line = own? s_usage_line (own, name): NULL;
    TAP (line && own_line && streq (line, own_line),
         "%s: HELP tells of %s", bench->kind->name, name);
    if (line) {
        usage_t usage = s_parse (line);
        bool agrees = true;
        for (size_t count = 0; count < FRAMES_MAX - 1; count++)
            agrees = s_count_agrees (bench, name, &usage, count) && agrees;
        TAP (agrees, "%s: %s takes as many arguments as HELP says",
             bench->kind->name, name);
        TAP (s_strings_only (bench, name, &usage),
             "%s: %s takes nothing but strings", bench->kind->name, name);
    }
    zstr_free (&own);
    zstr_free (&own_line);
    zstr_free (&line);
}

//  Lines with two spaces before a capital letter are commands, up to the
//  table of pairs

static size_t
s_listed (const char *help)
{
    size_t count = 0;
    const char *end = strstr (help, "Frontend types");
    for (const char *line = help; line && *line && line != end; ) {
        if (strncmp (line, "  ", 2) == 0 && line [2] != ' ')
            count++;
        line = strchr (line, '\n');
        line = line? line + 1: NULL;
    }
    return count;
}

static void
s_test_help (const kind_t *kind)
{
    bench_t *bench = s_bench_new (kind, &s_states [0]);
    char *help = s_query (bench, "HELP", NULL, NULL);
    assert (help);
    TAP (s_listed (help) == NAMES, "%s: HELP lists %zu commands", kind->name,
         NAMES);
    bool narrow = true;
    for (const char *line = help; line && *line; ) {
        size_t length = strcspn (line, "\n");
        narrow = narrow && length < 80;
        line += length + (line [length] == '\n');
    }
    TAP (narrow, "%s: HELP fits 80 columns", kind->name);
    for (size_t index = 0; index < NAMES; index++)
        s_test_usage (bench, help, s_names [index]);
    zstr_free (&help);
    s_bench_destroy (&bench);
}


//  --------------------------------------------------------------------------
//  What commands do that are done

static void
s_test_attaching (void)
{
    bench_t *bench = s_bench_new (&s_kinds [0], &s_states [1]);
    char *other = strdup (zsock_endpoint (s_world.ipc));
    TAP (s_command (bench, "CONNECT", "BACKEND", other, NULL) == 0,
         "CONNECT beside what is bound");
    zstr_sendx (bench->relay, "ENDPOINT", "BACKEND", NULL);
    char *name, *one = NULL, *two = NULL;
    zstr_recvx (bench->relay, &name, &one, &two, NULL);
    TAP (one && streq (one, bench->endpoints [1]) && two && streq (two, other),
         "ENDPOINT tells both");
    zstr_free (&name);
    zstr_free (&one);
    zstr_free (&two);
    TAP (s_command (bench, "CONNECT", "BACKEND", other, NULL) == 3,
         "the same again is refused");
    TAP (s_command (bench, "DISCONNECT", "BACKEND", other, NULL) == 0
         && s_query_is (bench, bench->endpoints [1], "ENDPOINT", "BACKEND",
                        NULL),
         "DISCONNECT takes it away");
    TAP (s_query_is (bench, "1", "PEERS", "FRONTEND", NULL),
         "PEERS counts the client");
    TAP (s_command (bench, "UNBIND", "FRONTEND", bench->endpoints [0], NULL)
         == 0 && s_query_is (bench, "idle", "STATE", NULL, NULL),
         "UNBIND makes the relay idle");
    TAP (s_query_is (bench, "0", "PEERS", "FRONTEND", NULL),
         "and cuts its connections");

    //  The system closes a listener some time later
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    int status;
    do
        status = s_command (bench, "BIND", "FRONTEND", bench->endpoints [0],
                            NULL);
    while (status == ZRELAY_REFUSED && zclock_mono () < deadline);
    //  What the client sends before it is back would go to nowhere
    TAP (status == ZRELAY_DONE
         && faults_counted (bench->relay, "frontend.peers", 1)
         && s_carries (bench), "the client is back when it is bound again");
    zstr_free (&other);
    s_bench_destroy (&bench);
}

static void
s_test_options (void)
{
    bench_t *bench = s_bench_new (&s_kinds [2], &s_states [1]);
    TAP (s_command (bench, "SET", "BACKEND", "sndhwm", "77") == 0
         && s_query_is (bench, "77", "GET", "BACKEND", "sndhwm"),
         "GET tells what was SET");
    TAP (s_command (bench, "SET", "FORWARD", "queue", "8") == 0
         && s_query_is (bench, "8", "GET", "FORWARD", "queue")
         && s_query_is (bench, "1000", "GET", "RETURN", "queue"),
         "of each flow for itself");
    TAP (s_command (bench, "SET", "RELAY", "spin", "30") == 0
         && s_query_is (bench, "30", "GET", "RELAY", "spin")
         && s_command (bench, "SET", "RELAY", "spin", "0") == 0,
         "and of the relay");
    static const char *remarks [] [2] = {
        { "backlog", "later connections only" },
        { "sndhwm", "not on those that it will accept" }
    };
    for (int index = 0; index < 2; index++) {
        const char *option = remarks [index] [0];
        TAP (s_command (bench, "SET", "FRONTEND", option, "10") == 0,
             "%s is taken, which does not act on all connections", option);
        char *remark = s_query (bench, "ERROR", NULL, NULL);
        TAP (remark && strstr (remark, remarks [index] [1]),
             "and ERROR says so");
        zstr_free (&remark);
    }
    s_bench_destroy (&bench);

    //  What is set before there is a socket is kept for it
    bench = s_bench_new (&s_kinds [3], &s_states [0]);
    TAP (s_command (bench, "SET", "FRONTEND", "rcvhwm", "9") == 0
         && s_command (bench, "FRONTEND", "PULL", ANYWHERE, NULL) == 0
         && s_query_is (bench, "9", "GET", "FRONTEND", "rcvhwm"),
         "an option set before the type is kept");
    TAP (s_command (bench, "SET", "FRONTEND", "plain_password", "hush") == 0,
         "a password can be set");
    zstr_sendx (bench->relay, "GET", "FRONTEND", "plain_password", NULL);
    TAP (zsock_wait (bench->relay) == ZRELAY_BAD_ARGUMENTS, "but not read");
    s_bench_destroy (&bench);
}

static void
s_test_security (void)
{
    bench_t *bench = s_bench_new (&s_kinds [0], &s_states [0]);
    TAP (s_command (bench, "DOMAIN", "FRONTEND", "global", NULL) == 0
         && s_query_is (bench, "global", "GET", "FRONTEND", "zap_domain"),
         "DOMAIN sets the domain");
    TAP (s_command (bench, "SET", "BACKEND", "zap_enforce_domain", "1")
         == ZRELAY_BAD_STATE, "a domain without name is not enforced");
    TAP (s_command (bench, "SET", "FRONTEND", "zap_enforce_domain", "1") == 0
         && s_query_is (bench, "1", "GET", "FRONTEND", "zap_enforce_domain"),
         "one with a name is");
    TAP (s_command (bench, "DOMAIN", "FRONTEND", "", NULL)
         == ZRELAY_BAD_ARGUMENTS
         && s_query_is (bench, "global", "GET", "FRONTEND", "zap_domain"),
         "and keeps its name");
    TAP (s_command (bench, "PLAIN", "FRONTEND", NULL, NULL) == 0
         && s_query_is (bench, "1", "GET", "FRONTEND", "mechanism"),
         "PLAIN sets the mechanism");
    TAP (s_command (bench, "CURVE", "BACKEND", zcert_public_txt (s_world.cert),
                    zcert_secret_txt (s_world.cert)) == 0
         && s_query_is (bench, "2", "GET", "BACKEND", "mechanism")
         && s_query_is (bench, "1", "GET", "BACKEND", "curve_server"),
         "CURVE makes a server of the side");
    s_bench_destroy (&bench);
}

static zrelay_verdict_t
s_filter (zmsg_t **msg_p, void *arg)
{
    (void) msg_p;
    (*(int *) arg)++;
    return ZRELAY_PASS;
}

static void
s_test_filter (void)
{
    bench_t *bench = s_bench_new (&s_kinds [2], &s_states [1]);
    int calls = 0;
    zsock_send (bench->relay, "sspp", "FILTER", "FORWARD", s_filter, &calls);
    TAP (zsock_wait (bench->relay) == 0 && s_carries (bench) && calls == 1,
         "FILTER shows a message to a function");
    zsock_send (bench->relay, "sspp", "FILTER", "FORWARD", NULL, NULL);
    TAP (zsock_wait (bench->relay) == 0 && s_carries (bench) && calls == 1,
         "and no longer after NULL");
    s_bench_destroy (&bench);
}

//  ERROR is about the command before it, and says which that was

static bool
s_error_is (bench_t *bench, const char *name, const char *word)
{
    char *sentence = s_query (bench, "ERROR", NULL, NULL);
    bool right = sentence && (*name? strncmp (sentence, name, strlen (name)) == 0
                        && strncmp (sentence + strlen (name), ": ", 2) == 0
                        && strstr (sentence, word): !*sentence);
    if (!right)
        printf ("#   ERROR: %s\n", sentence? sentence: "(nothing)");
    zstr_free (&sentence);
    return right;
}

static void
s_test_error (void)
{
    bench_t *bench = s_bench_new (&s_kinds [2], &s_states [1]);
    TAP (s_command (bench, "SET", "FRONTEND", "backlog", "10") == 0
         && s_error_is (bench, "SET", "later connections")
         && s_error_is (bench, "SET", "later connections"),
         "a remark names its command, and ERROR does not forget it");
    TAP (s_command (bench, "PAUSE", NULL, NULL, NULL) == 0
         && s_error_is (bench, "", NULL),
         "after a command with status 0 there is none");
    TAP (s_command (bench, "UNBIND", "BACKEND", "tcp://127.0.0.1:1", NULL) == 3
         && s_error_is (bench, "UNBIND", "not bound"),
         "a refusal names its command");
    zstr_sendx (bench->relay, "BIND", "NOWHERE", "x", NULL);
    zstr_sendx (bench->relay, "DRAIN", "never", NULL);
    TAP (zsock_wait (bench->relay) == 2 && zsock_wait (bench->relay) == 2
         && s_error_is (bench, "DRAIN", "'never'"),
         "of several failures, ERROR is about the last");
    char *state = s_query (bench, "STATE", NULL, NULL);
    TAP (state && s_error_is (bench, "", NULL),
         "a query that was answered was the last command, too");
    zstr_free (&state);
    TAP (s_command (bench, "NONSENSE", NULL, NULL, NULL) == 1,
         "a command that does not exist is refused");
    char *sentence = s_query (bench, "ERROR", NULL, NULL);
    TAP (sentence && strncmp (sentence, "there is no command 'NONSENSE'", 30)
         == 0, "and its sentence names it");
    zstr_free (&sentence);
    s_bench_destroy (&bench);

    //  The answer to a DRAIN comes later than those to queries
    bench = s_bench_new (&s_kinds [0], &s_states [1]);
    zstr_send (bench->client, "request");
    zmsg_t *request = zmsg_recv (bench->worker);
    zstr_sendx (bench->relay, "DRAIN", "100", NULL);
    state = s_query (bench, "STATE", NULL, NULL);
    TAP (state && streq (state, "draining")
         && zsock_wait (bench->relay) == ZRELAY_BAD_STATE
         && s_error_is (bench, "DRAIN", "time ran out"),
         "the late answer to a DRAIN brings its sentence");
    zstr_free (&state);
    zmsg_destroy (&request);
    s_bench_destroy (&bench);
}

//  A refusal changes nothing, and the table above cannot see all of it

static void
s_test_refusals (void)
{
    bench_t *bench = s_bench_new (&s_kinds [1], &s_states [0]);
    case_t item = { .frames = { "SUBSCRIBE", "A", "%big" } };
    char *text;
    int status = s_try (bench, &item, &text);
    zstr_free (&text);
    TAP (status == ZRELAY_BAD_ARGUMENTS
         && s_command (bench, "UNSUBSCRIBE", "A", NULL, NULL)
            == ZRELAY_BAD_STATE,
         "none of several topics is subscribed to if one is refused");
    s_bench_destroy (&bench);

    //  A type that was chosen for endpoints that fail is not chosen
    bench = s_bench_new (&s_kinds [3], &s_states [0]);
    TAP (s_command (bench, "FRONTEND", "PULL", "nonsense", NULL)
         == ZRELAY_REFUSED
         && s_command (bench, "BACKEND", "PULL", ANYWHERE, NULL) == ZRELAY_DONE,
         "no type is chosen if it cannot be attached");
    s_bench_destroy (&bench);

    //  The capture that ran goes on if the next cannot start
    bench = s_bench_new (&s_kinds [2], &s_states [1]);
    zsock_t *reader = faults_listen (ZMQ_PULL);
    s_command (bench, "CAPTURE", zsock_endpoint (reader), NULL, NULL);
    TAP (s_command (bench, "CAPTURE", "nonsense", NULL, NULL)
         == ZRELAY_REFUSED && s_carries (bench) && s_receives (reader, "news 1",
                                                               false),
         "a capture goes on if the next is refused");
    zsock_destroy (&reader);
    s_bench_destroy (&bench);
}

static bool
s_exists (void *arg)
{
    return access ((const char *) arg, F_OK) == 0;
}

//  While DRAIN waits, statuses wait behind it, queries are answered at once,
//  and another DRAIN is refused, as is a PAUSE.

static void
s_test_drain (void)
{
    bench_t *bench = s_bench_new (&s_kinds [0], &s_states [1]);
    zstr_send (bench->client, "request");
    zmsg_t *request = zmsg_recv (bench->worker);
    zstr_sendx (bench->relay, "DRAIN", "60000", NULL);
    zstr_sendx (bench->relay, "DRAIN", "60000", NULL);
    zstr_send (bench->relay, "PAUSE");
    char *path = zsys_sprintf ("%s/drain", s_world.folder);
    char *endpoint = zsys_sprintf ("ipc://%s", path);
    zstr_sendx (bench->relay, "BIND", "FRONTEND", endpoint, NULL);
    TAP (faults_wait (s_exists, path, FAULTS_PATIENCE),
         "commands are carried out while DRAIN waits");
    static const char *queries [] = {
        "STATS", "STATE", "PING", "ERROR", "HELP"
    };
    for (size_t index = 0; index < sizeof (queries) / sizeof (*queries);
         index++) {
        zstr_send (bench->relay, queries [index]);
        zmsg_t *answer = zmsg_recv (bench->relay);
        TAP (answer && zframe_streq (zmsg_first (answer), queries [index]),
             "%s is answered at once", queries [index]);
        zmsg_destroy (&answer);
    }
    char *name, *state = NULL;
    zstr_send (bench->relay, "STATE");
    zstr_recvx (bench->relay, &name, &state, NULL);
    TAP (state && streq (state, "draining"), "the relay is draining");
    zstr_free (&path);
    zstr_free (&endpoint);
    zmsg_send (&request, bench->worker);
    TAP (zsock_wait (bench->relay) == 0, "DRAIN waits for replies");
    TAP (zsock_wait (bench->relay) == ZRELAY_BAD_STATE,
         "another one is refused meanwhile");
    TAP (zsock_wait (bench->relay) == ZRELAY_BAD_STATE,
         "PAUSE is refused meanwhile");
    TAP (zsock_wait (bench->relay) == 0, "statuses come in order");
    zstr_free (&name);
    zstr_free (&state);
    s_bench_destroy (&bench);

    for (size_t kind = 0; kind < KINDS; kind++) {
        bench = s_bench_new (&s_kinds [kind], &s_states [1]);
        TAP (s_command (bench, "DRAIN", "100", NULL, NULL) == 0,
             "%s: an idle relay is drained at once", s_kinds [kind].name);
        s_bench_destroy (&bench);
    }
}

//  zactor_destroy () sends $TERM too, and waits for the last signal, which
//  comes once

static void
s_test_end (void)
{
    for (size_t kind = 0; kind < KINDS; kind++)
        for (size_t state = 0; state < STATES; state++) {
            bench_t *bench = s_bench_new (&s_kinds [kind], &s_states [state]);
            zstr_send (bench->relay, "$TERM");
            TAP (faults_end_relay (&bench->relay) != -1,
                 "%s, %s: ends at $TERM", s_kinds [kind].name,
                 s_states [state].name);
            s_bench_destroy (&bench);
        }
}


//  --------------------------------------------------------------------------
//  Noise: each message gets one answer, in order. Behind each follow two
//  commands whose answers are known.

static uint32_t s_state = SEED;

//  George Marsaglia's xorshift, with its first triple for 32 bits

static uint32_t
s_random (uint32_t most)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 17;
    s_state ^= s_state << 5;
    return s_state % (most + 1);
}

static const char *s_vocabulary [] = {
    "", "FRONTEND", "BACKEND", "frontend", "FORWARD", "RETURN", "PULL", "PUSH",
    "SUB", "ROUTER", "DEALER", "XPUB", "PAIR", "REP", "0", "1", "-1", "5",
    "1000", "99999999999999999999", "sndhwm", "rcvhwm", "linger", "rate",
    "maxframes", "maxmsgsize", "burst", "overflow", "drop-old", "hold",
    "queue", "HEARTBEAT_IVL", "HEARTBEAT_TTL", ANYWHERE, "inproc://noise",
    "@inproc://noise-list,>inproc://noise", "tcp://127.0.0.1:70000",
    "ipc://", "%zero", "%null", "%long", "%frontend", "%public", "%secret"
};
#define VOCABULARY (sizeof (s_vocabulary) / sizeof (*s_vocabulary))

static zframe_t *
s_noise_frame (bench_t *bench)
{
    switch (s_random (3)) {
        case 0: {
            byte bytes [NOISE_SIZE];
            size_t size = s_random (NOISE_SIZE);
            for (size_t index = 0; index < size; index++)
                bytes [index] = (byte) s_random (UINT8_MAX);
            return zframe_new (bytes, size);
        }
        case 1:
            return s_string_frame (s_names [s_random (NAMES - 1)]);
        default:
            return s_frame (bench,
                            s_vocabulary [s_random (VOCABULARY - 1)]);
    }
}

static zframe_t *
s_noise_name (bench_t *bench)
{
    zframe_t *frame = s_random (3) > 0?
        s_string_frame (s_names [s_random (NAMES - 1)]): s_noise_frame (bench);
    if (zframe_streq (frame, "$TERM"))
        zframe_reset (frame, "TERM", strlen ("TERM"));
    return frame;
}

//  A pointer to nothing would be called, and a DRAIN under way would let
//  queries overtake

static zmsg_t *
s_noise (bench_t *bench)
{
    zmsg_t *msg = zmsg_new ();
    zframe_t *frame = s_noise_name (bench);
    bool filter = zframe_streq (frame, "FILTER");
    bool drain = zframe_streq (frame, "DRAIN");
    zmsg_append (msg, &frame);
    if (drain)
        zmsg_addstr (msg, s_random (1)? "0": "");
    size_t count = drain? 0: s_random (NOISE_FRAMES);
    for (size_t index = 0; index < count; index++) {
        frame = s_noise_frame (bench);
        if (filter && zframe_size (frame) == sizeof (void *))
            zframe_reset (frame, "short", strlen ("short"));
        zmsg_append (msg, &frame);
    }
    return msg;
}

static void
s_send_noise (bench_t *bench, int number)
{
    zmsg_t *msg = s_noise (bench);
    zmsg_send (&msg, bench->relay);
    zstr_sendm (bench->relay, "SET");
    zstr_sendm (bench->relay, "FORWARD");
    zstr_sendm (bench->relay, "queue");
    zstr_sendf (bench->relay, "%d", number);
    zstr_sendx (bench->relay, "GET", "FORWARD", "queue", NULL);
}

static bool
s_noise_answered (bench_t *bench, int number)
{
    zmsg_t *answer = zmsg_recv (bench->relay);
    bool right = answer && zmsg_size (answer) > 0
              && zsock_wait (bench->relay) == 0;
    zmsg_destroy (&answer);
    char *name = NULL;
    char *value = NULL;
    if (right)
        zstr_recvx (bench->relay, &name, &value, NULL);
    right = value && streq (name, "GET") && atoi (value) == number;
    zstr_free (&name);
    zstr_free (&value);
    return right;
}

static void
s_test_noise (const kind_t *kind)
{
    bench_t *bench = s_bench_new (kind, &s_states [1]);
    bool right = true;
    int number = 0;
    while (right && number < NOISE) {
        for (int index = 0; index < NOISE_BATCH; index++)
            s_send_noise (bench, number + index);
        for (int index = 0; index < NOISE_BATCH && right; index++)
            right = s_noise_answered (bench, number + index);
        number += NOISE_BATCH;
    }
    TAP (right, "%s: each of %d messages of noise has one answer, in order",
         kind->name, NOISE);
    char *state = s_query (bench, "STATE", NULL, NULL);
    TAP (state != NULL, "%s: and it still answers: %s", kind->name,
         state? state: "");
    zstr_free (&state);
    s_bench_destroy (&bench);
}


//  --------------------------------------------------------------------------
//  Reading answers from a zloop, as zrelay_proxy.h shows

static char s_read [200];       //  What was read

static int
s_on_answer (zloop_t *loop, zsock_t *pipe, void *arg)
{
    (void) loop;
    zlist_t *fifo = (zlist_t *) arg;
    zmsg_t *answer = zmsg_recv (pipe);
    int status = answer? zmsg_signal (answer): -1;
    char *name = status == -1? zmsg_popstr (answer): NULL;
    char *command = name? name: (char *) zlist_first (fifo);
    size_t used = strlen (s_read);
    snprintf (s_read + used, sizeof (s_read) - used, "%s: %s, ", command,
              status > 0? "failed": "done");
    zlist_remove (fifo, command);
    zstr_free (&name);
    zmsg_destroy (&answer);
    return zlist_size (fifo) > 0? 0: -1;
}

static void
s_test_zloop (void)
{
    zactor_t *proxy = zactor_new (zrelay_proxy, NULL);
    zlist_t *fifo = zlist_new ();
    zlist_autofree (fifo);
    zlist_comparefn (fifo, (zlist_compare_fn *) strcmp);
    const char *commands [] [4] = {
        { "RESET" }, { "GET", "FRONTEND", "nonsense" }, { "STATE" },
        { "DRAIN", "0" }, { "BIND", "FRONTEND", "nonsense" }, { "PING" },
        { "RESUME" }
    };
    for (size_t index = 0; index < sizeof (commands) / sizeof (*commands);
         index++) {
        zlist_append (fifo, (void *) commands [index] [0]);
        zstr_sendx (proxy, commands [index] [0], commands [index] [1],
                    commands [index] [2], NULL);
    }
    zloop_t *loop = zloop_new ();
    zloop_reader (loop, zactor_sock (proxy), s_on_answer, fifo);
    zloop_start (loop);
    TAP (streq (s_read, "RESET: done, GET: failed, STATE: done, DRAIN: done, "
                        "BIND: failed, PING: done, RESUME: done, "),
         "answers are read from a zloop: %s", s_read);
    zloop_destroy (&loop);
    zlist_destroy (&fifo);
    zactor_destroy (&proxy);
}

int
main (void)
{
    TAP_DEADLINE (DEADLINE);
    //  VERBOSE is one of the commands
    zsys_set_logstream (NULL);
    s_world_begin ();
    s_test_table ();
    for (size_t kind = 0; kind < KINDS; kind++)
        s_test_help (&s_kinds [kind]);
    s_test_attaching ();
    s_test_options ();
    s_test_security ();
    s_test_filter ();
    s_test_error ();
    s_test_refusals ();
    s_test_drain ();
    s_test_end ();
    s_test_zloop ();
    for (size_t kind = 0; kind < KINDS; kind++)
        s_test_noise (&s_kinds [kind]);
    s_world_end ();
    return tap_end ();
}
