/*  =========================================================================
    14_unwelcome_peers - stay outside, however often they try

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  A relay that asks its peers who they are does so through the application's
//  own zauth actor. Does everybody stay outside who should, and what does it
//  cost the relay when they do not give up?
//
//  Here are three relays, which ask for nothing but the address, for a key, and
//  for a password. Peers of each sort that must not get in, and of each that
//  must, try; then a child process tries thousands of times, many at once.
//  Nothing that it sends may arrive, each failure must be counted with its
//  reason, and neither memory nor descriptors may grow. At the end the right
//  peers still pass.
//
//  And whoever may ask the relay, or read its log, must not learn a key or a
//  password from it, not even if it was given where it does not belong.
//
//  FAULTS_ROUNDS tells how many attempts there are in all.

#include "faults.h"
#include <signal.h>
#include <sys/stat.h>

#define DEADLINE 120
#define ROUNDS 6000
#define AT_ONCE 50          //  Attempts of one socket at a time
#define GROWTH_MAX 1024     //  KiB

//  The one who is allowed and the one who is denied; both are this machine
#define DENIED "127.0.0.2"

#define USER "admin"
#define PASSWORD "w1llkommen-daheim"
#define DOMAIN "global"

//  What the attackers send; nobody else does
#define INTRUSION "let me in"

//  Relays, by what they ask for
enum { ADDRESS, CURVE, PLAIN, RELAYS };
static const char *s_asks_for [] = { "the address", "a key", "a password" };

//  Who finds out, as the reasons in STATS tell: zauth, which is "auth", or
//  libzmq, which is "protocol", or "other" if the peer saw first that they do
//  not fit and left
enum { AUTH, NOT_AUTH, FINDERS };

//  What is tried
static const struct {
    int relay;
    int finder;                 //  Who finds out
    const char *name;           //  What is wrong
} s_attempts [] = {
    { ADDRESS, AUTH, "a denied address" },
    { CURVE, AUTH, "a key that is not known" },
    { CURVE, AUTH, "a revoked certificate" },
    { CURVE, AUTH, "a right key from a denied address" },
    { CURVE, NOT_AUTH, "a wrong key of the relay" },
    { CURVE, NOT_AUTH, "no key" },
    { CURVE, NOT_AUTH, "a password instead of a key" },
    { PLAIN, AUTH, "a wrong password" },
    { PLAIN, AUTH, "a wrong name" },
    { PLAIN, AUTH, "a right password from a denied address" },
    { PLAIN, NOT_AUTH, "no password" }
};
enum {
    DENIED_ADDRESS, UNKNOWN_KEY, REVOKED_KEY, DENIED_KEY, WRONG_SERVER_KEY,
    NO_KEY, NOT_A_KEY, WRONG_PASSWORD, WRONG_NAME, DENIED_PASSWORD,
    NO_PASSWORD, ATTEMPTS
};

typedef struct {
    char folder [40];           //  Certificates, passwords, the log
    FILE *log;                  //  Where zsys writes
    zactor_t *auth;             //  The application's
    zcert_t *certs [4];         //  See below
    zactor_t *relays [RELAYS];
    char *endpoints [RELAYS];   //  Of the guarded frontends
    zsock_t *receivers [RELAYS];    //  At the backends
    uint64_t failed [RELAYS] [FINDERS];     //  Attempts so far
    long number;                //  Of the last message of right peers
} bench_t;

//  Whose certificates
enum { SERVER, FRIEND, REVOKED, STRANGER };


//  --------------------------------------------------------------------------
//  Peers

//  What a peer needs to know, as strings, since it may be another process
enum { ENDPOINT, SERVER_KEY, PUBLIC_KEY, SECRET_KEY, PEER_ARGS };

//  A socket that is about to make that attempt; -1 is one that is right

static zsock_t *
s_peer (int relay, int attempt, char **argv)
{
    zsock_t *sock = zsock_new (ZMQ_PUSH);
    assert (sock);
    //  Who is refused at once has nobody to send to any more
    zsock_set_sndtimeo (sock, attempt == -1? FAULTS_PATIENCE: 0);
    //  An attempt is made once
    zsock_set_reconnect_ivl (sock, 3600000);
    zsock_set_linger (sock, attempt == -1? FAULTS_PATIENCE: 0);
    if (attempt == NOT_A_KEY || (relay == PLAIN && attempt != NO_PASSWORD)) {
        zsock_set_plain_username (sock, attempt == WRONG_NAME? "root": USER);
        zsock_set_plain_password (sock, attempt == WRONG_PASSWORD?
                                  PASSWORD "s": PASSWORD);
    }
    else
    if (relay == CURVE && attempt != NO_KEY) {
        zsock_set_curve_publickey (sock, argv [PUBLIC_KEY]);
        zsock_set_curve_secretkey (sock, argv [SECRET_KEY]);
        zsock_set_curve_serverkey (sock, argv [SERVER_KEY]);
    }
    return sock;
}

//  libzmq takes the address to come from in front of where to go

static int
s_knock (zsock_t *sock, int attempt, const char *endpoint)
{
    bool denied = attempt == DENIED_KEY || attempt == DENIED_PASSWORD
               || attempt == DENIED_ADDRESS;
    return denied?
        zsock_connect (sock, "tcp://" DENIED ":0;%s",
                       endpoint + strlen ("tcp://")):
        zsock_connect (sock, "%s", endpoint);
}

//  Wait until so many connections have ended, as the monitor tells

static bool
s_await_ends (zsock_t *monitor, int count)
{
    while (count > 0) {
        zmsg_t *event = zmsg_recv (monitor);
        if (!event)
            return false;
        zmsg_destroy (&event);
        count--;
    }
    return true;
}

//  Make an attempt many times at once; false if not all were cut off

static bool
s_storm (int attempt, char **argv, int count)
{
    static int serial;
    char name [40];
    snprintf (name, sizeof (name), "inproc://storm-%d", serial++);
    zsock_t *sock = s_peer (s_attempts [attempt].relay, attempt, argv);
    zmq_socket_monitor (zsock_resolve (sock), name, ZMQ_EVENT_DISCONNECTED);
    zsock_t *monitor = zsock_new (ZMQ_PAIR);
    zsock_set_rcvtimeo (monitor, FAULTS_PATIENCE);
    int rc = zsock_connect (monitor, "%s", name);
    assert (rc == 0);
    for (int index = 0; index < count; index++) {
        rc = s_knock (sock, attempt, argv [ENDPOINT]);
        assert (rc == 0);
        zstr_send (sock, INTRUSION);
    }
    bool ended = s_await_ends (monitor, count);
    zmq_socket_monitor (zsock_resolve (sock), NULL, 0);
    zsock_destroy (&monitor);
    zsock_destroy (&sock);
    return ended;
}

//  A child that makes one attempt so many times

static int
s_attacker (int argc, char **argv)
{
    assert (argc == 2 + PEER_ARGS);
    int attempt = atoi (argv [0]);
    int left = atoi (argv [1]);
    bool ended = true;
    while (left > 0 && ended) {
        int count = left < AT_ONCE? left: AT_ONCE;
        ended = s_storm (attempt, argv + 2, count);
        left -= count;
    }
    return ended? 0: 1;
}

static const faults_role_t s_roles [] = {
    { "attacker", s_attacker },
    { NULL, NULL }
};


//  --------------------------------------------------------------------------
//  The application: certificates, passwords, zauth, a log, the relays

static char *
s_path (bench_t *self, const char *name)
{
    return zsys_sprintf ("%s/%s", self->folder, name);
}

static void
s_tell_auth (bench_t *self, const char *command, const char *argument)
{
    zstr_sendx (self->auth, command, argument, NULL);
    int rc = zsock_wait (self->auth);
    assert (rc == 0);
}

static void
s_make_auth (bench_t *self)
{
    char *clients = s_path (self, "clients");
    int rc = mkdir (clients, 0700);
    assert (rc == 0);
    char *friend = s_path (self, "clients/friend");
    char *revoked = s_path (self, "clients/revoked");
    zcert_save_public (self->certs [FRIEND], friend);
    zcert_save_public (self->certs [REVOKED], revoked);
    char *passwords = s_path (self, "passwords");
    FILE *file = fopen (passwords, "w");
    assert (file);
    fprintf (file, "%s=%s\n", USER, PASSWORD);
    fclose (file);

    //  Not VERBOSE: it is zauth that would log passwords then
    self->auth = zactor_new (zauth, NULL);
    assert (self->auth);
    s_tell_auth (self, "CURVE", clients);
    s_tell_auth (self, "PLAIN", passwords);
    s_tell_auth (self, "DENY", DENIED);
    zstr_free (&clients);
    zstr_free (&friend);
    zstr_free (&revoked);
    zstr_free (&passwords);
}

static void
s_make_relay (bench_t *self, int index)
{
    zactor_t *relay = self->relays [index] = faults_relay ("streamer");
    zstr_send (relay, "VERBOSE");
    int rc = zsock_wait (relay);
    assert (rc == 0);
    faults_command (relay, "DOMAIN", "FRONTEND", DOMAIN, NULL);
    if (index == CURVE)
        faults_command (relay, "CURVE", "FRONTEND",
                        zcert_public_txt (self->certs [SERVER]),
                        zcert_secret_txt (self->certs [SERVER]), NULL);
    else
    if (index == PLAIN)
        faults_command (relay, "PLAIN", "FRONTEND", NULL);
    self->endpoints [index] = faults_bind (relay, "FRONTEND");
    char *endpoint = faults_bind (relay, "BACKEND");
    self->receivers [index] = faults_connect (ZMQ_PULL, endpoint);
    zstr_free (&endpoint);
}

static void
s_setup (bench_t *self)
{
    memset (self, 0, sizeof (*self));
    strcpy (self->folder, "/tmp/zrelay-faults-XXXXXX");
    char *folder = mkdtemp (self->folder);
    assert (folder);
    char *path = s_path (self, "log");
    self->log = fopen (path, "w");
    assert (self->log);
    zsys_set_logstream (self->log);
    zstr_free (&path);
    for (int index = 0; index < 4; index++) {
        self->certs [index] = zcert_new ();
        assert (self->certs [index]);
    }
    s_make_auth (self);
    for (int index = 0; index < RELAYS; index++)
        s_make_relay (self, index);
}

static void
s_cleanup (bench_t *self)
{
    for (int index = 0; index < RELAYS; index++) {
        zactor_destroy (&self->relays [index]);
        zsock_destroy (&self->receivers [index]);
        zstr_free (&self->endpoints [index]);
    }
    zactor_destroy (&self->auth);
    for (int index = 0; index < 4; index++)
        zcert_destroy (&self->certs [index]);
    zsys_set_logstream (stderr);
    fclose (self->log);
    zdir_t *folder = zdir_new (self->folder, NULL);
    zdir_remove (folder, true);
    zdir_destroy (&folder);
}


//  --------------------------------------------------------------------------
//  Who passes

//  The strings that a peer needs for an attempt

static void
s_arguments (bench_t *self, int relay, int attempt, const char **argv)
{
    int own = attempt == UNKNOWN_KEY? STRANGER:
              attempt == REVOKED_KEY? REVOKED: FRIEND;
    int server = attempt == WRONG_SERVER_KEY? STRANGER: SERVER;
    argv [ENDPOINT] = self->endpoints [relay];
    argv [SERVER_KEY] = zcert_public_txt (self->certs [server]);
    argv [PUBLIC_KEY] = zcert_public_txt (self->certs [own]);
    argv [SECRET_KEY] = zcert_secret_txt (self->certs [own]);
}

//  A peer of a relay that should get in sends something, which is the next
//  that arrives

static bool
s_passes (bench_t *self, int relay, int attempt)
{
    const char *argv [PEER_ARGS];
    s_arguments (self, relay, attempt, argv);
    zsock_t *sock = s_peer (relay, -1, (char **) argv);
    int rc = s_knock (sock, -1, argv [ENDPOINT]);
    assert (rc == 0);
    zstr_sendf (sock, "%ld", ++self->number);
    char *string = zstr_recv (self->receivers [relay]);
    bool passed = string && atol (string) == self->number;
    if (!passed)
        printf ("#   got '%s'\n", string? string: "nothing");
    zstr_free (&string);
    zsock_destroy (&sock);
    return passed;
}

//  Failures by who found out, as a relay counts them. A peer may find out first
//  that the mechanism is another one, and leave.

static uint64_t
s_failures (zactor_t *relay, int finder)
{
    uint64_t auth = faults_counter (relay, "frontend.handshakes_failed_auth");
    return finder == AUTH? auth:
           faults_counter (relay, "frontend.handshakes_failed") - auth
         + faults_counter (relay, "frontend.left_early");
}

typedef struct {
    zactor_t *relay;
    int finder;
    uint64_t count;
} failed_t;

static bool
s_have_failed (void *arg)
{
    failed_t *self = (failed_t *) arg;
    return s_failures (self->relay, self->finder) >= self->count;
}

//  An attempt was made so many times more. Wait until all are counted, and
//  see that it is no more than all.

static bool
s_all_failed (bench_t *self, int attempt, uint64_t count)
{
    int relay = s_attempts [attempt].relay;
    int finder = s_attempts [attempt].finder;
    self->failed [relay] [finder] += count;
    failed_t failed = {
        self->relays [relay], finder, self->failed [relay] [finder]
    };
    faults_wait (s_have_failed, &failed, FAULTS_PATIENCE);
    bool exact = true;
    for (finder = 0; finder < FINDERS; finder++) {
        uint64_t counted = s_failures (self->relays [relay], finder);
        if (counted != self->failed [relay] [finder]) {
            printf ("#   %s: %" PRIu64 " failures counted as '%s', not %"
                    PRIu64 "\n", s_attempts [attempt].name, counted,
                    finder == AUTH? "auth": "protocol or other",
                    self->failed [relay] [finder]);
            exact = false;
        }
    }
    return exact;
}

//  One that should not. That nothing has arrived is seen when a right peer's
//  message is the next one.

static void
s_test_kept_out (bench_t *self, int attempt)
{
    const char *argv [PEER_ARGS];
    int relay = s_attempts [attempt].relay;
    s_arguments (self, relay, attempt, argv);
    zsock_t *sock = s_peer (relay, attempt, (char **) argv);
    int rc = s_knock (sock, attempt, argv [ENDPOINT]);
    assert (rc == 0);
    zstr_send (sock, INTRUSION);
    bool counted = s_all_failed (self, attempt, 1);
    TAP (s_passes (self, relay, -1), "%s does not pass",
         s_attempts [attempt].name);
    TAP (counted, "and is counted");
    zsock_destroy (&sock);
}

static void
s_revoke (bench_t *self)
{
    TAP (s_passes (self, CURVE, REVOKED_KEY), "a second key passes");
    char *revoked = s_path (self, "clients/revoked");
    int rc = unlink (revoked);
    assert (rc == 0);
    zstr_free (&revoked);
}


//  --------------------------------------------------------------------------
//  Many attempts

static pid_t
s_attack (bench_t *self, int attempt, long count)
{
    const char *argv [PEER_ARGS];
    s_arguments (self, s_attempts [attempt].relay, attempt, argv);
    char *which = zsys_sprintf ("%d", attempt);
    char *many = zsys_sprintf ("%ld", count);
    pid_t child = faults_spawn ("attacker", which, many, argv [ENDPOINT],
                                argv [SERVER_KEY], argv [PUBLIC_KEY],
                                argv [SECRET_KEY], NULL);
    zstr_free (&which);
    zstr_free (&many);
    return child;
}

static bool
s_ended (void *arg)
{
    //  A zombie is still there; it is told without taking its status away
    siginfo_t info = { .si_pid = 0 };
    pid_t child = *(pid_t *) arg;
    return waitid (P_PID, (id_t) child, &info, WEXITED | WNOHANG | WNOWAIT)
        || info.si_pid == child;
}

//  Each attempt so many times; returns how many failed to be cut off

static int
s_attack_all (bench_t *self, long count)
{
    int wrong = 0;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        pid_t child = s_attack (self, attempt, count);
        //  However long it takes, as the deadline allows
        faults_wait (s_ended, &child, DEADLINE * 1000);
        if (faults_await (child) != 0
        || !s_all_failed (self, attempt, (uint64_t) count)) {
            printf ("#   %s: not all were cut off and counted\n",
                    s_attempts [attempt].name);
            wrong++;
        }
    }
    return wrong;
}

//  libzmq closes them a little later

static bool
s_none_open (void *arg)
{
    return faults_descriptors () <= *(int *) arg;
}

static void
s_test_attacks (bench_t *self, long rounds)
{
    //  Until everything has the size that it needs
    long warm_up = rounds / ATTEMPTS / 5 + AT_ONCE;
    TAP (s_attack_all (self, warm_up) == 0,
         "%ld attempts of each sort fail", warm_up);
    int64_t memory = faults_memory (0);
    int descriptors = faults_descriptors ();

    int64_t start = zclock_mono ();
    long count = (rounds + ATTEMPTS - 1) / ATTEMPTS;
    TAP (s_attack_all (self, count) == 0,
         "and %ld more, and each is counted with its reason",
         count * ATTEMPTS);
    int64_t growth = faults_memory (0) - memory;
    printf ("#   %ld attempts in %" PRId64 " ms, memory grew by %" PRId64
            " KiB\n", count * ATTEMPTS, zclock_mono () - start, growth);
    if (FAULTS_SANITIZED)
        TAP_SKIP ("resident memory does not grow", "sanitizers keep it");
    else
        TAP (growth < GROWTH_MAX, "resident memory does not grow");
    TAP (faults_wait (s_none_open, &descriptors, FAULTS_PATIENCE),
         "nor does the number of descriptors");
    for (int relay = 0; relay < RELAYS; relay++)
        TAP (s_passes (self, relay, -1),
             "the relay that asks for %s serves its right peers",
             s_asks_for [relay]);
    TAP (faults_counter (self->relays [CURVE],
                         "frontend.handshakes_failed_protocol") > 0
      && faults_counter (self->relays [PLAIN],
                         "frontend.handshakes_failed_protocol") > 0,
         "a wrong mechanism is counted as such");
}


//  --------------------------------------------------------------------------
//  Secrets

//  Passwords and keys that may be seen nowhere

static bool
s_tells_secret (bench_t *self, const char *text)
{
    return strstr (text, PASSWORD)
        || strstr (text, zcert_secret_txt (self->certs [SERVER]))
        || strstr (text, zcert_secret_txt (self->certs [STRANGER]))
        //  Malformed ones
        || strstr (text, zcert_secret_txt (self->certs [SERVER]) + 1);
}

static bool
s_answers_with_secret (bench_t *self, zactor_t *relay)
{
    bool told = false;
    zmsg_t *answer = zmsg_recv (relay);
    assert (answer);
    char *string;
    while ((string = zmsg_popstr (answer))) {
        if (s_tells_secret (self, string)) {
            printf ("#   tells: %s\n", string);
            told = true;
        }
        zstr_free (&string);
    }
    zmsg_destroy (&answer);
    return told;
}

//  Send a command, and ask everything that may tell of it afterwards. Returns
//  true if the command has that status, -1 for any but 0, and nothing was
//  told.

static bool
s_keeps_secret (bench_t *self, zactor_t *relay, int status, char **argv)
{
    zmsg_t *msg = zmsg_new ();
    bool get = streq (argv [0], "GET");
    for (int index = 0; argv [index]; index++)
        zmsg_addstr (msg, argv [index]);
    zmsg_send (&msg, relay);
    bool right = true;
    bool told = false;
    if (get && status == 0)
        told = s_answers_with_secret (self, relay);
    else {
        int got = zsock_wait (relay);
        right = status == -1? got > 0: got == status;
        if (!right)
            printf ("#   status %d, not %d\n", got, status);
    }
    static const char *queries [] [3] = {
        { "ERROR" }, { "STATS" }, { "HELP" }, { "HELP", "CURVE" },
        { "ENDPOINT", "FRONTEND" }, { "PEERS", "FRONTEND" },
        { "GET", "FRONTEND", "curve_publickey" },
        { "GET", "FRONTEND", "curve_serverkey" },
        { "GET", "FRONTEND", "plain_username" },
        { "GET", "FRONTEND", "zap_domain" }
    };
    for (size_t index = 0; index < sizeof (queries) / sizeof (*queries);
         index++) {
        zstr_sendx (relay, queries [index] [0], queries [index] [1],
                    queries [index] [2], NULL);
        told = s_answers_with_secret (self, relay) || told;
    }
    return right && !told;
}

//  Secrets in wrong places, malformed, and at last as they should be, on a
//  relay that is not attached

static void
s_test_secrets (bench_t *self)
{
    char *public_txt = (char *) zcert_public_txt (self->certs [SERVER]);
    char *secret_txt = (char *) zcert_secret_txt (self->certs [SERVER]);
    char *stranger = (char *) zcert_secret_txt (self->certs [STRANGER]);
    char *shorter = secret_txt + 1;
    char *longer = zsys_sprintf ("%s0", secret_txt);
    char *mangled = zsys_sprintf ("%s", secret_txt);
    mangled [0] = '~';              //  Not in Z85
    char *bound = zsys_sprintf ("@%s", secret_txt);
    const struct {
        const char *name;           //  What is done
        int status;                 //  -1: any but 0
        char *argv [6];
    } commands [] = {
        { "CURVE with keys of two pairs", 2,
          { "CURVE", "FRONTEND", public_txt, stranger } },
        { "CURVE with keys exchanged", 2,
          { "CURVE", "FRONTEND", secret_txt, public_txt } },
        { "CURVE with the secret key twice", 2,
          { "CURVE", "FRONTEND", secret_txt, secret_txt } },
        { "CURVE with the side at the end", 2,
          { "CURVE", secret_txt, public_txt, "FRONTEND" } },
        { "CURVE without the public key", 2,
          { "CURVE", "FRONTEND", secret_txt } },
        { "CURVE without the side", 2, { "CURVE", public_txt, secret_txt } },
        { "CURVE with one argument more", 2,
          { "CURVE", "FRONTEND", public_txt, secret_txt, stranger } },
        { "CURVE with a short key", 2,
          { "CURVE", "FRONTEND", public_txt, shorter } },
        { "CURVE with a long key", 2,
          { "CURVE", "FRONTEND", public_txt, longer } },
        { "CURVE with a mangled key", 2,
          { "CURVE", "FRONTEND", public_txt, mangled } },
        { "PLAIN with a password", 2, { "PLAIN", "FRONTEND", PASSWORD } },
        { "PLAIN with a password for a side", 2, { "PLAIN", PASSWORD } },
        { "DOMAIN with a key for a side", 2,
          { "DOMAIN", secret_txt, DOMAIN } },
        { "a key as the command", 1, { secret_txt } },
        { "HELP about a key", 2, { "HELP", secret_txt } },
        { "SET curve_secretkey, too short", 2,
          { "SET", "FRONTEND", "curve_secretkey", shorter } },
        { "SET curve_secretkey, too long", 2,
          { "SET", "FRONTEND", "curve_secretkey", longer } },
        { "SET curve_secretkey, mangled", 2,
          { "SET", "FRONTEND", "curve_secretkey", mangled } },
        { "SET curve_publickey, too long", 2,
          { "SET", "FRONTEND", "curve_publickey", longer } },
        { "SET with option and key exchanged", 2,
          { "SET", "FRONTEND", secret_txt, "curve_secretkey" } },
        { "SET with the key first", 2,
          { "SET", secret_txt, "curve_secretkey", "FRONTEND" } },
        { "SET with option and password exchanged", 2,
          { "SET", "FRONTEND", PASSWORD, "plain_password" } },
        { "SET with the password first", 2,
          { "SET", PASSWORD, "FRONTEND", "plain_password" } },
        { "SET of a flow with a key", 2,
          { "SET", "FORWARD", "curve_secretkey", secret_txt } },
        { "SET of a flow with a password", 2,
          { "SET", "FORWARD", "plain_password", PASSWORD } },
        { "SET of a number to a key", 2,
          { "SET", "FRONTEND", "sndhwm", secret_txt } },
        { "GET of a key", 2, { "GET", "FRONTEND", secret_txt } },
        { "GET of a flow's key", 2, { "GET", "FORWARD", secret_txt } },
        { "BIND to a key", -1, { "BIND", "FRONTEND", secret_txt } },
        { "CONNECT to a key", -1, { "CONNECT", "FRONTEND", secret_txt } },
        { "BIND of a side that is a key", 2,
          { "BIND", secret_txt, "tcp://127.0.0.1:*" } },
        { "CAPTURE to a key", -1, { "CAPTURE", secret_txt } },
        { "CAPTURE bound to a key", -1, { "CAPTURE", bound } },
        { "FRONTEND bound to a key", -1, { "FRONTEND", "PULL", bound } },
        { "DRAIN of a key", 2, { "DRAIN", secret_txt } },
        { "FRONTEND of a type that is a key", -1,
          { "FRONTEND", secret_txt, "tcp://127.0.0.1:*" } },
        //  From here on, what is right
        { "SET plain_password", 0,
          { "SET", "BACKEND", "plain_password", PASSWORD } },
        { "GET plain_password", 2, { "GET", "BACKEND", "plain_password" } },
        { "SET curve_secretkey", 0,
          { "SET", "BACKEND", "curve_secretkey", stranger } },
        { "GET curve_secretkey", 2, { "GET", "BACKEND", "curve_secretkey" } },
        { "CURVE", 0, { "CURVE", "FRONTEND", public_txt, secret_txt } },
        { "GET curve_secretkey after CURVE", 2,
          { "GET", "FRONTEND", "curve_secretkey" } },
        { "GET curve_publickey after CURVE", 0,
          { "GET", "FRONTEND", "curve_publickey" } },
    };
    const char *kinds [] = { "streamer", "proxy" };
    for (int kind = 0; kind < 2; kind++) {
        zactor_t *relay = faults_relay (kinds [kind]);
        zstr_send (relay, "VERBOSE");
        int rc = zsock_wait (relay);
        assert (rc == 0);
        if (kind == 1) {
            faults_command (relay, "FRONTEND", "PULL", "inproc://front", NULL);
            faults_command (relay, "BACKEND", "PUSH", "inproc://back", NULL);
            faults_command (relay, "UNBIND", "FRONTEND", "inproc://front",
                            NULL);
            faults_command (relay, "UNBIND", "BACKEND", "inproc://back", NULL);
        }
        for (size_t index = 0; index < sizeof (commands) / sizeof (*commands);
             index++)
            TAP (s_keeps_secret (self, relay, commands [index].status,
                                 (char **) commands [index].argv),
                 "%s: no secret is told after %s", kinds [kind],
                 commands [index].name);
        zactor_destroy (&relay);
    }
    zstr_free (&longer);
    zstr_free (&mangled);
    zstr_free (&bound);
}

//  Too late, since who is connected was not asked

static void
s_test_too_late (bench_t *self)
{
    for (int index = 0; index < RELAYS; index++) {
        char *public_txt = (char *) zcert_public_txt (self->certs [SERVER]);
        char *secret_txt = (char *) zcert_secret_txt (self->certs [SERVER]);
        char *commands [] [5] = {
            { "DOMAIN", "FRONTEND", "other" },
            { "PLAIN", "FRONTEND" },
            { "CURVE", "FRONTEND", public_txt, secret_txt }
        };
        for (int command = 0; command < 3; command++)
            TAP (s_keeps_secret (self, self->relays [index],
                                 ZRELAY_BAD_STATE, commands [command]),
                 "the relay that asks for %s refuses %s once it is attached",
                 s_asks_for [index], commands [command] [0]);
        TAP (s_passes (self, index, -1), "and nothing has changed");
    }
}

static void
s_test_log (bench_t *self)
{
    //  What was written in the relays' threads is whole when they are gone
    fflush (self->log);
    char *path = s_path (self, "log");
    zchunk_t *chunk = zchunk_slurp (path, 0);
    assert (chunk);
    char *text = zchunk_strdup (chunk);
    TAP (strstr (text, "CURVE: done") && strstr (text, "there is no"),
         "commands are logged");
    bool told = false;
    char *rest = NULL;
    for (char *line = strtok_r (text, "\n", &rest); line;
         line = strtok_r (NULL, "\n", &rest))
        if (s_tells_secret (self, line)) {
            printf ("#   %s\n", line);
            told = true;
        }
    TAP (!told, "and no secret is");
    zstr_free (&text);
    zchunk_destroy (&chunk);
    zstr_free (&path);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE);
    if (!zsys_has_curve ()) {
        TAP_SKIP ("unwelcome peers", "libzmq was built without CURVE");
        return faults_end ();
    }
    bench_t bench;
    s_setup (&bench);
    TAP (s_passes (&bench, ADDRESS, -1), "a right address passes");
    TAP (s_passes (&bench, CURVE, -1), "a right key passes");
    TAP (s_passes (&bench, PLAIN, -1), "a right password passes");
    s_revoke (&bench);
    for (int attempt = 0; attempt < ATTEMPTS; attempt++)
        s_test_kept_out (&bench, attempt);
    s_test_attacks (&bench, faults_parameter ("FAULTS_ROUNDS", ROUNDS));
    s_test_secrets (&bench);
    s_test_too_late (&bench);
    s_test_log (&bench);
    s_cleanup (&bench);
    return faults_end ();
}
