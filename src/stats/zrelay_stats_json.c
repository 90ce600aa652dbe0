/*  =========================================================================
    zrelay_stats_json - writes statistics as JSON

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
s_put_group (const zrelay_stats_t *self, zchunk_t *output,
             const zrelay_stats_node_t *group)
{
    zrelay_stats_put (output, "{");
    const zrelay_stats_node_t *node = group->child;
    for (; node; node = node->sibling) {
        zrelay_stats_putf (output, "\"%.*s\":", (int) node->part_size,
                           node->part);
        if (node->type == ZRELAY_STATS_GROUP)
            s_put_group (self, output, node);
        else
        if (node->type == ZRELAY_STATS_WORD)
            zrelay_stats_putf (output, "\"%s\"",
                               zrelay_stats_word_of (self, node));
        else
            zrelay_stats_putf (output, "%" PRIu64,
                               zrelay_stats_count_of (self, node));
        zrelay_stats_put (output, node->sibling? ",": "");
    }
    zrelay_stats_put (output, "}");
}

char *
zrelay_stats_json (zrelay_stats_t *self)
{
    assert (self);
    zchunk_t *output = zrelay_stats_output_new ();
    s_put_group (self, output, &self->outline->root);
    return zrelay_stats_output_finish (&output);
}
