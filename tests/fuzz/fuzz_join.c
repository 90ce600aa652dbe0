/*  =========================================================================
    fuzz_join - what other sites send, and where relays are joined

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  An input is taken for a parcel and for rows of topics, as these come from
//  other sites, for the address of a JOIN, and for what a server with JetStream
//  says. A parcel without fault must yield just the messages that it is said to
//  have, and these make the same parcel again. Rows must lie one behind the
//  other. An address that is taken must make subjects that fit.

#include "fuzz.h"
#include "zrelay_address.h"
#include "zrelay_jetstream.h"
#include "zrelay_parcel.h"
#include "zrelay_published.h"

const char *fuzz_name = "join";

static void
s_read_parcel (const uint8_t *data, size_t size)
{
    size_t messages;
    if (zrelay_parcel_fault (data, size, &messages))
        return;
    FUZZ_MUST (messages > 0);
    zrelay_parcel_t again = { NULL, 0, 0, 0 };
    zrelay_message_t *message = zrelay_message_new ();
    size_t at = 0;
    while (zrelay_parcel_next (data, size, &at, message)) {
        FUZZ_MUST (at <= size);
        zrelay_parcel_add (&again, message, 0);
        zrelay_message_clear (message);
    }
    FUZZ_MUST (again.messages == messages && again.size == size);
    FUZZ_MUST (memcmp (again.data, data, size) == 0);
    zrelay_message_destroy (&message);
    zrelay_parcel_clear (&again);
}

static void
s_read_rows (const uint8_t *data, size_t size)
{
    zrelay_published_row_t row;
    size_t at = 0;
    size_t begins = 0;
    while (zrelay_published_read (data, size, &at, &row)) {
        FUZZ_MUST (row.topic == data + begins + 1);
        FUZZ_MUST (row.size <= ZRELAY_ADDRESS_TOPIC);
        begins += 1 + row.size + ZRELAY_PARCEL_LONG;
        FUZZ_MUST (at == begins && at <= size);
    }
    FUZZ_MUST (at == begins);
}

static void
s_read_address (const uint8_t *data, size_t size)
{
    char text [FUZZ_SIZE_MAX + 1];
    memcpy (text, data, size);
    text [size] = 0;
    zrelay_address_t address;
    if (zrelay_address_read (&address, text))
        return;
    FUZZ_MUST (address.count > 0 && address.count <= ZRELAY_ADDRESS_SERVERS);
    char subject [ZRELAY_ADDRESS_ROOM];
    zrelay_address_topic (&address, "site.pub", data, size, subject);
    FUZZ_MUST (strcspn (subject, " \r\n\t*>") == strlen (subject));
    FUZZ_MUST (strlen (subject) + 1 < ZRELAY_ADDRESS_ROOM);
    char *shown = zrelay_address_shown (address.servers [0]);
    FUZZ_MUST (!strchr (shown, '@'));
    zstr_free (&shown);
    zrelay_address_clear (&address);
}

static void
s_read_answer (const uint8_t *data, size_t size)
{
    char sentence [ZRELAY_JETSTREAM_SENTENCE];
    if (!zrelay_jetstream_stored (data, size, sentence)) {
        size_t length = strnlen (sentence, sizeof (sentence));
        FUZZ_MUST (length < sizeof (sentence));
        for (size_t index = 0; index < length; index++)
            FUZZ_MUST (isprint ((byte) sentence [index]));
    }
    char text [FUZZ_SIZE_MAX + 1];
    memcpy (text, data, size);
    text [size] = 0;
    if (zrelay_jetstream_deliveries (text))
        FUZZ_MUST (strncmp (text, "$JS.ACK.", 8) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > FUZZ_SIZE_MAX)
        return 0;
    fuzz_begin ();
    //  Memory of just that size, so that a look beyond it is found
    uint8_t *copy = (uint8_t *) malloc (size + !size);
    FUZZ_MUST (copy);
    memcpy (copy, data, size);
    s_read_parcel (copy, size);
    s_read_rows (copy, size);
    s_read_address (copy, size);
    s_read_answer (copy, size);
    free (copy);
    fuzz_end ();
    return 0;
}
