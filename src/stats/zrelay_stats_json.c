/*  =========================================================================
    zrelay_stats_json - JSON of zrelay_stats

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_stats_internal.h"
#include "zrelay_stats_output.h"

static void
s_json_group (zchunk_t *output, zrelay_stats_node_t *group)
{
    zrelay_stats_put (output, "{");
    for (zrelay_stats_node_t *node = group->child; node; node = node->sibling) {
        zrelay_stats_putf (output, "\"%s\":", node->part);
        if (node->type == ZRELAY_STATS_GROUP)
            s_json_group (output, node);
        else
        if (node->type == ZRELAY_STATS_WORD)
            zrelay_stats_putf (output, "\"%s\"", node->word);
        else
            zrelay_stats_putf (output, "%" PRIu64, node->value);
        zrelay_stats_put (output, node->sibling? ",": "");
    }
    zrelay_stats_put (output, "}");
}

char *
zrelay_stats_json (zrelay_stats_t *self)
{
    assert (self);
    zchunk_t *output = zrelay_stats_output_new ();
    s_json_group (output, &self->root);
    return zrelay_stats_output_finish (&output);
}
