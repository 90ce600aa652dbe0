/*  =========================================================================
    zrelay_gaps - what did not come from other sites

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_GAPS_H_INCLUDED
#define ZRELAY_GAPS_H_INCLUDED

#include <zrelay.h>

//  Sites report with which parcel their stretches of messages ended, see
//  zrelay_published. When a report does not follow the last one that was heard,
//  or when something was wrong meanwhile, messages may be missing. The site is
//  asked then how many it had, and this class knows how many of these came.
//
//  Trouble may be noticed a little later than it began, and what is sent again
//  comes a little later still. So a stretch is settled only when the next one
//  has ended without trouble, and a site is asked with the report that follows.

//  What a site says in a report
typedef struct {
    uint64_t after;             //  Its stretch began behind the parcel of that
                                //  number
    uint64_t upto;              //  And ended with this one
    uint64_t connects;          //  How often it was connected
    bool younger;               //  It began while this one was here, so all that
                                //  it had could have come
} zrelay_gaps_report_t;

//  What to ask for, and what was answered
typedef struct {
    uint64_t after;             //  Parcels behind this number
    uint64_t upto;              //  Up to this one
} zrelay_gaps_range_t;

//  A part of an answer
typedef struct {
    zrelay_gaps_range_t range;  //  What it answers
    uint64_t at;                //  Where it begins, in bytes
    size_t size;                //  Its bytes
    uint64_t messages;          //  Messages in it that should have come
    bool last;                  //  The answer ends with it
} zrelay_gaps_part_t;

typedef struct _zrelay_gaps_t zrelay_gaps_t;

zrelay_gaps_t *
    zrelay_gaps_new (void);

void
    zrelay_gaps_destroy (zrelay_gaps_t **self_p);

//  Forget all sites.
void
    zrelay_gaps_clear (zrelay_gaps_t *self);

//  A site reports. trouble is a number that grows when something goes wrong
//  here, such as a connection that is lost, and is what it was when the report
//  came, which was at came_at; now is in msecs, too. Returns true if the site is
//  to be asked for a range. That is asked for anew, with what followed, if a
//  report comes ten seconds later and there was no answer before it.
bool
    zrelay_gaps_report (zrelay_gaps_t *self, uint64_t origin,
                        const zrelay_gaps_report_t *report, uint64_t trouble,
                        int64_t came_at, int64_t now,
                        zrelay_gaps_range_t *range);

//  Was what comes now in the parcel of that number among what was missing?
bool
    zrelay_gaps_missed (zrelay_gaps_t *self, uint64_t origin,
                        uint64_t sequence);

//  A message came from a site, in the parcel of that number.
void
    zrelay_gaps_came (zrelay_gaps_t *self, uint64_t origin, uint64_t sequence,
                      int64_t now);

//  A part of an answer came. Returns how many messages are missing, which is
//  known with the last part, if all of them came; 0 if this was not asked for.
uint64_t
    zrelay_gaps_answer (zrelay_gaps_t *self, uint64_t origin,
                        const zrelay_gaps_part_t *part);

//  A site has left.
void
    zrelay_gaps_leave (zrelay_gaps_t *self, uint64_t origin);

//  Self test of this class
void
    zrelay_gaps_test (bool verbose);

#endif
