/*  =========================================================================
    kind_gone_test - a kind is told of each peer that has gone, once

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  A porter writes down who came and went, in order: "heard SIDE ID TEXT" and
//  "gone SIDE ID". Peers are processes that are killed, plain connections, and
//  sockets of this process. Where the relay must see several things at once,
//  its thread is held, in a command's handler, while they happen.

#include "kind_testing.h"
#include "faults/wire.h"
#include <fcntl.h>

#define DEADLINE        240         //  Seconds for everything
#define ID_TEXT         512         //  Room for a routing id as text
#define ENTRY_SIZE      700         //  Room for a line of the log
#define MESSAGES        500         //  Of a connection that ends at once
#define STORM           200         //  Peers that come and go
#define TICK_IVL        10          //  Msecs of the porter's clock
#define PROMPT_TICKS    100         //  What is done at once takes less of these
#define ROUNDS          10          //  In which a relay has seen all there is


//  --------------------------------------------------------------------------
//  The porter

typedef struct {
    zlistx_t *log;              //  Strings
    uint64_t heard;             //  Messages
    uint64_t gone;              //  Peers
    uint64_t srcfd;             //  Descriptor of the last message
    uint64_t ticks;             //  Calls of the timer
    uint64_t gone_at;           //  How many these were when a peer went
} porter_t;

//  The relay's thread is held until a byte can be read from this pipe
static int s_hold [2];
static int s_held;

static void
s_string_free (void **item_p)
{
    zstr_free ((char **) item_p);
}

static void
s_porter_tick (zrelay_engine_t *engine, void *object, int timer)
{
    (void) engine, (void) timer;
    ((porter_t *) object)->ticks++;
}

static void *
s_porter_new (zrelay_engine_t *engine)
{
    zrelay_engine_timer (engine, TICK_IVL, 0, s_porter_tick, NULL);
    porter_t *self = (porter_t *) zmalloc (sizeof (porter_t));
    assert (self);
    self->log = zlistx_new ();
    assert (self->log);
    zlistx_set_destructor (self->log, s_string_free);
    return self;
}

static void
s_porter_destroy (void **object_p)
{
    porter_t *self = (porter_t *) *object_p;
    zlistx_destroy (&self->log);
    freen (self);
    *object_p = NULL;
}

static void
s_id_text (char text [ID_TEXT], const byte *id, size_t size)
{
    bool printable = size > 0;
    for (size_t index = 0; index < size; index++)
        printable = printable && isgraph (id [index]);
    if (printable)
        snprintf (text, ID_TEXT, "%.*s", (int) size, (const char *) id);
    else
        for (size_t index = 0; index < size; index++)
            snprintf (text + 2 * index, 3, "%02x", id [index]);
}

static void
s_write (porter_t *self, const char *what, bool backend, const byte *id,
         size_t size, const char *text)
{
    char name [ID_TEXT] = "";
    s_id_text (name, id, size);
    zlistx_add_end (self->log, zsys_sprintf ("%s %s %s%s%s", what,
        backend? "back": "front", name, *text? " ": "", text));
}

static void
s_hear (porter_t *self, bool backend, zrelay_message_t *message)
{
    size_t last = zrelay_message_frames (message) - 1;
    char *text = zrelay_message_strdup (message, last);
    s_write (self, "heard", backend, zrelay_message_data (message, 0),
             zrelay_message_size (message, 0), text);
    zstr_free (&text);
    self->heard++;
    self->srcfd = (uint64_t) zmq_msg_get (zrelay_message_frame (message, last),
                                          ZMQ_SRCFD);
}

static zrelay_verdict_t
s_porter_forward (zrelay_engine_t *engine, void *object,
                  zrelay_message_t *message)
{
    (void) engine;
    s_hear ((porter_t *) object, false, message);
    return ZRELAY_VERDICT_DROP;
}

static zrelay_verdict_t
s_porter_return (zrelay_engine_t *engine, void *object,
                 zrelay_message_t *message)
{
    (void) engine;
    s_hear ((porter_t *) object, true, message);
    return ZRELAY_VERDICT_DROP;
}

static zrelay_verdict_t
s_hear_zmsg (porter_t *self, bool backend, zmsg_t *msg)
{
    char *text = zframe_strdup (zmsg_last (msg));
    zframe_t *id = zmsg_first (msg);
    s_write (self, "heard", backend, zframe_data (id), zframe_size (id), text);
    zstr_free (&text);
    self->heard++;
    return ZRELAY_VERDICT_DROP;
}

static zrelay_verdict_t
s_porter_forward_zmsg (zrelay_engine_t *engine, void *object, zmsg_t **msg_p)
{
    (void) engine;
    return s_hear_zmsg ((porter_t *) object, false, *msg_p);
}

static zrelay_verdict_t
s_porter_return_zmsg (zrelay_engine_t *engine, void *object, zmsg_t **msg_p)
{
    (void) engine;
    return s_hear_zmsg ((porter_t *) object, true, *msg_p);
}

static zrelay_verdict_t
s_porter_pass (zrelay_engine_t *engine, void *object,
               zrelay_message_t *message)
{
    s_porter_forward (engine, object, message);
    return ZRELAY_VERDICT_PASS;
}

static void
s_porter_gone (zrelay_engine_t *engine, void *object, zrelay_side_id_t side,
               const void *id, size_t size)
{
    (void) engine;
    porter_t *self = (porter_t *) object;
    s_write (self, "gone", side == ZRELAY_SIDE_BACKEND, (const byte *) id,
             size, "");
    self->gone++;
    self->gone_at = self->ticks;
}

static int
s_porter_log (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
              zmsg_t *answer)
{
    (void) engine, (void) argc, (void) argv;
    porter_t *self = (porter_t *) object;
    char *entry = (char *) zlistx_first (self->log);
    for (; entry; entry = (char *) zlistx_next (self->log))
        zmsg_addstr (answer, entry);
    return ZRELAY_STATUS_DONE;
}

static int
s_porter_hold (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
               zmsg_t *answer)
{
    (void) engine, (void) object, (void) argc, (void) argv, (void) answer;
    char byte;
    __atomic_store_n (&s_held, 1, __ATOMIC_RELEASE);
    ssize_t size = read (s_hold [0], &byte, 1);
    assert (size == 1);
    return ZRELAY_STATUS_DONE;
}

static const zrelay_command_t s_porter_commands [] = {
    { ZRELAY_COMMAND, .name = "LOG", .args = "", .help = "report it",
      .handler = s_porter_log, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "HOLD", .args = "", .help = "stand still",
      .handler = s_porter_hold },
    { .name = NULL }
};

static const zrelay_counter_t s_porter_counters [] = {
    { ZRELAY_COUNTER, .name = "heard", .offset = offsetof (porter_t, heard) },
    { ZRELAY_COUNTER, .name = "gone", .offset = offsetof (porter_t, gone) },
    { ZRELAY_COUNTER, .name = "srcfd", .offset = offsetof (porter_t, srcfd) },
    { ZRELAY_COUNTER, .name = "ticks", .offset = offsetof (porter_t, ticks) },
    { ZRELAY_COUNTER, .name = "gone_at",
      .offset = offsetof (porter_t, gone_at) },
    { .name = NULL }
};

#define PORTER(kind_name, backend_types) \
    ZRELAY_KIND, .name = kind_name, .frontend = { .types = "ROUTER" }, \
    .backend = { .types = backend_types }, \
    .create = s_porter_new, .destroy = s_porter_destroy, \
    .on_gone = s_porter_gone, \
    .commands = s_porter_commands, .counters = s_porter_counters

static const zrelay_kind_t s_porter = {
    PORTER ("porter", "ROUTER"),
    .on_forward = s_porter_forward, .on_return = s_porter_return
};
static const zrelay_kind_t s_porter_of_zmsgs = {
    PORTER ("porter-of-zmsgs", "ROUTER"),
    .on_forward_zmsg = s_porter_forward_zmsg,
    .on_return_zmsg = s_porter_return_zmsg
};
static const zrelay_kind_t s_gate = {
    PORTER ("gate", "DEALER"), .on_forward = s_porter_pass
};

//  With one side, so that it is active when that is bound
static const zrelay_kind_t s_door = {
    PORTER ("door", NULL), .on_forward = s_porter_forward
};


//  --------------------------------------------------------------------------
//  Peers in processes of their own

static zsock_t *
s_dealer (const char *endpoint, const char *id)
{
    zsock_t *sock = zsock_new (ZMQ_DEALER);
    assert (sock);
    if (*id)
        zsock_set_identity (sock, id);
    zsock_set_linger (sock, -1);
    int rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    return sock;
}

//  ENDPOINT ID COUNT: send so many, and then wait to be killed

static int
s_peer (int argc, char **argv)
{
    assert (argc == 3);
    zsock_t *sock = s_dealer (argv [0], argv [1]);
    for (int index = 0; index < atoi (argv [2]); index++)
        zstr_sendf (sock, "%d", index);
    zstr_recv (sock);
    return 1;
}

//  The same, and leave when all has been sent

static int
s_visitor (int argc, char **argv)
{
    assert (argc == 3);
    zsock_t *sock = s_dealer (argv [0], argv [1]);
    for (int index = 0; index < atoi (argv [2]); index++)
        zstr_sendf (sock, "%d", index);
    zsock_destroy (&sock);
    zsys_shutdown ();
    return 0;
}

static const faults_role_t s_roles [] = {
    { "peer", s_peer }, { "visitor", s_visitor }, { NULL, NULL }
};


//  --------------------------------------------------------------------------
//  Waiting, and the log

static bool
s_is_held (void *arg)
{
    (void) arg;
    return __atomic_load_n (&s_held, __ATOMIC_ACQUIRE) == 1;
}

static void
s_hold_relay (zactor_t *relay)
{
    __atomic_store_n (&s_held, 0, __ATOMIC_RELEASE);
    kind_send (relay, "HOLD", NULL);
    bool held = faults_wait (s_is_held, NULL, FAULTS_PATIENCE);
    assert (held);
}

static void
s_release_relay (zactor_t *relay)
{
    ssize_t size = write (s_hold [1], "", 1);
    assert (size == 1);
    int status = zsock_wait (relay);
    assert (status == 0);
}

static bool
s_is_open (void *arg)
{
    return fcntl (*(int *) arg, F_GETFD) != -1;
}

static bool
s_is_closed (void *arg)
{
    return fcntl (*(int *) arg, F_GETFD) == -1;
}

//  Compare the log with lines that are expected. Tells both if they differ.

#define s_log_is(relay, ...) \
    s_log_is_list (relay, (const char *[]) { __VA_ARGS__, NULL })

static bool
s_log_is_list (zactor_t *relay, const char **expected)
{
    zstr_send (relay, "LOG");
    zmsg_t *log = zmsg_recv (relay);
    bool same = log != NULL;
    zframe_t *frame = log? zmsg_first (log): NULL;
    const char **line = expected;
    while (same && (frame = zmsg_next (log)))
        same = *line && zframe_streq (frame, *line++);
    same = same && !*line;
    for (line = expected; !same && *line; line++)
        printf ("#   expected: %s\n", *line);
    frame = same || !log? NULL: zmsg_first (log);
    for (frame = frame? zmsg_next (log): NULL; frame; frame = zmsg_next (log)) {
        char *text = zframe_strdup (frame);
        printf ("#   logged:   %s\n", text);
        zstr_free (&text);
    }
    zmsg_destroy (&log);
    return same;
}

//  Wait until so many have gone

static bool
s_gone (zactor_t *relay, uint64_t count)
{
    return faults_counted (relay, "gone", count)
        && kind_counts (relay, "gone", count);
}


//  --------------------------------------------------------------------------
//  Processes that are killed, by each transport, on each side, in both forms

static char *
s_bind (zactor_t *relay, const char *side, const char *endpoint)
{
    int status = faults_command (relay, "BIND", side, endpoint, NULL);
    assert (status == 0);
    char *resolved = kind_query (relay, "ENDPOINT", side);
    assert (resolved);
    return resolved;
}

//  The line of the log that has this number and begins so; the caller frees
//  what follows. NULL if it does not.

static char *
s_line (zactor_t *relay, size_t number, const char *beginning)
{
    zstr_send (relay, "LOG");
    zmsg_t *log = zmsg_recv (relay);
    assert (log);
    zframe_t *frame = zmsg_first (log);
    for (size_t index = 0; frame && index <= number; index++)
        frame = zmsg_next (log);
    char *line = frame? zframe_strdup (frame): strdup ("");
    char *rest = strncmp (line, beginning, strlen (beginning)) == 0?
        strdup (line + strlen (beginning)): NULL;
    zstr_free (&line);
    zmsg_destroy (&log);
    return rest;
}

static void
s_test_kill (const zrelay_kind_t *kind, const char *side,
             const char *transport, const char *endpoint)
{
    zactor_t *relay = kind_spawn (kind, NULL);
    const char *word = streq (side, "BACKEND")? "back": "front";
    char *other = s_bind (relay, streq (side, "BACKEND")? "FRONTEND": "BACKEND",
                          "tcp://127.0.0.1:*");
    char *resolved = s_bind (relay, side, endpoint);
    pid_t named = faults_spawn ("peer", resolved, "worker-1", "3", NULL);
    bool heard = faults_counted (relay, "heard", 3);
    pid_t nameless = faults_spawn ("peer", resolved, "", "2", NULL);
    heard = heard && faults_counted (relay, "heard", 5);
    TAP (heard && kind_counts (relay, "gone", 0),
         "%s, %s by %s: two peers were heard", kind->name, word, transport);

    char start [40];
    snprintf (start, sizeof (start), "heard %s ", word);
    char *id = s_line (relay, 3, start);
    if (id)
        *strchr (id, ' ') = 0;
    faults_kill (nameless);
    bool gone = s_gone (relay, 1);
    snprintf (start, sizeof (start), "gone %s ", word);
    char *gone_id = s_line (relay, 5, start);
    TAP (gone && id && gone_id && streq (id, gone_id),
         "%s, %s by %s: one that has an automatic id is killed",
         kind->name, word, transport);
    faults_kill (named);
    gone = s_gone (relay, 2);
    zstr_free (&gone_id);
    gone_id = s_line (relay, 6, start);
    TAP (gone && gone_id && streq (gone_id, "worker-1"),
         "%s, %s by %s: one that has an id of its own is killed",
         kind->name, word, transport);
    zstr_free (&gone_id);
    zstr_free (&id);
    zstr_free (&other);
    zstr_free (&resolved);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Connections that end right behind their last message

//  A connection that has sent messages 0, 1 ..., each with an empty frame first

static void
s_wire_send (int fd, int from, int to)
{
    for (int index = from; index < to; index++) {
        char text [16];
        snprintf (text, sizeof (text), "%d", index);
        bool sent = wire_frame (fd, WIRE_MORE, "", 0)
                 && wire_frame (fd, 0, text, strlen (text));
        assert (sent);
    }
}

static int
s_wire (const char *endpoint)
{
    int fd = wire_connect (endpoint);
    assert (fd != -1);
    bool shaken = wire_handshake (fd, "DEALER");
    assert (shaken);
    return fd;
}

//  The log consists of messages 0 ... count - 1 of one peer, and its end

static bool
s_heard_and_gone (zactor_t *relay, int count)
{
    zstr_send (relay, "LOG");
    zmsg_t *log = zmsg_recv (relay);
    assert (log);
    bool right = (int) zmsg_size (log) == count + 2;
    zframe_t *frame = zmsg_first (log);
    for (int index = 0; index < count && (frame = zmsg_next (log)); index++) {
        char *line = zframe_strdup (frame);
        char *text = strrchr (line, ' ');
        right = right && strncmp (line, "heard ", 6) == 0
             && atoi (text + 1) == index;
        zstr_free (&line);
    }
    char *last = zframe_strdup (zmsg_last (log));
    right = right && strncmp (last, "gone ", 5) == 0;
    if (!right)
        printf ("#   %zu lines, the last is '%s'\n", zmsg_size (log) - 1, last);
    zstr_free (&last);
    zmsg_destroy (&log);
    return right;
}

static void
s_test_messages_first (void)
{
    zactor_t *relay = kind_spawn (&s_door, NULL);
    faults_command (relay, "SET", "FORWARD", "burst", "7", NULL);
    char *endpoint = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    int fd = s_wire (endpoint);
    s_wire_send (fd, 0, MESSAGES);
    wire_close (fd, false);
    bool heard = faults_counted (relay, "heard", MESSAGES)
              && s_gone (relay, 1);
    TAP (heard && s_heard_and_gone (relay, MESSAGES),
         "order: a peer is gone when all its messages were handled");
    zstr_free (&endpoint);
    zactor_destroy (&relay);
}

//  The relay has seen all that had happened before

static void
s_settle (zactor_t *relay)
{
    for (int round = 0; round < ROUNDS; round++)
        faults_ping (relay);
}

//  While the relay is paused, or stalled, messages of a peer that has left wait
//  in the socket, and are handled later

static void
s_test_waiting (const zrelay_kind_t *kind, const char *why)
{
    bool stalls = kind == &s_gate;
    zactor_t *relay = kind_spawn (kind, NULL);
    char *endpoint = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    char *backend = stalls? s_bind (relay, "BACKEND", "tcp://127.0.0.1:*"): NULL;
    int fd = s_wire (endpoint);
    s_wire_send (fd, 0, 1);
    bool heard = faults_counted (relay, "heard", 1)
              && (!stalls || faults_counted (relay, "forward.held", 1));
    if (!stalls)
        faults_command (relay, "PAUSE", NULL);
    int here = (int) faults_counter (relay, "srcfd");
    s_hold_relay (relay);
    s_wire_send (fd, 1, 6);
    wire_close (fd, false);
    heard = heard && faults_wait (s_is_closed, &here, FAULTS_PATIENCE);
    s_release_relay (relay);
    s_settle (relay);
    TAP (heard && kind_counts (relay, "heard", 1) && kind_counts (relay, "gone", 0),
         "%s: a peer that has left is not gone while messages of it wait", why);
    zsock_t *worker = stalls? faults_connect (ZMQ_DEALER, backend): NULL;
    if (!stalls)
        faults_command (relay, "RESUME", NULL);
    heard = faults_counted (relay, "heard", 6) && s_gone (relay, 1);
    TAP (heard && s_heard_and_gone (relay, 6),
         "%s: it is gone when they were handled, once", why);
    zsock_destroy (&worker);
    zstr_free (&endpoint);
    zstr_free (&backend);
    zactor_destroy (&relay);
}


//  A query may be the first to find that a peer has left; the kind is told all
//  the same, and not only when the relay next looks after its sockets. LOG does
//  not look at peers.

static void
s_test_prompt (const char *query)
{
    zactor_t *relay = kind_spawn (&s_door, NULL);
    char *endpoint = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    pid_t peer = faults_spawn ("peer", endpoint, "A", "1", NULL);
    bool right = faults_counted (relay, "heard", 1);
    int fd = (int) faults_counter (relay, "srcfd");
    faults_command (relay, "RESET", NULL);
    s_hold_relay (relay);
    faults_kill (peer);
    right = right && faults_wait (s_is_closed, &fd, FAULTS_PATIENCE);
    kind_send (relay, query, streq (query, "PEERS")? "FRONTEND": NULL, NULL);
    s_release_relay (relay);
    zmsg_t *answer = zmsg_recv (relay);
    zmsg_destroy (&answer);
    char *line = NULL;
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    while (!line && zclock_mono () < deadline) {
        line = s_line (relay, 1, "gone front A");
        zclock_sleep (1);
    }
    //  RESET has set the clock to zero, and it stood while the relay was held
    uint64_t ticks = faults_counter (relay, "gone_at");
    TAP (right && line && ticks < PROMPT_TICKS,
         "prompt: a peer whose end %s found is told at once", query);
    zstr_free (&line);
    zstr_free (&endpoint);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Descriptors are used again. What happens while the relay's thread is held,
//  it sees at once.

//  The lowest descriptor that is free, which the next connection will have

static int
s_lowest_free (void)
{
    int fd = dup (STDOUT_FILENO);
    assert (fd != -1);
    close (fd);
    return fd;
}

//  A peer was heard and is killed, another gets its descriptor

static void
s_test_reuse (void)
{
    zactor_t *relay = kind_spawn (&s_door, NULL);
    char *endpoint = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    pid_t first = faults_spawn ("peer", endpoint, "A", "1", NULL);
    bool heard = faults_counted (relay, "heard", 1);
    int fd = (int) faults_counter (relay, "srcfd");
    s_hold_relay (relay);
    faults_kill (first);
    bool reused = faults_wait (s_is_closed, &fd, FAULTS_PATIENCE)
               && s_lowest_free () == fd;
    pid_t second = faults_spawn ("peer", endpoint, "B", "1", NULL);
    reused = reused && faults_wait (s_is_open, &fd, FAULTS_PATIENCE);
    s_release_relay (relay);
    heard = heard && faults_counted (relay, "heard", 2);
    TAP (heard && reused && (int) faults_counter (relay, "srcfd") == fd,
         "reuse: another peer has the descriptor of one that was killed");
    TAP (s_gone (relay, 1), "reuse: one is gone");
    faults_kill (second);
    bool gone = s_gone (relay, 2);
    //  Whether the end of A or the message of B is told first is not said
    char *early = s_line (relay, 1, "gone front A");
    TAP (gone && (early?
         s_log_is (relay, "heard front A 0", "gone front A",
                   "heard front B 0", "gone front B"):
         s_log_is (relay, "heard front A 0", "heard front B 0",
                   "gone front A", "gone front B")),
         "reuse: each is told once, under its own name");
    zstr_free (&early);
    zstr_free (&endpoint);
    zactor_destroy (&relay);
}

//  A peer comes, sends and leaves, and another gets its descriptor, before the
//  relay has heard of either. If the second says nothing, the message may as
//  well be its own, and it has gone for certain when the second has.

static void
s_test_reuse_unheard (bool silent)
{
    const char *what = silent? "reuse by a silent peer": "reuse, both unheard";
    zactor_t *relay = kind_spawn (&s_door, NULL);
    char *endpoint = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    s_hold_relay (relay);
    int fd = s_lowest_free ();
    pid_t first = faults_spawn ("visitor", endpoint, "A", "1", NULL);
    bool reused = faults_await (first) == 0
               && faults_wait (s_is_closed, &fd, FAULTS_PATIENCE);
    pid_t second = faults_spawn ("peer", endpoint, "B", silent? "0": "1", NULL);
    reused = reused && faults_wait (s_is_open, &fd, FAULTS_PATIENCE);
    s_release_relay (relay);
    bool heard = faults_counted (relay, "heard", silent? 1: 2);
    TAP (reused && heard, "%s: another peer has the descriptor", what);
    if (!silent)
        TAP (s_gone (relay, 1), "%s: the first is gone", what);
    faults_kill (second);
    TAP (s_gone (relay, silent? 1: 2), "%s: each is told once, at the latest "
         "when both have gone", what);
    zstr_free (&endpoint);
    zactor_destroy (&relay);
}

//  A worker is killed and started again, with the same routing id, and gets the
//  descriptor of the one before, or another. The end of the first must be told
//  before the second is heard, since their names are the same.

static void
s_test_restart (bool same_descriptor)
{
    const char *what = same_descriptor? "restart on the same descriptor":
                                        "restart on another descriptor";
    zactor_t *relay = kind_spawn (&s_door, NULL);
    //  Without it a ROUTER ignores the second until it has let go of the first
    faults_command (relay, "SET", "FRONTEND", "router_handover", "1", NULL);
    char *endpoint = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    pid_t worker = faults_spawn ("peer", endpoint, "W", "1", NULL);
    bool heard = faults_counted (relay, "heard", 1);
    int fd = (int) faults_counter (relay, "srcfd");
    s_hold_relay (relay);
    faults_kill (worker);
    bool right = heard && faults_wait (s_is_closed, &fd, FAULTS_PATIENCE);
    int plug = same_descriptor? -1: dup (STDOUT_FILENO);
    int next = s_lowest_free ();
    worker = faults_spawn ("peer", endpoint, "W", "1", NULL);
    right = right && faults_wait (s_is_open, &next, FAULTS_PATIENCE);
    s_release_relay (relay);
    right = right && faults_counted (relay, "heard", 2) && s_gone (relay, 1);
    TAP (right && s_log_is (relay, "heard front W 0", "gone front W",
                            "heard front W 0"),
         "%s: the end of the first is told before the second is heard", what);
    faults_kill (worker);
    TAP (s_gone (relay, 2), "%s: and later the end of the second", what);
    if (plug != -1)
        close (plug);
    zstr_free (&endpoint);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  Connections that the relay cuts, and peers without connections

static void
s_test_unbind (void)
{
    zactor_t *relay = kind_spawn (&s_door, NULL);
    char *endpoint = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    char *other = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    zstr_free (&other);
    //  ENDPOINT lists both; the last is the second
    other = kind_query (relay, "ENDPOINT", "FRONTEND");
    pid_t stays = faults_spawn ("peer", other, "stays", "1", NULL);
    bool heard = faults_counted (relay, "heard", 1);
    pid_t cut = faults_spawn ("peer", endpoint, "cut", "1", NULL);
    heard = heard && faults_counted (relay, "heard", 2);
    int status = faults_command (relay, "UNBIND", "FRONTEND", endpoint, NULL);
    TAP (heard && status == 0 && s_gone (relay, 1)
      && s_log_is (relay, "heard front stays 0", "heard front cut 0",
                   "gone front cut"),
         "unbind: a peer that it cuts off is gone, and no other");
    faults_kill (cut);
    faults_kill (stays);
    TAP (s_gone (relay, 2)
      && s_log_is (relay, "heard front stays 0", "heard front cut 0",
                   "gone front cut", "gone front stays"),
         "unbind: it is told once");
    zstr_free (&endpoint);
    zstr_free (&other);
    zactor_destroy (&relay);
}

static void
s_test_inproc (void)
{
    zactor_t *relay = kind_spawn (&s_door, NULL);
    char *endpoint = s_bind (relay, "FRONTEND", "inproc://kind-gone");
    char *outside = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    zstr_free (&outside);
    outside = kind_query (relay, "ENDPOINT", "FRONTEND");
    zsock_t *inside = s_dealer (endpoint, "inside");
    zstr_send (inside, "0");
    bool heard = faults_counted (relay, "heard", 1);
    zsock_destroy (&inside);
    pid_t peer = faults_spawn ("peer", outside, "outside", "1", NULL);
    heard = heard && faults_counted (relay, "heard", 2);
    faults_kill (peer);
    TAP (heard && s_gone (relay, 1)
      && s_log_is (relay, "heard front inside 0", "heard front outside 0",
                   "gone front outside"),
         "inproc: its peers are never told");
    zstr_free (&endpoint);
    zstr_free (&outside);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  A storm

static bool
s_told_once (zactor_t *relay)
{
    zstr_send (relay, "LOG");
    zmsg_t *log = zmsg_recv (relay);
    assert (log);
    bool right = zmsg_size (log) == 2 * STORM + 1;
    zhashx_t *present = zhashx_new ();
    zhashx_t *gone = zhashx_new ();
    zmsg_first (log);
    zframe_t *frame;
    while ((frame = zmsg_next (log))) {
        char *line = zframe_strdup (frame);
        bool heard = strncmp (line, "heard ", 6) == 0;
        char *id = line + (heard? 12: 11);
        id [strcspn (id, " ")] = 0;
        right = right && (heard?
            zhashx_insert (present, id, present) == 0:
            zhashx_lookup (present, id) && zhashx_insert (gone, id, gone) == 0);
        zstr_free (&line);
    }
    right = right && zhashx_size (present) == STORM
         && zhashx_size (gone) == STORM;
    if (!right)
        printf ("#   %zu heard, %zu gone, %zu lines\n", zhashx_size (present),
                zhashx_size (gone), zmsg_size (log) - 1);
    zhashx_destroy (&present);
    zhashx_destroy (&gone);
    zmsg_destroy (&log);
    return right;
}

static void
s_test_storm (bool held)
{
    zactor_t *relay = kind_spawn (&s_door, NULL);
    char *endpoint = s_bind (relay, "FRONTEND", "tcp://127.0.0.1:*");
    if (held)
        s_hold_relay (relay);
    for (int index = 0; index < STORM; index++) {
        char id [16] = "";
        if (index % 2)
            snprintf (id, sizeof (id), "peer-%d", index);
        zsock_t *sock = s_dealer (endpoint, id);
        zstr_send (sock, "0");
        zsock_destroy (&sock);
    }
    if (held)
        s_release_relay (relay);
    bool heard = faults_counted (relay, "heard", STORM)
              && faults_counted (relay, "gone", STORM);
    TAP (heard && s_told_once (relay),
         "storm%s: %d peers come and go, and each is told once, after its "
         "message", held? " while the relay is busy": "", STORM);
    zstr_free (&endpoint);
    zactor_destroy (&relay);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE);
    int rc = pipe (s_hold);
    assert (rc == 0);
    char ipc [64];
    snprintf (ipc, sizeof (ipc), "ipc://@zrelay-kind-gone-%d", (int) getpid ());
    s_test_kill (&s_porter, "FRONTEND", "tcp", "tcp://127.0.0.1:*");
    s_test_kill (&s_porter, "BACKEND", "ipc", ipc);
    s_test_kill (&s_porter_of_zmsgs, "BACKEND", "tcp", "tcp://127.0.0.1:*");
    s_test_kill (&s_porter_of_zmsgs, "FRONTEND", "ipc", ipc);
    s_test_messages_first ();
    s_test_waiting (&s_door, "paused");
    s_test_waiting (&s_gate, "stalled");
    s_test_prompt ("STATS");
    s_test_prompt ("PEERS");
    s_test_reuse ();
    s_test_reuse_unheard (false);
    s_test_reuse_unheard (true);
    s_test_restart (true);
    s_test_restart (false);
    s_test_unbind ();
    s_test_inproc ();
    s_test_storm (false);
    s_test_storm (true);
    return faults_end ();
}
