/*  =========================================================================
    zrelay_store_main - zrelay spool: shows what is in a store, and removes it

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_ledger.h"
#include "zrelay_store_internal.h"

#include <getopt.h>
#include <inttypes.h>

//  Exit status, as the program zrelay has it
#define EXIT_ASKED 0
#define EXIT_FAILED 1
#define EXIT_MISUSE 2

//  Messages that are removed by one commit
#define BATCH 1000

typedef struct {
    const char *program;        //  Its name, for sentences
    const char *directory;      //  Where the store is
    const char *name;           //  The only queue to look at, or NULL
    bool dump;                  //  Print messages
    bool remove;                //  And remove them
    uint64_t most;              //  So many of each queue at most
    zrelay_store_t *store;
} look_t;


//  --------------------------------------------------------------------------
//  Printing

static void
s_print_frame (const byte *data, size_t size)
{
    bool text = true;
    for (size_t index = 0; text && index < size; index++)
        text = data [index] >= 32 && data [index] < 127;
    printf ("  [%zu] ", size);
    for (size_t index = 0; index < size; index++)
        printf (text? "%c": "%02X", data [index]);
    printf ("\n");
}

static void
s_print_message (uint64_t number, int64_t time, zrelay_message_t *message)
{
    char when [32] = "";
    time_t seconds = (time_t) (time / 1000);
    struct tm parts;
    if (gmtime_r (&seconds, &parts))
        strftime (when, sizeof (when), "%Y-%m-%dT%H:%M:%SZ", &parts);
    printf ("%" PRIu64 " %s\n", number, when);
    for (size_t frame = 0; frame < zrelay_message_frames (message); frame++)
        s_print_frame (zrelay_message_data (message, frame),
                       zrelay_message_size (message, frame));
}


//  --------------------------------------------------------------------------
//  One queue

static int
s_fail (look_t *self)
{
    fflush (stdout);
    fprintf (stderr, "%s: spool: %s\n", self->program,
             zrelay_store_error (self->store));
    return EXIT_FAILED;
}

//  What was printed is to be there before what was printed is gone

static bool
s_commit (look_t *self)
{
    return fflush (stdout) == 0
        && zrelay_store_commit (self->store) == ZRELAY_STATUS_DONE;
}

static bool
s_go_through (look_t *self, zrelay_spool_t *spool, uint64_t count)
{
    zrelay_message_t *message = zrelay_message_new ();
    bool sound = true;
    for (uint64_t number = 1; sound && number <= count; number++) {
        int64_t time;
        zrelay_message_clear (message);
        sound = zrelay_spool_next (spool, message, NULL, &time);
        if (sound && self->dump)
            s_print_message (number, time, message);
        if (sound && self->remove)
            zrelay_spool_remove (spool, 1);
        if (sound && self->remove && number % BATCH == 0)
            sound = s_commit (self);
    }
    zrelay_message_destroy (&message);
    return sound && (!self->remove || s_commit (self));
}

static int
s_look_at_spool (look_t *self, const char *name)
{
    zrelay_spool_t *spool = zrelay_spool_new (self->store, name);
    if (!spool)
        return s_fail (self);
    uint64_t messages = zrelay_spool_messages (spool);
    uint64_t count = messages < self->most? messages: self->most;
    int64_t time = zrelay_spool_time (spool);
    printf ("%s: %" PRIu64 " messages, %" PRIu64 " bytes", name, messages,
            zrelay_spool_bytes (spool));
    if (time > 0)
        printf (", the oldest %.1f s old", (zclock_time () - time) / 1000.0);
    printf ("\n");
    bool sound = true;
    if (self->dump || self->remove)
        sound = s_go_through (self, spool, count);
    if (sound && self->remove)
        printf ("%s: %" PRIu64 " messages removed\n", name, count);
    zrelay_spool_destroy (&spool);
    return sound? EXIT_ASKED: s_fail (self);
}


//  --------------------------------------------------------------------------
//  The store

static int
s_look_at_all (look_t *self)
{
    int status = EXIT_ASKED;
    bool found = false;
    char *name = NULL;
    const char *next = zrelay_store_next_spool (self->store, "");
    while (next && status == EXIT_ASKED) {
        zstr_free (&name);
        name = strdup (next);
        assert (name);
        if (!self->name || streq (self->name, name)) {
            found = true;
            status = s_look_at_spool (self, name);
        }
        next = zrelay_store_next_spool (self->store, name);
    }
    zstr_free (&name);
    if (status == EXIT_ASKED && !found && self->name) {
        fprintf (stderr, "%s: spool: there is no queue '%s' in '%s'\n",
                 self->program, self->name, self->directory);
        return EXIT_FAILED;
    }
    return status;
}

//  What a Titanic has there, if one has

static void
s_look_at_requests (look_t *self)
{
    zrelay_ledger_numbers_t numbers = { .requests = 0 };
    zrelay_ledger_t *ledger = zrelay_ledger_new (&numbers);
    if (!zrelay_ledger_load (ledger, self->store)
    &&  numbers.requests + numbers.replies > 0)
        printf ("titanic: %" PRIu64 " requests without a reply, %" PRIu64
                " replies\n", numbers.requests, numbers.replies);
    zrelay_ledger_destroy (&ledger);
}

//  A relay that runs has the messages, and may be sending them

static int
s_look (look_t *self)
{
    self->store = zrelay_store_new ();
    int status = EXIT_ASKED;
    if (zrelay_store_look (self->store, self->directory))
        status = s_fail (self);
    else
    if (self->remove && zrelay_store_looks_on (self->store)) {
        fprintf (stderr, "%s: spool: process %ld uses '%s'; end it before you"
                 " remove messages\n", self->program,
                 zrelay_store_user (self->store), self->directory);
        status = EXIT_FAILED;
    }
    else {
        status = s_look_at_all (self);
        if (!self->name)
            s_look_at_requests (self);
    }
    zrelay_store_destroy (&self->store);
    if (fflush (stdout) != 0 && status == EXIT_ASKED)
        status = EXIT_FAILED;
    return status;
}


//  --------------------------------------------------------------------------
//  The command line

static int
s_help (const char *program)
{
    printf (
        "Usage: %s spool DIR [options]\n"
        "Shows how many messages are in a spool, their bytes, and the age of "
        "the oldest,\nalso while a relay uses it; and how many requests a "
        "majordomo keeps there.\n\n"
        "  -d, --dump         print the messages\n"
        "  -r, --remove       remove them; no relay may use the spool\n"
        "  -q, --queue NAME   only this queue, such as forward\n"
        "  -n, --count N      only the first N messages of each queue\n"
        "  -h, --help         print this help\n", program);
    return fflush (stdout) == 0? EXIT_ASKED: EXIT_FAILED;
}

static int
s_misuse (const char *program, const char *words)
{
    fprintf (stderr, "%s: spool %s\n", program, words);
    return EXIT_MISUSE;
}

static bool
s_read_count (const char *value, uint64_t *count_p)
{
    char *end;
    errno = 0;
    *count_p = strtoull (value, &end, 10);
    return *value >= '0' && *value <= '9' && !*end && errno == 0;
}

int
zrelay_store_main (const char *program, int argc, char *argv [])
{
    static const struct option longs [] = {
        { "dump", no_argument, NULL, 'd' },
        { "remove", no_argument, NULL, 'r' },
        { "queue", required_argument, NULL, 'q' },
        { "count", required_argument, NULL, 'n' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };
    look_t self = { .program = program, .most = UINT64_MAX };
    optind = 1;
    opterr = 0;
    int letter;
    while ((letter = getopt_long (argc, argv, "drq:n:h", longs, NULL)) != -1)
        switch (letter) {
            case 'd':
                self.dump = true;
                break;
            case 'r':
                self.remove = true;
                break;
            case 'q':
                self.name = optarg;
                break;
            case 'n':
                if (!s_read_count (optarg, &self.most))
                    return s_misuse (program, "--count takes a number");
                break;
            case 'h':
                return s_help (program);
            default:
                return s_misuse (program, "has the options --dump, --remove,"
                                          " --queue NAME and --count N");
        }
    if (optind != argc - 1)
        return s_misuse (program, "takes the directory of one spool");
    self.directory = argv [optind];
    return s_look (&self);
}
