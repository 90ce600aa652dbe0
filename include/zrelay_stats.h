/*  =========================================================================
    zrelay_stats - reads and prints a relay's answer to STATS

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_STATS_H_INCLUDED
#define ZRELAY_STATS_H_INCLUDED

#include "zrelay_library.h"

#ifdef __cplusplus
extern "C" {
#endif

//  @interface
//  What a relay counted, at one moment. Ask a relay, look, print:
//
//      zrelay_stats_t *stats = zrelay_stats_query (relay);
//      printf ("%" PRIu64 " requests\n",
//              zrelay_stats_value (stats, "frontend.in.messages"));
//      char *text = zrelay_stats_json (stats);
//      puts (text);
//      zstr_free (&text);
//      zrelay_stats_destroy (&stats);
//
//  The answer to STATS is the string "STATS" and then name, value, name,
//  value ... as strings. Three values are words - kind, name and state -
//  and all others are decimal counts.

typedef struct _zrelay_stats_t zrelay_stats_t;

//  Send STATS to a relay and read its answer. relay is the zactor_t of any
//  relay, or a socket that leads to one. Returns NULL if the answer was not
//  one, or if the call was interrupted. Answers to earlier commands must
//  have been read before.
ZRELAY_EXPORT zrelay_stats_t *
    zrelay_stats_query (void *relay);

//  Read an answer to STATS. The message is not changed and remains the
//  caller's. Returns NULL, with errno EINVAL, if it is malformed: wrong first
//  frame, an odd number of names and values, a name that is empty, holds
//  anything but letters, digits, "_" and ".", or comes twice; a count that
//  is not a decimal number of at most 64 bits; kind or state missing or empty.
//  Names are of at most 127 characters, in parts that are not empty, and none
//  begins another ("a" and "a.b"). No frame may hold a zero byte.
ZRELAY_EXPORT zrelay_stats_t *
    zrelay_stats_new (zmsg_t *answer);

ZRELAY_EXPORT void
    zrelay_stats_destroy (zrelay_stats_t **self_p);

//  The relay's kind, its name (that of its kind if the answer has none), and
//  its state: "idle", "active", "paused" or "draining". The strings remain
//  the object's.
ZRELAY_EXPORT const char *
    zrelay_stats_kind (zrelay_stats_t *self);
ZRELAY_EXPORT const char *
    zrelay_stats_name (zrelay_stats_t *self);
ZRELAY_EXPORT const char *
    zrelay_stats_state (zrelay_stats_t *self);

//  One count by its name, such as "forward.dropped"; 0 if the relay did not
//  tell it. zrelay_stats_has () knows the difference.
ZRELAY_EXPORT uint64_t
    zrelay_stats_value (zrelay_stats_t *self, const char *name);
ZRELAY_EXPORT bool
    zrelay_stats_has (zrelay_stats_t *self, const char *name);

//  Names of all counts, in the order of the answer: first, next, NULL at the
//  end. The strings remain the object's.
ZRELAY_EXPORT const char *
    zrelay_stats_first (zrelay_stats_t *self);
ZRELAY_EXPORT const char *
    zrelay_stats_next (zrelay_stats_t *self);

//  A few lines for people, within 80 columns. The caller frees the string
//  with zstr_free ().
ZRELAY_EXPORT char *
    zrelay_stats_text (zrelay_stats_t *self);

//  One line of JSON (RFC 8259). Names with dots become nested objects:
//  {"kind":"queue", ... "frontend":{"in":{"messages":12, ...
//  The caller frees the string with zstr_free ().
ZRELAY_EXPORT char *
    zrelay_stats_json (zrelay_stats_t *self);

//  The Prometheus text exposition format, version 0.0.4, of any number of
//  relays, each family of metrics once with its HELP and TYPE. The caller
//  frees the string with zstr_free ().
ZRELAY_EXPORT char *
    zrelay_stats_prometheus (zrelay_stats_t **stats, size_t count);

//  Self test of this class
ZRELAY_EXPORT void
    zrelay_stats_test (bool verbose);
//  @end

#ifdef __cplusplus
}
#endif

#endif
