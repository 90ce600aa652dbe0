/*  =========================================================================
    zrelay_titanic_test - tests of a Titanic, its journal and its ledger

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_journal.h"
#include "zrelay_ledger.h"

#include <zrelay.h>
#include <zrelay_titanic.h>

#include <poll.h>
#include <sys/resource.h>

//  Longest wait for anything, in msecs
#define TIMEOUT 5000

//  Room of a store that is soon full, and more than there is in it
#define ROOM (1024 * 1024)
#define LARGE (2 * ROOM)

//  Room of any other store, and address space that the test may take: valgrind
//  takes minutes for as much as a store has without that
#define ROOM_ENOUGH (64 * 1024 * 1024)
#define SPACE_ENOUGH (256 * 1024 * 1024)

//  A time at which all has expired
#define LATER INT64_MAX


//  --------------------------------------------------------------------------
//  Directories and messages

static char *
s_make_directory (void)
{
    const char *parent = getenv ("TMPDIR");
    char *directory = zsys_sprintf ("%s/zrelay-titanic-XXXXXX",
                                    parent? parent: "/tmp");
    assert (directory && mkdtemp (directory));
    return directory;
}

static void
s_remove_directory (char **directory_p)
{
    zdir_t *directory = zdir_new (*directory_p, NULL);
    assert (directory);
    zdir_remove (directory, true);
    zdir_destroy (&directory);
    zstr_free (directory_p);
}

static zrelay_message_t *
s_message (const char *one, const char *two)
{
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, one, strlen (one));
    if (two)
        zrelay_message_append (message, two, strlen (two));
    return message;
}

static zrelay_store_t *
s_open (const char *directory, size_t room)
{
    zrelay_store_t *store = zrelay_store_new ();
    zrelay_store_set_room (store, room);
    zrelay_status_t status = zrelay_store_open (store, directory);
    assert (status == ZRELAY_STATUS_DONE);
    return store;
}


//  --------------------------------------------------------------------------
//  The journal

//  What was reported: a letter for each change, small if it was not made
typedef struct {
    char results [16];
} diary_t;

static void
s_on_done (void *object, void *arg, bool made)
{
    diary_t *diary = (diary_t *) object;
    char letter = *(const char *) arg;
    size_t size = strlen (diary->results);
    diary->results [size] = made? letter: (char) tolower (letter);
    diary->results [size + 1] = 0;
}

static void
s_set (zrelay_journal_t *journal, const char *name, size_t size)
{
    zrelay_message_t *message = zrelay_message_new ();
    byte *data = (byte *) zmalloc (size);
    assert (data);
    zrelay_message_append (message, data, size);
    freen (data);
    zrelay_journal_set (journal, name, &message, (void *) name);
    assert (!message);
}

static bool
s_has (zrelay_store_t *store, const char *name)
{
    zrelay_message_t *message = zrelay_message_new ();
    bool found = zrelay_store_get (store, name, message, NULL);
    zrelay_message_destroy (&message);
    return found;
}

static void
s_test_synced (zrelay_store_t *store, zrelay_journal_t *journal,
               diary_t *diary)
{
    //  What is to be on the disk is reported when it is there
    *diary->results = 0;
    zrelay_store_set_sync (store, ZRELAY_STORE_SYNC_ALWAYS);
    s_set (journal, "E", 10);
    zrelay_journal_make (journal);
    assert (zrelay_journal_waiting (journal) == 0);
    assert (zrelay_journal_size (journal) == 1 && !*diary->results);
    struct pollfd item = { .fd = zrelay_store_handle (store),
                           .events = POLLIN };
    while (zrelay_journal_size (journal) > 0) {
        int rc = poll (&item, 1, TIMEOUT);
        assert (rc == 1);
        zrelay_journal_heard (journal);
    }
    assert (streq (diary->results, "E"));
    zrelay_store_set_sync (store, ZRELAY_STORE_SYNC_NEVER);
}

void
zrelay_journal_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_journal: ");

    //  @selftest
    char *directory = s_make_directory ();
    zrelay_store_t *store = s_open (directory, ROOM);
    zrelay_store_set_sync (store, ZRELAY_STORE_SYNC_NEVER);
    diary_t diary = { "" };
    zrelay_journal_t *journal = zrelay_journal_new (store, s_on_done, &diary);
    zrelay_journal_make (journal);
    s_set (journal, "A", 10);
    s_set (journal, "B", 10);
    zrelay_journal_unset (journal, "A", (void *) "C");
    assert (zrelay_journal_waiting (journal) == 3 && !*diary.results);
    assert (!s_has (store, "B"));
    uint64_t commits = zrelay_store_commits (store);
    zrelay_journal_make (journal);
    assert (streq (diary.results, "ABC"));
    assert (zrelay_store_commits (store) == commits + 1);
    assert (zrelay_journal_size (journal) == 0);
    assert (s_has (store, "B") && !s_has (store, "A"));

    //  One that has no room does not take others with it
    *diary.results = 0;
    s_set (journal, "A", 10);
    s_set (journal, "D", LARGE);
    zrelay_journal_unset (journal, "B", (void *) "B");
    zrelay_journal_make (journal);
    assert (streq (diary.results, "AdB"));
    assert (s_has (store, "A") && !s_has (store, "D") && !s_has (store, "B"));
    assert (!zrelay_journal_problem (journal));
    s_set (journal, "D", LARGE);
    zrelay_journal_make (journal);
    assert (strstr (zrelay_journal_problem (journal), "full"));
    assert (streq (diary.results, "AdBd"));

    s_test_synced (store, journal, &diary);

    //  What is left was not made
    s_set (journal, "F", 10);
    zrelay_journal_destroy (&journal);
    assert (streq (diary.results, "Ef"));
    assert (!s_has (store, "F"));
    zrelay_store_destroy (&store);
    s_remove_directory (&directory);
    //  @end
    printf ("OK\n");
}


//  --------------------------------------------------------------------------
//  The ledger

static zrelay_entry_t *
s_add (zrelay_ledger_t *ledger, zrelay_store_t *store, const char *service)
{
    zrelay_message_t *body = s_message ("one", "");
    zrelay_entry_t *entry = zrelay_ledger_add (ledger, service,
        strlen (service), zrelay_ledger_bytes (body));
    assert (entry && entry->state == ZRELAY_ENTRY_NEW);
    zrelay_message_t *message = zrelay_ledger_write (entry, false, body);
    zrelay_status_t status = zrelay_store_set (store, entry->uuid, message);
    assert (status == ZRELAY_STATUS_DONE);
    zrelay_message_destroy (&message);
    zrelay_message_destroy (&body);
    zrelay_ledger_set_state (ledger, entry, ZRELAY_ENTRY_READY, false);
    return entry;
}

static void
s_reply (zrelay_ledger_t *ledger, zrelay_store_t *store, zrelay_entry_t *entry)
{
    zrelay_message_t *body = s_message ("two", NULL);
    zrelay_message_t *message = zrelay_ledger_write (entry, true, body);
    zrelay_status_t status = zrelay_store_set (store, entry->uuid, message);
    assert (status == ZRELAY_STATUS_DONE);
    zrelay_ledger_set_answered (ledger, entry, &body);
    zrelay_ledger_set_replied (ledger, entry);
    zrelay_message_destroy (&message);
}

static zrelay_entry_t *
s_first (zrelay_line_t *line)
{
    return (zrelay_entry_t *) zlistx_first (line->ready);
}

static void
s_test_load (zrelay_store_t *store, const char *uuids [3])
{
    zrelay_ledger_numbers_t numbers = { .expiry = 1, .requests_most = 9,
                                        .bytes_most = 1000 };
    zrelay_ledger_t *ledger = zrelay_ledger_new (&numbers);
    assert (!zrelay_ledger_load (ledger, store));
    assert (numbers.requests == 2 && numbers.replies == 1);
    zrelay_line_t *line = zrelay_ledger_find_line (ledger, "tea", 3);
    assert (line && zlistx_size (line->ready) == 2);
    assert (streq (s_first (line)->uuid, uuids [0]));
    //  A number that was given is not given again
    zrelay_entry_t *entry = zrelay_ledger_add (ledger, "tea", 3, 10);
    assert (entry->number == 4);
    zrelay_ledger_destroy (&ledger);
    assert (numbers.requests == 0 && numbers.request_bytes == 0);
    assert (numbers.replies == 0 && numbers.reply_bytes == 0);

    //  A store that has something else
    zrelay_message_t *message = s_message ("x", NULL);
    zrelay_store_set (store, "other", message);
    zrelay_message_destroy (&message);
    ledger = zrelay_ledger_new (&numbers);
    assert (zrelay_ledger_load (ledger, store));
    zrelay_ledger_destroy (&ledger);
}

void
zrelay_ledger_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_ledger: ");

    //  @selftest
    char *directory = s_make_directory ();
    zrelay_store_t *store = s_open (directory, ROOM_ENOUGH);
    zrelay_ledger_numbers_t numbers = { .expiry = 1, .requests_most = 3,
                                        .bytes_most = 1000 };
    zrelay_ledger_t *ledger = zrelay_ledger_new (&numbers);
    assert (!zrelay_ledger_expired (ledger, LATER));
    zrelay_entry_t *one = s_add (ledger, store, "tea");
    zrelay_entry_t *two = s_add (ledger, store, "tea");
    assert (strneq (one->uuid, two->uuid));
    assert (numbers.requests == 2 && numbers.request_bytes == 2 * (2 * 64 + 3));
    assert (zrelay_ledger_has_room (ledger, 700));
    assert (!zrelay_ledger_has_room (ledger, 800));
    zrelay_entry_t *three = s_add (ledger, store, "milk");
    assert (!zrelay_ledger_has_room (ledger, 0));

    //  In order, each service by itself
    zrelay_line_t *line = zrelay_ledger_find_line (ledger, "tea", 3);
    assert (line && s_first (line) == one);
    zrelay_ledger_set_state (ledger, one, ZRELAY_ENTRY_ASKED, false);
    assert (s_first (line) == two);
    zrelay_ledger_set_state (ledger, one, ZRELAY_ENTRY_READY, true);
    assert (s_first (line) == one);
    zrelay_ledger_set_state (ledger, one, ZRELAY_ENTRY_RESTING, false);
    assert (zrelay_ledger_resting (ledger) == one && s_first (line) == two);
    zrelay_ledger_set_state (ledger, one, ZRELAY_ENTRY_READY, true);

    //  UUIDs may be written in small letters
    char small [ZRELAY_LEDGER_UUID + 1];
    for (int index = 0; index <= ZRELAY_LEDGER_UUID; index++)
        small [index] = (char) tolower (two->uuid [index]);
    assert (zrelay_ledger_find (ledger, small, ZRELAY_LEDGER_UUID) == two);
    assert (!zrelay_ledger_find (ledger, small, ZRELAY_LEDGER_UUID - 1));
    assert (!zrelay_ledger_find (ledger, "", 0));

    //  A reply takes the place of its request
    zrelay_message_t *body = zrelay_message_new ();
    bool found = zrelay_ledger_read (three, store, false, body);
    assert (found && zrelay_message_frames (body) == 2);
    assert (!zrelay_ledger_read (three, store, true, body));
    s_reply (ledger, store, three);
    zrelay_message_clear (body);
    found = zrelay_ledger_read (three, store, true, body);
    assert (found && zrelay_message_streq (body, 0, "two"));
    zrelay_message_destroy (&body);
    assert (numbers.requests == 2 && numbers.replies == 1);
    assert (numbers.reply_bytes == 64 + 3);
    assert (!zrelay_ledger_find_line (ledger, "milk", 4));

    //  Where one cannot be stored, or there is no room, all stops
    assert (!zrelay_ledger_is_stopped (ledger));
    zrelay_ledger_set_state (ledger, two, ZRELAY_ENTRY_UNKEPT, false);
    assert (zrelay_ledger_unkept (ledger) == two);
    zrelay_ledger_set_state (ledger, two, ZRELAY_ENTRY_ANSWERED, false);
    assert (!zrelay_ledger_unkept (ledger));
    assert (zrelay_ledger_is_stopped (ledger));
    numbers.bytes_most = 10;
    zrelay_entry_t *four = s_add (ledger, store, "milk");
    zrelay_store_unset (store, four->uuid);
    zrelay_ledger_remove (ledger, &two);
    assert (zrelay_ledger_is_stopped (ledger));
    numbers.bytes_most = 1000;
    assert (!zrelay_ledger_is_stopped (ledger));

    //  The oldest expires first, unless it is being deleted
    assert (zrelay_ledger_expired (ledger, LATER) == one);
    assert (!zrelay_ledger_expired (ledger, one->time));
    zrelay_ledger_set_leaving (ledger, one, true);
    assert (!s_first (line));
    assert (zrelay_ledger_expired (ledger, LATER) != one);
    zrelay_ledger_set_leaving (ledger, one, false);
    assert (zrelay_ledger_expired (ledger, LATER) == one);
    assert (s_first (line) == one);
    numbers.expiry = 0;
    assert (!zrelay_ledger_expired (ledger, LATER));

    //  All of it is found again
    const char *uuids [3] = { one->uuid, NULL, three->uuid };
    s_test_load (store, uuids);
    zrelay_ledger_destroy (&ledger);
    zrelay_store_destroy (&store);
    s_remove_directory (&directory);
    //  @end
    printf ("OK\n");
}


//  --------------------------------------------------------------------------
//  The relay

static zactor_t *
s_start (const char *directory, int *status_p)
{
    zactor_t *relay = zrelay_engine_spawn (zrelay_titanic_kind (), NULL);
    assert (relay);
    zstr_sendx (relay, "SET", "RELAY", "heartbeat", "0", NULL);
    int rc = zsock_wait (relay);
    assert (rc == 0);
    zstr_sendx (relay, "TITANIC", directory, NULL);
    *status_p = zsock_wait (relay);
    return relay;
}

static zsock_t *
s_connect (zactor_t *relay, int type)
{
    zstr_sendx (relay, "BIND", "FRONTEND", "tcp://127.0.0.1:*", NULL);
    int rc = zsock_wait (relay);
    assert (rc == 0);
    zstr_sendx (relay, "ENDPOINT", "FRONTEND", NULL);
    zmsg_t *endpoints = zmsg_recv (relay);
    assert (endpoints);
    char *endpoint = zframe_strdup (zmsg_last (endpoints));
    zsock_t *sock = zsock_new (type);
    assert (sock);
    rc = zsock_connect (sock, "%s", endpoint);
    assert (rc == 0);
    zsock_set_rcvtimeo (sock, TIMEOUT);
    zstr_free (&endpoint);
    zmsg_destroy (&endpoints);
    return sock;
}

//  The body of the reply to a request with this body

static zmsg_t *
s_query (zsock_t *client, const char *service, const char *one,
         const char *two)
{
    zstr_sendx (client, "MDPC01", service, one, two, NULL);
    zmsg_t *reply = zmsg_recv (client);
    assert (reply && zmsg_size (reply) > 2);
    for (int head = 0; head < 2; head++) {
        zframe_t *frame = zmsg_pop (reply);
        zframe_destroy (&frame);
    }
    return reply;
}

static bool
s_answers (zsock_t *client, const char *service, const char *one,
           const char *two, const char *status)
{
    zmsg_t *reply = s_query (client, service, one, two);
    bool right = zframe_streq (zmsg_first (reply), status);
    zmsg_destroy (&reply);
    return right;
}

//  Leave a request, and return its UUID

static char *
s_leave (zsock_t *client, const char *service, const char *body)
{
    zmsg_t *reply = s_query (client, "titanic.request", service, body);
    assert (zframe_streq (zmsg_first (reply), "200"));
    assert (zmsg_size (reply) == 2);
    char *uuid = zframe_strdup (zmsg_last (reply));
    assert (strlen (uuid) == ZRELAY_LEDGER_UUID);
    zmsg_destroy (&reply);
    return uuid;
}

static bool
s_reaches (zactor_t *relay, const char *counter, uint64_t value)
{
    int64_t deadline = zclock_mono () + TIMEOUT;
    uint64_t found;
    do {
        zrelay_stats_t *stats = zrelay_stats_query (relay);
        assert (stats);
        found = zrelay_stats_value (stats, counter);
        zrelay_stats_destroy (&stats);
    }
    while (found != value && zclock_mono () < deadline);
    return found == value;
}

//  A worker takes a request and sends the same back

static void
s_echo (zsock_t *worker)
{
    zmsg_t *request = zmsg_recv (worker);
    assert (request && zmsg_size (request) > 4);
    zframe_t *command = zmsg_first (request);
    command = zmsg_next (request);
    assert (zframe_streq (command, "\x02"));
    zframe_reset (command, "\x04", 1);
    zmsg_send (&request, worker);
}

//  What the process has, and so much more

static rlim_t
s_space (void)
{
    unsigned long pages = 0;
    FILE *file = fopen ("/proc/self/statm", "r");
    if (!file || fscanf (file, "%lu", &pages) != 1)
        pages = 0;
    if (file)
        fclose (file);
    return pages == 0? RLIM_INFINITY:
           (rlim_t) pages * (rlim_t) sysconf (_SC_PAGESIZE) + SPACE_ENOUGH;
}

//  Sanitizers need far more, and are as fast with it. Returns what it was.

static rlim_t
s_limit_space (rlim_t space)
{
    struct rlimit limit;
    int rc = getrlimit (RLIMIT_AS, &limit);
    assert (rc == 0);
    rlim_t before = limit.rlim_cur;
#if !defined (__SANITIZE_ADDRESS__) && !defined (__SANITIZE_THREAD__)
    limit.rlim_cur = space < limit.rlim_max? space: limit.rlim_max;
    setrlimit (RLIMIT_AS, &limit);
#else
    (void) space;
#endif
    return before;
}

void
zrelay_titanic_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_titanic: ");

    //  @selftest
    rlim_t space = s_limit_space (s_space ());
    char *directory = s_make_directory ();
    int status;
    zactor_t *broker = s_start (directory, &status);
    assert (status == ZRELAY_STATUS_DONE);
    zsock_t *client = s_connect (broker, ZMQ_REQ);
    assert (s_answers (client, "mmi.service", "titanic.close", NULL, "200"));
    char *tea = s_leave (client, "tea", "green");
    char *milk = s_leave (client, "milk", "cold");
    assert (s_answers (client, "titanic.reply", tea, NULL, "300"));

    //  No other relay can have that directory, and no second one this relay
    zactor_t *other = s_start (directory, &status);
    assert (status == ZRELAY_STATUS_REFUSED);
    zactor_destroy (&other);
    zstr_sendx (broker, "TITANIC", "/tmp", NULL);
    assert (zsock_wait (broker) == ZRELAY_STATUS_BAD_STATE);

    //  What cannot be a request, and nobody's UUID
    assert (s_answers (client, "titanic.request", "tea", NULL, "400"));
    assert (s_answers (client, "titanic.request", "", "x", "400"));
    assert (s_answers (client, "titanic.request", "mmi.x", "x", "400"));
    assert (s_answers (client, "titanic.reply", "tea", NULL, "400"));
    assert (s_answers (client, "titanic.reply", tea, tea, "400"));
    assert (s_answers (client, "titanic.close", "tea", NULL, "200"));

    //  Another broker, and a worker, find it there
    zsock_destroy (&client);
    zactor_destroy (&broker);
    broker = s_start (directory, &status);
    assert (status == ZRELAY_STATUS_DONE);
    client = s_connect (broker, ZMQ_REQ);
    zsock_t *worker = s_connect (broker, ZMQ_DEALER);
    zstr_sendx (worker, "MDPW02", "\x01", "tea", NULL);
    s_echo (worker);
    assert (s_reaches (broker, "titanic.replies", 1));
    assert (s_reaches (broker, "titanic.requests", 1));
    for (int turn = 0; turn < 2; turn++) {
        zmsg_t *reply = s_query (client, "titanic.reply", tea, NULL);
        assert (zmsg_size (reply) == 2);
        assert (zframe_streq (zmsg_first (reply), "200"));
        assert (zframe_streq (zmsg_last (reply), "green"));
        zmsg_destroy (&reply);
    }
    assert (s_answers (client, "titanic.close", tea, NULL, "200"));
    assert (s_answers (client, "titanic.close", milk, NULL, "200"));
    assert (s_answers (client, "titanic.close", milk, NULL, "200"));
    assert (s_answers (client, "titanic.reply", tea, NULL, "400"));
    assert (s_reaches (broker, "titanic.closed", 2));
    assert (s_reaches (broker, "titanic.requests", 0));

    //  Not more than there is room for
    zstr_sendx (broker, "SET", "RELAY", "titanic_requests", "1", NULL);
    assert (zsock_wait (broker) == ZRELAY_STATUS_DONE);
    zstr_free (&milk);
    milk = s_leave (client, "milk", "cold");
    assert (s_answers (client, "titanic.request", "milk", "x", "500"));
    assert (s_reaches (broker, "titanic.refused", 1));
    zstr_sendx (broker, "SET", "RELAY", "titanic_expiry", "1", NULL);
    assert (zsock_wait (broker) == ZRELAY_STATUS_DONE);
    assert (s_reaches (broker, "titanic.expired", 1));
    assert (s_answers (client, "titanic.reply", milk, NULL, "400"));

    zstr_free (&tea);
    zstr_free (&milk);
    zsock_destroy (&worker);
    zsock_destroy (&client);
    zactor_destroy (&broker);
    s_remove_directory (&directory);
    s_limit_space (space);
    //  @end
    printf ("OK\n");
}
