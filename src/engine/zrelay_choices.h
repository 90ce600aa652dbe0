/*  =========================================================================
    zrelay_choices - the options of a side, as a user or a kind has set them

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_CHOICES_H_INCLUDED
#define ZRELAY_CHOICES_H_INCLUDED

#include <zrelay.h>
#include "zrelay_access.h"
#include "zrelay_attachments.h"
#include "zrelay_error.h"
#include "zrelay_limits.h"
#include "zrelay_options.h"
#include "zrelay_port.h"

//  Options are libzmq's, by their zsock names, and the side's own, which are in
//  tables. Functions that return a status keep a sentence when it is not
//  ZRELAY_STATUS_DONE, and have then changed nothing.

typedef struct _zrelay_choices_t zrelay_choices_t;

//  What is needed of the side, which outlives the object
typedef struct {
    const char *name;           //  In sentences
    zrelay_port_t *port;        //  Has the socket, if there is one
    zrelay_attachments_t *attachments;  //  Its endpoints
    zrelay_limits_t *limits;    //  Have options
    zrelay_access_t *access;    //  Has options
    zrelay_error_t *error;      //  Where sentences go
    bool borrowed;              //  The socket is the application's
} zrelay_choices_side_t;

zrelay_choices_t *
    zrelay_choices_new (const zrelay_choices_side_t *side);

void
    zrelay_choices_destroy (zrelay_choices_t **self_p);

//  The tables of those that are the side's own. The list ends with NULL.
extern const zrelay_setting_t *const zrelay_choices_settings [];

//  Keep the present values of those, by "frontend.NAME" or "backend.NAME".
void
    zrelay_choices_keep (zrelay_choices_t *self, zchunk_t *values);

//  Set one. Those who watch peers know the limits, too, so they must not look
//  at them meanwhile.
zrelay_status_t
    zrelay_choices_set (zrelay_choices_t *self, const char *name,
                        const char *value);

//  Set *value_p to a fresh string, or to NULL if neither libzmq reports a value
//  nor one was set; and the same without a sentence, NULL also for a secret.
zrelay_status_t
    zrelay_choices_get (zrelay_choices_t *self, const char *name,
                        char **value_p);
char *
    zrelay_choices_value (zrelay_choices_t *self, const char *name);

//  The values of libzmq's options that were set.
zrelay_options_t *
    zrelay_choices_options (zrelay_choices_t *self);

//  Bound what waits in an XPUB of ours, unless its rcvhwm was set.
void
    zrelay_choices_bound_xpub (zrelay_choices_t *self);

//  True if xpub_verbose was set.
bool
    zrelay_choices_repeats (zrelay_choices_t *self);

//  The property of libzmq's that each message is stamped with, see
//  zrelay_sender.h; "": with none, as it could be forged; NULL: no stamp.
const char *
    zrelay_choices_stamp (zrelay_choices_t *self);

void
    zrelay_choices_test (bool verbose);

#endif
