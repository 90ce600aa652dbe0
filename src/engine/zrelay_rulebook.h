/*  =========================================================================
    zrelay_rulebook - RULE and RULES: rules about topics, of each flow

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_RULEBOOK_H_INCLUDED
#define ZRELAY_RULEBOOK_H_INCLUDED

#include <zrelay.h>
#include "zrelay_error.h"
#include "zrelay_sieve.h"
#include "zrelay_wiring.h"

//  A flow whose input has topics may have rules, see zrelay_sieve.h. They apply
//  to what it brings, to what it subscribes to, and to the subscriptions that
//  travel back. Subscriptions that publishers have got already cannot be
//  changed, so rules are given and removed while no side is attached.

typedef struct _zrelay_rulebook_t zrelay_rulebook_t;

//  One without rules. wiring and error outlive it.
zrelay_rulebook_t *
    zrelay_rulebook_new (const zrelay_wiring_t *wiring, zrelay_error_t *error);

//  Not before its flows, which refer to it.
void
    zrelay_rulebook_destroy (zrelay_rulebook_t **self_p);

//  Add a rule to a flow that there is, and remove all of one. topic and to are
//  short enough for topics. A refusal has a sentence, and changes nothing.
zrelay_status_t
    zrelay_rulebook_add (zrelay_rulebook_t *self, zrelay_flow_id_t flow,
                         zrelay_sieve_rule_t rule, const char *topic,
                         const char *to);
zrelay_status_t
    zrelay_rulebook_clear (zrelay_rulebook_t *self, zrelay_flow_id_t flow);

//  True if a flow has rules; and add them to an answer.
bool
    zrelay_rulebook_applies (zrelay_rulebook_t *self, zrelay_flow_id_t flow);
void
    zrelay_rulebook_list (zrelay_rulebook_t *self, zrelay_flow_id_t flow,
                          zmsg_t *answer);

void
    zrelay_rulebook_test (bool verbose);

#endif
