/*  =========================================================================
    zrelay_dialogue - gives a relay commands and reads what it says

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_dialogue.h"

char *
zrelay_dialogue_answer (zactor_t *relay)
{
    if (zsock_wait (relay) == 0)
        return NULL;
    char *name = NULL;
    char *sentence = NULL;
    zstr_send (relay, "ERROR");
    zstr_recvx (relay, &name, &sentence, NULL);
    zstr_free (&name);
    if (!sentence)
        sentence = strdup ("refused");
    assert (sentence);
    return sentence;
}

char *
zrelay_dialogue_last_endpoint (zactor_t *relay, const char *side)
{
    zstr_sendx (relay, "ENDPOINT", side, NULL);
    zmsg_t *answer = zmsg_recv (relay);
    zframe_t *last = answer? zmsg_last (answer): NULL;
    char *endpoint = last? zframe_strdup (last): NULL;
    zmsg_destroy (&answer);
    return endpoint;
}
