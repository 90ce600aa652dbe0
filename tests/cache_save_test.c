/*  =========================================================================
    cache_save_test - a cache survives its end: SAVE and LOAD

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  CACHE_KILLS tells how often a relay is killed while it saves.

#include "kind_testing.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define DEADLINE 600
#define KILLS 200
#define DELAY_MOST 40000            //  Usecs until one is killed
#define TOPICS 2000
#define TOPICS_MANY 50000
#define BODY 100

//  How many topics there are
static int s_topics = TOPICS;

//  A folder of our own, and the file in it
static char s_folder [] = "/tmp/zrelay-save-XXXXXX";
static char s_path [60];
static char s_part [70];

static zactor_t *
s_cache (zsock_t **publisher_p)
{
    zactor_t *relay = kind_spawn (zrelay_cache_kind (), "cache");
    faults_command (relay, "SET", "FRONTEND", "rcvhwm", "0", NULL);
    char *back = faults_bind (relay, "BACKEND");
    zstr_free (&back);
    char *front = faults_bind (relay, "FRONTEND");
    *publisher_p = zsock_new (ZMQ_XPUB);
    zsock_set_sndhwm (*publisher_p, 0);
    zsock_set_rcvtimeo (*publisher_p, FAULTS_PATIENCE);
    zsock_connect (*publisher_p, "%s", front);
    zstr_free (&front);
    char *all = zstr_recv (*publisher_p);
    zstr_free (&all);
    return relay;
}

//  Give all topics a value of the same generation. The next one comes to them
//  in another order than they are saved in.

static void
s_publish (zsock_t *publisher, uint32_t generation)
{
    byte body [BODY] = "";
    memcpy (body, &generation, sizeof (generation));
    void *handle = zsock_resolve (publisher);
    for (int index = 0; index < s_topics; index++) {
        int topic = generation % 2? index: s_topics - 1 - index;
        char name [20];
        snprintf (name, sizeof (name), "topic %d", topic);
        zmq_send (handle, name, strlen (name), ZMQ_SNDMORE);
        zmq_send (handle, body, sizeof (body), 0);
    }
}

//  The generation that all values in a cache have; 0 if there is none, -1 if
//  they are not of one generation, or are not all there

static int64_t
s_generation (zactor_t *relay)
{
    static int count;
    char endpoint [40];
    snprintf (endpoint, sizeof (endpoint), "inproc://save-%d", count++);
    if (faults_command (relay, "LOOKUP", endpoint, NULL))
        return -1;
    zsock_t *dealer = faults_connect (ZMQ_DEALER, endpoint);
    zstr_sendx (dealer, "ICANHAZ?", "", NULL);
    int64_t generation = 0;
    size_t values = 0;
    zmsg_t *msg;
    while ((msg = zmsg_recv (dealer)) && zmsg_size (msg) == 2) {
        uint32_t value;
        memcpy (&value, zframe_data (zmsg_last (msg)), sizeof (value));
        if (values++ == 0)
            generation = value;
        if (generation != value)
            generation = -1;
        zmsg_destroy (&msg);
    }
    zmsg_destroy (&msg);
    zsock_destroy (&dealer);
    return values == 0 || values == (size_t) s_topics? generation: -1;
}

static int64_t
s_loaded_generation (int *status_p)
{
    zsock_t *publisher;
    zactor_t *relay = s_cache (&publisher);
    zstr_sendx (relay, "LOAD", s_path, NULL);
    *status_p = zsock_wait (relay);
    int64_t generation = s_generation (relay);
    zsock_destroy (&publisher);
    zactor_destroy (&relay);
    return generation;
}


//  --------------------------------------------------------------------------
//  A relay that saves all the time, and is updated while it does. What is saved
//  is of one generation: that before the SAVE.

static int
s_saver (int argc, char **argv)
{
    assert (argc == 2);
    zsock_t *publisher;
    zactor_t *relay = s_cache (&publisher);
    uint64_t sent = 0;
    s_publish (publisher, 1);
    sent += TOPICS;
    for (uint32_t generation = 2; ; generation++) {
        if (!faults_counted (relay, "frontend.in.messages", sent))
            return 1;
        kind_send (relay, "SAVE", argv [0], NULL);
        //  The answer to this one is the first, and says that SAVE has begun
        kind_send (relay, "PING", NULL);
        zmsg_t *pong = zmsg_recv (relay);
        zmsg_destroy (&pong);
        s_publish (publisher, generation);
        sent += TOPICS;
        if (zsock_wait (relay) != 0)
            return 1;
        if (generation == 2) {
            FILE *ready = fopen (argv [1], "w");
            fclose (ready);
        }
    }
}

static bool
s_exists (void *path)
{
    return access ((char *) path, F_OK) == 0;
}

static const faults_role_t s_roles [] = {
    { "saver", s_saver },
    { NULL, NULL }
};

static void
s_test_kills (void)
{
    long kills = faults_parameter ("CACHE_KILLS", KILLS);
    char ready [70];
    snprintf (ready, sizeof (ready), "%s/ready", s_folder);
    long whole = 0, parts = 0;
    int64_t latest = 0;
    srand (1);
    for (long kill = 0; kill < kills; kill++) {
        unlink (ready);
        pid_t saver = faults_spawn ("saver", s_path, ready, NULL);
        bool begun = faults_wait (s_exists, ready, FAULTS_PATIENCE);
        usleep ((useconds_t) (rand () % DELAY_MOST));
        faults_kill (saver);
        parts += s_exists (s_part);
        int status;
        int64_t generation = s_loaded_generation (&status);
        whole += begun && status == 0 && generation > 0;
        latest = generation > latest? generation: latest;
        if (status || generation <= 0)
            printf ("#   status %d, generation %d\n", status,
                    (int) generation);
    }
    TAP (whole == kills, "of %ld killed while they save, each leaves a whole "
         "state of one moment", kills);
    TAP (parts > 0, "some of them were killed in the middle");
    printf ("#   %ld in the middle, up to generation %d\n", parts,
            (int) latest);
    unlink (ready);
    unlink (s_part);
}


//  --------------------------------------------------------------------------
//  What is saved is loaded

static void
s_test_round (void)
{
    zsock_t *publisher;
    zactor_t *relay = s_cache (&publisher);
    TAP (faults_command (relay, "SAVE", s_path, NULL) == 0,
         "an empty cache is saved");
    int status;
    TAP (s_loaded_generation (&status) == 0 && status == 0, "and loaded");
    s_publish (publisher, 7);
    faults_counted (relay, "frontend.in.messages", TOPICS);
    TAP (faults_command (relay, "SAVE", s_path, NULL) == 0, "a full one, too");
    TAP (s_loaded_generation (&status) == 7 && status == 0, "and loaded");
    struct stat file;
    TAP (stat (s_path, &file) == 0 && (file.st_mode & 0777) == 0600,
         "nobody else can read the file");
    TAP (!s_exists (s_part), "and nothing else is left");
    zsock_destroy (&publisher);
    zactor_destroy (&relay);

    //  Values that are there stay, bounds hold, and subscribers get what comes
    relay = s_cache (&publisher);
    zsock_t *sub = kind_connect (relay, "BACKEND", ZMQ_SUB);
    zsock_set_subscribe (sub, "topic 1999");
    faults_counted (relay, "subscriptions", 1);
    faults_command (relay, "SET", "RELAY", "topics", "10", NULL);
    zstr_sendx (publisher, "topic 1998", "here", NULL);
    faults_counted (relay, "topics", 1);
    TAP (faults_command (relay, "LOAD", s_path, NULL) == 0
      && kind_counts (relay, "topics", 10), "bounds hold for what is loaded");
    zmsg_t *msg = zmsg_recv (sub);
    TAP (msg && zframe_streq (zmsg_first (msg), "topic 1999"),
         "the most recent one is there, and its subscriber gets it");
    zmsg_destroy (&msg);
    zsock_set_subscribe (sub, "topic 1998");
    TAP (kind_receives (sub, "topic 1998", "here"),
         "a topic that was there stays as it is");
    char *sizes = kind_query (relay, "TOPICS", "topic 1");
    TAP (sizes && atol (sizes) >= 0, "ages go on");
    zstr_free (&sizes);
    TAP (faults_command (relay, "LOAD", s_path, NULL) == 0
      && kind_counts (relay, "topics", 10), "LOAD again changes nothing");

    //  One at a time
    kind_send (relay, "SAVE", s_path, NULL);
    kind_send (relay, "LOAD", s_path, NULL);
    int first = zsock_wait (relay);
    int second = zsock_wait (relay);
    TAP (first == 0 && (second == 3 || second == 0),
         "SAVE and LOAD do not come in each other's way");
    kind_send (relay, "SAVE", s_path, NULL);
    zsock_destroy (&sub);
    zsock_destroy (&publisher);
    TAP (faults_prompt (faults_end_relay (&relay)),
         "a relay ends at once while it saves");
}


//  What is saved is the state when SAVE was given, whatever comes while many
//  topics are written

static void
s_test_moment (void)
{
    zsock_t *publisher;
    zactor_t *relay = s_cache (&publisher);
    s_topics = TOPICS_MANY;
    s_publish (publisher, 1);
    TAP (faults_counted (relay, "frontend.in.messages", TOPICS_MANY),
         "%d topics", TOPICS_MANY);
    //  The next values wait at the relay until just before it saves
    faults_command (relay, "PAUSE", NULL);
    s_publish (publisher, 2);
    kind_send (relay, "SAVE", s_path, NULL);
    kind_send (relay, "RESUME", NULL);
    kind_send (relay, "PING", NULL);
    TAP (faults_prompt (faults_answer (relay)), "a relay that saves is prompt");
    zmsg_t *pong = zmsg_recv (relay);
    TAP (pong && zmsg_signal (pong) == -1, "which answers a query first");
    zmsg_destroy (&pong);
    TAP (zsock_wait (relay) == 0 && zsock_wait (relay) == 0,
         "all of it is saved");
    TAP (faults_counted (relay, "frontend.in.messages", 2 * TOPICS_MANY)
      && s_generation (relay) == 2, "while all of it is updated");
    int status;
    TAP (s_loaded_generation (&status) == 1 && status == 0,
         "what is saved is the state of one moment");
    s_topics = TOPICS;
    zsock_destroy (&publisher);
    zactor_destroy (&relay);
}


//  --------------------------------------------------------------------------
//  What cannot be

static bool
s_refused (zactor_t *relay, const char *command, const char *path,
           const char *words)
{
    zstr_sendx (relay, command, path, NULL);
    int status = zsock_wait (relay);
    if (status != 4)
        printf ("#   the status was %d\n", status);
    return status == 4 && kind_explains (relay, words);
}

static void
s_write (const char *data, size_t size)
{
    FILE *file = fopen (s_path, "w");
    assert (file);
    fwrite (data, 1, size, file);
    fclose (file);
}

static void
s_test_refusals (void)
{
    zsock_t *publisher;
    zactor_t *relay = s_cache (&publisher);
    s_publish (publisher, 3);
    faults_counted (relay, "frontend.in.messages", TOPICS);
    TAP (s_refused (relay, "SAVE", "/nowhere/at/all", "No such file"),
         "SAVE where there is no folder is refused");
    TAP (s_refused (relay, "SAVE", s_folder, "not a file"),
         "and where there is a folder");
    TAP (s_refused (relay, "SAVE", "/dev/full", "not a file"),
         "and where there is a device");
    TAP (s_refused (relay, "SAVE", "", "No such file"),
         "and where there is no name");
    TAP (s_refused (relay, "LOAD", "/nowhere/at/all", "No such file")
      && s_refused (relay, "LOAD", s_folder, "not a file")
      && s_refused (relay, "LOAD", "/dev/zero", "not a file"),
         "LOAD of what is no file is refused");

    //  A disk that is full, or here a file that may not grow
    faults_command (relay, "SAVE", s_path, NULL);
    struct rlimit before, limit = { 100000, RLIM_INFINITY };
    getrlimit (RLIMIT_FSIZE, &before);
    limit.rlim_max = before.rlim_max;
    signal (SIGXFSZ, SIG_IGN);
    setrlimit (RLIMIT_FSIZE, &limit);
    bool refused = s_refused (relay, "SAVE", s_path, "too large");
    setrlimit (RLIMIT_FSIZE, &before);
    TAP (refused && !s_exists (s_part), "SAVE to a full disk is refused");
    int status;
    TAP (s_loaded_generation (&status) == 3 && status == 0,
         "and leaves the file that was there");
    TAP (faults_command (relay, "SAVE", s_path, NULL) == 0,
         "the next one is whole again");
    TAP (s_loaded_generation (&status) == 3 && status == 0, "and has all");
    if (geteuid () != 0) {
        chmod (s_folder, 0500);
        TAP (s_refused (relay, "SAVE", s_path, "Permission"),
             "SAVE where nothing may be written is refused");
        chmod (s_folder, 0700);
        chmod (s_path, 0);
        TAP (s_refused (relay, "LOAD", s_path, "Permission"),
             "LOAD of what may not be read is refused");
        chmod (s_path, 0600);
    }
    else
        TAP_SKIP ("files without permission", "root may do everything");

    zchunk_t *chunk = zchunk_slurp (s_path, 0);
    char *data = (char *) zchunk_data (chunk);
    size_t size = zchunk_size (chunk);
    zsock_t *other;
    zactor_t *empty = s_cache (&other);
    s_write (data, size - 1);
    TAP (s_refused (empty, "LOAD", s_path, "truncated or damaged")
      || s_refused (empty, "LOAD", s_path, "damaged"), "one that is truncated");
    s_write (data, size / 2);
    TAP (s_refused (empty, "LOAD", s_path, "truncated"), "by half");
    s_write (data, 10);
    TAP (s_refused (empty, "LOAD", s_path, "truncated"), "by most");
    s_write ("", 0);
    TAP (s_refused (empty, "LOAD", s_path, "not a saved cache"), "by all");
    data [size / 2] ^= 1;
    s_write (data, size);
    TAP (s_refused (empty, "LOAD", s_path, "damaged"), "one that is damaged");
    data [size / 2] ^= 1;
    data [11] = 2;
    s_write (data, size);
    TAP (s_refused (empty, "LOAD", s_path, "later version"),
         "one of a later version");
    data [0] = 'X';
    s_write (data, size);
    TAP (s_refused (empty, "LOAD", s_path, "not a saved cache"),
         "one that is something else");
    TAP (kind_counts (empty, "topics", 0), "and the cache is still empty");
    zchunk_destroy (&chunk);
    zsock_destroy (&other);
    zactor_destroy (&empty);
    zsock_destroy (&publisher);
    zactor_destroy (&relay);
}

int
main (int argc, char **argv)
{
    faults_begin (argc, argv, s_roles);
    TAP_DEADLINE (DEADLINE);
    if (!mkdtemp (s_folder))
        return 1;
    snprintf (s_path, sizeof (s_path), "%s/cache", s_folder);
    snprintf (s_part, sizeof (s_part), "%s.part", s_path);
    s_test_round ();
    s_test_moment ();
    s_test_refusals ();
    s_test_kills ();
    unlink (s_path);
    TAP (rmdir (s_folder) == 0, "no other file is left");
    return faults_end ();
}
