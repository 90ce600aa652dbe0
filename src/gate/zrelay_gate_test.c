/*  =========================================================================
    zrelay_gate - decides who gets in, for every socket of the process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

//  Milliseconds in which something must happen, and in which nothing may
#define DEADLINE 10000
#define SILENCE 200

//  Longest answer of ZAP, in frames: without the envelope
#define REPLY_FRAMES 6

typedef struct {
    zactor_t *gate;             //  The gate
    char folder [40];           //  Where files are
    char *clients;              //  Folder of certificates there
    char *passwords;            //  File there
} test_t;


//  --------------------------------------------------------------------------
//  Commands

static int
s_command (test_t *self, const char *word, const char *one, const char *two,
           const char *three)
{
    zstr_sendx (self->gate, word, one, two, three, NULL);
    return zsock_wait (self->gate);
}

static bool
s_error_has (test_t *self, const char *word)
{
    char *name, *sentence;
    zstr_send (self->gate, "ERROR");
    zstr_recvx (self->gate, &name, &sentence, NULL);
    bool has = streq (name, "ERROR") && strstr (sentence, word);
    if (!has)
        printf ("'%s' not in '%s'\n", word, sentence);
    zstr_free (&name);
    zstr_free (&sentence);
    return has;
}

static int
s_count (test_t *self, const char *name)
{
    zstr_send (self->gate, "STATS");
    zmsg_t *answer = zmsg_recv (self->gate);
    int count = -1;
    char *word = zmsg_popstr (answer);
    assert (streq (word, "STATS"));
    while (count == -1 && word) {
        zstr_free (&word);
        word = zmsg_popstr (answer);
        char *value = zmsg_popstr (answer);
        if (word && streq (word, name))
            count = atoi (value);
        zstr_free (&value);
    }
    zstr_free (&word);
    zmsg_destroy (&answer);
    return count;
}


//  --------------------------------------------------------------------------
//  Questions, as libzmq asks them

static zsock_t *
s_ask (const char *domain, const char *address, const char *mechanism,
       const void *first, size_t size, const char *second)
{
    zsock_t *asker = zsock_new_dealer (">inproc://zeromq.zap.01");
    assert (asker);
    zsock_set_rcvtimeo (asker, DEADLINE);
    zmsg_t *request = zmsg_new ();
    zmsg_addstr (request, "");
    zmsg_addstr (request, "1.0");
    zmsg_addstr (request, "7");
    zmsg_addstr (request, domain);
    zmsg_addstr (request, address);
    zmsg_addstr (request, "");
    zmsg_addstr (request, mechanism);
    if (first)
        zmsg_addmem (request, first, size);
    if (second)
        zmsg_addstr (request, second);
    zmsg_send (&request, asker);
    return asker;
}

//  Returns the code, and in user, if that is not NULL, the User-Id

static int
s_hear (zsock_t **asker_p, char user [256])
{
    zmsg_t *reply = zmsg_recv (*asker_p);
    int code = -1;
    if (reply) {
        assert (zmsg_size (reply) == REPLY_FRAMES + 1);
        char *words [REPLY_FRAMES + 1];
        for (size_t index = 0; index <= REPLY_FRAMES; index++)
            words [index] = zmsg_popstr (reply);
        assert (streq (words [0], "") && streq (words [1], "1.0"));
        assert (streq (words [2], "7"));
        code = atoi (words [3]);
        if (user)
            strcpy (user, words [5]);
        for (size_t index = 0; index <= REPLY_FRAMES; index++)
            zstr_free (&words [index]);
    }
    zmsg_destroy (&reply);
    zsock_destroy (asker_p);
    return code;
}

static int
s_null (const char *domain, const char *address)
{
    zsock_t *asker = s_ask (domain, address, "NULL", NULL, 0, NULL);
    return s_hear (&asker, NULL);
}

static int
s_plain (const char *domain, const char *address, const char *name,
         const char *password)
{
    zsock_t *asker = s_ask (domain, address, "PLAIN", name, strlen (name),
                            password);
    return s_hear (&asker, NULL);
}

static int
s_curve (const char *domain, zcert_t *cert, char user [256])
{
    zsock_t *asker = s_ask (domain, "10.9.9.9", "CURVE",
                            zcert_public_key (cert), 32, NULL);
    return s_hear (&asker, user);
}


//  --------------------------------------------------------------------------
//  Files

static void
s_write (const char *path, const char *text)
{
    unlink (path);
    int fd = open (path, O_CREAT | O_WRONLY, 0600);
    assert (fd != -1);
    assert (write (fd, text, strlen (text)) == (ssize_t) strlen (text));
    close (fd);
}

static zcert_t *
s_add_client (test_t *self, const char *name)
{
    zcert_t *cert = zcert_new ();
    assert (cert);
    if (*name)
        zcert_set_meta (cert, "name", "%s", name);
    char *path = zsys_sprintf ("%s/%s", self->clients, *name? name: "nameless");
    int rc = zcert_save_public (cert, path);
    assert (rc == 0);
    zstr_free (&path);
    return cert;
}


//  --------------------------------------------------------------------------
//  Tests

static void
s_test_commands (test_t *self)
{
    assert (s_command (self, "PING", NULL, NULL, NULL) == ZRELAY_STATUS_DONE);
    assert (s_command (self, "NO", NULL, NULL, NULL) == ZRELAY_STATUS_UNKNOWN);
    assert (s_error_has (self, "no command 'NO'"));
    static const struct {
        const char *words [4];
        int status;
        const char *error;
    } wrong [] = {
        { { "ALLOW", "a", NULL }, ZRELAY_STATUS_BAD_ARGUMENTS, "takes" },
        { { "ALLOW", "a", "host" }, ZRELAY_STATUS_BAD_ARGUMENTS, "network" },
        { { "DENY", "a", "::1", "10.0.0.1/8" }, ZRELAY_STATUS_BAD_ARGUMENTS,
          "IP address" },
        { { "DELAY", "9", "8" }, ZRELAY_STATUS_BAD_ARGUMENTS, "millisec" },
        { { "DELAY", "-1", "8" }, ZRELAY_STATUS_BAD_ARGUMENTS, "millisec" },
        { { "PLAIN", "a", "/none" }, ZRELAY_STATUS_REFUSED, "No such file" },
        { { "PLAIN", "a", "/dev/zero" }, ZRELAY_STATUS_REFUSED, "regular" },
        { { "CURVE", "a", "/none" }, ZRELAY_STATUS_REFUSED, "No such file" },
        { { "CURVE", "a", "/dev/null" }, ZRELAY_STATUS_REFUSED, "folder" },
        { { "CLEAR", "a" }, ZRELAY_STATUS_BAD_ARGUMENTS, "no rules" },
        { { "STATS", "a" }, ZRELAY_STATUS_BAD_ARGUMENTS, "no rules" },
        { { "EVENTS", "nowhere" }, ZRELAY_STATUS_REFUSED, "nowhere" },
        { { "CURVE", "", "any" }, ZRELAY_STATUS_BAD_ARGUMENTS, "empty" }
    };
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++) {
        const char *const *words = wrong [index].words;
        assert (s_command (self, words [0], words [1],
                           words [1]? words [2]: NULL,
                           words [1] && words [2]? words [3]: NULL)
                == wrong [index].status);
        assert (s_error_has (self, wrong [index].error));
    }
    zstr_send (self->gate, "HELP");
    zmsg_t *help = zmsg_recv (self->gate);
    assert (zmsg_size (help) > 10);
    zmsg_destroy (&help);
}

static void
s_test_addresses (test_t *self)
{
    assert (s_null ("other", "10.0.0.1") == 200);
    assert (s_plain ("other", "10.0.0.1", "a", "b") == 400);
    s_command (self, "ALLOW", "in", "10.0.0.0/8", "::1");
    s_command (self, "DENY", "in", "10.6.6.0/24", NULL);
    assert (s_null ("in", "10.0.0.1") == 200);
    assert (s_null ("in", "::ffff:10.0.0.1") == 200);
    assert (s_null ("in", "::1") == 200);
    assert (s_null ("in", "10.6.6.1") == 400);
    assert (s_null ("in", "127.0.0.1") == 400);
    assert (s_null ("in", "") == 400);
    assert (s_null ("other", "127.0.0.1") == 200);
    s_command (self, "DENY", "*", "127.0.0.1", NULL);
    assert (s_null ("other", "::ffff:127.0.0.1") == 400);
    s_command (self, "CLEAR", "*", NULL, NULL);
    assert (s_null ("other", "127.0.0.1") == 200);
}

static void
s_test_plain (test_t *self)
{
    s_write (self->passwords, "alice=secret\nbob=b\r\n");
    assert (s_command (self, "PLAIN", "p", self->passwords, NULL)
            == ZRELAY_STATUS_REFUSED);
    assert (s_error_has (self, "line 2"));
    s_write (self->passwords, "alice=secret\nbob=b\n");
    assert (s_command (self, "PLAIN", "p", self->passwords, NULL) == 0);
    assert (s_plain ("p", "10.1.0.1", "alice", "secret") == 200);
    assert (s_plain ("p", "10.1.0.1", "alice", "secre") == 400);
    assert (s_plain ("p", "10.1.0.1", "nobody", "secret") == 400);
    assert (s_null ("p", "10.1.0.1") == 400);
    char user [256];
    zsock_t *asker = s_ask ("p", "::1", "PLAIN", "bob", 3, "b");
    assert (s_hear (&asker, user) == 200);
    assert (streq (user, "bob"));
    //  Changes count at once; a wrong file is a temporary failure
    s_write (self->passwords, "alice=other\n");
    assert (s_plain ("p", "10.1.0.2", "alice", "secret") == 400);
    assert (s_plain ("p", "10.1.0.2", "alice", "other") == 200);
    s_write (self->passwords, "alice other\n");
    assert (s_plain ("p", "10.1.0.3", "alice", "other") == 300);
    unlink (self->passwords);
    assert (s_plain ("p", "10.1.0.3", "alice", "other") == 300);
}

static void
s_test_curve (test_t *self)
{
    zcert_t *alice = s_add_client (self, "alice");
    zcert_t *nameless = s_add_client (self, "");
    assert (s_command (self, "CURVE", "c", self->clients, NULL) == 0);
    assert (s_count (self, "certificates") == 2);
    char user [256];
    assert (s_curve ("c", alice, user) == 200);
    assert (streq (user, "alice"));
    assert (s_curve ("c", nameless, user) == 200);
    assert (streq (user, zcert_public_txt (nameless)));

    //  A new one is met when it comes, and one that was removed is not
    zcert_t *bob = s_add_client (self, "bob");
    assert (s_curve ("c", bob, user) == 200);
    char *path = zsys_sprintf ("%s/alice", self->clients);
    unlink (path);
    zstr_free (&path);
    assert (s_curve ("c", alice, user) == 400);
    assert (s_command (self, "CURVE", "any", "*", NULL) == 0);
    assert (s_curve ("any", alice, user) == 200);
    assert (streq (user, zcert_public_txt (alice)));
    zsock_t *asker = s_ask ("c", "10.9.9.9", "CURVE", "short", 5, NULL);
    zsock_destroy (&asker);
    zcert_destroy (&alice);
    zcert_destroy (&bob);
    zcert_destroy (&nameless);
}

static void
s_test_events (test_t *self)
{
    zsock_t *events = zsock_new_pull ("@inproc://gate-test-events");
    zsock_set_rcvtimeo (events, DEADLINE);
    assert (s_command (self, "EVENTS", "inproc://gate-test-events", NULL,
                       NULL) == 0);
    zcert_t *carol = s_add_client (self, "carol");
    assert (s_curve ("c", carol, NULL) == 200);
    char *path = zsys_sprintf ("%s/carol", self->clients);
    unlink (path);
    zstr_free (&path);
    char *name, *domain, *user, *address;
    int rc = zstr_recvx (events, &name, &domain, &user, &address, NULL);
    assert (rc == 4);
    assert (streq (name, "REVOKED") && streq (domain, "c"));
    assert (streq (user, "carol") && streq (address, "10.9.9.9"));
    zstr_free (&name);
    zstr_free (&domain);
    zstr_free (&user);
    zstr_free (&address);
    zcert_destroy (&carol);
    zsock_destroy (&events);
}

//  Guesses are answered later and later, and meanwhile the right password does
//  not help; others do not wait

static void
s_test_delays (test_t *self)
{
    const char *home = "10.2.0.1";
    s_write (self->passwords, "alice=secret\nbob=b\n");
    assert (s_command (self, "DELAY", "300", "60000", NULL) == 0);
    assert (s_plain ("p", home, "alice", "1") == 400);
    int64_t started = zclock_mono ();
    assert (s_plain ("p", home, "alice", "2") == 400);
    assert (zclock_mono () - started >= 300);
    zsock_t *asker = s_ask ("p", home, "PLAIN", "alice", 5, "3");
    while (s_count (self, "waiting") == 0)
        ;
    assert (s_plain ("p", home, "alice", "secret") == 300);
    assert (s_plain ("p", home, "bob", "b") == 200);
    assert (s_plain ("p", "10.2.0.2", "alice", "secret") == 200);
    assert (s_hear (&asker, NULL) == 400);

    //  Only so many answers wait for an address
    zsock_t *askers [100];
    for (size_t index = 0; index < 100; index++)
        askers [index] = s_ask ("c", home, "NULL", NULL, 0, NULL);
    assert (s_null ("other", home) == 200);
    assert (s_count (self, "waiting") <= 8);
    for (size_t index = 0; index < 100; index++)
        zsock_destroy (&askers [index]);
    assert (s_command (self, "DELAY", "0", "0", NULL) == 0);
}

static void
s_test_malformed (test_t *self)
{
    int before = s_count (self, "malformed");
    zsock_t *asker = zsock_new_dealer (">inproc://zeromq.zap.01");
    zstr_send (asker, "");
    zstr_send (asker, "hello");
    zstr_sendx (asker, "", "1.0", NULL);
    zstr_sendx (asker, "", "2.0", "1", "in", "127.0.0.1", "", "NULL", NULL);
    zstr_sendx (asker, "", "1.0", "1", "in", "127.0.0.1", "", "PLAIN", NULL);
    zstr_sendx (asker, "", "1.0", "1", "c", "127.0.0.1", "", "CURVE", "x",
                NULL);
    zstr_sendx (asker, "", "1.0", "1", "in", "10.0.0.1", "", "NULL", "x", NULL);
    int64_t deadline = zclock_mono () + DEADLINE;
    while (s_count (self, "malformed") < before + 7)
        assert (zclock_mono () < deadline);
    zsock_destroy (&asker);
    assert (s_null ("in", "10.0.0.1") == 200);
}

//  CZMQ's own handler ends a zauth

static void
s_test_signals (void)
{
    kill (getpid (), SIGINT);
    int64_t deadline = zclock_mono () + DEADLINE;
    while (!zsys_interrupted)
        assert (zclock_mono () < deadline);
    zsys_interrupted = 0;
    assert (s_null ("in", "10.0.0.1") == 200);
}

//  The other one was there first

static void
s_test_other_handler (void)
{
    zactor_t *zauth_actor = zactor_new (zauth, NULL);
    test_t self = { .gate = zactor_new (zrelay_gate, NULL) };
    assert (s_command (&self, "PING", NULL, NULL, NULL)
            == ZRELAY_STATUS_REFUSED);
    assert (s_error_has (&self, "one ZAP handler"));
    zactor_destroy (&zauth_actor);
    int64_t deadline = zclock_mono () + DEADLINE;
    while (s_command (&self, "PING", NULL, NULL, NULL) != ZRELAY_STATUS_DONE)
        assert (zclock_mono () < deadline);
    assert (s_null ("in", "10.0.0.1") == 200);
    zactor_destroy (&self.gate);
}

//  One can follow another at once

static void
s_test_again (void)
{
    for (int times = 0; times < 10; times++) {
        test_t self = { .gate = zactor_new (zrelay_gate, NULL) };
        assert (s_command (&self, "PING", NULL, NULL, NULL) == 0);
        zactor_destroy (&self.gate);
    }
}

//  And with libzmq itself

static void
s_test_sockets (test_t *self)
{
    zsock_t *server = zsock_new (ZMQ_PULL);
    zsock_t *client = zsock_new (ZMQ_PUSH);
    zsock_set_zap_domain (server, "p");
    zsock_set_plain_server (server, 1);
    zsock_set_rcvtimeo (server, DEADLINE);
    int port = zsock_bind (server, "tcp://127.0.0.1:*");
    s_write (self->passwords, "alice=secret\n");
    zsock_set_plain_username (client, "alice");
    zsock_set_plain_password (client, "secret");
    zsock_connect (client, "tcp://127.0.0.1:%d", port);
    zstr_send (client, "hello");
    zframe_t *frame = zframe_recv (server);
    assert (frame && zframe_streq (frame, "hello"));
    assert (streq (zframe_meta (frame, "User-Id"), "alice"));
    zframe_destroy (&frame);
    zsock_destroy (&client);

    client = zsock_new (ZMQ_PUSH);
    zsock_set_plain_username (client, "alice");
    zsock_set_plain_password (client, "wrong");
    zsock_set_rcvtimeo (server, SILENCE);
    int before = s_count (self, "refused_password");
    zsock_connect (client, "tcp://127.0.0.1:%d", port);
    zstr_send (client, "hello");
    int64_t deadline = zclock_mono () + DEADLINE;
    while (s_count (self, "refused_password") == before)
        assert (zclock_mono () < deadline);
    assert (!zstr_recv (server));
    zsock_destroy (&client);
    zsock_destroy (&server);
}

void
zrelay_gate_test (bool verbose)
{
    printf (" * zrelay_gate: ");
    //  @selftest
    zsys_init ();
    if (!verbose)
        zsys_set_logstream (NULL);
    test_t self = { .folder = "/tmp/zrelay-gate-XXXXXX" };
    assert (mkdtemp (self.folder));
    self.clients = zsys_sprintf ("%s/clients", self.folder);
    self.passwords = zsys_sprintf ("%s/passwords", self.folder);
    mkdir (self.clients, 0700);

    self.gate = zactor_new (zrelay_gate, NULL);
    assert (self.gate);
    if (verbose)
        s_command (&self, "VERBOSE", NULL, NULL, NULL);
    s_command (&self, "DELAY", "0", "0", NULL);
    s_test_commands (&self);
    s_test_addresses (&self);
    s_test_plain (&self);
    if (zsys_has_curve ()) {
        s_test_curve (&self);
        s_test_events (&self);
    }
    s_test_malformed (&self);
    s_test_signals ();
    s_test_delays (&self);
    s_test_sockets (&self);
    assert (s_command (&self, "RESET", NULL, NULL, NULL) == 0);
    assert (s_count (&self, "allowed") == 0);
    zactor_destroy (&self.gate);
    s_test_again ();
    s_test_other_handler ();

    zdir_t *folder = zdir_new (self.folder, NULL);
    zdir_remove (folder, true);
    zdir_destroy (&folder);
    zstr_free (&self.clients);
    zstr_free (&self.passwords);
    //  @end
    printf ("OK\n");
}
