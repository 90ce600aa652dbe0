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

//  CZMQ has no room for a longer name of a certificate's secret file
#define FILENAME_SIZE_MAX 240

//  Save a new certificate. A full disk may only show when the file is read
//  again.

static zrelay_exit_t
s_save (const char *filename, const char *secret, zrelay_report_t *report)
{
    zrelay_exit_t status = ZRELAY_EXIT_ASKED;
    zcert_t *cert = zcert_new ();
    assert (cert);
    zcert_t *written = NULL;
    if (zcert_save (cert, filename) == 0)
        written = zcert_load (filename);
    if (written && zcert_eq (written, cert))
        printf ("%s\n", zcert_public_txt (cert));
    else {
        status = zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "keygen: cannot write %s: %s", filename,
            strerror (errno? errno: EIO));
        unlink (filename);
        unlink (secret);
    }
    zcert_destroy (&written);
    zcert_destroy (&cert);
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
    zrelay_exit_t status =
        zsys_file_exists (filename) || zsys_file_exists (secret)?
        zrelay_report_say (report, ZRELAY_EXIT_MISUSE,
            "keygen: %s or %s already exists; an overwritten key is lost, so"
            " move it away first", filename, secret):
        s_save (filename, secret, report);
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
