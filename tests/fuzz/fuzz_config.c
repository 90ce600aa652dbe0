/*  =========================================================================
    fuzz_config - files of relays, in ZPL

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

//  An input is a file. Every mistake in it must have a sentence, a file without
//  mistakes must read the same again, and a plan must not differ from itself.
//  The first relays of each file are rehearsed, as zrelay check does it.

#include "fuzz.h"
#include "zrelay_change.h"
#include "zrelay_config.h"
#include "zrelay_start.h"
#include "zrelay_zpl.h"

const char *fuzz_name = "config";

//  Relays of a file that are rehearsed
#define REHEARSED_MAX 2

static zactor_t *s_host;        //  Has the gate, for all inputs
static zrelay_client_t *s_client;   //  Steers it

static void
s_clean (void)
{
    zrelay_client_destroy (&s_client);
    zactor_destroy (&s_host);
}

static void
s_set_up (void)
{
    s_host = zactor_new (zrelay_host, NULL);
    FUZZ_MUST (s_host);
    s_client = zrelay_client_new (s_host);
    FUZZ_MUST (s_client);
    atexit (s_clean);
}

//  What is found has a sentence, and a place that begins with the file's name

static void
s_must_explain (zrelay_report_t *report)
{
    size_t failures = 0;
    zlistx_t *findings = zrelay_report_findings (report);
    zrelay_finding_t *finding = (zrelay_finding_t *) zlistx_first (findings);
    for (; finding; finding = (zrelay_finding_t *) zlistx_next (findings)) {
        FUZZ_MUST (*finding->sentence);
        FUZZ_MUST (!*finding->place || strncmp (finding->place, "file:", 5)
                   == 0);
        failures += !finding->warning;
    }
    FUZZ_MUST (failures == zrelay_report_failures (report));
}

//  The same plans, in the same order

static void
s_must_be_same (zrelay_config_t *one, zrelay_config_t *other)
{
    FUZZ_MUST (zlistx_size (one->plans) == zlistx_size (other->plans));
    zrelay_plan_t *first = (zrelay_plan_t *) zlistx_first (one->plans);
    zrelay_plan_t *second = (zrelay_plan_t *) zlistx_first (other->plans);
    while (first) {
        FUZZ_MUST (streq (first->name, second->name));
        zrelay_change_t *change = zrelay_change_new (first, second);
        FUZZ_MUST (!change->needed && change->possible);
        zrelay_change_destroy (&change);
        first = (zrelay_plan_t *) zlistx_next (one->plans);
        second = (zrelay_plan_t *) zlistx_next (other->plans);
    }
}

//  Any two plans have a difference

static void
s_compare_all (zrelay_config_t *config)
{
    zrelay_plan_t *before = NULL;
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (config->plans);
    for (; plan; plan = (zrelay_plan_t *) zlistx_next (config->plans)) {
        zrelay_change_t *change =
            before? zrelay_change_new (before, plan): NULL;
        FUZZ_MUST (!change || zlistx_size (change->commands)
                              == zlistx_size (change->reverse));
        zrelay_change_destroy (&change);
        before = plan;
    }
}

//  The size and text of an input may have any bytes; with a zero byte, it goes
//  to the reader of ZPL only

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size > FUZZ_SIZE_MAX)
        return 0;
    fuzz_begin ();
    if (!s_host)
        s_set_up ();
    zrelay_report_t *report = zrelay_report_new_list ();
    zrelay_zpl_t *root =
        zrelay_zpl_parse ((const char *) data, size, "file", report);
    s_must_explain (report);
    zrelay_zpl_destroy (&root);
    zrelay_report_destroy (&report);

    char *text = strndup ((const char *) data, size);
    FUZZ_MUST (text);
    report = zrelay_report_new_list ();
    zrelay_config_t *config =
        zrelay_config_read ("file", text, zrelay_kinds (), report);
    if (zrelay_report_failures (report) == 0) {
        zrelay_config_t *again =
            zrelay_config_read ("file", text, zrelay_kinds (), report);
        s_must_be_same (config, again);
        zrelay_config_destroy (&again);
    }
    s_compare_all (config);
    zrelay_plan_t *plan = (zrelay_plan_t *) zlistx_first (config->plans);
    for (int count = 0; plan && count < REHEARSED_MAX; count++) {
        zrelay_rehearse (plan, s_client, report);
        plan = (zrelay_plan_t *) zlistx_next (config->plans);
    }
    s_must_explain (report);
    zrelay_config_destroy (&config);
    zrelay_report_destroy (&report);
    freen (text);
    fuzz_end ();
    return 0;
}
