/*  =========================================================================
    11_raw_bytes - whatever arrives at a listening socket, the relay goes on

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Who can reach a port can send anything to it. Here relays of every kind,
//  without authentication, with PLAIN and with CURVE, get it on both sides:
//  noise, greetings and hand-shakes that are broken or belong to another
//  mechanism or to an old version of ZMTP, commands with wrong lengths, frames
//  with wrong flags and absurd sizes, and whole sessions with some bytes
//  changed; in pieces, and on connections that are cut, or left open.
//
//  Left out are the sockets that are not for strangers with libzmq 4.3: a PAIR
//  keeps the descriptor of somebody whom it did not want and who is gone; a REP
//  loses a reply after a broken request of somebody who is gone, and a REQ
//  waits for it for good. Only a proxy has them, if it is told so.
//
//  Afterwards messages get through each relay, from peers that were there all
//  the time and from new ones, and neither memory nor descriptors have grown.
//
//  With AddressSanitizer, ASAN_OPTIONS=allocator_may_return_null=1 is needed,
//  as `make check` sets it: libzmq asks for as much memory as a frame is said
//  to have, and takes no for an answer.
//
//  FAULTS_RAW_SECONDS  how long (default 10)
//  FAULTS_SEED         where chance begins (default: the time)

#include "faults.h"
#include "wire.h"
#include <sys/stat.h>

#define SECONDS 10
#define DEADLINE_EXTRA 120

//  Growth that is allowed, in KiB, from that part of the time on
#define GROWTH 2048
#define WARM_UP 4

//  Connections that are left open for a while
#define OPEN_MAX_COUNT 60

//  Most bytes on one connection
#define STREAM_MAX 70000

//  What PLAIN asks for
#define NAME "client"
#define PASSWORD "password"


//  --------------------------------------------------------------------------
//  Relays

static const struct {
    const char *kind;           //  Relay
    const char *types [2];      //  Of its sockets
    bool chosen;                //  Which have to be chosen
    int peers [2];              //  Types of sockets that talk to these
} s_kinds [] = {
    { "queue", { "ROUTER", "DEALER" }, false, { ZMQ_DEALER, ZMQ_DEALER } },
    { "forwarder", { "XSUB", "XPUB" }, false, { ZMQ_PUB, ZMQ_SUB } },
    { "streamer", { "PULL", "PUSH" }, false, { ZMQ_PUSH, ZMQ_PULL } },
    { "proxy", { "SUB", "PUB" }, true, { ZMQ_PUB, ZMQ_SUB } },
    { "proxy", { "DEALER", "DEALER" }, true, { ZMQ_DEALER, ZMQ_DEALER } }
};
#define KINDS (sizeof (s_kinds) / sizeof (*s_kinds))

static const char *s_mechanisms [] = { "NULL", "PLAIN", "CURVE" };
enum { MECHANISM_NULL, MECHANISM_PLAIN, MECHANISM_CURVE, MECHANISMS };

static const char *s_sides [] = { "FRONTEND", "BACKEND" };

typedef struct {
    size_t kind;                //  In s_kinds
    int mechanism;              //  In s_mechanisms
    zactor_t *relay;
    char *endpoints [2];        //  By side
    zsock_t *peers [2];         //  Who is there all the time
} bench_t;

#define BENCHES (KINDS * MECHANISMS)
static bench_t s_benches [BENCHES];
static zcert_t *s_server;       //  The relays'
static zcert_t *s_client;       //  The peers'

static zsock_t *
s_peer (bench_t *self, int side)
{
    int type = s_kinds [self->kind].peers [side];
    zsock_t *sock = zsock_new (type);
    assert (sock);
    zsock_set_linger (sock, 0);
    if (self->mechanism == MECHANISM_PLAIN) {
        zsock_set_plain_username (sock, NAME);
        zsock_set_plain_password (sock, PASSWORD);
    }
    else
    if (self->mechanism == MECHANISM_CURVE) {
        zcert_apply (s_client, sock);
        zsock_set_curve_serverkey (sock, zcert_public_txt (s_server));
    }
    if (type == ZMQ_SUB)
        zsock_set_subscribe (sock, "");
    int rc = zsock_connect (sock, "%s", self->endpoints [side]);
    assert (rc == 0);
    return sock;
}

static void
s_setup (bench_t *self, size_t kind, int mechanism)
{
    self->kind = kind;
    self->mechanism = mechanism;
    self->relay = faults_relay (s_kinds [kind].kind);
    for (int side = 0; side < 2; side++) {
        const char *name = s_sides [side];
        //  Only to choose the type; it can be detached right away
        if (s_kinds [kind].chosen) {
            char endpoint [40];
            snprintf (endpoint, sizeof (endpoint), "inproc://raw-%zu-%d-%d",
                      kind, mechanism, side);
            faults_command (self->relay, name, s_kinds [kind].types [side],
                            endpoint, NULL);
            faults_command (self->relay, "UNBIND", name, endpoint, NULL);
        }
        if (mechanism == MECHANISM_PLAIN)
            faults_command (self->relay, "PLAIN", name, NULL);
        else
        if (mechanism == MECHANISM_CURVE)
            faults_command (self->relay, "CURVE", name,
                            zcert_public_txt (s_server),
                            zcert_secret_txt (s_server), NULL);
        self->endpoints [side] = faults_bind (self->relay, name);
        self->peers [side] = s_peer (self, side);
    }
    if (streq (s_kinds [kind].types [0], "SUB"))
        faults_command (self->relay, "SUBSCRIBE", "", NULL);
}

//  Throw away what a peer received

static void
s_read (zsock_t *sock)
{
    zmq_msg_t frame;
    zmq_msg_init (&frame);
    while (zmq_msg_recv (&frame, zsock_resolve (sock), ZMQ_DONTWAIT) != -1)
        ;
    zmq_msg_close (&frame);
}

static void
s_read_all (void)
{
    for (size_t index = 0; index < BENCHES; index++)
        for (int side = 0; side < 2; side++)
            s_read (s_benches [index].peers [side]);
}

//  True if a message gets from one socket to the other, whatever else does

static bool
s_passes (zsock_t *from, zsock_t *to)
{
    char word [20];
    static int number;
    snprintf (word, sizeof (word), "word %d", ++number);
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    bool passed = false;
    while (!passed && zclock_mono () < deadline) {
        zmq_send (zsock_resolve (from), word, strlen (word), ZMQ_DONTWAIT);
        zmq_pollitem_t item = {
            .socket = zsock_resolve (to), .events = ZMQ_POLLIN
        };
        zmq_poll (&item, 1, 50);
        zmsg_t *msg;
        while ((msg = zmsg_recv_nowait (to))) {
            passed = passed || zframe_streq (zmsg_last (msg), word);
            zmsg_destroy (&msg);
        }
    }
    return passed;
}

//  From the old peers to each other, and from new ones

static void
s_check (bench_t *self)
{
    bool passes = s_passes (self->peers [0], self->peers [1]);
    for (int side = 0; side < 2; side++) {
        zsock_destroy (&self->peers [side]);
        self->peers [side] = s_peer (self, side);
        passes = passes && s_passes (self->peers [0], self->peers [1]);
    }
    TAP (passes, "a %s %s-%s with %s carries messages",
         s_kinds [self->kind].kind, s_kinds [self->kind].types [0],
         s_kinds [self->kind].types [1], s_mechanisms [self->mechanism]);
}

static void
s_cleanup (bench_t *self)
{
    for (int side = 0; side < 2; side++) {
        zsock_destroy (&self->peers [side]);
        zstr_free (&self->endpoints [side]);
    }
}


//  --------------------------------------------------------------------------
//  Chance: xorshift64 of Marsaglia, "Xorshift RNGs", 2003

static uint64_t s_state;

static uint64_t
s_random (uint64_t below)
{
    s_state ^= s_state << 13;
    s_state ^= s_state >> 7;
    s_state ^= s_state << 17;
    return s_state % below;
}

static bool
s_chance (unsigned percent)
{
    return s_random (100) < percent;
}


//  --------------------------------------------------------------------------
//  What is sent on one connection

typedef struct {
    byte data [STREAM_MAX];
    size_t size;
} stream_t;

static void
s_add (stream_t *self, const void *data, size_t size)
{
    if (size > STREAM_MAX - self->size)
        size = STREAM_MAX - self->size;
    memcpy (self->data + self->size, data, size);
    self->size += size;
}

static void
s_add_byte (stream_t *self, unsigned value)
{
    byte data = (byte) value;
    s_add (self, &data, 1);
}

//  In network order

static void
s_add_number (stream_t *self, uint64_t value, int bytes)
{
    while (bytes-- > 0)
        s_add_byte (self, (unsigned) (value >> (8 * bytes)));
}

static void
s_add_noise (stream_t *self, size_t size)
{
    while (size-- > 0)
        s_add_byte (self, (unsigned) s_random (256));
}

//  Mostly as it should be

static uint64_t
s_size (uint64_t right)
{
    static const uint64_t odd [] = {
        0, 1, 2, 8, 127, 128, 254, 255, 256, 8191, 8192, 8193, 65535,
        0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff,
        0x8000000000000000, 0xfffffffffffffff0, 0xffffffffffffffff
    };
    if (s_chance (60))
        return right;
    if (s_chance (50))
        return right + s_random (5) - 2;
    return odd [s_random (sizeof (odd) / sizeof (*odd))];
}

static void
s_add_frame (stream_t *self, unsigned flags, const void *data, size_t size)
{
    uint64_t told = s_size (size);
    if (s_chance (10))
        flags ^= 1u << s_random (8);
    if (told > 255 || s_chance (10))
        flags |= WIRE_LONG;
    s_add_byte (self, flags);
    s_add_number (self, told, flags & WIRE_LONG? 8: 1);
    s_add (self, data, size);
}

//  A command as it should be, its body made by chance

static void
s_add_command (stream_t *self, const char *name, const stream_t *body)
{
    stream_t command = { .size = 0 };
    s_add_byte (&command, (unsigned) s_size (strlen (name)));
    s_add (&command, name, strlen (name));
    s_add (&command, body->data, body->size);
    s_add_frame (self, WIRE_COMMAND, command.data, command.size);
}

static void
s_add_property (stream_t *self, const char *name, const char *value)
{
    s_add_byte (self, (unsigned) s_size (strlen (name)));
    s_add (self, name, strlen (name));
    s_add_number (self, s_size (strlen (value)), 4);
    s_add (self, value, strlen (value));
}

static const char *
s_any_type (void)
{
    static const char *names [] = {
        "PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "PULL",
        "PUSH", "XPUB", "XSUB", "STREAM", "SERVER", "CLIENT", "", "nonsense"
    };
    return names [s_random (sizeof (names) / sizeof (*names))];
}

static void
s_add_metadata (stream_t *self, const char *type)
{
    s_add_property (self, "Socket-Type", type);
    if (s_chance (50))
        s_add_property (self, "Identity", s_chance (50)? "": "me");
    while (s_chance (20))
        s_add_property (self, s_chance (50)? "Socket-Type": "X-odd",
                        s_any_type ());
}


//  --------------------------------------------------------------------------
//  Parts of a session. type is that of a socket which may talk to this one.

static void
s_greeting (stream_t *self, const char *mechanism)
{
    byte greeting [WIRE_GREETING];
    wire_greeting (greeting, mechanism);
    greeting [WIRE_SIGNATURE] = s_chance (90)? 3: (byte) s_random (256);
    greeting [WIRE_SIGNATURE + 1] = (byte) s_random (3);
    s_add (self, greeting, sizeof (greeting));
}

static void
s_null_handshake (stream_t *self, const char *type)
{
    stream_t body = { .size = 0 };
    s_add_metadata (&body, type);
    s_greeting (self, "NULL");
    s_add_command (self, s_chance (90)? "READY": "ERROR", &body);
}

static void
s_plain_handshake (stream_t *self, const char *type)
{
    s_greeting (self, "PLAIN");
    stream_t body = { .size = 0 };
    const char *password = s_chance (70)? PASSWORD: "wrong";
    s_add_byte (&body, (unsigned) s_size (strlen (NAME)));
    s_add (&body, NAME, strlen (NAME));
    s_add_byte (&body, (unsigned) s_size (strlen (password)));
    s_add (&body, password, strlen (password));
    if (s_chance (90))
        s_add_command (self, "HELLO", &body);
    body.size = 0;
    s_add_metadata (&body, type);
    if (s_chance (90))
        s_add_command (self, "INITIATE", &body);
}

//  Sizes as in RFC 26: HELLO is 200 bytes, INITIATE 257 and metadata

static void
s_curve_handshake (stream_t *self)
{
    s_greeting (self, "CURVE");
    stream_t body = { .size = 0 };
    s_add_number (&body, s_chance (90)? 0x0100: s_random (65536), 2);
    stream_t zeros = { .size = 72 };
    s_add (&body, zeros.data, zeros.size);
    s_add_noise (&body, 32 + 8 + 80);
    if (s_chance (90))
        s_add_command (self, "HELLO", &body);
    body.size = 0;
    s_add_noise (&body, s_size (257 - 9) % 2000);
    if (s_chance (90))
        s_add_command (self, "INITIATE", &body);
    body.size = 0;
    s_add_noise (&body, s_size (40) % 2000);
    while (s_chance (50))
        s_add_command (self, "MESSAGE", &body);
}

//  What follows a hand-shake: messages, subscriptions, heart-beats, nonsense

static void
s_traffic (stream_t *self)
{
    static const char *names [] = {
        "PING", "PONG", "SUBSCRIBE", "CANCEL", "ERROR", "READY", "HELLO",
        "MESSAGE", "nonsense", ""
    };
    do {
        byte data [600];
        size_t size = s_random (s_chance (80)? 20: sizeof (data));
        for (size_t index = 0; index < size; index++)
            data [index] = (byte) s_random (index? 256: 4);
        if (s_chance (20)) {
            stream_t body = { .size = 0 };
            s_add (&body, data, size);
            s_add_command (self, names [s_random (10)], &body);
        }
        else
            s_add_frame (self, s_chance (40)? WIRE_MORE: 0, data, size);
    }
    while (s_chance (80));
}

static void
s_session (stream_t *self, int mechanism, const char *type)
{
    if (mechanism == MECHANISM_NULL)
        s_null_handshake (self, type);
    else
    if (mechanism == MECHANISM_PLAIN)
        s_plain_handshake (self, type);
    else
        s_curve_handshake (self);
    s_traffic (self);
}

//  Change, remove, double or cut some of it

static void
s_mutate (stream_t *self)
{
    do {
        size_t at = s_random (self->size);
        size_t size = s_random (self->size - at) % 50;
        switch (s_random (5)) {
            case 0:
                self->data [at] = (byte) s_random (256);
                break;
            case 1:
                self->data [at] ^= (byte) (1u << s_random (8));
                break;
            case 2:
                memmove (self->data + at, self->data + at + size,
                         self->size - at - size);
                self->size -= size;
                break;
            case 3:
                if (self->size + size <= STREAM_MAX) {
                    memmove (self->data + at + size, self->data + at,
                             self->size - at);
                    self->size += size;
                }
                break;
            default:
                if (s_chance (20))
                    self->size = at;
        }
    }
    while (self->size > 0 && s_chance (60));
}

//  ZMTP 1.0 has no greeting but a frame, 2.0 a greeting without mechanism

static void
s_old_version (stream_t *self)
{
    if (s_chance (50)) {
        s_add_number (self, 0xff00000000000000, 8);
        s_add_number (self, 0x017f, 2);
        s_add_byte (self, (unsigned) s_random (3));
        s_add_byte (self, (unsigned) s_random (12));
    }
    while (s_chance (80)) {
        size_t size = s_random (40);
        s_add_byte (self, (unsigned) s_size (size + 1));
        s_add_byte (self, (unsigned) s_random (4));
        s_add_noise (self, size);
    }
}

static void
s_foreign (stream_t *self)
{
    static const char *words [] = {
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
        "*1\r\n$4\r\nPING\r\n", "EHLO localhost\r\n", "\n", "QUIT\r\n"
    };
    const char *word = words [s_random (sizeof (words) / sizeof (*words))];
    s_add (self, word, strlen (word));
    s_add_noise (self, s_random (500));
}

static void
s_make (stream_t *self, const bench_t *bench, int side)
{
    self->size = 0;
    int mechanism = s_chance (80)? bench->mechanism:
                    (int) s_random (MECHANISMS);
    const char *type = s_chance (80)?
        zsys_sockname (s_kinds [bench->kind].peers [side]): s_any_type ();
    switch (s_random (8)) {
        case 0:
            s_add_noise (self, s_random (s_chance (90)? 300: STREAM_MAX));
            break;
        case 1:
            s_old_version (self);
            break;
        case 2:
            s_foreign (self);
            break;
        case 3:
            s_greeting (self, s_mechanisms [mechanism]);
            s_add_noise (self, s_random (300));
            break;
        case 4:
            s_greeting (self, s_mechanisms [mechanism]);
            s_traffic (self);
            break;
        default:
            s_session (self, mechanism, type);
    }
    if (s_chance (40) && self->size > 0)
        s_mutate (self);
}


//  --------------------------------------------------------------------------
//  Connections

static int s_open [OPEN_MAX_COUNT];     //  Descriptors; 0: none
static uint64_t s_connections;          //  So far
static uint64_t s_bytes;                //  Sent on them

static void
s_throw (int fd, const stream_t *stream)
{
    size_t sent = 0;
    while (sent < stream->size) {
        size_t size = stream->size - sent;
        if (s_chance (30))
            size = 1 + s_random (size);
        ssize_t count = send (fd, stream->data + sent, size,
                              MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count <= 0)
            break;
        sent += (size_t) count;
        if (s_chance (5) && !wire_discard (fd))
            break;
    }
    s_bytes += sent;
}

static void
s_leave_open (int fd)
{
    int *place = &s_open [s_random (OPEN_MAX_COUNT)];
    if (*place) {
        wire_discard (*place);
        //  In good order sometimes; the rest leaves no ports behind
        wire_close (*place, s_chance (90));
    }
    *place = fd;
}

static void
s_close_all (void)
{
    for (int index = 0; index < OPEN_MAX_COUNT; index++)
        if (s_open [index]) {
            wire_close (s_open [index], true);
            s_open [index] = 0;
        }
}

static bool
s_attack_one (void)
{
    static stream_t stream;
    bench_t *bench = &s_benches [s_random (BENCHES)];
    int side = (int) s_random (2);
    int fd = wire_connect (bench->endpoints [side]);
    if (fd == -1)
        return false;
    //  Mostly wait until libzmq greets, or we would only fill its backlog
    byte greeting;
    if (s_chance (95))
        wire_receive (fd, &greeting, 1);
    s_make (&stream, bench, side);
    s_throw (fd, &stream);
    if (s_chance (30)) {
        shutdown (fd, SHUT_WR);
        wire_discard (fd);
    }
    s_leave_open (fd);
    s_connections++;
    return true;
}

//  Returns true if every connection could be made

static bool
s_attack (int64_t msecs)
{
    int64_t end = zclock_mono () + msecs;
    bool connected = true;
    while (connected && zclock_mono () < end) {
        for (int count = 0; connected && count < 20; count++)
            connected = s_attack_one ();
        s_read_all ();
    }
    s_close_all ();
    return connected;
}


//  --------------------------------------------------------------------------
//  What remains

static bool
s_only_lasting (void *arg)
{
    (void) arg;
    s_read_all ();
    for (size_t index = 0; index < BENCHES; index++) {
        zactor_t *relay = s_benches [index].relay;
        if (faults_counter (relay, "frontend.peers") != 1
        ||  faults_counter (relay, "backend.peers") != 1)
            return false;
    }
    return true;
}

static void
s_tell_peers (void)
{
    for (size_t index = 0; index < BENCHES; index++) {
        bench_t *bench = &s_benches [index];
        for (int side = 0; side < 2; side++) {
            uint64_t count = faults_counter (bench->relay,
                side? "backend.peers": "frontend.peers");
            if (count != 1)
                printf ("#   %" PRIu64 " peers of the %s of a %s with %s\n",
                        count, s_kinds [bench->kind].types [side],
                        s_kinds [bench->kind].kind,
                        s_mechanisms [bench->mechanism]);
        }
    }
}

static bool
s_descriptors_are (void *arg)
{
    return faults_descriptors () <= *(int *) arg;
}

static bool
s_memory_is_below (void *arg)
{
    s_read_all ();
    return faults_memory (0) < *(int64_t *) arg;
}

//  The application's part of PLAIN and CURVE

static zactor_t *
s_auth_new (char *folder)
{
    bool made = mkdtemp (folder) != NULL;
    assert (made);
    char *path = zsys_sprintf ("%s/passwords", folder);
    FILE *file = fopen (path, "w");
    assert (file);
    fprintf (file, "%s=%s\n", NAME, PASSWORD);
    fclose (file);
    zactor_t *auth = zactor_new (zauth, NULL);
    assert (auth);
    zstr_sendx (auth, "PLAIN", path, NULL);
    zsock_wait (auth);
    zstr_sendx (auth, "CURVE", CURVE_ALLOW_ANY, NULL);
    zsock_wait (auth);
    zsys_file_delete (path);
    zsys_dir_delete (folder);
    zstr_free (&path);
    return auth;
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, NULL);
    long seconds = faults_parameter ("FAULTS_RAW_SECONDS", SECONDS);
    TAP_DEADLINE ((unsigned) seconds + DEADLINE_EXTRA);
    s_state = (uint64_t) faults_parameter ("FAULTS_SEED", time (NULL));
    printf ("#   FAULTS_SEED=%" PRIu64 "\n", s_state);
    s_state |= 1;
    if (!zsys_has_curve ()) {
        TAP_SKIP ("raw bytes", "libzmq has no CURVE");
        return faults_end ();
    }
    zsys_set_max_sockets (0);
    s_server = zcert_new ();
    s_client = zcert_new ();
    char folder [] = "/tmp/zrelay-raw-XXXXXX";
    zactor_t *auth = s_auth_new (folder);
    for (size_t index = 0; index < BENCHES; index++)
        s_setup (&s_benches [index], index % KINDS, (int) (index / KINDS));
    TAP (faults_wait (s_only_lasting, NULL, FAULTS_PATIENCE),
         "%zu relays have their peers", BENCHES);
    int descriptors = faults_descriptors ();

    bool connected = s_attack (seconds * 1000 / WARM_UP);
    faults_wait (s_only_lasting, NULL, FAULTS_PATIENCE);
    int64_t before = faults_memory (0);
    printf ("#   %" PRIu64 " connections; %" PRId64 " KiB\n", s_connections,
            before);
    connected = connected
             && s_attack (seconds * 1000 - seconds * 1000 / WARM_UP);
    TAP (connected, "%" PRIu64 " connections could be made, and %" PRIu64
         " bytes sent", s_connections, s_bytes);
    if (!TAP (faults_wait (s_only_lasting, NULL, FAULTS_PATIENCE),
              "only the lasting peers are still there"))
        s_tell_peers ();
    TAP (faults_wait (s_descriptors_are, &descriptors, FAULTS_PATIENCE),
         "there are %d descriptors, as in the beginning", descriptors);
    int64_t limit = before + GROWTH;
    if (FAULTS_SANITIZED)
        TAP_SKIP ("memory", "sanitizers keep it");
    else {
        bool below = faults_wait (s_memory_is_below, &limit, FAULTS_PATIENCE);
        TAP (below, "memory grew by %" PRId64 " KiB, less than %d",
             faults_memory (0) - before, GROWTH);
    }

    bool prompt = true;
    int64_t slowest = 0;
    for (size_t index = 0; index < BENCHES; index++) {
        s_check (&s_benches [index]);
        int64_t beats = faults_end_relay (&s_benches [index].relay);
        prompt = prompt && faults_prompt (beats);
        slowest = beats > slowest? beats: slowest;
        s_cleanup (&s_benches [index]);
    }
    TAP (prompt, "each relay ends at once (%" PRId64 " beats)", slowest);
    zactor_destroy (&auth);
    zcert_destroy (&s_server);
    zcert_destroy (&s_client);
    return faults_end ();
}
