/*  =========================================================================
    fuzz - what the fuzz targets share

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "fuzz.h"
#include <signal.h>

//  Seconds that one input may take; only a hang does
#define PATIENCE 30

static int64_t s_started;       //  When the input was begun, in msecs; or 0
static unsigned s_runs;         //  Inputs so far
static zlist_t *s_names;        //  inproc endpoints in this one


//  --------------------------------------------------------------------------
//  Around each input

//  A relay blocks signals on its thread, which is ours, so that an alarm
//  would not be heard

static void *
s_watch (void *arg)
{
    while (true) {
        zclock_sleep (1000);
        int64_t started = __atomic_load_n (&s_started, __ATOMIC_ACQUIRE);
        if (started && zclock_mono () - started > PATIENCE * 1000) {
            fprintf (stderr, "the input takes more than %d s\n", PATIENCE);
            abort ();
        }
    }
    return arg;
}

static void
s_set_up (void)
{
    //  Signals are for libFuzzer
    setenv ("ZSYS_SIGHANDLER", "false", 1);
    zsys_init ();
    zsys_set_logstream (NULL);
    zsys_set_max_sockets (0);
    //  What nobody takes must not be waited for when the process ends
    zsys_set_linger (0);
    pthread_t thread;
    int rc = pthread_create (&thread, NULL, s_watch, NULL);
    FUZZ_MUST (rc == 0);
    pthread_detach (thread);
}

void
fuzz_begin (void)
{
    if (s_runs++ == 0)
        s_set_up ();
    s_names = zlist_new ();
    FUZZ_MUST (s_names);
    __atomic_store_n (&s_started, zclock_mono (), __ATOMIC_RELEASE);
}

zmsg_t *
fuzz_recv (void *sock)
{
    zmsg_t *message = NULL;
    do
        message = zmsg_recv (sock);
    while (!message && errno == EINTR);
    return message;
}

int
fuzz_wait (void *sock)
{
    zmsg_t *message = fuzz_recv (sock);
    int status = message? zmsg_signal (message): -1;
    zmsg_destroy (&message);
    return status;
}

//  libzmq keeps a socket that was connected to an inproc endpoint until
//  somebody binds this, even if the socket was closed long ago

static void
s_bind_names (void)
{
    zsock_t *sock = zlist_size (s_names)? zsock_new (ZMQ_DEALER): NULL;
    char *name = (char *) zlist_first (s_names);
    while (sock && name) {
        zmq_bind (zsock_resolve (sock), name);
        name = (char *) zlist_next (s_names);
    }
    zsock_destroy (&sock);
    zlist_destroy (&s_names);
}

void
fuzz_end (void)
{
    s_bind_names ();
    __atomic_store_n (&s_started, 0, __ATOMIC_RELEASE);
    sigset_t none;
    sigemptyset (&none);
    pthread_sigmask (SIG_SETMASK, &none, NULL);
}


//  --------------------------------------------------------------------------
//  Lines and words

static bool
s_split (fuzz_word_t *text, fuzz_word_t *part, char separator)
{
    if (!text->data)
        return false;
    const char *end = text->size == 0? NULL:
        (const char *) memchr (text->data, separator, text->size);
    part->data = text->data;
    part->size = end? (size_t) (end - text->data): text->size;
    text->data = end? end + 1: NULL;
    text->size -= part->size + (end? 1: 0);
    return true;
}

bool
fuzz_line (fuzz_word_t *text, fuzz_word_t *line)
{
    return s_split (text, line, '\n');
}

bool
fuzz_word (fuzz_word_t *line, fuzz_word_t *word)
{
    return s_split (line, word, ' ');
}

bool
fuzz_is (const fuzz_word_t *word, const char *string)
{
    return word->size == strlen (string)
        && memcmp (word->data, string, word->size) == 0;
}

char *
fuzz_string (const fuzz_word_t *word)
{
    char *string = strndup (word->data, word->size);
    FUZZ_MUST (string);
    return string;
}


//  --------------------------------------------------------------------------
//  Endpoints

//  What libzmq may know, but is not for here

static bool
s_forbidden (const char *transport)
{
    static const char *names [] = {
        "udp", "pgm", "epgm", "norm", "tipc", "vmci", "ws", "wss", "gssapi",
        NULL
    };
    int index = 0;
    while (names [index] && strneq (names [index], transport))
        index++;
    return names [index] != NULL;
}

//  Not a port that could be somebody's: libzmq reads numbers as atoi () does

static bool
s_harmless_address (const char *address)
{
    static const char loopback [] = "127.0.0.1:";
    const size_t size = sizeof (loopback) - 1;
    if (strncmp (address, loopback, size) || strchr (address, ';'))
        return false;
    const char *port = address + size;
    return *port == 0 || streq (port, "*") || streq (port, "0")
        || isalpha ((byte) *port);
}

static char *
s_tame_one (const char *endpoint)
{
    size_t prefix = *endpoint == '@' || *endpoint == '>';
    const char *transport = endpoint + prefix;
    const char *end = strstr (transport, "://");
    if (!end)
        return strdup (endpoint);
    char *name = strndup (transport, (size_t) (end - transport));
    const char *address = end + 3;
    char *tame;
    if (streq (name, "inproc")) {
        tame = zsys_sprintf ("%.*sinproc://%u-%s", (int) prefix, endpoint,
                             s_runs, address);
        zlist_append (s_names, strdup (tame + prefix));
        zlist_freefn (s_names, zlist_last (s_names), free, true);
    }
    else
    if (streq (name, "ipc"))
        tame = zsys_sprintf ("%.*sipc://@zrelay-fuzz-%d-%u-%s", (int) prefix,
                             endpoint, (int) getpid (), s_runs, address);
    else
    if (streq (name, "tcp") && !s_harmless_address (address))
        tame = zsys_sprintf ("%.*stcp://127.0.0.1:*", (int) prefix, endpoint);
    else
    if (s_forbidden (name))
        tame = zsys_sprintf ("%.*sno-%s", (int) prefix, endpoint, transport);
    else
        tame = strdup (endpoint);
    freen (name);
    FUZZ_MUST (tame);
    return tame;
}

char *
fuzz_tame (const char *endpoints)
{
    char *list = strdup (endpoints);
    char *rest = list;
    char *endpoint;
    zchunk_t *chunk = zchunk_new (NULL, 0);
    FUZZ_MUST (list && chunk);
    while ((endpoint = strsep (&rest, ","))) {
        char *tame = s_tame_one (endpoint);
        zchunk_extend (chunk, tame, strlen (tame));
        zchunk_extend (chunk, rest? ",": "", rest? 1: 0);
        freen (tame);
    }
    char *result = strndup ((char *) zchunk_data (chunk), zchunk_size (chunk));
    FUZZ_MUST (result);
    zchunk_destroy (&chunk);
    freen (list);
    return result;
}
