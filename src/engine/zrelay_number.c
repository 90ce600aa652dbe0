/*  =========================================================================
    zrelay_number - reads numbers that people wrote

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_number.h"

bool
zrelay_number_read (const char *text, int64_t least, int64_t most,
                    int64_t *value_p)
{
    if (!isdigit ((byte) *text) && *text != '-')
        return false;
    char *end;
    errno = 0;
    long long value = strtoll (text, &end, 10);
    if (errno || *end || !isdigit ((byte) end [-1])
    ||  value < least || value > most)
        return false;
    *value_p = value;
    return true;
}

bool
zrelay_number_read_unsigned (const char *text, uint64_t *value_p)
{
    if (!isdigit ((byte) *text))
        return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull (text, &end, 10);
    if (errno || *end)
        return false;
    *value_p = value;
    return true;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_number_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_number: ");

    //  @selftest
    int64_t value = 7;
    assert (zrelay_number_read ("-5", -5, 5, &value) && value == -5);
    assert (zrelay_number_read ("005", -5, 5, &value) && value == 5);
    assert (zrelay_number_read ("9223372036854775807", 0, INT64_MAX, &value));
    assert (value == INT64_MAX);
    assert (zrelay_number_read ("-9223372036854775808", INT64_MIN, 0, &value));
    assert (value == INT64_MIN);
    const char *wrong [] = {
        "", " 1", "1 ", "+1", "1.5", "0x10", "1e3", "many", "--1", "-", "6",
        "-6", "9223372036854775808", "-9223372036854775809"
    };
    value = 7;
    for (size_t index = 0; index < sizeof (wrong) / sizeof (*wrong); index++)
        assert (!zrelay_number_read (wrong [index], -5, 5, &value));
    assert (value == 7);

    uint64_t large = 7;
    assert (zrelay_number_read_unsigned ("18446744073709551615", &large));
    assert (large == UINT64_MAX);
    assert (!zrelay_number_read_unsigned ("18446744073709551616", &large));
    assert (!zrelay_number_read_unsigned ("-1", &large));
    assert (!zrelay_number_read_unsigned ("", &large));
    //  @end
    printf ("OK\n");
}
