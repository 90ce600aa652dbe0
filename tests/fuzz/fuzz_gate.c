/*  =========================================================================
    fuzz_gate - what the gate reads: requests, files and networks

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  Each line of an input is one of these, its words separated by spaces:
//
//      ALLOW 10.0.0.0/8        a command, for the domain "in", or another one
//      ?1.0 7 in 127.0.0.1 - NULL      a request: the frames of it, "-" for an
//                                      empty one
//      =name=password          a line of the password file
//      +    public-key = "..." a line of a certificate
//
//  The gate runs on a thread of its own, once for all inputs. It must answer
//  each command with the right form, explain what it refuses, answer each
//  request that has an envelope and is right, and go on. Files are written, and
//  read by the gate, before each request.

#include "fuzz.h"
#include "zrelay_gate.h"

#include <fcntl.h>
#include <sys/stat.h>

const char *fuzz_name = "gate";

//  Milliseconds in which a command, or a right request, must be answered
#define ANSWER_TIME 20000

static zactor_t *s_gate;        //  The gate, for all inputs
static char s_folder [40];      //  Where files are
static zchunk_t *s_passwords;   //  Lines of the password file
static zchunk_t *s_cert;        //  And of the certificate


//  --------------------------------------------------------------------------
//  Set up

static void
s_clean (void)
{
    zactor_destroy (&s_gate);
    zdir_t *folder = zdir_new (s_folder, NULL);
    if (folder)
        zdir_remove (folder, true);
    zdir_destroy (&folder);
}

static char *
s_path (const char *name)
{
    char *path = zsys_sprintf ("%s/%s", s_folder, name);
    FUZZ_MUST (path);
    return path;
}

static void
s_set_up (void)
{
    strcpy (s_folder, "/tmp/zrelay-fuzz-XXXXXX");
    FUZZ_MUST (mkdtemp (s_folder));
    char *clients = s_path ("clients");
    mkdir (clients, 0700);
    zstr_free (&clients);
    s_gate = zactor_new (zrelay_gate, NULL);
    FUZZ_MUST (s_gate);
    zsock_set_rcvtimeo (zactor_sock (s_gate), ANSWER_TIME);
    atexit (s_clean);
}

static void
s_write (const char *name, zchunk_t *text)
{
    char *path = s_path (name);
    int fd = open (path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    FUZZ_MUST (fd != -1);
    ssize_t size = write (fd, zchunk_data (text), zchunk_size (text));
    FUZZ_MUST (size == (ssize_t) zchunk_size (text));
    close (fd);
    zstr_free (&path);
}


//  --------------------------------------------------------------------------
//  Commands

static void
s_must_explain (void)
{
    zstr_send (s_gate, "ERROR");
    zmsg_t *answer = fuzz_recv (s_gate);
    FUZZ_MUST (answer);
    char *name = zmsg_popstr (answer);
    char *sentence = zmsg_popstr (answer);
    zmsg_destroy (&answer);
    FUZZ_MUST (name && streq (name, "ERROR") && sentence && *sentence);
    zstr_free (&name);
    zstr_free (&sentence);
}

//  $TERM would end it for all inputs, and EVENTS leads elsewhere

static void
s_command (fuzz_word_t *line)
{
    zmsg_t *command = zmsg_new ();
    fuzz_word_t word;
    bool file = false;
    for (int count = 0; count < FUZZ_WORDS_MAX && fuzz_word (line, &word);
         count++) {
        char *text = fuzz_string (&word);
        if (count == 0 && (streq (text, "$TERM") || streq (text, "EVENTS")))
            *text = '!';
        file = file || (count == 0
            && (streq (text, "PLAIN") || streq (text, "CURVE")));
        //  A path leads to nothing but our own files
        for (char *letter = text; file && *letter; letter++)
            if (*letter == '/' || *letter == '.')
                *letter = '_';
        zmsg_addstr (command, text);
        freen (text);
    }
    zmsg_send (&command, s_gate);
    zmsg_t *answer = fuzz_recv (s_gate);
    FUZZ_MUST (answer);
    int status = zmsg_signal (answer);
    FUZZ_MUST (status <= ZRELAY_STATUS_REFUSED);
    FUZZ_MUST (status != -1 || zmsg_size (answer) > 0);
    zmsg_destroy (&answer);
    if (status > 0)
        s_must_explain ();
}

//  The gate reads the files that the input has given so far

static void
s_read_files (void)
{
    s_write ("passwords", s_passwords);
    s_write ("clients/one", s_cert);
    static const char *files [] [2] = {
        { "PLAIN", "passwords" }, { "CURVE", "clients" }
    };
    for (size_t index = 0; index < 2; index++) {
        char *path = s_path (files [index] [1]);
        zstr_sendx (s_gate, files [index] [0], "in", path, NULL);
        if (fuzz_wait (s_gate) > 0)
            s_must_explain ();
        zstr_free (&path);
    }
}


//  --------------------------------------------------------------------------
//  Requests

static void
s_request (fuzz_word_t *line)
{
    zsock_t *asker = zsock_new_dealer (">inproc://zeromq.zap.01");
    FUZZ_MUST (asker);
    zmsg_t *request = zmsg_new ();
    zmsg_addstr (request, "");
    fuzz_word_t word;
    while (zmsg_size (request) < FUZZ_WORDS_MAX && fuzz_word (line, &word)) {
        if (fuzz_is (&word, "-"))
            word.size = 0;
        zmsg_addmem (request, word.data, word.size);
    }
    zmsg_send (&request, asker);
    //  The gate has taken it when it has answered a right one behind it, which
    //  comes by the same socket
    zstr_sendx (asker, "", "1.0", "last", "fuzz", "10.9.9.9", "", "NULL", NULL);
    zsock_set_rcvtimeo (asker, ANSWER_TIME);
    bool last = false;
    while (!last) {
        zmsg_t *reply = fuzz_recv (asker);
        FUZZ_MUST (reply && zmsg_size (reply) == 7);
        char *words [7];
        for (size_t index = 0; index < 7; index++)
            words [index] = zmsg_popstr (reply);
        FUZZ_MUST (!*words [0] && streq (words [1], "1.0"));
        FUZZ_MUST (strlen (words [3]) == 3 && strchr ("2345", *words [3]));
        last = streq (words [2], "last");
        for (size_t index = 0; index < 7; index++)
            zstr_free (&words [index]);
        zmsg_destroy (&reply);
    }
    zsock_destroy (&asker);
}


//  --------------------------------------------------------------------------
//  Inputs

static void
s_line (fuzz_word_t *line)
{
    char kind = line->size? *line->data: 0;
    if (kind != '?' && kind != '=' && kind != '+') {
        s_command (line);
        return;
    }
    fuzz_word_t rest = { line->data + 1, line->size - 1 };
    if (kind == '?') {
        s_read_files ();
        s_request (&rest);
        return;
    }
    zchunk_t *chunk = kind == '='? s_passwords: s_cert;
    zchunk_extend (chunk, rest.data, rest.size);
    zchunk_extend (chunk, "\n", 1);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > FUZZ_SIZE_MAX)
        return 0;
    fuzz_begin ();
    if (!s_gate)
        s_set_up ();
    s_passwords = zchunk_new (NULL, 0);
    s_cert = zchunk_new (NULL, 0);
    zstr_sendx (s_gate, "DELAY", "0", "0", NULL);
    fuzz_wait (s_gate);
    zstr_sendx (s_gate, "ALLOW", "in", "0.0.0.0/0", NULL);
    fuzz_wait (s_gate);
    fuzz_word_t text = { (const char *) data, size };
    fuzz_word_t line;
    for (int count = 0; count < FUZZ_LINES_MAX && fuzz_line (&text, &line);
         count++)
        s_line (&line);
    //  Nothing is left for the next one
    zstr_sendx (s_gate, "CLEAR", "in", NULL);
    fuzz_wait (s_gate);
    zchunk_destroy (&s_passwords);
    zchunk_destroy (&s_cert);
    fuzz_end ();
    return 0;
}
