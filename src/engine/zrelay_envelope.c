/*  =========================================================================
    zrelay_envelope - what comes before a command, and goes back with its answer

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_envelope.h"

zmsg_t *
zrelay_envelope_take (zmsg_t *msg, bool announced)
{
    zframe_t *frame = zmsg_first (msg);
    if (!frame || (announced && zframe_size (frame) > 0))
        return NULL;
    size_t size = 1;
    while ((frame = zmsg_next (msg)) && zframe_size (frame) > 0)
        size++;
    if (!frame || (announced && size == 1))
        return NULL;
    zmsg_t *envelope = zmsg_new ();
    assert (envelope);
    for (size_t index = 0; index <= size; index++) {
        frame = zmsg_pop (msg);
        zmsg_append (envelope, &frame);
    }
    return envelope;
}


//  --------------------------------------------------------------------------
//  Selftest

//  words are frames, separated by commas

static bool
s_test_takes (const char *words, bool announced, size_t expected)
{
    zmsg_t *msg = zmsg_new ();
    assert (msg);
    for (size_t size; *words; words += size + (words [size] == ',')) {
        size = strcspn (words, ",");
        zmsg_addmem (msg, words, size);
    }
    size_t before = zmsg_size (msg);
    zmsg_t *envelope = zrelay_envelope_take (msg, announced);
    size_t taken = envelope? zmsg_size (envelope): 0;
    bool right = taken == expected && zmsg_size (msg) == before - taken;
    zmsg_destroy (&envelope);
    zmsg_destroy (&msg);
    return right;
}

void
zrelay_envelope_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_envelope: ");

    //  @selftest
    assert (s_test_takes ("", true, 0) && s_test_takes ("", false, 0));
    assert (s_test_takes ("PING", true, 0) && s_test_takes ("PING", false, 0));
    assert (s_test_takes (",1,,PING", true, 3));
    assert (s_test_takes (",1,2,,PING,", true, 4));
    assert (s_test_takes (",1,PING", true, 0));
    assert (s_test_takes (",,PING", true, 0));
    assert (s_test_takes ("id,,PING", false, 2));
    assert (s_test_takes ("id,1,,PING,x", false, 3));
    assert (s_test_takes ("id,PING", false, 0));
    //  A routing id may be empty
    assert (s_test_takes (",,PING", false, 2));
    //  @end
    printf ("OK\n");
}
