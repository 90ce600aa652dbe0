/*  =========================================================================
    zrelay_json - writes what a relay answered as JSON

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_json.h"

//  The character at the beginning of some bytes, in UTF-8, and how many bytes
//  it takes; 0 if there is none

static size_t
s_decode (const byte *data, size_t size, uint32_t *code_p)
{
    static const struct {
        byte mask;              //  Bits that tell how long it is
        byte mark;              //  What they are
        uint32_t least;         //  Smallest character of that length
    } forms [] = {
        { 0x80, 0x00, 0 }, { 0xE0, 0xC0, 0x80 }, { 0xF0, 0xE0, 0x800 },
        { 0xF8, 0xF0, 0x10000 }
    };
    size_t form = 0;
    while (form < 4 && (data [0] & forms [form].mask) != forms [form].mark)
        form++;
    if (form == 4 || form >= size)
        return 0;
    uint32_t code = data [0] & (byte) ~forms [form].mask;
    for (size_t index = 1; index <= form; index++) {
        if ((data [index] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (data [index] & 0x3F);
    }
    if (code < forms [form].least || code > 0x10FFFF
    || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *code_p = code;
    return form + 1;
}

static void
s_write_code (FILE *file, uint32_t code)
{
    if (code == '"' || code == '\\')
        fprintf (file, "\\%c", (char) code);
    else
    if (code >= ' ' && code < 0x7F)
        putc ((char) code, file);
    else
    if (code == '\n')
        fputs ("\\n", file);
    else
    if (code < 0x10000)
        fprintf (file, "\\u%04" PRIx32, code);
    else
        fprintf (file, "\\u%04" PRIx32 "\\u%04" PRIx32,
                 0xD800 + ((code - 0x10000) >> 10),
                 0xDC00 + ((code - 0x10000) & 0x3FF));
}

void
zrelay_json_write (FILE *file, const void *data, size_t size)
{
    const byte *bytes = (const byte *) data;
    putc ('"', file);
    while (size > 0) {
        uint32_t code = 0;
        size_t used = s_decode (bytes, size, &code);
        s_write_code (file, used? code: *bytes);
        used += !used;
        bytes += used;
        size -= used;
    }
    putc ('"', file);
}

void
zrelay_json_print (const void *data, size_t size)
{
    zrelay_json_write (stdout, data, size);
}

void
zrelay_json_print_string (const char *string)
{
    zrelay_json_print (string, strlen (string));
}
