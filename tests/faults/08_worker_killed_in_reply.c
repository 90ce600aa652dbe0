/*  =========================================================================
    08_worker_killed_in_reply - nobody gets half a message

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Workers die while they reply. What becomes of the half that arrived, and
//  of the requests on their way?
//
//  Here some workers are reliable, and others send half of a reply of a
//  hundred frames and are killed then, ten times a second, while a client
//  sends requests of a hundred frames as fast as they are taken. The
//  unreliable ones speak ZMTP themselves, because libzmq would not send half
//  a message. Every message that anybody gets must be whole, every reply of
//  a reliable worker must arrive, once, and what is lost is no more than what
//  the killed ones can have had; and when the killing is over, nothing is
//  lost.
//
//  FAULTS_SECONDS tells how long workers are killed.

#include "faults.h"
#include <arpa/inet.h>
#include <signal.h>

#define SECONDS 4
#define EXTRA 60            //  More seconds, where a busy machine needs them
#define KILL_IVL 100        //  Msecs from kill to kill
#define RELIABLE 2          //  Workers that live
#define DOOMED 2            //  And those that do not, at a time
#define FRAMES 100          //  Of a request and of a reply
#define BODY 100            //  Bytes in a frame
#define AFTERWARDS 2000     //  Requests when the killing is over

//  Messages for one worker that the relay's socket keeps, and bytes for one
//  that the system keeps on either side of the connection
#define HWM "10"
#define SYSTEM_BUFFER "32768"

//  Requests that a worker can have had when it is killed: those above, of
//  FRAMES * BODY bytes, twice because the system doubles what it is told, and
//  some that libzmq has in hand
#define MOST_LOST 40


//  --------------------------------------------------------------------------
//  Messages: each frame tells the number of its message, and its own

typedef struct {
    uint64_t message;
    uint64_t frame;
    byte rest [BODY - 16];
} body_t;

//  Returns the number, or UINT64_MAX if the message is not whole; skip frames
//  come before it

static uint64_t
s_number (zmsg_t *msg, size_t skip)
{
    if (!msg || zmsg_size (msg) != FRAMES + skip)
        return UINT64_MAX;
    zframe_t *frame = zmsg_first (msg);
    while (skip-- > 0)
        frame = zmsg_next (msg);
    uint64_t number = UINT64_MAX;
    for (uint64_t index = 0; index < FRAMES; index++) {
        if (zframe_size (frame) != sizeof (body_t))
            return UINT64_MAX;
        body_t body;
        memcpy (&body, zframe_data (frame), sizeof (body));
        if (index == 0)
            number = body.message;
        if (body.message != number || body.frame != index)
            return UINT64_MAX;
        frame = zmsg_next (msg);
    }
    return number;
}


//  --------------------------------------------------------------------------
//  A reliable worker: replies with what it gets. COUNT tells how many were
//  replied to, and how many were not whole.

static void
s_reply (zsock_t *sock, uint64_t *replied, uint64_t *torn)
{
    zmsg_t *msg = zmsg_recv (sock);
    if (s_number (msg, 1) == UINT64_MAX)
        (*torn)++;
    else
    if (zmsg_send (&msg, sock) == 0)
        (*replied)++;
    zmsg_destroy (&msg);
}

static void
s_reliable (zsock_t *pipe, void *args)
{
    zsock_t *sock = faults_connect (ZMQ_DEALER, (const char *) args);
    zpoller_t *poller = zpoller_new (pipe, sock, NULL);
    uint64_t replied = 0;
    uint64_t torn = 0;
    bool terminated = false;
    zsock_signal (pipe, 0);
    while (!terminated) {
        void *which = zpoller_wait (poller, -1);
        if (which == sock) {
            s_reply (sock, &replied, &torn);
            continue;
        }
        char *command = zstr_recv (pipe);
        if (command && streq (command, "COUNT"))
            zsock_send (pipe, "88", replied, torn);
        else
            terminated = true;
        zstr_free (&command);
    }
    zpoller_destroy (&poller);
    zsock_destroy (&sock);
}


//  --------------------------------------------------------------------------
//  A doomed worker, a process of its own, that speaks ZMTP 3.0 with the NULL
//  mechanism (ZeroMQ RFC 23)

#define GREETING_SIZE 64
#define FLAG_MORE 1
#define FLAG_LONG 2
#define FLAG_COMMAND 4

static void
s_read (int handle, void *data, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = read (handle, (byte *) data + done, size - done);
        if (count <= 0)
            exit (EXIT_SUCCESS);
        done += (size_t) count;
    }
}

static void
s_write (int handle, const void *data, size_t size)
{
    if (write (handle, data, size) != (ssize_t) size)
        exit (EXIT_SUCCESS);
}

//  Read one frame. Returns its flags; data has room for all that come here.

static byte
s_read_frame (int handle, byte *data, size_t *size)
{
    byte flags;
    s_read (handle, &flags, 1);
    byte digits [8] = { 0 };
    if (flags & FLAG_LONG)
        s_read (handle, digits, 8);
    else
        s_read (handle, digits + 7, 1);
    *size = 0;
    for (int index = 0; index < 8; index++)
        *size = *size << 8 | digits [index];
    s_read (handle, data, *size);
    return flags;
}

static void
s_write_frame (int handle, byte flags, const void *data, byte size)
{
    byte head [2] = { flags, size };
    s_write (handle, head, 2);
    s_write (handle, data, size);
}

static int
s_connect (const char *endpoint)
{
    int handle = socket (AF_INET, SOCK_STREAM, 0);
    int buffer = atoi (SYSTEM_BUFFER);
    setsockopt (handle, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof (buffer));
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_port = htons ((uint16_t) atoi (strrchr (endpoint, ':') + 1));
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    if (connect (handle, (struct sockaddr *) &address, sizeof (address)))
        exit (EXIT_FAILURE);

    byte greeting [GREETING_SIZE] = { 0xFF };
    greeting [9] = 0x7F;
    greeting [10] = 3;
    memcpy (greeting + 12, "NULL", 4);
    s_write (handle, greeting, GREETING_SIZE);
    s_read (handle, greeting, GREETING_SIZE);
    static const char ready [] = "\x05READY\x0bSocket-Type\0\0\0\x06" "DEALER";
    s_write_frame (handle, FLAG_COMMAND, ready, sizeof (ready) - 1);
    return handle;
}

static int
s_doomed (int argc, char **argv)
{
    (void) argc;
    int handle = s_connect (argv [0]);
    byte client [256], data [256];
    size_t client_size, size;
    //  The other's READY, and a request
    s_read_frame (handle, data, &size);
    byte flags = s_read_frame (handle, client, &client_size);
    while (flags & FLAG_MORE)
        flags = s_read_frame (handle, data, &size);

    //  Half of a reply
    body_t body;
    memcpy (&body, data, sizeof (body));
    s_write_frame (handle, FLAG_MORE, client, (byte) client_size);
    for (body.frame = 0; body.frame < FRAMES / 2; body.frame++)
        s_write_frame (handle, FLAG_MORE, &body, sizeof (body));
    //  Now is the time to be killed
    raise (SIGSTOP);
    return EXIT_FAILURE;
}


//  --------------------------------------------------------------------------
//  The client

typedef struct {
    zactor_t *relay;
    zactor_t *workers [RELIABLE];
    pid_t doomed [DOOMED];
    char *out;                  //  Where workers connect
    zsock_t *client;
    uint64_t sent;              //  Requests
    uint64_t received;          //  Replies
    uint64_t torn;              //  Replies that were not whole
    uint64_t twice;             //  Or came again
    zhashx_t *seen;             //  Numbers of replies, as strings
    int killed;                 //  Workers
} bench_t;

//  Send one request. Returns false if there is no room.

static bool
s_request (bench_t *self)
{
    void *handle = zsock_resolve (self->client);
    body_t body = { .message = self->sent };
    for (; body.frame < FRAMES; body.frame++)
        if (zmq_send (handle, &body, sizeof (body), ZMQ_DONTWAIT
                      | (body.frame < FRAMES - 1? ZMQ_SNDMORE: 0)) == -1)
            return false;
    self->sent++;
    return true;
}

static void
s_receive (bench_t *self)
{
    zmsg_t *msg = zmsg_recv (self->client);
    uint64_t number = s_number (msg, 0);
    char key [24];
    snprintf (key, sizeof (key), "%" PRIu64, number);
    if (number == UINT64_MAX)
        self->torn++;
    else
    if (zhashx_insert (self->seen, key, self))
        self->twice++;
    else
        self->received++;
    zmsg_destroy (&msg);
}

//  Send and receive what can be, for at most so many msecs

static void
s_move (bench_t *self, bool send, int msecs)
{
    zmq_pollitem_t item = { .socket = zsock_resolve (self->client) };
    item.events = ZMQ_POLLIN | (send? ZMQ_POLLOUT: 0);
    if (zmq_poll (&item, 1, msecs) < 1)
        return;
    if (item.revents & ZMQ_POLLIN)
        s_receive (self);
    if (item.revents & ZMQ_POLLOUT)
        s_request (self);
}

static void
s_kill_next (bench_t *self)
{
    for (int index = 0; index < DOOMED; index++)
        if (faults_stopped (self->doomed [index])) {
            faults_kill (self->doomed [index]);
            self->doomed [index] = faults_spawn ("doomed", self->out, NULL);
            self->killed++;
            return;
        }
}

static void
s_setup (bench_t *self)
{
    memset (self, 0, sizeof (*self));
    self->seen = zhashx_new ();
    self->relay = faults_relay ("queue");
    faults_command (self->relay, "SET", "BACKEND", "sndhwm", HWM, NULL);
    faults_command (self->relay, "SET", "BACKEND", "sndbuf", SYSTEM_BUFFER,
                    NULL);
    //  The client may have more requests under way than the default, and on a
    //  busy machine their replies can come all at once
    faults_command (self->relay, "SET", "FRONTEND", "sndhwm", "0", NULL);
    char *in = faults_bind (self->relay, "FRONTEND");
    self->out = faults_bind (self->relay, "BACKEND");
    for (int index = 0; index < RELIABLE; index++)
        self->workers [index] = zactor_new (s_reliable, self->out);
    self->client = faults_connect (ZMQ_DEALER, in);
    zstr_free (&in);
}

static void
s_cleanup (bench_t *self)
{
    zactor_destroy (&self->relay);
    for (int index = 0; index < RELIABLE; index++)
        zactor_destroy (&self->workers [index]);
    zsock_destroy (&self->client);
    zhashx_destroy (&self->seen);
    zstr_free (&self->out);
}

//  What the reliable workers counted

static void
s_count (bench_t *self, uint64_t *replied, uint64_t *torn)
{
    *replied = *torn = 0;
    for (int index = 0; index < RELIABLE; index++) {
        uint64_t one = 0, two = 0;
        zstr_send (self->workers [index], "COUNT");
        zsock_recv (self->workers [index], "88", &one, &two);
        *replied += one;
        *torn += two;
    }
}

static bool
s_only_reliable (void *arg)
{
    bench_t *self = (bench_t *) arg;
    s_move (self, false, 0);
    return faults_counter (self->relay, "backend.peers") <= RELIABLE;
}

//  Kill, for as long as it takes to kill so many, and let the last ones be gone

static void
s_kill_many (bench_t *self, int least)
{
    int64_t length = faults_parameter ("FAULTS_SECONDS", SECONDS) * 1000;
    for (int index = 0; index < DOOMED; index++)
        self->doomed [index] = faults_spawn ("doomed", self->out, NULL);
    int64_t start = zclock_mono ();
    int64_t next = start + KILL_IVL;
    int64_t end = start + length;
    while (zclock_mono () < end
       || (self->killed < least && zclock_mono () < end + EXTRA * 1000)) {
        s_move (self, true, KILL_IVL);
        if (zclock_mono () >= next) {
            s_kill_next (self);
            next += KILL_IVL;
        }
    }
    for (int index = 0; index < DOOMED; index++, self->killed++)
        faults_kill (self->doomed [index]);
    faults_wait (s_only_reliable, self, FAULTS_PATIENCE);
}

//  Requests that the relay has not sent on yet, at the time of the last kill,
//  are not lost; neither are those that come now. Returns how many were
//  answered until everything is.

static void
s_go_on (bench_t *self)
{
    uint64_t last = self->sent + AFTERWARDS;
    int64_t deadline = zclock_mono () + FAULTS_PATIENCE;
    char key [24];
    //  Each worker answers in order, so with its last one it has answered all
    uint64_t missing = self->sent;
    while (missing < last && zclock_mono () < deadline) {
        s_move (self, self->sent < last, 10);
        snprintf (key, sizeof (key), "%" PRIu64, missing);
        if (zhashx_lookup (self->seen, key)) {
            missing++;
            deadline = zclock_mono () + FAULTS_PATIENCE;
        }
    }
}

int
main (int argc, char **argv)
{
    static const faults_role_t roles [] = {
        { "doomed", s_doomed },
        { NULL, NULL }
    };
    faults_begin (argc, argv, roles);
    long seconds = faults_parameter ("FAULTS_SECONDS", SECONDS);
    int least = (int) seconds * 1000 / KILL_IVL / 2;
    TAP_DEADLINE ((unsigned) seconds + EXTRA + 60);
    bench_t bench;
    s_setup (&bench);
    s_kill_many (&bench, least);
    uint64_t first = bench.sent;
    s_go_on (&bench);

    uint64_t replied, torn;
    s_count (&bench, &replied, &torn);
    uint64_t lost = bench.sent - bench.received;
    printf ("# %d workers killed in mid-reply; %" PRIu64 " requests, %" PRIu64
            " replies, %" PRIu64 " lost\n", bench.killed, bench.sent,
            bench.received, lost);
    TAP (bench.killed >= least,
         "workers were killed in mid-reply");
    TAP (bench.torn == 0, "the client gets no half replies");
    TAP (torn == 0, "nor the workers half requests");
    TAP (bench.received == replied && bench.twice == 0,
         "every reply of a reliable worker arrives, once");
    TAP (lost <= (uint64_t) bench.killed * MOST_LOST,
         "no more is lost than what the killed ones had");

    uint64_t answered = 0;
    for (uint64_t number = first; number < bench.sent; number++) {
        char key [24];
        snprintf (key, sizeof (key), "%" PRIu64, number);
        answered += zhashx_lookup (bench.seen, key) != NULL;
    }
    TAP (answered == AFTERWARDS, "and nothing when the killing is over");

    uint64_t dropped = faults_counter (bench.relay, "forward.dropped");
    TAP (faults_counter (bench.relay, "frontend.in.messages") == bench.sent
      && faults_counter (bench.relay, "backend.out.messages") + dropped
         == bench.sent
      && faults_counter (bench.relay, "frontend.out.messages")
         == bench.received, "the relay's account says the same");
    TAP (faults_counter (bench.relay, "forward.dropped_lost") == dropped
      && faults_counter (bench.relay, "return.dropped") == 0,
         "it dropped %" PRIu64 " requests that their worker took with it",
         dropped);
    printf ("# replies dropped: %" PRIu64 ", as full %" PRIu64
            ", as unroutable %" PRIu64 "\n",
            faults_counter (bench.relay, "return.dropped"),
            faults_counter (bench.relay, "return.dropped_full"),
            faults_counter (bench.relay, "return.dropped_unroutable"));
    TAP (faults_prompt (faults_ping (bench.relay)), "and the relay goes on");
    s_cleanup (&bench);
    return faults_end ();
}
