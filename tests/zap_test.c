/*  =========================================================================
    zap_test - who is let in when the application's zauth actor has ended

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  CZMQ's own handler of SIGINT and SIGTERM ends a zauth actor, while relays
//  run on. What doc/security.md says of that is a table here: for each way to
//  guard a side, a stranger comes while there is a zauth actor, and another
//  once SIGINT has ended it. Each row is played in a process of its own, since
//  CZMQ remembers a signal for good.

#include <zrelay.h>
#include "tap.h"
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define DEADLINE        240         //  Seconds for everything
#define PATIENCE        20000       //  Msecs in which a message has to come
#define SILENCE         300         //  Msecs in which none may come
#define HANDSHAKE_IVL   1000        //  Msecs for one that nobody answers
#define FRIEND          "127.0.0.1"
#define STRANGER        "127.0.0.2" //  Address that zauth denies

enum { IN = 1, OUT = 0 };           //  What becomes of a stranger

//  What the application does about the signal
enum { NOTHING, ZAUTH_FREED, NO_HANDLER, BLOCKED };

typedef struct {
    const char *name;
    const char *mechanism;          //  NULL, PLAIN or CURVE
    bool domain;                    //  The side has one
    bool enforced;                  //  And zap_enforce_domain
    int remedy;                     //  As above
    bool ends;                      //  zauth ends
    int before;                     //  A stranger while zauth is there
    int after;                      //  And after the signal
} row_t;

static const row_t s_rows [] = {
    { "NULL with a domain", "NULL", true, false, NOTHING, true, OUT, IN },
    { "PLAIN", "PLAIN", false, false, NOTHING, true, OUT, OUT },
    { "PLAIN with a domain", "PLAIN", true, false, NOTHING, true, OUT, OUT },
    { "CURVE", "CURVE", false, false, NOTHING, true, OUT, IN },
    { "CURVE with a domain", "CURVE", true, false, NOTHING, true, OUT, IN },
    { "NULL, enforced", "NULL", true, true, NOTHING, true, OUT, OUT },
    { "PLAIN, enforced", "PLAIN", true, true, NOTHING, true, OUT, OUT },
    { "CURVE, enforced", "CURVE", true, true, NOTHING, true, OUT, OUT },
    //  Also without any signal
    { "zauth is destroyed, NULL", "NULL", true, false, ZAUTH_FREED, true,
      OUT, IN },
    { "zauth is destroyed, CURVE", "CURVE", true, false, ZAUTH_FREED, true,
      OUT, IN },
    { "zauth is destroyed, CURVE, enforced", "CURVE", true, true, ZAUTH_FREED,
      true, OUT, OUT },
    //  zauth takes any signal that meets its own thread for its end
    { "a handler of one's own, a signal to zauth's thread", "CURVE", true,
      false, NO_HANDLER, true, OUT, IN },
    { "a handler of one's own, signals blocked when actors are made", "CURVE",
      true, false, BLOCKED, false, OUT, OUT }
};
#define ROWS (sizeof (s_rows) / sizeof (*s_rows))

//  In a row's process
static char s_folder [] = "/tmp/zrelay-zap-XXXXXX";
static zcert_t *s_server;           //  The relay's certificate
static zcert_t *s_friend;           //  The one that is let in
static char *s_endpoint;            //  Where the relay is bound
static zsock_t *s_sink;             //  What passes the relay arrives here


//  --------------------------------------------------------------------------
//  Peers

static zsock_t *
s_peer (const row_t *row, bool known, const char *text)
{
    zsock_t *source = zsock_new (ZMQ_PUSH);
    assert (source);
    zsock_set_linger (source, 0);
    zsock_set_handshake_ivl (source, HANDSHAKE_IVL);
    if (streq (row->mechanism, "PLAIN")) {
        zsock_set_plain_username (source, "friend");
        zsock_set_plain_password (source, known? "right": "wrong");
    }
    else
    if (streq (row->mechanism, "CURVE")) {
        zcert_t *cert = known? zcert_dup (s_friend): zcert_new ();
        assert (cert);
        zcert_apply (cert, source);
        zsock_set_curve_serverkey (source, zcert_public_txt (s_server));
        zcert_destroy (&cert);
    }
    int rc = zsock_connect (source, "tcp://%s:0;%s",
                            known? FRIEND: STRANGER,
                            s_endpoint + strlen ("tcp://"));
    assert (rc == 0);
    rc = zmq_send (zsock_resolve (source), text, strlen (text), ZMQ_DONTWAIT);
    assert (rc != -1);
    return source;
}

//  True if that text arrives

static bool
s_arrives (const char *text, int timeout)
{
    char received [32] = "";
    int64_t ends = zclock_mono () + timeout;
    zmq_pollitem_t item = { zsock_resolve (s_sink), 0, ZMQ_POLLIN, 0 };
    while (strneq (received, text) && zclock_mono () < ends) {
        int rc = zmq_poll (&item, 1, (long) (ends - zclock_mono ()));
        if (rc > 0) {
            rc = zmq_recv (item.socket, received, sizeof (received) - 1, 0);
            received [rc > 0? rc: 0] = 0;
        }
    }
    return streq (received, text);
}

static bool
s_gets (const row_t *row, bool known, int expected, const char *text)
{
    zsock_t *peer = s_peer (row, known, text);
    bool in = s_arrives (text, expected == IN? PATIENCE: SILENCE);
    zsock_destroy (&peer);
    return in == (expected == IN);
}


//  --------------------------------------------------------------------------
//  The application

static void
s_command (zactor_t *actor, const char *word, const char *one, const char *two,
           const char *three)
{
    zstr_sendx (actor, word, one, two, three, NULL);
    int rc = zsock_wait (actor);
    assert (rc == 0);
}

static void
s_write_files (void)
{
    assert (mkdtemp (s_folder));
    s_server = zcert_new ();
    s_friend = zcert_new ();
    assert (s_server && s_friend);
    char *path = zsys_sprintf ("%s/friend", s_folder);
    zcert_save_public (s_friend, path);
    zstr_free (&path);
    path = zsys_sprintf ("%s/passwords", s_folder);
    FILE *file = fopen (path, "w");
    assert (file);
    fprintf (file, "friend=right\n");
    fclose (file);
    zstr_free (&path);
}

//  The thread that zauth runs in tells which it is

static pthread_t s_zauth_thread;

static void
s_run_zauth (zsock_t *pipe, void *args)
{
    s_zauth_thread = pthread_self ();
    zauth (pipe, args);
}

static zactor_t *
s_zauth (const row_t *row)
{
    zactor_t *zauth = zactor_new (s_run_zauth, NULL);
    assert (zauth);
    if (streq (row->mechanism, "PLAIN")) {
        char *path = zsys_sprintf ("%s/passwords", s_folder);
        s_command (zauth, "PLAIN", path, NULL, NULL);
        zstr_free (&path);
    }
    else
    if (streq (row->mechanism, "CURVE"))
        s_command (zauth, "CURVE", s_folder, NULL, NULL);
    else
        s_command (zauth, "DENY", STRANGER, NULL, NULL);
    return zauth;
}

static zactor_t *
s_relay (const row_t *row)
{
    zactor_t *relay = zactor_new (zrelay_streamer, NULL);
    assert (relay);
    if (row->domain)
        s_command (relay, "DOMAIN", "FRONTEND", "global", NULL);
    if (row->enforced)
        s_command (relay, "SET", "FRONTEND", "zap_enforce_domain", "1");
    if (streq (row->mechanism, "PLAIN"))
        s_command (relay, "PLAIN", "FRONTEND", NULL, NULL);
    if (streq (row->mechanism, "CURVE"))
        s_command (relay, "CURVE", "FRONTEND", zcert_public_txt (s_server),
                   zcert_secret_txt (s_server));
    char interval [16];
    snprintf (interval, sizeof (interval), "%d", HANDSHAKE_IVL);
    s_command (relay, "SET", "FRONTEND", "handshake_ivl", interval);
    s_command (relay, "BIND", "FRONTEND", "tcp://127.0.0.1:*", NULL);
    s_command (relay, "BIND", "BACKEND", "inproc://backend", NULL);
    s_sink = zsock_new_pull (">inproc://backend");
    assert (s_sink);
    char *name = NULL;
    zstr_sendx (relay, "ENDPOINT", "FRONTEND", NULL);
    zstr_recvx (relay, &name, &s_endpoint, NULL);
    zstr_free (&name);
    return relay;
}

static void
s_on_signal (int number)
{
    (void) number;
}

static void
s_block (int how)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGINT);
    pthread_sigmask (how, &set, NULL);
}

//  The signal, or what else ends zauth. Returns true if it has ended.

static bool
s_interrupt (const row_t *row, zactor_t **zauth_p)
{
    if (row->remedy == ZAUTH_FREED) {
        zactor_destroy (zauth_p);
        return true;
    }
    if (row->remedy == NO_HANDLER)
        pthread_kill (s_zauth_thread, SIGINT);
    else
        kill (getpid (), SIGINT);
    //  A signal that met another thread it finds when it has next answered
    zsock_t *peer = s_peer (row, false, "who wakes zauth");
    zmq_pollitem_t item = { zsock_resolve (*zauth_p), 0, ZMQ_POLLIN, 0 };
    int rc;
    do
        rc = zmq_poll (&item, 1, row->ends? PATIENCE: SILENCE);
    while (rc == -1);
    zsock_destroy (&peer);
    return rc == 1;
}

static bool
s_play (const row_t *row)
{
    if (row->remedy == NO_HANDLER || row->remedy == BLOCKED) {
        struct sigaction action = { .sa_handler = s_on_signal };
        zsys_handler_set (NULL);
        sigaction (SIGINT, &action, NULL);
    }
    if (row->remedy == BLOCKED)
        s_block (SIG_BLOCK);
    zsys_init ();
    s_write_files ();
    zactor_t *zauth = s_zauth (row);
    zactor_t *relay = s_relay (row);
    if (row->remedy == BLOCKED)
        s_block (SIG_UNBLOCK);
    bool right = s_gets (row, true, IN, "a friend")
              && s_gets (row, false, row->before, "a stranger before");
    if (right && s_interrupt (row, &zauth) != row->ends) {
        printf ("#   zauth %s\n", row->ends? "does not end": "ends");
        right = false;
    }
    right = right && s_gets (row, false, row->after, "a stranger after");
    //  The relay runs on
    s_command (relay, "RESET", NULL, NULL, NULL);
    zdir_t *folder = zdir_new (s_folder, NULL);
    zdir_remove (folder, true);
    zdir_destroy (&folder);
    return right;
}

int
main (void)
{
    TAP_DEADLINE (DEADLINE);
    if (!zsys_has_curve ()) {
        TAP_SKIP ("who is let in", "libzmq was built without CURVE");
        return tap_end ();
    }
    for (size_t index = 0; index < ROWS; index++) {
        const row_t *row = &s_rows [index];
        fflush (stdout);
        pid_t child = fork ();
        if (child == 0) {
            alarm (DEADLINE);
            bool right = s_play (row);
            fflush (stdout);
            _exit (right? 0: 1);
        }
        int status = -1;
        waitpid (child, &status, 0);
        TAP (status == 0, "%s: a stranger is %s, and then %s", row->name,
             row->before? "let in": "kept out",
             row->after? "let in": "kept out");
    }
    return tap_end ();
}
