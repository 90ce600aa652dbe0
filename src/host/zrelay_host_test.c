/*  =========================================================================
    zrelay_host_test - self test of zrelay_host

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include <zrelay_host.h>
#include <zrelay_client.h>

#include "zrelay_ears.h"

#include <sys/stat.h>

//  A limit in msecs that only a hang could reach
#define TEST_LONG 30000

//  More commands than a host lets wait for one relay
#define TEST_MANY 1001

//  --------------------------------------------------------------------------
//  A kind that is slow: WAIT returns when s_test_may_go is set

static bool s_test_waits = false;   //  A relay is in WAIT
static bool s_test_may_go = false;

//  These belong to two threads

static void
s_test_set (bool *flag, bool value)
{
    __atomic_store_n (flag, value, __ATOMIC_SEQ_CST);
}

static bool
s_test_is (bool *flag)
{
    return __atomic_load_n (flag, __ATOMIC_SEQ_CST);
}

static int
s_test_wait (zrelay_engine_t *engine, void *object, size_t argc, char **argv,
             zmsg_t *answer)
{
    (void) engine;
    (void) object;
    (void) argc;
    (void) argv;
    (void) answer;
    s_test_set (&s_test_waits, true);
    while (!s_test_is (&s_test_may_go))
        zclock_sleep (1);
    s_test_set (&s_test_waits, false);
    return ZRELAY_STATUS_DONE;
}

//  A kind may have a STATS of its own

static int
s_test_own_stats (zrelay_engine_t *engine, void *object, size_t argc,
                  char **argv, zmsg_t *answer)
{
    (void) engine;
    (void) object;
    (void) argc;
    (void) argv;
    zmsg_addstr (answer, "its own");
    return ZRELAY_STATUS_DONE;
}

static const zrelay_command_t s_test_commands [] = {
    { ZRELAY_COMMAND, .name = "STATS", .args = "", .help = "",
      .handler = s_test_own_stats, .flags = ZRELAY_COMMAND_QUERY },
    { ZRELAY_COMMAND, .name = "WAIT", .args = "", .help = "",
      .handler = s_test_wait },
    { ZRELAY_COMMAND, .name = "MINE", .args = "", .help = "",
      .handler = s_test_wait, .flags = ZRELAY_COMMAND_OWNER },
    { .name = NULL }
};

static const zrelay_kind_t s_test_slow = {
    ZRELAY_KIND,
    .name = "slow",
    .frontend = { .types = "PULL" },
    .backend = { .types = "PUSH" },
    .commands = s_test_commands
};

static const zrelay_kind_t *s_test_kinds [] = { &s_test_slow, NULL, NULL };


//  --------------------------------------------------------------------------
//  Tests

//  Give a client a command that is refused, with that status and sentence

static bool
s_test_refused (zrelay_client_t *client, int status, const char *words,
                const char *sentence)
{
    zmsg_t *msg = zmsg_new ();
    char *copy = strdup (words);
    assert (copy);
    for (char *word = strtok (copy, " "); word; word = strtok (NULL, " "))
        zmsg_addstr (msg, word);
    zstr_free (&copy);
    int found = zrelay_client_execute (client, &msg, NULL);
    bool right = found == status
              && streq (zrelay_client_error (client), sentence);
    if (!right)
        printf ("%s: %d %s\n", words, found, zrelay_client_error (client));
    return right;
}

//  The first example: bare words on the pipe

static void
s_test_example (void)
{
    //  @selftest
    zactor_t *host = zactor_new (zrelay_host, NULL);
    assert (host);
    zstr_sendx (host, "START", "orders", "queue", NULL);
    assert (zsock_wait (host) == ZRELAY_STATUS_DONE);
    zstr_sendx (host, "RELAY", "orders", "BIND", "FRONTEND",
                "inproc://orders", NULL);
    assert (zsock_wait (host) == ZRELAY_STATUS_DONE);

    zstr_send (host, "LIST");
    zmsg_t *answer = zmsg_recv (host);
    static const char *expected [] = { "LIST", "orders", "queue" };
    assert (zmsg_size (answer) == 3);
    for (int index = 0; index < 3; index++) {
        char *word = zmsg_popstr (answer);
        assert (streq (word, expected [index]));
        zstr_free (&word);
    }
    zmsg_destroy (&answer);

    zstr_sendx (host, "RELAY", "orders", "STATE", NULL);
    char *name = NULL;
    char *state = NULL;
    zstr_recvx (host, &name, &state, NULL);
    assert (streq (name, "STATE") && streq (state, "idle"));
    zstr_free (&name);
    zstr_free (&state);
    zstr_sendx (host, "STOP", "orders", NULL);
    assert (zsock_wait (host) == ZRELAY_STATUS_DONE);
    zactor_destroy (&host);
    //  @end
}

static void
s_test_refusals (void)
{
    zactor_t *host = zactor_new (zrelay_host, NULL);
    assert (host);
    zrelay_client_t *client = zrelay_client_new (host);
    zrelay_client_set_timeout (client, TEST_LONG);
    assert (s_test_refused (client, ZRELAY_STATUS_UNKNOWN, "NONSENSE",
        "there is no command 'NONSENSE'; HELP lists them"));
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_ARGUMENTS, "START a",
        "wrong number of arguments; it is START name kind"));
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_ARGUMENTS,
        "START a/b queue", "'a/b' is not a name for a relay; it takes letters,"
        " digits, '_', '-' and '.', at most 127 of them"));
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_ARGUMENTS, "START a b",
        "there is no kind of relay 'b'; the kinds are queue, forwarder,"
        " streamer, proxy, balancer, majordomo, cache"));
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_ARGUMENTS, "RELAY a",
        "wrong number of arguments; it is RELAY name command [argument ...]"));
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_ARGUMENTS, "RELAY a PING",
        "there is no relay 'a'; LIST names them all"));
    assert (zrelay_client_command (client, "START", "a", "queue", NULL) == 0);
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_STATE, "START a queue",
        "there is a relay of that name already; STOP it, or choose another"
        " name"));
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_ARGUMENTS, "STOP a soon",
        "'soon' is not a time to drain; it takes milliseconds up to"
        " 86400000"));
    assert (s_test_refused (client, ZRELAY_STATUS_UNKNOWN, "RELAY a $TERM",
        "the host ends its relays; the command is STOP"));

    //  What the relay refuses, it explains; and it is alone
    const char *sentence = "wrong number of arguments; it is PAUSE";
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_ARGUMENTS,
                            "RELAY a PAUSE x", sentence));
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_ARGUMENTS, "PAUSE x",
                            sentence));
    zrelay_client_set_relay (client, "a");
    zrelay_stats_t *stats = zrelay_client_stats (client);
    assert (stats && streq (zrelay_stats_name (stats), "a"));
    zrelay_stats_destroy (&stats);
    zrelay_client_set_relay (client, NULL);

    //  The gate's answers, too
    assert (zrelay_client_command (client, "GATE", "ALLOW", "a/frontend",
                                   "10.0.0.0/8", NULL) == 0);
    assert (zrelay_client_command (client, "GATE", "ALLOW", "a/frontend", "x",
                                   NULL) == ZRELAY_STATUS_BAD_ARGUMENTS);
    assert (strstr (zrelay_client_error (client), "'x'"));
    char *word = zrelay_client_ask (client, "GATE", "STATS", NULL);
    assert (word && streq (word, "STATS"));
    zstr_free (&word);
    assert (zrelay_client_command (client, "GATE", "$TERM", NULL)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    zrelay_client_destroy (&client);
    zactor_destroy (&host);
}

//  Statuses come in the order of the commands, and queries overtake them

static void
s_test_order (void)
{
    zactor_t *host = zactor_new (zrelay_host, (void *) s_test_kinds);
    assert (host);
    zsock_set_rcvtimeo (host, TEST_LONG);
    zstr_sendx (host, "START", "a", "slow", NULL);
    assert (zsock_wait (host) == ZRELAY_STATUS_DONE);
    zstr_sendx (host, "RELAY", "a", "WAIT", NULL);
    zstr_sendx (host, "STOP", "nobody", NULL);
    zstr_send (host, "ERROR");
    char *name = NULL;
    char *sentence = NULL;
    zstr_recvx (host, &name, &sentence, NULL);
    assert (name && streq (name, "ERROR"));
    assert (streq (sentence, "there is no relay 'nobody'; LIST names them"
                   " all"));
    zstr_free (&name);
    zstr_free (&sentence);
    s_test_set (&s_test_may_go, true);
    assert (zsock_wait (host) == ZRELAY_STATUS_DONE);
    assert (zsock_wait (host) == ZRELAY_STATUS_BAD_ARGUMENTS);
    s_test_set (&s_test_may_go, false);
    zactor_destroy (&host);
}

//  Two that are due, of which the first ends the other; and one that hears what
//  came while its socket was used

static zrelay_ear_result_t
s_test_end_other (void *owner)
{
    zrelay_ear_destroy ((zrelay_ear_t **) owner);
    return ZRELAY_EAR_EMPTY;
}

static zrelay_ear_result_t
s_test_never (void *owner)
{
    (void) owner;
    assert (false);
    return ZRELAY_EAR_END;
}

static zrelay_ear_result_t
s_test_hear (void *owner)
{
    zsock_t *sock = (zsock_t *) owner;
    char *word = zsock_events (sock) & ZMQ_POLLIN? zstr_recv (sock): NULL;
    bool last = word && streq (word, "last");
    zrelay_ear_result_t result = !word? ZRELAY_EAR_EMPTY:
        last? ZRELAY_EAR_END: ZRELAY_EAR_READ;
    zstr_free (&word);
    return result;
}

static int
s_test_speak (zloop_t *loop, int timer, void *arg)
{
    (void) loop;
    (void) timer;
    zsock_t **ends = (zsock_t **) arg;
    for (int count = 0; count < 100; count++)
        zstr_send (ends [0], "word");
    zstr_send (ends [0], "last");
    return 0;
}

static void
s_test_ears (void)
{
    zsock_t *ends [2], *others [2];
    ends [0] = zsys_create_pipe (&ends [1]);
    others [0] = zsys_create_pipe (&others [1]);
    zloop_t *loop = zloop_new ();
    zrelay_ears_t *ears = zrelay_ears_new (loop);
    assert (zrelay_ears_loop (ears) == loop);
    zrelay_ear_t *other = NULL;
    zrelay_ear_t *ear = zrelay_ear_new (ears, zsock_resolve (others [0]),
                                        s_test_end_other, &other);
    other = zrelay_ear_new (ears, zsock_resolve (others [1]), s_test_never,
                            NULL);
    zrelay_ear_t *last = zrelay_ear_new (ears, zsock_resolve (ends [1]),
                                         s_test_hear, ends [1]);
    zloop_timer (loop, 1, 1, s_test_speak, ends);
    int rc = zloop_start (loop);
    assert (rc == -1 && other == NULL);

    //  Used, and looked at afterwards; and not while it pauses
    zstr_send (ends [0], "last");
    assert (zsock_events (ends [1]) & ZMQ_POLLIN);
    zrelay_ear_look (last);
    rc = zloop_start (loop);
    assert (rc == -1);
    zrelay_ear_pause (last);
    zstr_send (ends [0], "last");
    zrelay_ear_look (last);
    zrelay_ear_resume (last);
    rc = zloop_start (loop);
    assert (rc == -1);
    zrelay_ear_destroy (&last);
    zrelay_ear_destroy (&ear);
    zrelay_ears_destroy (&ears);
    zloop_destroy (&loop);
    for (int index = 0; index < 2; index++) {
        zsock_destroy (&ends [index]);
        zsock_destroy (&others [index]);
    }
}

//  The host asks for COUNTERS in place of STATS, unless the kind has its own

static void
s_test_stats (void)
{
    zactor_t *host = zactor_new (zrelay_host, s_test_kinds);
    assert (host);
    zrelay_client_t *client = zrelay_client_new (host);
    assert (zrelay_client_command (client, "START", "a", "slow", NULL) == 0);
    zmsg_t *answer = zrelay_client_query (client, "RELAY", "a", "STATS", NULL);
    assert (answer && zmsg_size (answer) == 2
         && zframe_streq (zmsg_last (answer), "its own"));
    zmsg_destroy (&answer);
    zrelay_client_destroy (&client);
    zactor_destroy (&host);

    host = zactor_new (zrelay_host, NULL);
    assert (host);
    client = zrelay_client_new (host);
    assert (zrelay_client_command (client, "START", "a", "queue", NULL) == 0);
    answer = zrelay_client_query (client, "RELAY", "a", "STATS", NULL);
    assert (answer && zmsg_size (answer) > 100
         && zframe_streq (zmsg_first (answer), "STATS")
         && zframe_streq (zmsg_next (answer), "kind")
         && zframe_streq (zmsg_next (answer), "queue"));
    zmsg_destroy (&answer);
    zrelay_client_destroy (&client);
    zactor_destroy (&host);
}

//  A relay that is slow holds up nobody else, and not without limit what is
//  given to it

static void
s_test_slow_relay (void)
{
    zactor_t *host = zactor_new (zrelay_host, (void *) s_test_kinds);
    assert (host);
    zrelay_client_t *client = zrelay_client_new (host);
    zrelay_client_set_timeout (client, TEST_LONG);
    assert (zrelay_client_command (client, "START", "a", "slow", NULL) == 0);
    assert (zrelay_client_command (client, "START", "b", "queue", NULL) == 0);

    zrelay_client_set_timeout (client, 0);
    zrelay_client_set_relay (client, "a");
    assert (zrelay_client_command (client, "WAIT", NULL)
            == ZRELAY_STATUS_TIMEOUT);
    while (!s_test_is (&s_test_waits))
        zclock_sleep (1);
    for (int count = 1; count < TEST_MANY - 1; count++)
        zrelay_client_command (client, "PING", NULL);
    zrelay_client_set_timeout (client, TEST_LONG);
    char *state = NULL;
    zrelay_client_set_relay (client, "b");
    state = zrelay_client_ask (client, "STATE", NULL);
    assert (state && streq (state, "idle"));
    zstr_free (&state);
    zrelay_client_set_relay (client, NULL);
    zmsg_t *list = zrelay_client_query (client, "LIST", NULL);
    assert (list && zmsg_size (list) == 4);
    zmsg_destroy (&list);

    zrelay_client_set_relay (client, "a");
    zrelay_client_set_timeout (client, 0);
    zrelay_client_command (client, "PING", NULL);
    zrelay_client_set_timeout (client, TEST_LONG);
    assert (zrelay_client_command (client, "PING", NULL)
            == ZRELAY_STATUS_BAD_STATE);
    assert (streq (zrelay_client_error (client), "the relay a has not answered"
                   " 1000 commands yet; wait for its answers"));

    //  Nor does its end: it comes when the relay lets it
    zrelay_client_set_relay (client, NULL);
    zrelay_client_set_timeout (client, 0);
    zrelay_client_command (client, "STOP", "a", NULL);
    zrelay_client_set_timeout (client, TEST_LONG);
    assert (zrelay_client_command (client, "STOP", "b", NULL) == 0);
    assert (zrelay_client_command (client, "STOP", "a", NULL)
            == ZRELAY_STATUS_BAD_STATE);
    s_test_set (&s_test_may_go, true);
    list = zrelay_client_query (client, "LIST", NULL);
    while (list && zmsg_size (list) > 0) {
        zmsg_destroy (&list);
        zclock_sleep (1);
        list = zrelay_client_query (client, "LIST", NULL);
    }
    zmsg_destroy (&list);
    s_test_set (&s_test_may_go, false);
    zrelay_client_destroy (&client);
    zactor_destroy (&host);
}

//  A relay that has been told to drain ends when it has

static void
s_test_stop (void)
{
    zactor_t *host = zactor_new (zrelay_host, NULL);
    zrelay_client_t *client = zrelay_client_new (host);
    zrelay_client_set_timeout (client, TEST_LONG);
    assert (zrelay_client_command (client, "START", "a", "streamer", NULL)
            == 0);
    zrelay_client_set_relay (client, "a");
    assert (zrelay_client_command (client, "BIND", "FRONTEND",
                                   "inproc://stop-frontend", NULL) == 0);
    assert (zrelay_client_command (client, "BIND", "BACKEND",
                                   "inproc://stop-backend", NULL) == 0);
    zsock_t *source = zsock_new_push (">inproc://stop-frontend");
    zsock_t *sink = zsock_new_pull (">inproc://stop-backend");
    zsock_set_rcvtimeo (sink, TEST_LONG);
    zstr_send (source, "task");
    zrelay_client_set_relay (client, NULL);
    assert (zrelay_client_command (client, "STOP", "a", "10000", NULL) == 0);
    char *task = zstr_recv (sink);
    assert (task && streq (task, "task"));
    zstr_free (&task);
    zsock_destroy (&source);
    zsock_destroy (&sink);
    zrelay_client_destroy (&client);
    zactor_destroy (&host);
}

//  A control socket for this user, and what strangers must not do

static void
s_test_control (void)
{
    char folder [] = "/tmp/zrelay-host-XXXXXX";
    assert (mkdtemp (folder));
    char *endpoint = zsys_sprintf ("ipc://%s/control", folder);
    zactor_t *host = zactor_new (zrelay_host, (void *) s_test_kinds);
    zrelay_client_t *owner = zrelay_client_new (host);
    zrelay_client_set_timeout (owner, TEST_LONG);
    assert (zrelay_client_command (owner, "CONTROL", endpoint, NULL) == 0);
    struct stat status;
    assert (stat (endpoint + strlen ("ipc://"), &status) == 0);
    assert ((status.st_mode & 0777) == 0600);
    assert (zrelay_client_command (owner, "CONTROL", endpoint, NULL)
            == ZRELAY_STATUS_REFUSED);
    assert (zrelay_client_command (owner, "CONTROL", "tcp://127.0.0.1:*", NULL)
            == ZRELAY_STATUS_REFUSED);
    assert (strstr (zrelay_client_error (owner), "everybody"));
    assert (zrelay_client_command (owner, "CONTROL",
                                   "anybody tcp://127.0.0.1:*", NULL) == 0);
    zmsg_t *controls = zrelay_client_query (owner, "CONTROLS", NULL);
    assert (controls && zmsg_size (controls) == 2);
    char *first = zmsg_popstr (controls);
    char *second = zmsg_popstr (controls);
    assert (streq (first, endpoint));
    assert (!strchr (second, '*'));
    zmsg_destroy (&controls);

    //  Garbage first: too few frames, too many, too large. A peer whose frame
    //  is too large is cut off, and connects again.
    zsock_t *garbage = zsock_new_dealer (second);
    zstr_send (garbage, "");
    zstr_send (garbage, "LIST");
    zstr_sendx (garbage, "", "", NULL);
    for (int count = 0; count < 300; count++)
        zstr_sendm (garbage, "");
    zstr_send (garbage, "LIST");
    zframe_t *large = zframe_new (NULL, 10 * 1024 * 1024);
    memset (zframe_data (large), 0, zframe_size (large));
    zframe_send (&large, garbage, 0);

    zrelay_client_t *clients [2] = {
        zrelay_client_connect (first), zrelay_client_connect (second)
    };
    for (int index = 0; index < 2; index++) {
        zrelay_client_t *client = clients [index];
        const char *name = index? "b": "a";
        zrelay_client_set_timeout (client, TEST_LONG);
        assert (zrelay_client_command (client, "START", name, "slow", NULL)
                == 0);
        zmsg_t *list = zrelay_client_query (client, "LIST", NULL);
        assert (list && zmsg_size (list) == (size_t) (index + 1) * 2);
        zmsg_destroy (&list);
        assert (zrelay_client_command (client, "RELAY", name, "PAUSE", NULL)
                == 0);
        s_test_set (&s_test_may_go, true);
        int expected = index? ZRELAY_STATUS_UNKNOWN: ZRELAY_STATUS_DONE;
        assert (zrelay_client_command (client, "RELAY", name, "MINE", NULL)
                == expected);
        assert (zrelay_client_command (client, "GATE", "PING", NULL)
                == expected);
        assert (zrelay_client_command (client, "RELAY", name, "FILTER", "x",
                                       NULL) == ZRELAY_STATUS_UNKNOWN);
        zrelay_client_command (client, "$TERM", NULL);
        assert (zrelay_client_status (client) == ZRELAY_STATUS_UNKNOWN);
        s_test_set (&s_test_may_go, false);
        zrelay_client_destroy (&client);
    }
    zsock_destroy (&garbage);
    zstr_free (&first);
    zstr_free (&second);
    zrelay_client_destroy (&owner);
    zactor_destroy (&host);
    assert (!zsys_file_exists (endpoint + strlen ("ipc://")));
    assert (rmdir (folder) == 0);
    zstr_free (&endpoint);
}

//  A file, from which relays come, go, and stay

#define TEST_HEAD \
    "version = 1.0\n" \
    "apps\n" \
    "    test\n" \
    "        devices\n"
#define TEST_RELAY(name, kind) \
    "            " name "\n" \
    "                type = " kind "\n" \
    "                sockets\n" \
    "                    frontend\n" \
    "                        bind = inproc://load-" name "-f\n" \
    "                    backend\n" \
    "                        bind = inproc://load-" name "-b\n"

static size_t
s_test_relays (zrelay_client_t *client)
{
    zmsg_t *list = zrelay_client_query (client, "LIST", NULL);
    assert (list);
    size_t count = zmsg_size (list) / 2;
    zmsg_destroy (&list);
    return count;
}

static void
s_test_load (void)
{
    zactor_t *host = zactor_new (zrelay_host, NULL);
    zrelay_client_t *client = zrelay_client_new (host);
    zrelay_client_set_timeout (client, TEST_LONG);
    assert (s_test_refused (client, ZRELAY_STATUS_BAD_STATE, "LOAD",
        "no file was loaded yet; LOAD takes its name"));
    assert (s_test_refused (client, ZRELAY_STATUS_REFUSED, "LOAD /no/such/file",
        "cannot read /no/such/file: No such file or directory"));
    const char *text = TEST_HEAD TEST_RELAY ("a", "queue")
                                 TEST_RELAY ("b", "queue");
    int rc = zrelay_client_command (client, "LOAD", "x", text, NULL);
    assert (rc == ZRELAY_STATUS_DONE);
    assert (s_test_relays (client) == 2);
    zrelay_client_set_relay (client, "a");
    zrelay_client_command (client, "SET", "FORWARD", "burst", "7", NULL);
    zrelay_client_set_relay (client, NULL);

    //  Nothing is wrong with this; two things are with the next
    zmsg_t *findings = zrelay_client_query (client, "CHECK", "x", text, NULL);
    assert (findings && zmsg_size (findings) == 0);
    zmsg_destroy (&findings);
    text = TEST_HEAD TEST_RELAY ("a", "nonsense") "                colour\n";
    findings = zrelay_client_query (client, "CHECK", "x", text, NULL);
    assert (findings && zmsg_size (findings) == 8);
    zmsg_destroy (&findings);
    rc = zrelay_client_command (client, "LOAD", "x", text, NULL);
    assert (rc == ZRELAY_STATUS_REFUSED);
    assert (strstr (zrelay_client_error (client), "(and 1 more; CHECK lists"));
    assert (s_test_relays (client) == 2);

    //  A relay that is not touched is as it was
    text = TEST_HEAD TEST_RELAY ("a", "queue") TEST_RELAY ("b", "streamer")
                     TEST_RELAY ("c", "queue");
    rc = zrelay_client_command (client, "LOAD", "x", text, NULL);
    assert (rc == ZRELAY_STATUS_DONE);
    assert (s_test_relays (client) == 3);
    zrelay_client_set_relay (client, "a");
    char *burst = zrelay_client_ask (client, "GET", "FORWARD", "burst", NULL);
    assert (burst && streq (burst, "7"));
    zstr_free (&burst);

    //  Those that somebody has stopped are started again, though their sections
    //  are as they were, or have changed
    zrelay_client_set_relay (client, NULL);
    assert (zrelay_client_command (client, "STOP", "a", NULL) == 0);
    assert (zrelay_client_command (client, "STOP", "c", NULL) == 0);
    text = TEST_HEAD TEST_RELAY ("a", "queue") TEST_RELAY ("b", "streamer")
                     TEST_RELAY ("c", "queue")
                     "                set\n"
                     "                    forward\n"
                     "                        burst = 7\n";
    rc = zrelay_client_command (client, "LOAD", "x", text, NULL);
    assert (rc == ZRELAY_STATUS_DONE);
    assert (s_test_relays (client) == 3);

    //  Waiting for the end of a relay does not hold up other commands
    zstr_sendx (host, "", "1", "", "WAIT", "a", NULL);
    assert (zrelay_client_command (client, "WAIT", "nobody", NULL)
            == ZRELAY_STATUS_BAD_ARGUMENTS);
    zstr_sendx (host, "", "2", "", "STOP", "a", NULL);
    bool heard [2] = { false, false };
    for (int count = 0; count < 2; count++) {
        char *words [4];
        zstr_recvx (host, &words [0], &words [1], &words [2], &words [3], NULL);
        heard [atoi (words [1]) - 1] = streq (words [3], "0");
        for (int index = 0; index < 4; index++)
            zstr_free (&words [index]);
    }
    assert (heard [0] && heard [1]);

    //  An owner may also end the host for certain while it loads
    zrelay_client_set_relay (client, NULL);
    zrelay_client_set_timeout (client, 0);
    zrelay_client_command (client, "LOAD", "x", TEST_HEAD
                           TEST_RELAY ("d", "queue"), NULL);
    zrelay_client_destroy (&client);
    zactor_destroy (&host);
}

void
zrelay_host_test (bool verbose)
{
    printf (" * zrelay_host: ");
    if (verbose)
        printf ("\n");
    //  Before there are threads that read this
    s_test_kinds [1] = zrelay_queue_kind ();
    s_test_example ();
    s_test_refusals ();
    s_test_order ();
    s_test_ears ();
    s_test_stats ();
    s_test_slow_relay ();
    s_test_stop ();
    s_test_control ();
    s_test_load ();
    printf ("OK\n");
}
