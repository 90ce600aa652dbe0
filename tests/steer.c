/*  =========================================================================
    steer - gives a relay one command, by way of zrelay_client

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  steer ENDPOINT RELAY COMMAND [ARGUMENT ...] prints the answer, a frame in a
//  line, or the sentence of a refusal, and returns the status.

#include <zrelay.h>

#define TIMEOUT 60000

int
main (int argc, char *argv [])
{
    if (argc < 4)
        return ZRELAY_STATUS_BAD_ARGUMENTS;
    zrelay_client_t *client = zrelay_client_connect (argv [1]);
    assert (client);
    zrelay_client_set_timeout (client, TIMEOUT);
    zrelay_client_set_relay (client, argv [2]);
    zmsg_t *words = zmsg_new ();
    assert (words);
    for (int index = 3; index < argc; index++)
        zmsg_addstr (words, argv [index]);
    zmsg_t *frames = NULL;
    int status = zrelay_client_execute (client, &words, &frames);
    if (status != ZRELAY_STATUS_DONE)
        puts (zrelay_client_error (client));
    char *word;
    while (frames && (word = zmsg_popstr (frames))) {
        puts (word);
        zstr_free (&word);
    }
    zmsg_destroy (&frames);
    zrelay_client_destroy (&client);
    return status;
}
