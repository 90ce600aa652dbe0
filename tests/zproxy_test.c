/*  =========================================================================
    zproxy_test - a program that used zproxy can use zrelay_proxy

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  One table of scenarios is played by CZMQ's own zproxy and by zrelay_proxy;
//  the actor is all that differs. Each example of /usr/include/zproxy.h is
//  one, and so is what that header does not tell but a program may have come
//  to rely on. While a scenario is played, all that a program can see is
//  written down as a story: what commands are answered, and what arrives
//  where. The story is held against the one in the table, for both actors.
//  Where zrelay_proxy differs on purpose, the table has its own story.
//
//  A second table has the commands over which zproxy ends the process, shown
//  in a child, and what zrelay_proxy answers to them.

#include "faults/faults.h"
#include "faults/wire.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LOG_PATIENCE 30000      //  Msecs until a line is printed, at most
#define DEADLINE        240         //  Seconds for everything
#define SILENCE         100         //  Msecs in which nothing may come
#define TICK_IVL        10          //  Msecs between two attempts
#define PEERS_MAX       16          //  Sockets in one scenario
#define WORDS_MAX       8           //  Frames in one command
#define STORY_MAX       4096        //  Letters in a story
#define HWM_DEFAULT     1000        //  libzmq's
#define BIG             1000000     //  Bytes in a big frame
#define MANY            300         //  Frames in a long message
#define QUEUED          50          //  Messages sent to a paused proxy
#define USED            "inproc://zproxy-test-used"
#define ZAP             "inproc://zeromq.zap.01"
#define ABORTED         77          //  Exit status in place of SIGABRT
#define DIFFERED        78          //  Exit status for another story

typedef struct {
    const char *name;
    zactor_fn *actor;
} subject_t;

static const subject_t s_subjects [] = {
    { "zproxy", zproxy },
    { "zrelay_proxy", zrelay_proxy }
};
enum { ZPROXY, ZRELAY, SUBJECTS };

//  What a scenario is played on. Endpoints are fresh for each.
typedef struct {
    const subject_t *subject;
    zactor_t *proxy;
    char *front;                    //  ipc, in our folder
    char *back;
    char *spare;
    char *capture;                  //  inproc
    zsock_t *peers [PEERS_MAX];     //  Closed at the end
    size_t count;                   //  How many these are
    char story [STORY_MAX];         //  What a program saw
} stage_t;

typedef struct {
    const char *name;
    const char *args;               //  For zactor_new ()
    void (*play) (stage_t *stage);
    const char *story;              //  What has to be seen
    const char *ours;               //  With zrelay_proxy, if not the same
    unsigned flags;                 //  As below
} scenario_t;

enum {
    LEAKS = 1,                      //  zproxy leaks: a child plays it
    NOT_THEIRS = 2                  //  zproxy does not play it
};

static char *s_folder;              //  For ipc endpoints
static unsigned s_serial;           //  Number of the next
static FILE *s_log;                 //  What is logged


//  --------------------------------------------------------------------------
//  Telling

static void
s_tell (stage_t *self, const char *format, ...) CHECK_PRINTF (2);

static void
s_tell (stage_t *self, const char *format, ...)
{
    size_t length = strlen (self->story);
    va_list argptr;
    va_start (argptr, format);
    vsnprintf (self->story + length, STORY_MAX - length, format, argptr);
    va_end (argptr);
}

//  A ROUTER makes up identities of five bytes, of which the first is zero

static void
s_tell_frame (stage_t *self, zframe_t *frame)
{
    byte *data = zframe_data (frame);
    size_t size = zframe_size (frame);
    if (size == 5 && data [0] == 0)
        s_tell (self, "(id)");
    else
    if (size > 40)
        s_tell (self, "(%zu bytes)", size);
    else
        for (size_t index = 0; index < size; index++)
            s_tell (self, isprint (data [index])? "%c": "\\%d", data [index]);
}

static void
s_tell_message (stage_t *self, const char *who, zmsg_t **msg_p)
{
    s_tell (self, "%s: ", who);
    zframe_t *frame = *msg_p? zmsg_first (*msg_p): NULL;
    if (!frame)
        s_tell (self, "(nothing)");
    else
    if (zmsg_size (*msg_p) > WORDS_MAX)
        s_tell (self, "(%zu frames)", zmsg_size (*msg_p));
    else
        while (frame) {
            s_tell_frame (self, frame);
            frame = zmsg_next (*msg_p);
            s_tell (self, "%s", frame? "|": "");
        }
    s_tell (self, "\n");
    zmsg_destroy (msg_p);
}


//  --------------------------------------------------------------------------
//  Acting

static char *
s_fresh_endpoint (const char *format, const char *folder)
{
    char *endpoint = zsys_sprintf (format, folder, s_serial++);
    assert (endpoint);
    return endpoint;
}

static void
s_begin (stage_t *self, const subject_t *subject, const char *args)
{
    memset (self, 0, sizeof (*self));
    self->subject = subject;
    self->front = s_fresh_endpoint ("ipc://%s/%u", s_folder);
    self->back = s_fresh_endpoint ("ipc://%s/%u", s_folder);
    self->spare = s_fresh_endpoint ("ipc://%s/%u", s_folder);
    self->capture = s_fresh_endpoint ("inproc://%s-%u", "zproxy-test");
    self->proxy = zactor_new (subject->actor, (void *) args);
    assert (self->proxy);
    zsock_set_rcvtimeo (zactor_sock (self->proxy), FAULTS_PATIENCE);
}

static void
s_end (stage_t *self)
{
    zactor_destroy (&self->proxy);
    while (self->count > 0)
        zsock_destroy (&self->peers [--self->count]);
    zstr_free (&self->front);
    zstr_free (&self->back);
    zstr_free (&self->spare);
    zstr_free (&self->capture);
}

//  Send a command as the header shows it, wait for the answer, and tell it

static void
s_do (stage_t *self, const char *command, ...) __attribute__ ((sentinel));

static void
s_do (stage_t *self, const char *command, ...)
{
    zmsg_t *msg = zmsg_new ();
    va_list argptr;
    va_start (argptr, command);
    for (const char *word = command; word; word = va_arg (argptr, char *))
        zmsg_addstr (msg, word);
    va_end (argptr);
    zmsg_send (&msg, self->proxy);
    s_tell (self, "%s %d\n", command, zsock_wait (self->proxy));
}

//  Both sides, as most scenarios have them

static void
s_sides (stage_t *self, const char *frontend, const char *backend)
{
    s_do (self, "FRONTEND", frontend, self->front, NULL);
    s_do (self, "BACKEND", backend, self->back, NULL);
}

//  A peer that is not attached yet

static zsock_t *
s_peer (stage_t *self, int type)
{
    zsock_t *sock = zsock_new (type);
    assert (sock && self->count < PEERS_MAX);
    zsock_set_rcvtimeo (sock, FAULTS_PATIENCE);
    zsock_set_sndtimeo (sock, FAULTS_PATIENCE);
    self->peers [self->count++] = sock;
    return sock;
}

static zsock_t *
s_connect (stage_t *self, int type, const char *endpoint)
{
    zsock_t *sock = s_peer (self, type);
    int rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    return sock;
}

static zsock_t *
s_bind (stage_t *self, int type, const char *endpoint)
{
    zsock_t *sock = s_peer (self, type);
    int rc = zsock_bind (sock, "%s", endpoint);
    assert (rc != -1);
    return sock;
}

static zsock_t *
s_subscribe (stage_t *self, const char *topic, const char *endpoint)
{
    zsock_t *sock = s_connect (self, ZMQ_SUB, endpoint);
    zsock_set_subscribe (sock, topic);
    return sock;
}

//  The next message at a peer

static void
s_hears (stage_t *self, const char *who, zsock_t *sock)
{
    zmsg_t *msg = zmsg_recv (sock);
    s_tell_message (self, who, &msg);
}

//  The next messages, which are numbers in order

static void
s_count (stage_t *self, zsock_t *sock, int expected)
{
    int count = 0;
    char *content = NULL;
    while (count < expected && (content = zstr_recv (sock))
       &&  atoi (content) == count) {
        zstr_free (&content);
        count++;
    }
    zstr_free (&content);
    s_tell (self, "%d in order\n", count);
}

//  The next message where none should come

static void
s_silent (stage_t *self, const char *who, zsock_t *sock)
{
    zsock_set_rcvtimeo (sock, SILENCE);
    s_hears (self, who, sock);
    zsock_set_rcvtimeo (sock, FAULTS_PATIENCE);
}

//  The same where only zrelay_proxy passes something on

static void
s_ours_hears (stage_t *self, const char *who, zsock_t *sock)
{
    if (self->subject == &s_subjects [ZRELAY])
        s_hears (self, who, sock);
    else
        s_silent (self, who, sock);
}

//  And where only zproxy does

static void
s_theirs_hears (stage_t *self, const char *who, zsock_t *sock)
{
    if (self->subject == &s_subjects [ZPROXY])
        s_hears (self, who, sock);
    else
        s_silent (self, who, sock);
}

//  One answers what it is asked, whatever is around it

static void
s_serve (zsock_t *worker, const char *reply)
{
    zmsg_t *msg = zmsg_recv (worker);
    if (msg) {
        zframe_reset (zmsg_last (msg), reply, strlen (reply));
        zmsg_send (&msg, worker);
    }
}

//  A PUB does not tell when a subscription has arrived. Send until it has;
//  what comes next is heard.

static void
s_join (zsock_t *publisher, zsock_t *subscriber)
{
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    char *heard = NULL;
    zsock_set_rcvtimeo (subscriber, TICK_IVL);
    while (!heard && zclock_mono () < deadline) {
        zstr_send (publisher, "tick");
        heard = zstr_recv (subscriber);
    }
    zsock_set_rcvtimeo (subscriber, FAULTS_PATIENCE);
    zstr_send (publisher, "joined");
    while (heard && strneq (heard, "joined")) {
        zstr_free (&heard);
        heard = zstr_recv (subscriber);
    }
    zstr_free (&heard);
}


//  --------------------------------------------------------------------------
//  The header's examples

static void
s_play_nothing (stage_t *stage)
{
    (void) stage;
}

//  The end may come after any command

static void
s_play_ends (stage_t *self)
{
    for (int last = 0; last <= 6; last++) {
        stage_t other;
        s_begin (&other, self->subject, NULL);
        if (last >= 1)
            s_do (&other, "VERBOSE", NULL);
        if (last >= 2)
            s_do (&other, "DOMAIN", "FRONTEND", "global", NULL);
        if (last >= 3)
            s_do (&other, "FRONTEND", "PULL", other.front, NULL);
        if (last >= 4)
            s_do (&other, "BACKEND", "PUSH", other.back, NULL);
        if (last >= 5)
            s_do (&other, "PAUSE", NULL);
        if (last >= 6)
            s_do (&other, "RESUME", NULL);
        zactor_destroy (&other.proxy);
        s_tell (self, "%send\n", other.story);
        s_end (&other);
    }
}

//  A thread of its own prints what a relay logs

static bool
s_logs_beyond (long place)
{
    int64_t deadline = zclock_mono () + LOG_PATIENCE;
    while (ftell (s_log) <= place && zclock_mono () < deadline)
        zclock_sleep (1);
    return ftell (s_log) > place;
}

static void
s_play_verbose (stage_t *self)
{
    long before = ftell (s_log);
    s_do (self, "VERBOSE", NULL);
    s_do (self, "PAUSE", NULL);
    s_do (self, "RESUME", NULL);
    s_tell (self, "%s\n", s_logs_beyond (before)? "logged": "not logged");
}

static void
s_play_forwarder (stage_t *self)
{
    s_sides (self, "XSUB", "XPUB");
    zsock_t *publisher = s_connect (self, ZMQ_XPUB, self->front);
    zsock_t *subscriber = s_subscribe (self, "A", self->back);
    s_hears (self, "publisher", publisher);
    zstr_sendx (publisher, "A", "1", NULL);
    zstr_sendx (publisher, "B", "2", NULL);
    zstr_sendx (publisher, "AA", "3", NULL);
    s_hears (self, "subscriber", subscriber);
    s_hears (self, "subscriber", subscriber);
    zsock_set_subscribe (subscriber, "B");
    s_hears (self, "publisher", publisher);
    zsock_set_unsubscribe (subscriber, "A");
    s_hears (self, "publisher", publisher);
    zstr_sendx (publisher, "A", "4", NULL);
    zstr_sendx (publisher, "B", "5", NULL);
    s_hears (self, "subscriber", subscriber);
}

static void
s_play_lists (stage_t *self)
{
    //  Default is to bind, on either side
    zsock_t *bound = s_bind (self, ZMQ_PUSH, self->spare);
    char *third = s_fresh_endpoint ("ipc://%s/%u", s_folder);
    char *list = zsys_sprintf ("@%s,>%s,%s", self->front, self->spare, third);
    s_do (self, "FRONTEND", "PULL", list, NULL);
    s_do (self, "BACKEND", "PUSH", self->back, NULL);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    zstr_send (s_connect (self, ZMQ_PUSH, self->front), "to the first");
    s_hears (self, "sink", sink);
    zstr_send (bound, "from the second");
    s_hears (self, "sink", sink);
    zstr_send (s_connect (self, ZMQ_PUSH, third), "to the third");
    s_hears (self, "sink", sink);
    zstr_free (&list);
    zstr_free (&third);
}

//  As zsock_attach () has it, a list may end in a comma, and may be empty

static void
s_play_last_comma (stage_t *self)
{
    char *list = zsys_sprintf ("%s,", self->front);
    s_do (self, "FRONTEND", "PULL", list, NULL);
    s_do (self, "BACKEND", "PUSH", self->back, NULL);
    zstr_send (s_connect (self, ZMQ_PUSH, self->front), "Hello");
    s_hears (self, "sink", s_connect (self, ZMQ_PULL, self->back));
    zstr_free (&list);
}

static void
s_play_no_endpoints (stage_t *self)
{
    s_do (self, "FRONTEND", "PULL", "", NULL);
}

static void
s_play_connected (stage_t *self)
{
    zsock_t *faucet = s_bind (self, ZMQ_PUSH, self->front);
    zsock_t *sink = s_bind (self, ZMQ_PULL, self->back);
    char *front = zsys_sprintf (">%s", self->front);
    char *back = zsys_sprintf (">%s", self->back);
    s_do (self, "FRONTEND", "PULL", front, NULL);
    s_do (self, "BACKEND", "PUSH", back, NULL);
    zstr_sendx (faucet, "Hello", "World", NULL);
    s_hears (self, "sink", sink);
    zstr_free (&front);
    zstr_free (&back);
}

//  Without CZMQ's DRAFT API, zproxy ignores topics

static void
s_play_topics (stage_t *self, const char *type)
{
    s_do (self, "FRONTEND", type, self->front, "A", "B", NULL);
    s_do (self, "BACKEND", "PUSH", self->back, NULL);
    zsock_t *publisher = s_connect (self, ZMQ_XPUB, self->front);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    s_ours_hears (self, "publisher", publisher);
    s_ours_hears (self, "publisher", publisher);
    zstr_sendx (publisher, "A", "1", NULL);
    zstr_sendx (publisher, "C", "2", NULL);
    zstr_sendx (publisher, "B", "3", NULL);
    s_ours_hears (self, "sink", sink);
    s_ours_hears (self, "sink", sink);
}

static void
s_play_topics_sub (stage_t *self)
{
    s_play_topics (self, "SUB");
}

static void
s_play_topics_xsub (stage_t *self)
{
    s_play_topics (self, "XSUB");
}

//  A peer without libzmq sees what else goes over a connection

static int
s_wire_ipc (const char *endpoint)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf (address.sun_path, sizeof (address.sun_path), "%s",
              endpoint + strlen ("ipc://"));
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);
    assert (fd != -1);
    int rc = connect (fd, (struct sockaddr *) &address, sizeof (address));
    assert (rc == 0);
    return fd;
}

static void
s_play_heartbeats (stage_t *self)
{
    s_do (self, "FRONTEND", "DEALER", self->front, "HEARTBEAT_IVL", "20",
          "HEARTBEAT_TIMEOUT", "60000", "HEARTBEAT_TTL", "1500", NULL);
    s_do (self, "BACKEND", "DEALER", self->back, NULL);
    int fd = s_wire_ipc (self->front);
    struct timeval patience = { FAULTS_PATIENCE / 1000, 0 };
    if (self->subject == &s_subjects [ZPROXY]) {
        patience.tv_sec = 0;
        patience.tv_usec = SILENCE * 1000;
    }
    bool shaken = wire_handshake (fd, "DEALER");
    setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof (patience));

    //  Flags, size, size of name, name, TTL in deciseconds, see ZeroMQ RFC 37
    byte ping [9] = { 0 };
    if (shaken && wire_receive (fd, ping, sizeof (ping)))
        s_tell (self, "peer: flags %d, %.4s, ttl %d\n", ping [0], ping + 3,
                ping [7] * 256 + ping [8]);
    else
        s_tell (self, "peer: %s\n", shaken? "(nothing)": "(no handshake)");
    wire_close (fd, false);
}

static void
s_play_capture (stage_t *self)
{
    zsock_t *capture = s_bind (self, ZMQ_PULL, self->capture);
    s_sides (self, "PULL", "PUSH");
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    zstr_send (faucet, "unseen");
    s_hears (self, "sink", sink);
    s_do (self, "CAPTURE", self->capture, NULL);
    zstr_sendx (faucet, "Hello", "", "World", NULL);
    s_hears (self, "sink", sink);
    s_hears (self, "capture", capture);
    zstr_send (faucet, "again");
    s_hears (self, "sink", sink);
    s_hears (self, "capture", capture);
}

//  Both directions, with the frames that a ROUTER puts before

static void
s_play_capture_requests (stage_t *self)
{
    zsock_t *capture = s_bind (self, ZMQ_PULL, self->capture);
    s_do (self, "CAPTURE", self->capture, NULL);
    s_sides (self, "ROUTER", "DEALER");
    zsock_t *client = s_connect (self, ZMQ_REQ, self->front);
    zsock_t *worker = s_connect (self, ZMQ_REP, self->back);
    zstr_send (client, "request");
    s_serve (worker, "reply");
    s_hears (self, "client", client);
    s_hears (self, "capture", capture);
    s_hears (self, "capture", capture);
}

//  Subscriptions pass too

static void
s_play_capture_subscriptions (stage_t *self)
{
    zsock_t *capture = s_bind (self, ZMQ_PULL, self->capture);
    s_sides (self, "XSUB", "XPUB");
    s_do (self, "CAPTURE", self->capture, NULL);
    zsock_t *publisher = s_connect (self, ZMQ_XPUB, self->front);
    zsock_t *subscriber = s_subscribe (self, "A", self->back);
    s_hears (self, "publisher", publisher);
    zstr_sendx (publisher, "A", "1", NULL);
    s_hears (self, "subscriber", subscriber);
    s_hears (self, "capture", capture);
    s_hears (self, "capture", capture);
}

static void
s_play_capture_again (stage_t *self)
{
    zsock_t *capture = s_bind (self, ZMQ_PULL, self->capture);
    zsock_t *other = s_bind (self, ZMQ_PULL, self->spare);
    s_sides (self, "PULL", "PUSH");
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    s_do (self, "CAPTURE", self->capture, NULL);
    zstr_send (faucet, "one");
    s_hears (self, "sink", sink);
    s_hears (self, "capture", capture);
    s_do (self, "CAPTURE", self->spare, NULL);
    zstr_send (faucet, "two");
    s_hears (self, "sink", sink);
    s_hears (self, "other", other);
    s_silent (self, "capture", capture);
}

static void
s_play_pause (stage_t *self)
{
    s_sides (self, "PULL", "PUSH");
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    zstr_send (faucet, "before");
    s_hears (self, "sink", sink);
    s_do (self, "PAUSE", NULL);
    for (int count = 0; count < QUEUED; count++)
        zstr_sendf (faucet, "%d", count);
    s_silent (self, "sink", sink);
    s_do (self, "RESUME", NULL);
    s_count (self, sink, QUEUED);
    zstr_send (faucet, "after");
    s_hears (self, "sink", sink);
}

//  Requests and replies alike wait

static void
s_play_pause_requests (stage_t *self)
{
    s_sides (self, "ROUTER", "DEALER");
    zsock_t *client = s_connect (self, ZMQ_REQ, self->front);
    zsock_t *worker = s_connect (self, ZMQ_REP, self->back);
    s_do (self, "PAUSE", NULL);
    zstr_send (client, "request");
    s_silent (self, "worker", worker);
    s_do (self, "RESUME", NULL);
    s_hears (self, "worker", worker);
    s_do (self, "PAUSE", NULL);
    zstr_send (worker, "reply");
    s_silent (self, "client", client);
    s_do (self, "RESUME", NULL);
    s_hears (self, "client", client);
}

static void
s_play_pause_often (stage_t *self)
{
    s_do (self, "RESUME", NULL);
    s_sides (self, "PULL", "PUSH");
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    s_do (self, "RESUME", NULL);
    zstr_send (faucet, "one");
    s_hears (self, "sink", sink);
    s_do (self, "PAUSE", NULL);
    s_do (self, "PAUSE", NULL);
    zstr_send (faucet, "two");
    s_do (self, "RESUME", NULL);
    s_hears (self, "sink", sink);
}

//  zproxy forgets it when the second socket comes

static void
s_play_pause_first (stage_t *self)
{
    s_do (self, "PAUSE", NULL);
    s_sides (self, "PULL", "PUSH");
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    zstr_send (faucet, "Hello");
    s_theirs_hears (self, "sink", sink);
    s_do (self, "RESUME", NULL);
    zstr_send (faucet, "World");
    s_hears (self, "sink", sink);
}

//  Sockets queue to their high-water marks, which are the program's defaults.
//  Then who writes has to wait. By inproc that comes to the sum of the marks
//  of both ends.

static void
s_play_pause_full (stage_t *self)
{
    char *front = s_fresh_endpoint ("inproc://%s-%u", "zproxy-test");
    zsys_set_rcvhwm (20);
    s_do (self, "FRONTEND", "PULL", front, NULL);
    zsys_set_rcvhwm (HWM_DEFAULT);
    s_do (self, "BACKEND", "PUSH", self->back, NULL);
    s_do (self, "PAUSE", NULL);
    zsock_t *faucet = s_peer (self, ZMQ_PUSH);
    zsock_set_sndhwm (faucet, 10);
    zsock_set_sndtimeo (faucet, SILENCE);
    int rc = zsock_connect (faucet, "%s", front);
    assert (rc == 0);
    int sent = 0;
    while (zstr_sendf (faucet, "%d", sent) == 0)
        sent++;
    s_tell (self, "faucet: full after %d\n", sent);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    s_do (self, "RESUME", NULL);
    s_count (self, sink, sent);
    zstr_free (&front);
}

//  zproxy holds back subscriptions too

static void
s_play_pause_subscriptions (stage_t *self)
{
    s_sides (self, "XSUB", "XPUB");
    zsock_t *publisher = s_connect (self, ZMQ_XPUB, self->front);
    s_do (self, "PAUSE", NULL);
    zsock_t *subscriber = s_subscribe (self, "A", self->back);
    s_ours_hears (self, "publisher", publisher);
    s_do (self, "RESUME", NULL);
    s_theirs_hears (self, "publisher", publisher);
    zstr_send (publisher, "A");
    s_hears (self, "subscriber", subscriber);
}


//  --------------------------------------------------------------------------
//  Order

static void
s_play_backend_first (stage_t *self)
{
    s_do (self, "BACKEND", "PUSH", self->back, NULL);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zstr_send (faucet, "early");
    s_do (self, "FRONTEND", "PULL", self->front, NULL);
    s_hears (self, "sink", sink);
}

//  What comes before the backend waits for it

static void
s_play_frontend_first (stage_t *self)
{
    s_do (self, "FRONTEND", "PULL", self->front, NULL);
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zstr_send (faucet, "early");
    s_do (self, "BACKEND", "PUSH", self->back, NULL);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    s_hears (self, "sink", sink);
}

//  As in zproxy's own test; and the subscription is not lost

static void
s_play_subscribed_first (stage_t *self)
{
    zsock_t *subscriber = s_subscribe (self, "whatever", self->back);
    s_do (self, "BACKEND", "XPUB", self->back, NULL);
    zsock_t *publisher = s_connect (self, ZMQ_XPUB, self->front);
    s_do (self, "FRONTEND", "XSUB", self->front, NULL);
    s_hears (self, "publisher", publisher);
    zstr_send (publisher, "whatever comes");
    s_hears (self, "subscriber", subscriber);
}

//  Commands need not be waited for one by one

static void
s_play_all_at_once (stage_t *self)
{
    zstr_sendx (self->proxy, "VERBOSE", NULL);
    zstr_sendx (self->proxy, "FRONTEND", "PULL", self->front, NULL);
    zstr_sendx (self->proxy, "PAUSE", NULL);
    zstr_sendx (self->proxy, "BACKEND", "PUSH", self->back, NULL);
    zstr_sendx (self->proxy, "RESUME", NULL);
    for (int count = 0; count < 5; count++)
        s_tell (self, "%d\n", zsock_wait (self->proxy));
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    zstr_send (faucet, "Hello");
    s_hears (self, "sink", sink);
}

//  Endpoints by inproc, where a peer may come first

static void
s_play_inproc (stage_t *self)
{
    char *front = s_fresh_endpoint ("inproc://%s-%u", "zproxy-test");
    char *back = s_fresh_endpoint ("inproc://%s-%u", "zproxy-test");
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, front);
    zstr_sendx (faucet, "Hello", "World", NULL);
    s_do (self, "FRONTEND", "PULL", front, NULL);
    s_do (self, "BACKEND", "PUSH", back, NULL);
    s_hears (self, "sink", s_connect (self, ZMQ_PULL, back));
    zstr_free (&front);
    zstr_free (&back);
}


//  --------------------------------------------------------------------------
//  Patterns

static void
s_play_requests (stage_t *self)
{
    s_sides (self, "ROUTER", "DEALER");
    zsock_t *worker = s_connect (self, ZMQ_REP, self->back);
    zsock_t *one = s_connect (self, ZMQ_REQ, self->front);
    zsock_t *two = s_connect (self, ZMQ_REQ, self->front);
    zstr_sendx (one, "Hello", "one", NULL);
    s_hears (self, "worker", worker);
    zstr_sendx (worker, "World", "one", NULL);
    s_hears (self, "client one", one);
    zstr_send (one, "again");
    s_serve (worker, "to one");
    zstr_send (two, "and");
    s_serve (worker, "to two");
    s_hears (self, "client two", two);
    s_hears (self, "client one", one);
}

//  A client goes, another comes

static void
s_play_successive_clients (stage_t *self)
{
    s_sides (self, "ROUTER", "DEALER");
    zsock_t *worker = s_connect (self, ZMQ_REP, self->back);
    for (int client = 1; client < 4; client++) {
        zsock_t *sock = s_connect (self, ZMQ_REQ, self->front);
        zstr_sendf (sock, "request %d", client);
        s_hears (self, "worker", worker);
        zstr_sendf (worker, "reply %d", client);
        s_hears (self, "client", sock);
        zsock_destroy (&self->peers [--self->count]);
    }
}

static void
s_play_two_ways (stage_t *self, const char *frontend, int front,
                 const char *backend, int back)
{
    s_sides (self, frontend, backend);
    zsock_t *one = s_connect (self, front, self->front);
    zsock_t *other = s_connect (self, back, self->back);
    for (int count = 0; count < 2; count++) {
        zstr_sendx (one, "there", "", NULL);
        s_hears (self, "other", other);
        zstr_sendx (other, "", "back", NULL);
        s_hears (self, "one", one);
    }
}

static void
s_play_dealers (stage_t *self)
{
    s_play_two_ways (self, "DEALER", ZMQ_DEALER, "DEALER", ZMQ_DEALER);
}

static void
s_play_pairs (stage_t *self)
{
    s_play_two_ways (self, "PAIR", ZMQ_PAIR, "PAIR", ZMQ_PAIR);
}

static void
s_play_rep_req (stage_t *self)
{
    s_play_two_ways (self, "REP", ZMQ_REQ, "REQ", ZMQ_REP);
}

static void
s_play_dealer_router (stage_t *self)
{
    s_sides (self, "DEALER", "ROUTER");
    zsock_t *worker = s_connect (self, ZMQ_REP, self->front);
    zsock_t *client = s_connect (self, ZMQ_REQ, self->back);
    zstr_send (client, "request");
    s_serve (worker, "reply");
    s_hears (self, "client", client);
}

//  The backend may be where messages come from

static void
s_play_push_pull (stage_t *self)
{
    s_sides (self, "PUSH", "PULL");
    zstr_sendx (s_connect (self, ZMQ_PUSH, self->back), "Hello", "", NULL);
    s_hears (self, "sink", s_connect (self, ZMQ_PULL, self->front));
}

static void
s_play_xpub_xsub (stage_t *self)
{
    s_sides (self, "XPUB", "XSUB");
    zsock_t *publisher = s_connect (self, ZMQ_XPUB, self->back);
    zsock_t *subscriber = s_subscribe (self, "A", self->front);
    s_hears (self, "publisher", publisher);
    zstr_sendx (publisher, "A", "1", NULL);
    s_hears (self, "subscriber", subscriber);
}

static void
s_play_pull_pub (stage_t *self)
{
    s_sides (self, "PULL", "PUB");
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zsock_t *subscriber = s_subscribe (self, "", self->back);
    s_join (faucet, subscriber);
    zstr_sendx (faucet, "Hello", "World", NULL);
    s_hears (self, "subscriber", subscriber);
}

//  An XSUB can send more than subscriptions, towards publishers

static void
s_play_upstream (stage_t *self)
{
    s_sides (self, "XSUB", "XPUB");
    zsock_t *publisher = s_connect (self, ZMQ_XPUB, self->front);
    zsock_t *subscriber = s_connect (self, ZMQ_XSUB, self->back);
    zstr_send (subscriber, "\1A");
    s_hears (self, "publisher", publisher);
    zstr_send (subscriber, "news for publishers");
    s_hears (self, "publisher", publisher);
    zstr_sendx (subscriber, "in", "parts", NULL);
    s_hears (self, "publisher", publisher);
}

//  Two subscribers of one topic are one subscription upstream; it ends with
//  the last

static void
s_play_subscribers (stage_t *self)
{
    s_sides (self, "XSUB", "XPUB");
    zsock_t *publisher = s_connect (self, ZMQ_XPUB, self->front);
    zsock_t *one = s_subscribe (self, "A", self->back);
    s_hears (self, "publisher", publisher);
    zsock_t *two = s_subscribe (self, "A", self->back);
    zsock_set_subscribe (two, "B");
    s_hears (self, "publisher", publisher);
    zstr_send (publisher, "A to both");
    s_hears (self, "one", one);
    s_hears (self, "two", two);
    zsock_set_unsubscribe (one, "A");
    zsock_set_subscribe (one, "C");
    s_hears (self, "publisher", publisher);
    //  It takes its subscriptions with it
    zsock_destroy (&self->peers [--self->count]);
    s_hears (self, "publisher", publisher);
    s_hears (self, "publisher", publisher);
}

//  A publisher that comes later is told of what is subscribed to

static void
s_play_late_publisher (stage_t *self)
{
    s_sides (self, "XSUB", "XPUB");
    zsock_t *first = s_connect (self, ZMQ_XPUB, self->front);
    zsock_t *subscriber = s_subscribe (self, "A", self->back);
    s_hears (self, "first", first);
    zsock_t *late = s_connect (self, ZMQ_XPUB, self->front);
    s_hears (self, "late", late);
    zstr_send (late, "A");
    s_hears (self, "subscriber", subscriber);
}

static void
s_play_messages (stage_t *self)
{
    s_sides (self, "PULL", "PUSH");
    zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    zstr_send (faucet, "");
    s_hears (self, "sink", sink);
    zstr_sendx (faucet, "", "", "", NULL);
    s_hears (self, "sink", sink);
    zmsg_t *msg = zmsg_new ();
    zframe_t *frame = zframe_new (NULL, BIG);
    memset (zframe_data (frame), 'a', BIG);
    zmsg_append (msg, &frame);
    zmsg_addmem (msg, "\0\1\2\xff", 4);
    zmsg_send (&msg, faucet);
    s_hears (self, "sink", sink);
    msg = zmsg_new ();
    for (int count = 0; count < MANY; count++)
        zmsg_addstrf (msg, "%d", count);
    zmsg_send (&msg, faucet);
    s_hears (self, "sink", sink);
}

//  A path is free for the next proxy when the last has ended

static void
s_play_again (stage_t *self)
{
    for (int time = 0; time < 5; time++) {
        s_sides (self, "PULL", "PUSH");
        zsock_t *faucet = s_connect (self, ZMQ_PUSH, self->front);
        zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
        zstr_sendf (faucet, "%d", time);
        s_hears (self, "sink", sink);
        zsock_destroy (&self->peers [--self->count]);
        zsock_destroy (&self->peers [--self->count]);
        zactor_destroy (&self->proxy);
        self->proxy = zactor_new (self->subject->actor, NULL);
        assert (self->proxy);
    }
}


//  --------------------------------------------------------------------------
//  Security, with a zauth. A peer that is refused is told so, which its
//  monitor tells.

//  The last one's endpoint is given back only some time after its end

static zactor_t *
s_auth (void)
{
    zsock_t *trial = zsock_new (ZMQ_REP);
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    while (zsock_bind (trial, ZAP) == -1 && zclock_mono () < deadline)
        zclock_sleep (1);
    zsock_unbind (trial, ZAP);
    zsock_destroy (&trial);
    zactor_t *auth = zactor_new (zauth, NULL);
    assert (auth);
    return auth;
}

static void
s_tell_auth (zactor_t *auth, const char *command, const char *argument)
{
    zstr_sendx (auth, command, argument, NULL);
    zsock_wait (auth);
}

//  What becomes of the handshake. In which words a refusal is told depends on
//  who closes the connection first.

static zactor_t *
s_watch (zsock_t *sock)
{
    zactor_t *monitor = zactor_new (zmonitor, sock);
    assert (monitor);
    zsock_set_rcvtimeo (zactor_sock (monitor), FAULTS_PATIENCE);
    zstr_sendx (monitor, "LISTEN", "HANDSHAKE_SUCCEEDED",
                "HANDSHAKE_FAILED_AUTH", "HANDSHAKE_FAILED_NO_DETAIL",
                "HANDSHAKE_FAILED_PROTOCOL", NULL);
    zstr_send (monitor, "START");
    zsock_wait (monitor);
    return monitor;
}

static void
s_tell_handshake (stage_t *self, const char *who, zactor_t **monitor_p)
{
    zmsg_t *event = zmsg_recv (*monitor_p);
    char *name = event? zmsg_popstr (event): NULL;
    s_tell (self, "%s: %s\n", who, !name? "(nothing)":
            streq (name, "HANDSHAKE_SUCCEEDED")? "welcome": "refused");
    zstr_free (&name);
    zmsg_destroy (&event);
    zactor_destroy (monitor_p);
}

//  A pusher that has been prepared connects, and sends its own name

static void
s_try (stage_t *self, const char *who, zsock_t *sock, const char *endpoint)
{
    zactor_t *monitor = s_watch (sock);
    int rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    zstr_send (sock, who);
    s_tell_handshake (self, who, &monitor);
}

//  A domain alone makes zauth look at addresses, of which ipc has none

static void
s_play_domain (stage_t *self)
{
    zactor_t *auth = s_auth ();
    s_do (self, "DOMAIN", "FRONTEND", "global", NULL);
    s_sides (self, "PULL", "PUSH");
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    s_try (self, "right", s_peer (self, ZMQ_PUSH), self->front);
    s_hears (self, "sink", sink);
    s_tell_auth (auth, "ALLOW", "10.0.0.1");
    s_try (self, "wrong", s_peer (self, ZMQ_PUSH), self->front);
    //  The other side has no domain
    zsock_t *other = s_peer (self, ZMQ_PULL);
    zactor_t *monitor = s_watch (other);
    int rc = zsock_connect (other, "%s", self->back);
    assert (rc == 0);
    s_tell_handshake (self, "other", &monitor);
    s_silent (self, "sink", sink);
    s_silent (self, "other", other);
    zactor_destroy (&auth);
}

static zsock_t *
s_named (stage_t *self, const char *password)
{
    zsock_t *sock = s_peer (self, ZMQ_PUSH);
    zsock_set_plain_username (sock, "admin");
    zsock_set_plain_password (sock, password);
    return sock;
}

static void
s_play_plain (stage_t *self)
{
    char *path = zsys_sprintf ("%s/passwords", s_folder);
    FILE *file = fopen (path, "w");
    assert (file);
    fprintf (file, "admin=Password\n");
    fclose (file);
    zactor_t *auth = s_auth ();
    s_tell_auth (auth, "PLAIN", path);
    s_do (self, "PLAIN", "FRONTEND", NULL);
    s_do (self, "DOMAIN", "FRONTEND", "global", NULL);
    s_sides (self, "PULL", "PUSH");
    zsock_t *sink = s_connect (self, ZMQ_PULL, self->back);
    s_try (self, "wrong", s_named (self, "Bogus"), self->front);
    s_try (self, "nameless", s_peer (self, ZMQ_PUSH), self->front);
    s_try (self, "right", s_named (self, "Password"), self->front);
    s_hears (self, "sink", sink);
    s_silent (self, "sink", sink);
    zactor_destroy (&auth);
    remove (path);
    zstr_free (&path);
}

static zsock_t *
s_keyed (stage_t *self, int type, zcert_t *cert, zcert_t *server)
{
    zsock_t *sock = s_peer (self, type);
    zcert_apply (cert, sock);
    zsock_set_curve_serverkey (sock, zcert_public_txt (server));
    return sock;
}

//  Both sides ask for keys, of which zauth knows one

static void
s_play_curve (stage_t *self)
{
    zcert_t *server = zcert_new ();
    zcert_t *known = zcert_new ();
    zcert_t *stranger = zcert_new ();
    zsys_dir_create ("%s/keys", s_folder);
    char *keys = zsys_sprintf ("%s/keys", s_folder);
    char *file = zsys_sprintf ("%s/keys/known", s_folder);
    zcert_save_public (known, file);
    zactor_t *auth = s_auth ();
    s_tell_auth (auth, "CURVE", keys);
    s_do (self, "CURVE", "FRONTEND", zcert_public_txt (server),
          zcert_secret_txt (server), NULL);
    s_do (self, "CURVE", "BACKEND", zcert_public_txt (server),
          zcert_secret_txt (server), NULL);
    s_sides (self, "PULL", "PUSH");
    zsock_t *sink = s_keyed (self, ZMQ_PULL, known, server);
    int rc = zsock_connect (sink, "%s", self->back);
    assert (rc == 0);
    s_try (self, "stranger", s_keyed (self, ZMQ_PUSH, stranger, server),
           self->front);
    s_try (self, "plain", s_named (self, "Password"), self->front);
    s_try (self, "known", s_keyed (self, ZMQ_PUSH, known, server),
           self->front);
    s_hears (self, "sink", sink);
    s_silent (self, "sink", sink);
    zactor_destroy (&auth);
    zcert_destroy (&server);
    zcert_destroy (&known);
    zcert_destroy (&stranger);
    remove (file);
    remove (keys);
    zstr_free (&file);
    zstr_free (&keys);
}

//  The last word counts

static void
s_play_mechanisms (stage_t *self)
{
    zactor_t *auth = s_auth ();
    zcert_t *server = zcert_new ();
    zcert_t *client = zcert_new ();
    s_tell_auth (auth, "CURVE", CURVE_ALLOW_ANY);
    s_do (self, "CURVE", "FRONTEND", zcert_public_txt (client),
          zcert_secret_txt (client), NULL);
    s_do (self, "PLAIN", "FRONTEND", NULL);
    s_do (self, "CURVE", "FRONTEND", zcert_public_txt (server),
          zcert_secret_txt (server), NULL);
    s_sides (self, "PULL", "PUSH");
    s_try (self, "client", s_keyed (self, ZMQ_PUSH, client, server),
           self->front);
    s_hears (self, "sink", s_connect (self, ZMQ_PULL, self->back));
    zactor_destroy (&auth);
    zcert_destroy (&server);
    zcert_destroy (&client);
}

//  zproxy says yes, and does nothing

static void
s_play_security_late (stage_t *self)
{
    zcert_t *server = zcert_new ();
    s_sides (self, "PULL", "PUSH");
    s_do (self, "DOMAIN", "FRONTEND", "global", NULL);
    s_do (self, "PLAIN", "FRONTEND", NULL);
    s_do (self, "CURVE", "FRONTEND", zcert_public_txt (server),
          zcert_secret_txt (server), NULL);
    s_try (self, "anybody", s_peer (self, ZMQ_PUSH), self->front);
    s_hears (self, "sink", s_connect (self, ZMQ_PULL, self->back));
    zcert_destroy (&server);
}

//  What zproxy does not look at

static void
s_play_excess (stage_t *self)
{
    s_do (self, "VERBOSE", "much", NULL);
    s_do (self, "PAUSE", "FRONTEND", NULL);
    s_do (self, "RESUME", "FRONTEND", NULL);
    s_do (self, "FRONTEND", "PULL", self->front, "topic", NULL);
    s_do (self, "PLAIN", "BACKEND", "BACKEND", NULL);
}

static void
s_play_no_relay (stage_t *self)
{
    s_sides (self, "PULL", "PULL");
}

//  zproxy takes another's path away from it

static void
s_play_path_in_use (stage_t *self)
{
    s_bind (self, ZMQ_PUSH, self->front);
    s_do (self, "FRONTEND", "PULL", self->front, NULL);
}

//  A server's public key is not needed for the handshake

static void
s_play_other_key (stage_t *self)
{
    zcert_t *server = zcert_new ();
    zcert_t *other = zcert_new ();
    s_do (self, "CURVE", "FRONTEND", zcert_public_txt (other),
          zcert_secret_txt (server), NULL);
    zcert_destroy (&server);
    zcert_destroy (&other);
}


//  --------------------------------------------------------------------------
//  Commands over which zproxy ends the process. In words "%" stands for an
//  endpoint of the stage; "%send" is a message to the frontend, not a command.

typedef struct {
    const char *name;
    const char *commands;           //  Separated by semicolons
    const char *ours;               //  What zrelay_proxy answers
} fatal_t;

static const fatal_t s_fatal [] = {
    { "an unknown command", "FRONT PULL %front", "1" },
    { "a command in small letters", "frontend PULL %front", "1" },
    { "an empty command", "%empty", "1" },
    { "an unknown type", "FRONTEND PULLS %front", "2" },
    { "a type that is not for proxies", "FRONTEND STREAM %front", "2" },
    { "a type in small letters", "FRONTEND pull %front", "0" },
    { "FRONTEND alone", "FRONTEND", "2" },
    { "FRONTEND without endpoints", "FRONTEND PULL", "2" },
    { "BACKEND without endpoints", "BACKEND PUSH", "2" },
    { "no endpoint", "FRONTEND PULL nonsense", "4" },
    { "no endpoint in a list", "FRONTEND PULL %front,nonsense", "4" },
    { "an endpoint that is in use", "FRONTEND PULL %used", "4" },
    { "an endpoint that is too long", "FRONTEND PULL %long", "4" },
    { "the same FRONTEND twice",
      "FRONTEND PULL %front;FRONTEND PULL %front", "0 3" },
    { "FRONTEND twice, for more endpoints",
      "FRONTEND PULL %front;FRONTEND PULL %spare", "0 0" },
    { "FRONTEND twice, of another type",
      "FRONTEND PULL %front;FRONTEND ROUTER %spare", "0 3" },
    { "BACKEND twice, for more endpoints",
      "BACKEND PUSH %back;BACKEND PUSH %spare", "0 0" },
    { "FRONTEND again after a failure",
      "FRONTEND PULL nonsense;FRONTEND PULL %front", "4 0" },
    { "CAPTURE without endpoint", "CAPTURE", "0" },
    { "CAPTURE to no endpoint", "CAPTURE nonsense", "4" },
    { "CAPTURE to an empty endpoint", "CAPTURE %empty", "4" },
    { "CAPTURE that is told to connect", "CAPTURE >%capture", "0" },
    { "CAPTURE that is told to bind", "CAPTURE @%capture", "0" },
    { "DOMAIN alone", "DOMAIN", "2" },
    { "DOMAIN without name", "DOMAIN FRONTEND", "2" },
    { "DOMAIN of no side", "DOMAIN MIDDLE global", "2" },
    { "a side in small letters", "DOMAIN frontend global", "0" },
    { "PLAIN alone", "PLAIN", "2" },
    { "PLAIN of no side", "PLAIN MIDDLE", "2" },
    { "CURVE alone", "CURVE", "2" },
    { "CURVE without keys", "CURVE FRONTEND", "2" },
    { "CURVE with one key", "CURVE FRONTEND %key", "2" },
    { "CURVE with what is no key",
      "CURVE FRONTEND short short;FRONTEND PULL %front", "2 0" },
    { "RESUME with a frontend only",
      "FRONTEND PULL %front;RESUME;%send", "0 0" },
};
#define FATAL (sizeof (s_fatal) / sizeof (*s_fatal))

static char *
s_expand (stage_t *self, const char *word)
{
    const struct {
        const char *word;
        const char *meaning;
    } words [] = {
        { "%front", self->front },
        { "%back", self->back },
        { "%spare", self->spare },
        { "%capture", self->capture },
        { "%used", USED },
        { "%empty", "" },
        { "%key", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" },
        { "%long", "ipc:///aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
        { NULL, NULL }
    };
    const char *sign = strchr (word, '%');
    for (int index = 0; sign && words [index].word; index++) {
        size_t length = strlen (words [index].word);
        if (strncmp (sign, words [index].word, length) == 0)
            return zsys_sprintf ("%.*s%s%s", (int) (sign - word), word,
                                 words [index].meaning, sign + length);
    }
    return strdup (word);
}

//  Send them one by one; tells what is answered

static void
s_play_commands (stage_t *self, const char *commands)
{
    char *copy = strdup (commands);
    char *rest = copy;
    char *command;
    while ((command = strsep (&rest, ";"))) {
        if (streq (command, "%send")) {
            zstr_send (s_connect (self, ZMQ_PUSH, self->front), "Hello");
            continue;
        }
        zmsg_t *msg = zmsg_new ();
        char *word;
        while ((word = strsep (&command, " "))) {
            char *expanded = s_expand (self, word);
            zmsg_addstr (msg, expanded);
            zstr_free (&expanded);
        }
        zmsg_send (&msg, self->proxy);
        s_tell (self, "%s%d", *self->story? " ": "",
                zsock_wait (self->proxy));
    }
    freen (copy);
}

//  Complete what is not there yet, and see a message through

static bool
s_usable (stage_t *self)
{
    static const char *sides [] = { "FRONTEND", "BACKEND" };
    static const char *types [] = { "PULL", "PUSH" };
    zsock_t *peers [2];
    for (int index = 0; index < 2; index++) {
        zstr_sendx (self->proxy, "ENDPOINT", sides [index], NULL);
        zmsg_t *answer = zmsg_recv (self->proxy);
        char *word = zmsg_popstr (answer);
        char *endpoint = zmsg_popstr (answer);
        zmsg_destroy (&answer);
        zstr_free (&word);
        if (!endpoint) {
            endpoint = s_fresh_endpoint ("ipc://%s/%u", s_folder);
            zstr_sendx (self->proxy, sides [index], types [index], endpoint,
                        NULL);
            if (zsock_wait (self->proxy)) {
                zstr_free (&endpoint);
                return false;
            }
        }
        peers [index] = s_connect (self, index? ZMQ_PULL: ZMQ_PUSH, endpoint);
        zstr_free (&endpoint);
    }
    zstr_send (peers [0], "Hello");
    char *content = zstr_recv (peers [1]);
    bool usable = content && streq (content, "Hello");
    zstr_free (&content);
    return usable;
}


//  --------------------------------------------------------------------------
//  Children

//  In place of SIGABRT's own action, which would leave a core

static void
s_on_abort (int signal)
{
    (void) signal;
    _exit (ABORTED);
}

//  Arguments are our folder, a number for endpoints, and commands. Ends
//  without looking for leaks: they are zproxy's.

static void
s_begin_child (char **argv)
{
    s_folder = argv [0];
    s_serial = (unsigned) atoi (argv [1]);
    s_log = tmpfile ();
    assert (s_log);
    zsys_set_logstream (s_log);
}

static int
s_run_fatal (int argc, char **argv)
{
    (void) argc;
    s_begin_child (argv);
    signal (SIGABRT, s_on_abort);
    //  What it says at its end is known
    FILE *silent = freopen ("/dev/null", "w", stderr);
    (void) silent;
    zsock_t *used = zsock_new_rep ("@" USED);
    stage_t stage;
    s_begin (&stage, &s_subjects [ZPROXY], NULL);
    s_play_commands (&stage, argv [2]);
    //  It may take a message for it to end
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE / 2;
    while (zclock_mono () < deadline) {
        s_do (&stage, "VERBOSE", NULL);
        zclock_sleep (TICK_IVL);
    }
    zsock_destroy (&used);
    _exit (0);
}

static const scenario_t *
    s_scenario (const char *name);

static int
s_run_scenario (int argc, char **argv)
{
    (void) argc;
    s_begin_child (argv);
    const scenario_t *scenario = s_scenario (argv [2]);
    stage_t stage;
    s_begin (&stage, &s_subjects [ZPROXY], scenario->args);
    scenario->play (&stage);
    s_end (&stage);
    bool same = streq (stage.story, scenario->story);
    if (!same)
        fprintf (stderr, "%s\n", stage.story);
    _exit (same? 0: DIFFERED);
}

//  An application that is told to stop, as CZMQ hears it, and ends the proxy

static int
s_run_interrupted (int argc, char **argv)
{
    (void) argc;
    s_begin_child (argv);
    stage_t stage;
    s_begin (&stage, &s_subjects [atoi (argv [2])], NULL);
    s_sides (&stage, "PULL", "PUSH");
    raise (SIGINT);
    bool interrupted = zsys_interrupted;
    s_end (&stage);
    _exit (interrupted? 0: DIFFERED);
}

static const faults_role_t s_roles [] = {
    { "fatal", s_run_fatal },
    { "scenario", s_run_scenario },
    { "interrupted", s_run_interrupted },
    { NULL, NULL }
};

//  Have a child do something; returns its exit status

static int
s_child (const char *role, const char *argument)
{
    char serial [20];
    //  More endpoints than a child can need
    s_serial += 100;
    snprintf (serial, sizeof (serial), "%u", s_serial);
    pid_t child = faults_spawn (role, s_folder, serial, argument, NULL);
    s_serial += 100;
    return faults_await (child);
}


//  --------------------------------------------------------------------------
//  The scenarios, and what has to be seen

#define SIDES "FRONTEND 0\nBACKEND 0\n"

//  With the DRAFT API, zproxy subscribes where the socket is a SUB, and aborts
//  where it is not
#ifdef CZMQ_BUILD_DRAFT_API
#   define TOPICS NOT_THEIRS
#else
#   define TOPICS 0
#endif

static const scenario_t s_scenarios [] = {
    { "made and ended", NULL, s_play_nothing,
      "",
      NULL, 0 },
    { "ended after each command", "PULL-PUSH", s_play_ends,
      "end\nVERBOSE 0\nend\nVERBOSE 0\nDOMAIN 0\nend\nVERBOSE 0\nDOMAIN 0\n"
      "FRONTEND 0\nend\nVERBOSE 0\nDOMAIN 0\n" SIDES "end\nVERBOSE 0\n"
      "DOMAIN 0\n" SIDES "PAUSE 0\nend\nVERBOSE 0\nDOMAIN 0\n" SIDES
      "PAUSE 0\nRESUME 0\nend\n",
      NULL, 0 },
    { "VERBOSE", NULL, s_play_verbose,
      "VERBOSE 0\nPAUSE 0\nRESUME 0\nlogged\n",
      NULL, 0 },
    { "XSUB to XPUB", NULL, s_play_forwarder,
      SIDES "publisher: \\1A\nsubscriber: A|1\nsubscriber: AA|3\n"
      "publisher: \\1B\npublisher: \\0A\nsubscriber: B|5\n",
      NULL, 0 },
    { "lists of endpoints", NULL, s_play_lists,
      SIDES "sink: to the first\nsink: from the second\n"
      "sink: to the third\n",
      NULL, 0 },
    { "a list with a last comma", NULL, s_play_last_comma,
      SIDES "sink: Hello\n",
      NULL, 0 },
    { "an empty list", NULL, s_play_no_endpoints,
      "FRONTEND 0\n",
      "FRONTEND 4\n", 0 },
    { "endpoints to connect to", NULL, s_play_connected,
      SIDES "sink: Hello|World\n",
      NULL, 0 },
    { "topics for a SUB", NULL, s_play_topics_sub,
      SIDES "publisher: (nothing)\npublisher: (nothing)\nsink: (nothing)\n"
      "sink: (nothing)\n",
      SIDES "publisher: \\1A\npublisher: \\1B\nsink: A|1\nsink: B|3\n",
      TOPICS },
    { "topics for an XSUB", NULL, s_play_topics_xsub,
      SIDES "publisher: (nothing)\npublisher: (nothing)\nsink: (nothing)\n"
      "sink: (nothing)\n",
      SIDES "publisher: \\1A\npublisher: \\1B\nsink: A|1\nsink: B|3\n",
      TOPICS },
    { "heartbeats", NULL, s_play_heartbeats,
      SIDES "peer: (nothing)\n",
      SIDES "peer: flags 4, PING, ttl 15\n", TOPICS },
    { "CAPTURE", NULL, s_play_capture,
      SIDES "sink: unseen\nCAPTURE 0\nsink: Hello||World\n"
      "capture: Hello||World\nsink: again\ncapture: again\n",
      NULL, 0 },
    { "CAPTURE of requests, before the sockets", NULL, s_play_capture_requests,
      "CAPTURE 0\n" SIDES "client: reply\ncapture: (id)||request\n"
      "capture: (id)||reply\n",
      NULL, 0 },
    { "CAPTURE of subscriptions", NULL, s_play_capture_subscriptions,
      SIDES "CAPTURE 0\npublisher: \\1A\nsubscriber: A|1\ncapture: \\1A\n"
      "capture: A|1\n",
      NULL, 0 },
    { "CAPTURE to another socket", NULL, s_play_capture_again,
      SIDES "CAPTURE 0\nsink: one\ncapture: one\nCAPTURE 0\nsink: two\n"
      "other: two\ncapture: (nothing)\n",
      NULL, LEAKS },
    { "PAUSE and RESUME", NULL, s_play_pause,
      SIDES "sink: before\nPAUSE 0\nsink: (nothing)\nRESUME 0\n"
      "50 in order\nsink: after\n",
      NULL, 0 },
    { "PAUSE and RESUME, both ways", NULL, s_play_pause_requests,
      SIDES "PAUSE 0\nworker: (nothing)\nRESUME 0\nworker: request\n"
      "PAUSE 0\nclient: (nothing)\nRESUME 0\nclient: reply\n",
      NULL, 0 },
    { "PAUSE and RESUME more than once", NULL, s_play_pause_often,
      "RESUME 0\n" SIDES "RESUME 0\nsink: one\nPAUSE 0\nPAUSE 0\nRESUME 0\n"
      "sink: two\n",
      NULL, 0 },
    { "PAUSE to the high-water mark", NULL, s_play_pause_full,
      SIDES "PAUSE 0\nfaucet: full after 30\nRESUME 0\n30 in order\n",
      NULL, 0 },
    { "PAUSE before the sockets", NULL, s_play_pause_first,
      "PAUSE 0\n" SIDES "sink: Hello\nRESUME 0\nsink: World\n",
      "PAUSE 0\n" SIDES "sink: (nothing)\nRESUME 0\nsink: Hello\n", 0 },
    { "PAUSE and subscriptions", NULL, s_play_pause_subscriptions,
      SIDES "PAUSE 0\npublisher: (nothing)\nRESUME 0\npublisher: \\1A\n"
      "subscriber: A\n",
      SIDES "PAUSE 0\npublisher: \\1A\nRESUME 0\npublisher: (nothing)\n"
      "subscriber: A\n", 0 },
    { "DOMAIN", NULL, s_play_domain,
      "DOMAIN 0\n" SIDES "right: welcome\nsink: right\nwrong: refused\n"
      "other: welcome\nsink: (nothing)\nother: (nothing)\n",
      NULL, 0 },
    { "PLAIN", NULL, s_play_plain,
      "PLAIN 0\nDOMAIN 0\n" SIDES "wrong: refused\nnameless: refused\n"
      "right: welcome\nsink: right\nsink: (nothing)\n",
      NULL, 0 },
    { "CURVE", NULL, s_play_curve,
      "CURVE 0\nCURVE 0\n" SIDES "stranger: refused\nplain: refused\n"
      "known: welcome\nsink: known\nsink: (nothing)\n",
      NULL, 0 },
    { "CURVE, PLAIN, CURVE", NULL, s_play_mechanisms,
      "CURVE 0\nPLAIN 0\nCURVE 0\n" SIDES "client: welcome\nsink: client\n",
      NULL, 0 },
    { "CURVE with another's public key", NULL, s_play_other_key,
      "CURVE 0\n",
      "CURVE 2\n", 0 },
    { "security after attaching", NULL, s_play_security_late,
      SIDES "DOMAIN 0\nPLAIN 0\nCURVE 0\nanybody: welcome\nsink: anybody\n",
      SIDES "DOMAIN 3\nPLAIN 3\nCURVE 3\nanybody: welcome\nsink: anybody\n",
      0 },
    { "backend first", NULL, s_play_backend_first,
      "BACKEND 0\nFRONTEND 0\nsink: early\n",
      NULL, 0 },
    { "frontend first", NULL, s_play_frontend_first,
      SIDES "sink: early\n",
      NULL, 0 },
    { "a backend alone is subscribed to", NULL, s_play_subscribed_first,
      "BACKEND 0\nFRONTEND 0\npublisher: \\1whatever\n"
      "subscriber: whatever comes\n",
      NULL, 0 },
    { "commands all at once", NULL, s_play_all_at_once,
      "0\n0\n0\n0\n0\nsink: Hello\n",
      NULL, 0 },
    { "peers before the proxy", NULL, s_play_inproc,
      SIDES "sink: Hello|World\n",
      NULL, 0 },
    { "ROUTER to DEALER", "ROUTER-DEALER", s_play_requests,
      SIDES "worker: Hello|one\nclient one: World|one\nclient two: to two\n"
      "client one: to one\n",
      NULL, 0 },
    { "client after client", NULL, s_play_successive_clients,
      SIDES "worker: request 1\nclient: reply 1\nworker: request 2\n"
      "client: reply 2\nworker: request 3\nclient: reply 3\n",
      NULL, 0 },
    { "DEALER to ROUTER", NULL, s_play_dealer_router,
      SIDES "client: reply\n",
      NULL, 0 },
    { "DEALER to DEALER", NULL, s_play_dealers,
      SIDES "other: there|\none: |back\nother: there|\none: |back\n",
      NULL, 0 },
    { "PAIR to PAIR", NULL, s_play_pairs,
      SIDES "other: there|\none: |back\nother: there|\none: |back\n",
      NULL, 0 },
    { "REP to REQ", NULL, s_play_rep_req,
      SIDES "other: there|\none: |back\nother: there|\none: |back\n",
      NULL, 0 },
    { "PUSH to PULL", NULL, s_play_push_pull,
      SIDES "sink: Hello|\n",
      NULL, 0 },
    { "PULL to PUB", NULL, s_play_pull_pub,
      SIDES "subscriber: Hello|World\n",
      NULL, 0 },
    { "XPUB to XSUB", NULL, s_play_xpub_xsub,
      SIDES "publisher: \\1A\nsubscriber: A|1\n",
      NULL, 0 },
    { "messages to publishers", NULL, s_play_upstream,
      SIDES "publisher: \\1A\npublisher: news for publishers\n"
      "publisher: in|parts\n",
      NULL, 0 },
    { "subscribers come and go", NULL, s_play_subscribers,
      SIDES "publisher: \\1A\npublisher: \\1B\none: A to both\n"
      "two: A to both\npublisher: \\1C\npublisher: \\0A\npublisher: \\0B\n",
      NULL, 0 },
    { "a publisher that comes late", NULL, s_play_late_publisher,
      SIDES "first: \\1A\nlate: \\1A\nsubscriber: A\n",
      NULL, 0 },
    { "messages of all sizes", NULL, s_play_messages,
      SIDES "sink: \nsink: ||\nsink: (1000000 bytes)|\\0\\1\\2\\255\n"
      "sink: (300 frames)\n",
      NULL, 0 },
    { "one proxy after the other", NULL, s_play_again,
      SIDES "sink: 0\n" SIDES "sink: 1\n" SIDES "sink: 2\n" SIDES
      "sink: 3\n" SIDES "sink: 4\n",
      NULL, 0 },
    { "a path in use", NULL, s_play_path_in_use,
      "FRONTEND 0\n",
      "FRONTEND 4\n", 0 },
    { "more arguments than a command takes", NULL, s_play_excess,
      "VERBOSE 0\nPAUSE 0\nRESUME 0\nFRONTEND 0\nPLAIN 0\n",
      "VERBOSE 2\nPAUSE 2\nRESUME 2\nFRONTEND 2\nPLAIN 2\n", 0 },
    { "a pair that is no relay", NULL, s_play_no_relay,
      SIDES,
      "FRONTEND 0\nBACKEND 2\n", 0 },
};
#define SCENARIOS (sizeof (s_scenarios) / sizeof (*s_scenarios))

static const scenario_t *
s_scenario (const char *name)
{
    size_t index = 0;
    while (strneq (s_scenarios [index].name, name))
        index++;
    return &s_scenarios [index];
}


//  --------------------------------------------------------------------------
//  Running

static void
s_show (const char *what, const char *story)
{
    printf ("#   %s\n#     ", what);
    for (; *story; story++)
        printf (*story == '\n'? "\n#     ": "%c", *story);
    printf ("\n");
}

static void
s_test_scenario (const scenario_t *scenario, const subject_t *subject)
{
    const char *expected = subject == &s_subjects [ZRELAY] && scenario->ours?
        scenario->ours: scenario->story;
    stage_t stage;
    s_begin (&stage, subject, scenario->args);
    scenario->play (&stage);
    s_end (&stage);
    if (!TAP (streq (stage.story, expected), "%s: %s%s", subject->name,
              scenario->name, scenario->ours? " (differs)": "")) {
        s_show ("was seen", stage.story);
        s_show ("should be", expected);
    }
}

static void
s_test_scenarios (void)
{
    for (size_t index = 0; index < SCENARIOS; index++) {
        const scenario_t *scenario = &s_scenarios [index];
        if (scenario->flags & NOT_THEIRS)
            TAP_SKIP (scenario->name, "zproxy depends on the DRAFT API");
        else
        if (scenario->flags & LEAKS)
            TAP (s_child ("scenario", scenario->name) == 0,
                 "zproxy: %s", scenario->name);
        else
            s_test_scenario (scenario, &s_subjects [ZPROXY]);
        s_test_scenario (scenario, &s_subjects [ZRELAY]);
    }
}

static void
s_test_fatal (void)
{
    zsock_t *used = zsock_new_rep ("@" USED);
    for (size_t index = 0; index < FATAL; index++) {
        const fatal_t *fatal = &s_fatal [index];
        TAP (s_child ("fatal", fatal->commands) == ABORTED,
             "zproxy: %s ends the process", fatal->name);
        stage_t stage;
        s_begin (&stage, &s_subjects [ZRELAY], NULL);
        s_play_commands (&stage, fatal->commands);
        TAP (streq (stage.story, fatal->ours), "zrelay_proxy: %s is answered "
             "with %s (%s)", fatal->name, stage.story, fatal->ours);
        TAP (s_usable (&stage), "zrelay_proxy: %s, and goes on", fatal->name);
        s_end (&stage);
    }
    zsock_destroy (&used);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE);
    char folder [] = "/tmp/zrelay-zproxy-XXXXXX";
    s_folder = mkdtemp (folder);
    s_log = tmpfile ();
    assert (s_folder && s_log);
    zsys_set_logstream (s_log);
    s_test_scenarios ();
    s_test_fatal ();
    for (int index = 0; index < SUBJECTS; index++)
        TAP (s_child ("interrupted", index? "1": "0") == 0,
             "%s: ends after SIGINT", s_subjects [index].name);
    zsys_set_logstream (NULL);
    fclose (s_log);
    zdir_t *dir = zdir_new (s_folder, NULL);
    zdir_remove (dir, true);
    zdir_destroy (&dir);
    return faults_end ();
}
