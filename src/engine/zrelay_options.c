/*  =========================================================================
    zrelay_options - the socket options that were set on a side

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_options.h"

typedef struct {
    const zrelay_option_t *option;
    char *value;                //  As given
} kept_t;

struct _zrelay_options_t {
    zlistx_t *items;            //  kept_t in order of time
};


//  --------------------------------------------------------------------------
//  Constructor and destructor

static void
s_kept_destroy (void **item_p)
{
    kept_t *kept = (kept_t *) *item_p;
    //  It may have been a key
    memset (kept->value, 0, strlen (kept->value));
    zstr_free (&kept->value);
    freen (kept);
    *item_p = NULL;
}

zrelay_options_t *
zrelay_options_new (void)
{
    zrelay_options_t *self =
        (zrelay_options_t *) zmalloc (sizeof (zrelay_options_t));
    assert (self);
    self->items = zlistx_new ();
    assert (self->items);
    zlistx_set_destructor (self->items, s_kept_destroy);
    return self;
}

void
zrelay_options_destroy (zrelay_options_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zlistx_destroy (&(*self_p)->items);
        freen (*self_p);
    }
}


//  --------------------------------------------------------------------------
//  Values

//  Leaves the list's cursor on the item, or returns NULL

static kept_t *
s_find (zrelay_options_t *self, int id)
{
    kept_t *kept = (kept_t *) zlistx_first (self->items);
    while (kept && kept->option->id != id)
        kept = (kept_t *) zlistx_next (self->items);
    return kept;
}

void
zrelay_options_forget (zrelay_options_t *self, const zrelay_option_t *option)
{
    if (s_find (self, option->id))
        zlistx_delete (self->items, zlistx_cursor (self->items));
}

void
zrelay_options_put (zrelay_options_t *self, const zrelay_option_t *option,
                    const char *value)
{
    zrelay_options_forget (self, option);
    kept_t *kept = (kept_t *) zmalloc (sizeof (kept_t));
    assert (kept);
    kept->option = option;
    kept->value = strdup (value);
    assert (kept->value);
    zlistx_add_end (self->items, kept);
}

const char *
zrelay_options_get_id (zrelay_options_t *self, int id)
{
    kept_t *kept = s_find (self, id);
    return kept? kept->value: NULL;
}

const char *
zrelay_options_get (zrelay_options_t *self, const zrelay_option_t *option)
{
    return zrelay_options_get_id (self, option->id);
}

zrelay_status_t
zrelay_options_apply (zrelay_options_t *self, void *handle, const char *type,
                      zrelay_error_t *error)
{
    kept_t *kept = (kept_t *) zlistx_first (self->items);
    for (; kept; kept = (kept_t *) zlistx_next (self->items))
        if (zrelay_option_set (kept->option, handle, kept->value))
            return zrelay_error_set (error, ZRELAY_STATUS_BAD_ARGUMENTS,
                "a %s socket does not take %s for %s: %s", type,
                kept->option->flags & ZRELAY_OPTION_SECRET? "'(secret)'":
                zrelay_error_quote (error, kept->value), kept->option->name,
                zmq_strerror (errno));
    return ZRELAY_STATUS_DONE;
}
