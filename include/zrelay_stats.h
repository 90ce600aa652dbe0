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
//  The statistics of a relay at one moment. Ask a relay, look at the counts,
//  print them:
//
//      zrelay_stats_t *stats = zrelay_stats_query (relay);
//      printf ("%" PRIu64 " requests\n",
//              zrelay_stats_value (stats, "frontend.in.messages"));
//      char *text = zrelay_stats_json (stats);
//      puts (text);
//      zstr_free (&text);
//      zrelay_stats_destroy (&stats);
//
//  The answer to STATS consists of the string "STATS" and then name, value,
//  name, value ... as strings. Three values are words - kind, name and state -
//  and all others are decimal counts.
//
//  A word has at most 127 characters: letters, digits, "_", "-" and ".". No
//  output format needs to escape any of them.
//
//  The name of a count has at most 127 characters: letters, digits, "_" and
//  ".". Dots separate its parts, which are not empty. A kind may have the
//  same count several times, for example for each of its services; such a
//  count has a label, and its name is NAME{LABEL=VALUE}, as in
//  "served{service=coffee}". NAME is as above, LABEL consists of letters,
//  digits and "_", and VALUE of letters, digits, "_", "-", "." and "%".
//  Neither is empty, and the whole name has at most 511 characters.
//
//  No name comes twice, and no name is the beginning of another one, up to a
//  dot or a label. An answer that has "a" has neither "a.b" nor "a{b=c}", and
//  one that has "a.b" does not have "a{c=d}".

typedef struct _zrelay_stats_t zrelay_stats_t;

//  Send STATS to a relay and read its answer. relay is the zactor_t of any
//  relay, or a socket that leads to one; it remains the caller's. Answers to
//  earlier commands must have been read before.
//
//  Returns a new object, which the caller destroys, or NULL with errno:
//
//      EAGAIN      the relay did not take the command, or did not answer it,
//                  within 5 seconds for each; an answer that comes later has
//                  to be read by the caller
//      EINTR       a signal interrupted the call
//      EINVAL      the answer is malformed, or is a status
//
//  and any other errno that libzmq sets when it polls, sends or receives.
ZRELAY_EXPORT zrelay_stats_t *
    zrelay_stats_query (void *relay);

//  Read an answer to STATS, or to COUNTERS, which has the same in one block. The
//  message is not changed and remains the caller's. Returns a new object, which
//  the caller destroys, or NULL with errno EINVAL if answer is NULL or
//  malformed: the first frame is neither "STATS" nor "COUNTERS"; a name has no
//  value; a word or a name breaks the rules above; kind or state is missing or
//  empty; a count is not a decimal number of at most 64 bits; or a frame of
//  STATS contains a zero byte.
ZRELAY_EXPORT zrelay_stats_t *
    zrelay_stats_new (zmsg_t *answer);

//  The same, for whoever asks a relay again and again. If the names in answer
//  are those of before, which may be NULL and remains the caller's, they are
//  taken from there, which costs a tenth. zrelay_client_stats () does so.
ZRELAY_EXPORT zrelay_stats_t *
    zrelay_stats_new_after (zmsg_t *answer, const zrelay_stats_t *before);

//  Make a copy, which the caller destroys. Returns NULL if self is NULL.
ZRELAY_EXPORT zrelay_stats_t *
    zrelay_stats_dup (const zrelay_stats_t *self);

//  Destroy an object and set the caller's pointer to NULL. A pointer that is
//  NULL already is left alone.
ZRELAY_EXPORT void
    zrelay_stats_destroy (zrelay_stats_t **self_p);

//  Return the relay's kind; its name, which is that of its kind if the answer
//  has none or an empty one; and its state: "idle", "active", "paused" or
//  "draining". None is empty. The strings belong to the object.
ZRELAY_EXPORT const char *
    zrelay_stats_kind (zrelay_stats_t *self);
ZRELAY_EXPORT const char *
    zrelay_stats_name (zrelay_stats_t *self);
ZRELAY_EXPORT const char *
    zrelay_stats_state (zrelay_stats_t *self);

//  Return a count by its full name, such as "forward.dropped" or
//  "served{service=coffee}", or 0 if the answer does not have it.
ZRELAY_EXPORT uint64_t
    zrelay_stats_value (zrelay_stats_t *self, const char *name);

//  Return true if the answer has a count of this full name.
ZRELAY_EXPORT bool
    zrelay_stats_has (zrelay_stats_t *self, const char *name);

//  Return the full names of all counts, one by one, in the order of the
//  answer: first, next, next ... NULL at the end. The strings belong to the
//  object, and so does the position.
ZRELAY_EXPORT const char *
    zrelay_stats_first (zrelay_stats_t *self);
ZRELAY_EXPORT const char *
    zrelay_stats_next (zrelay_stats_t *self);

//  Return some lines of text for people, of at most 80 columns, in ASCII. Long
//  names are cut. The counts of a relay that can be joined to others are left
//  out until it has been. The caller frees the string with zstr_free ().
ZRELAY_EXPORT char *
    zrelay_stats_text (zrelay_stats_t *self);

//  Return one line of JSON (RFC 8259), in ASCII. The parts of a name become
//  nested objects, and so do a label and its value, which is one key even if
//  it contains dots:
//
//      {"kind":"majordomo", ... "frontend":{"in":{"messages":12, ...
//       "served":{"service":{"coffee":5,"tea":2}}}
//
//  Counts may exceed 2^53, the limit of readers that keep numbers as doubles.
//  The caller frees the string with zstr_free ().
ZRELAY_EXPORT char *
    zrelay_stats_json (zrelay_stats_t *self);

//  Return metrics in Prometheus' text exposition format, version 0.0.4, for
//  all relays in an array of count objects, which remain the caller's. Each
//  family of metrics comes once, with its HELP and TYPE. Every sample has the
//  labels relay and kind, and also a number if relays have the same name and
//  kind.
//
//  A count that only the relay's kind has is an untyped metric: "served"
//  becomes zrelay_served, and so does "served{service=coffee}", with one more
//  label. Dots become underscores; if two counts would get the same name, a
//  number is appended. A label gets the prefix own_ if it is one of the three
//  above or is not valid in Prometheus.
//
//  Returns an empty string for no relays; stats may then be NULL. The caller
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
