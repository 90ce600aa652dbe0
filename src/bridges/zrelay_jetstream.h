/*  =========================================================================
    zrelay_jetstream - what a server with JetStream says about messages

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_JETSTREAM_H_INCLUDED
#define ZRELAY_JETSTREAM_H_INCLUDED

#include <zrelay.h>

//  Room for a sentence, which has no control characters
#define ZRELAY_JETSTREAM_SENTENCE 256

//  The answer to a publication, in JSON as servers write it: true if the
//  message is in the stream, or was there already. If not, the sentence says
//  why.
bool
    zrelay_jetstream_stored (const void *data, size_t size,
                             char sentence [ZRELAY_JETSTREAM_SENTENCE]);

//  How often a message of a stream was delivered, this time included, from the
//  subject to which its acknowledgement goes. 0: that is no such subject.
uint64_t
    zrelay_jetstream_deliveries (const char *reply);

//  Self test of this class
void
    zrelay_jetstream_test (bool verbose);

#endif
