/*  =========================================================================
    zrelay_join - what all kinds that can be joined to others have in common

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_JOIN_H_INCLUDED
#define ZRELAY_JOIN_H_INCLUDED

#include "zrelay_link.h"
#include "zrelay_sites.h"

//  Joins a relay to others of its kind: the commands JOIN, LEAVE, PEERS and
//  JOINED, their settings and counters, and the reports by which sites know of
//  each other. The object of such a kind begins with a zrelay_join_t.

typedef struct _zrelay_join_t zrelay_join_t;

#define ZRELAY_JOIN_NUMBERS 4

//  What a kind does. All get the kind's object.
typedef struct {
    const char *word;           //  Of its subjects, such as "pub"
    //  The relay has joined others, by JOIN, though there may be no connection
    //  yet; or it has left them
    void (*joined) (void *object);
    void (*left) (void *object);
    //  There may be room for more, or a connection
    void (*go_on) (void *object);
    //  A message came, which the function may take apart. Returns false if it
    //  cannot be delivered now.
    bool (*deliver) (void *object, const zrelay_link_letter_t *letter,
                     zrelay_message_t *message);
    //  Numbers that a report has, ZRELAY_JOIN_NUMBERS at most. If there are
    //  any: fill them in; they are on their way, or NULL: that is of no
    //  interest; and hear those of another site, or that it leaves, if they are
    //  NULL.
    size_t numbers;
    void (*report) (void *object, uint64_t *numbers);
    void (*reported) (void *object, const uint64_t *numbers);
    void (*hear) (void *object, uint64_t origin, const uint64_t *numbers);
    //  Before it joins: who else uses the connection; NULL: nobody. And why the
    //  relay is not ready though it is connected, "" if that is not known yet,
    //  or NULL if it is; called whenever that may have changed.
    void (*invite) (void *object, zrelay_link_guest_t *guest);
    const char *(*lacks) (void *object);
} zrelay_join_kind_t;

struct _zrelay_join_t {
    zrelay_engine_t *engine;    //  Runs this
    const zrelay_join_kind_t *kind;     //  What differs
    zrelay_address_t address;   //  Where it is joined
    zrelay_link_t *link;        //  The connection; NULL: not joined
    zrelay_link_status_t status;        //  What is known of that
    char lack [256];            //  Why it is not ready all the same, or ""
    zrelay_sites_t *sites;      //  The others, with those of times before
    char *site;                 //  Its own name among these
    int timer;                  //  Of its reports
    const char *owed;           //  Report that found no room, or NULL
    int retry;                  //  Of the next attempt to deliver, or 0
    bool reading;               //  There is a letter
    zrelay_link_letter_t letter;        //  That one
    bool reported;              //  It is a report of a site
    size_t at;                  //  Where in it the next message begins
    zrelay_message_t *message;  //  The message before; not empty: it waits
    char *creds;                //  Settings, see zrelay_nats.h
    char *ca;
    char *cert;
    char *key;
    int64_t buffer;
    int64_t patience;
    uint64_t ready;             //  Counters, see doc/join.md
    uint64_t sites_count;
    uint64_t out;
    uint64_t in;
    uint64_t missed;
    uint64_t undelivered;
    uint64_t duplicates;
    uint64_t invalid;
    uint64_t dropped;
    uint64_t parcels_in;
    uint64_t connects;
};

//  The kind of a relay that can be joined: a plain one, with the members of
//  more that are set, and the commands and counts of all joined kinds. Fills in
//  kind the first time, and returns it.
const zrelay_kind_t *
    zrelay_join_kind (zrelay_kind_t *kind, const zrelay_kind_t *plain,
                      const zrelay_kind_t *more);

void
    zrelay_join_init (zrelay_join_t *self, zrelay_engine_t *engine,
                      const zrelay_join_kind_t *kind);

//  To be called before anything that the kind's functions need is destroyed.
void
    zrelay_join_term (zrelay_join_t *self);

//  Report now what the others should know of this site.
void
    zrelay_join_report (zrelay_join_t *self);

//  Is it joined, and has there ever been a connection?
bool
    zrelay_join_works (const zrelay_join_t *self);

//  Functions of the tables below
int zrelay_join_set_creds (zrelay_engine_t *, void *, const char *);
int zrelay_join_set_ca (zrelay_engine_t *, void *, const char *);
int zrelay_join_set_cert (zrelay_engine_t *, void *, const char *);
int zrelay_join_set_key (zrelay_engine_t *, void *, const char *);
char *zrelay_join_get_creds (zrelay_engine_t *, void *);
char *zrelay_join_get_ca (zrelay_engine_t *, void *);
char *zrelay_join_get_cert (zrelay_engine_t *, void *);
char *zrelay_join_get_key (zrelay_engine_t *, void *);

//  Rows for a kind's tables
#define ZRELAY_JOIN_FILE(member, text) \
    { ZRELAY_SETTING, .name = "join_" #member, .help = text, \
      .set = zrelay_join_set_ ## member, .get = zrelay_join_get_ ## member }
#define ZRELAY_JOIN_SETTINGS \
    ZRELAY_JOIN_FILE (creds, "file of credentials for JOIN"), \
    ZRELAY_JOIN_FILE (ca, "file of certificates that JOIN trusts"), \
    ZRELAY_JOIN_FILE (cert, "file of the certificate for JOIN"), \
    ZRELAY_JOIN_FILE (key, "file of that certificate's key"), \
    { ZRELAY_SETTING, .name = "join_buffer", \
      .help = "bytes that may wait for other relays, each way", \
      .offset = offsetof (zrelay_join_t, buffer), .least = 65536, \
      .most = INT32_MAX }
#define ZRELAY_JOIN_PATIENCE \
    { ZRELAY_SETTING, .name = "join_patience", \
      .help = "milliseconds to hold for them when that is full", \
      .offset = offsetof (zrelay_join_t, patience), \
      .most = 24 * 60 * 60 * 1000 }

#define ZRELAY_JOIN_COUNTER(label, member, special) \
    { ZRELAY_COUNTER, .name = "join." label, \
      .offset = offsetof (zrelay_join_t, member), .flags = special }
#define ZRELAY_JOIN_COUNTERS \
    ZRELAY_JOIN_COUNTER ("ready", ready, ZRELAY_COUNTER_GAUGE), \
    ZRELAY_JOIN_COUNTER ("sites", sites_count, ZRELAY_COUNTER_GAUGE), \
    ZRELAY_JOIN_COUNTER ("out", out, 0), \
    ZRELAY_JOIN_COUNTER ("in", in, 0), \
    ZRELAY_JOIN_COUNTER ("missed", missed, 0), \
    ZRELAY_JOIN_COUNTER ("undelivered", undelivered, 0), \
    ZRELAY_JOIN_COUNTER ("duplicates", duplicates, 0), \
    ZRELAY_JOIN_COUNTER ("invalid", invalid, 0), \
    ZRELAY_JOIN_COUNTER ("dropped", dropped, 0), \
    ZRELAY_JOIN_COUNTER ("parcels_in", parcels_in, 0), \
    ZRELAY_JOIN_COUNTER ("connects", connects, 0)

#endif
