/*  =========================================================================
    zrelay_keygen - makes a CURVE certificate

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_keygen.h"
#include "zrelay_secret.h"

//  CZMQ has no room for a longer name of a certificate's secret file
#define FILENAME_SIZE_MAX 240

#define HEAD \
    "#   ZeroMQ CURVE certificate, made by zrelay keygen\n" \
    "#   %s\n\n" \
    "metadata\n" \
    "curve\n" \
    "    public-key = \"%s\"\n"
#define PUBLIC_NOTE "For the other party: the public key only"
#define SECRET_NOTE "For its owner only: DO NOT GIVE THIS FILE TO ANYBODY"

static int
s_write (zcert_t *cert, const char *filename, bool secret)
{
    char *text = secret?
        zsys_sprintf (HEAD "    secret-key = \"%s\"\n", SECRET_NOTE,
                      zcert_public_txt (cert), zcert_secret_txt (cert)):
        zsys_sprintf (HEAD, PUBLIC_NOTE, zcert_public_txt (cert));
    assert (text);
    int rc = zrelay_secret_write (filename, text, secret);
    explicit_bzero (text, strlen (text));
    zstr_free (&text);
    return rc;
}

//  Files are made anew, or not at all: what is there, be it a link to nowhere,
//  is left alone

static zrelay_exit_t
s_save (const char *filename, const char *secret, zrelay_report_t *report)
{
    zcert_t *cert = zcert_new ();
    assert (cert);
    zrelay_exit_t status = ZRELAY_EXIT_ASKED;
    int rc = s_write (cert, secret, true);
    if (rc == 0 && s_write (cert, filename, false)) {
        int error = errno;
        unlink (secret);
        errno = error;
        rc = -1;
    }
    if (rc == 0)
        printf ("%s\n", zcert_public_txt (cert));
    else
    if (errno == EEXIST)
        status = zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "keygen: %s or %s already exists; an overwritten key is lost, so"
            " move it away first", filename, secret);
    else
        status = zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "keygen: cannot write %s: %s", filename, strerror (errno));
    zrelay_secret_destroy (&cert);
    return status;
}

static zrelay_exit_t
s_make (const char *filename, zrelay_report_t *report)
{
    if (!zsys_has_curve ())
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "keygen: libzmq was built without CURVE");
    if (strlen (filename) > FILENAME_SIZE_MAX)
        return zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "keygen: the name is too long; it can have %d characters",
            FILENAME_SIZE_MAX);
    char *secret = zsys_sprintf ("%s_secret", filename);
    assert (secret);
    zrelay_exit_t status = s_save (filename, secret, report);
    zstr_free (&secret);
    return status;
}

zrelay_exit_t
zrelay_keygen (int argc, char **argv, zrelay_report_t *report)
{
    const char *program = zrelay_report_program (report);
    const char *word = argc == 2? argv [1]: "";
    zrelay_exit_t status = ZRELAY_EXIT_ASKED;
    if (streq (word, "-h") || streq (word, "--help"))
        printf ("Usage: %s keygen FILE\n"
                "Makes a CURVE certificate. FILE gets the public key, for "
                "others, and FILE_secret\ngets both the public and the "
                "secret key. Prints the public key.\n", program);
    else
    if (*word == '-' || !*word)
        status = zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "keygen takes the name of a file, such as %s keygen relay.cert",
            program);
    else
        status = s_make (word, report);
    return status == ZRELAY_EXIT_ASKED? zrelay_report_flush (report): status;
}
