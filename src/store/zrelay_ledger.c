/*  =========================================================================
    zrelay_ledger - which requests and replies a Titanic has

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_ledger.h"

#include <sys/random.h>

//  A head, see the header
#define HEAD_SIZE 9
#define HEAD_REQUEST 'Q'
#define HEAD_REPLY 'A'

//  What counts for each frame, besides its bytes
#define FRAME_BYTES 64

//  Names in a store have less
#define NAME_ROOM 512

struct _zrelay_ledger_t {
    zrelay_ledger_numbers_t *numbers;   //  The owner's
    zrelay_index_t *entries;    //  By UUID
    zrelay_index_t *lines;      //  By service
    zlistx_t *ages;             //  Entries, the oldest first
    zlistx_t *resting;          //  Those in that state
    zlistx_t *unkept;           //  Likewise
    size_t unkept_count;        //  Those, and those that are tried again
    size_t answered_bytes;      //  In replies that are to be stored
    uint64_t last;              //  Number of the last request
};

static zlistx_t *
s_list_new (void)
{
    zlistx_t *list = zlistx_new ();
    assert (list);
    return list;
}


//  --------------------------------------------------------------------------
//  Services

static zrelay_line_t *
s_line_new (zrelay_ledger_t *self, const void *name, size_t size)
{
    zrelay_line_t *line =
        (zrelay_line_t *) zmalloc (sizeof (zrelay_line_t) + size);
    assert (line);
    memcpy (line + 1, name, size);
    line->name = (zrelay_name_t) { line + 1, size };
    line->ready = s_list_new ();
    zrelay_index_add (self->lines, &line->name, line);
    return line;
}

zrelay_line_t *
zrelay_ledger_find_line (zrelay_ledger_t *self, const void *name, size_t size)
{
    return (zrelay_line_t *) zrelay_index_find (self->lines, name, size);
}

static zrelay_line_t *
s_need_line (zrelay_ledger_t *self, const void *name, size_t size)
{
    zrelay_line_t *line = zrelay_ledger_find_line (self, name, size);
    return line? line: s_line_new (self, name, size);
}

zrelay_line_t *
zrelay_ledger_first_line (zrelay_ledger_t *self)
{
    return (zrelay_line_t *) zrelay_index_first (self->lines);
}

zrelay_line_t *
zrelay_ledger_next_line (zrelay_ledger_t *self)
{
    return (zrelay_line_t *) zrelay_index_next (self->lines);
}

void
zrelay_ledger_use_line (zrelay_ledger_t *self, zrelay_line_t *line)
{
    (void) self;
    line->users++;
}

void
zrelay_ledger_leave_line (zrelay_ledger_t *self, zrelay_line_t *line)
{
    if (--line->users > 0)
        return;
    zrelay_index_remove (self->lines, &line->name);
    zlistx_destroy (&line->ready);
    freen (line);
}


//  --------------------------------------------------------------------------
//  Lists. An entry is in one that its state has, or in none.

static zlistx_t *
s_list (zrelay_ledger_t *self, zrelay_entry_t *entry)
{
    switch (entry->state) {
        case ZRELAY_ENTRY_READY:
            return entry->line->ready;
        case ZRELAY_ENTRY_RESTING:
            return self->resting;
        case ZRELAY_ENTRY_UNKEPT:
            return self->unkept;
        default:
            return NULL;
    }
}

static void
s_leave_list (zrelay_entry_t *entry)
{
    if (entry->list)
        zlistx_detach (entry->list, entry->place);
    entry->list = NULL;
}

void
zrelay_ledger_set_state (zrelay_ledger_t *self, zrelay_entry_t *entry,
                         zrelay_entry_state_t state, bool first)
{
    s_leave_list (entry);
    entry->state = state;
    if (state == ZRELAY_ENTRY_UNKEPT && !entry->unkept) {
        entry->unkept = true;
        self->unkept_count++;
    }
    entry->list = entry->leaving? NULL: s_list (self, entry);
    if (entry->list)
        entry->place = first? zlistx_add_start (entry->list, entry):
                              zlistx_add_end (entry->list, entry);
}

static void
s_join_ages (zrelay_ledger_t *self, zrelay_entry_t *entry)
{
    entry->age = zlistx_add_end (self->ages, entry);
}

static void
s_leave_ages (zrelay_ledger_t *self, zrelay_entry_t *entry)
{
    if (entry->age)
        zlistx_detach (self->ages, entry->age);
    entry->age = NULL;
}

void
zrelay_ledger_set_leaving (zrelay_ledger_t *self, zrelay_entry_t *entry,
                           bool leaving)
{
    entry->leaving = leaving;
    zrelay_ledger_set_state (self, entry, entry->state, true);
    s_leave_ages (self, entry);
    //  One that would not go is tried first
    if (!leaving)
        entry->age = zlistx_add_start (self->ages, entry);
}


//  --------------------------------------------------------------------------
//  Entries

static void
s_count (zrelay_ledger_t *self, zrelay_entry_t *entry, int64_t sign)
{
    bool replied = entry->state == ZRELAY_ENTRY_REPLIED;
    uint64_t *count = replied? &self->numbers->replies:
                               &self->numbers->requests;
    uint64_t *bytes = replied? &self->numbers->reply_bytes:
                               &self->numbers->request_bytes;
    *count += sign;
    *bytes += sign * (int64_t) entry->bytes;
}

//  A reply needs no service

static zrelay_entry_t *
s_entry_new (zrelay_ledger_t *self, const char *uuid, zrelay_line_t *line)
{
    zrelay_entry_t *entry =
        (zrelay_entry_t *) zmalloc (sizeof (zrelay_entry_t));
    assert (entry);
    memcpy (entry->uuid, uuid, ZRELAY_LEDGER_UUID);
    entry->name = (zrelay_name_t) { entry->uuid, ZRELAY_LEDGER_UUID };
    entry->line = line;
    if (line)
        zrelay_ledger_use_line (self, line);
    zrelay_index_add (self->entries, &entry->name, entry);
    return entry;
}

static void
s_forget_reply (zrelay_ledger_t *self, zrelay_entry_t *entry)
{
    self->answered_bytes -= entry->reply_bytes;
    entry->reply_bytes = 0;
    zrelay_message_destroy (&entry->reply);
}

void
zrelay_ledger_remove (zrelay_ledger_t *self, zrelay_entry_t **entry_p)
{
    assert (entry_p && *entry_p);
    zrelay_entry_t *entry = *entry_p;
    s_count (self, entry, -1);
    self->unkept_count -= entry->unkept;
    s_leave_list (entry);
    s_leave_ages (self, entry);
    zrelay_index_remove (self->entries, &entry->name);
    if (entry->line)
        zrelay_ledger_leave_line (self, entry->line);
    s_forget_reply (self, entry);
    freen (entry);
    *entry_p = NULL;
}

static bool
s_choose_uuid (char uuid [ZRELAY_LEDGER_UUID + 1])
{
    byte data [ZRELAY_LEDGER_UUID / 2];
    if (getrandom (data, sizeof (data), 0) != (ssize_t) sizeof (data))
        return false;
    //  Version 4 of RFC 4122: random
    data [6] = (data [6] & 0x0F) | 0x40;
    data [8] = (data [8] & 0x3F) | 0x80;
    for (size_t index = 0; index < sizeof (data); index++)
        snprintf (uuid + 2 * index, 3, "%02X", data [index]);
    return true;
}

zrelay_entry_t *
zrelay_ledger_add (zrelay_ledger_t *self, const void *service, size_t size,
                   size_t bytes)
{
    char uuid [ZRELAY_LEDGER_UUID + 1];
    if (!s_choose_uuid (uuid)
    ||  zrelay_ledger_find (self, uuid, ZRELAY_LEDGER_UUID))
        return NULL;
    zrelay_entry_t *entry = s_entry_new (self, uuid,
                                         s_need_line (self, service, size));
    s_join_ages (self, entry);
    entry->number = ++self->last;
    entry->time = zclock_time ();
    entry->bytes = bytes;
    s_count (self, entry, 1);
    return entry;
}

zrelay_entry_t *
zrelay_ledger_find (zrelay_ledger_t *self, const void *uuid, size_t size)
{
    if (size != ZRELAY_LEDGER_UUID)
        return NULL;
    char capitals [ZRELAY_LEDGER_UUID];
    for (size_t index = 0; index < size; index++)
        capitals [index] = (char) toupper (((const byte *) uuid) [index]);
    return (zrelay_entry_t *) zrelay_index_find (self->entries, capitals, size);
}

void
zrelay_ledger_set_answered (zrelay_ledger_t *self, zrelay_entry_t *entry,
                            zrelay_message_t **reply_p)
{
    assert (!entry->reply && *reply_p);
    entry->reply = *reply_p;
    *reply_p = NULL;
    entry->reply_bytes = zrelay_ledger_bytes (entry->reply);
    self->answered_bytes += entry->reply_bytes;
    zrelay_ledger_set_state (self, entry, ZRELAY_ENTRY_ANSWERED, false);
}

void
zrelay_ledger_set_replied (zrelay_ledger_t *self, zrelay_entry_t *entry)
{
    s_count (self, entry, -1);
    self->unkept_count -= entry->unkept;
    entry->unkept = false;
    zrelay_ledger_set_state (self, entry, ZRELAY_ENTRY_REPLIED, false);
    entry->time = zclock_time ();
    entry->bytes = entry->reply_bytes;
    s_forget_reply (self, entry);
    s_count (self, entry, 1);
    s_leave_ages (self, entry);
    if (!entry->leaving)
        s_join_ages (self, entry);
    zrelay_ledger_leave_line (self, entry->line);
    entry->line = NULL;
}

zrelay_entry_t *
zrelay_ledger_expired (zrelay_ledger_t *self, int64_t now)
{
    zrelay_entry_t *entry = (zrelay_entry_t *) zlistx_first (self->ages);
    int64_t expiry = self->numbers->expiry;
    return entry && expiry > 0 && now - entry->time >= expiry? entry: NULL;
}

zrelay_entry_t *
zrelay_ledger_resting (zrelay_ledger_t *self)
{
    return (zrelay_entry_t *) zlistx_first (self->resting);
}

zrelay_entry_t *
zrelay_ledger_unkept (zrelay_ledger_t *self)
{
    return (zrelay_entry_t *) zlistx_first (self->unkept);
}


//  --------------------------------------------------------------------------
//  Bounds

bool
zrelay_ledger_has_room (zrelay_ledger_t *self, size_t bytes)
{
    const zrelay_ledger_numbers_t *numbers = self->numbers;
    return (int64_t) (numbers->requests + numbers->replies)
           < numbers->requests_most
        && (int64_t) (numbers->request_bytes + bytes) <= numbers->bytes_most;
}

bool
zrelay_ledger_is_stopped (zrelay_ledger_t *self)
{
    return self->unkept_count > 0
        || (int64_t) (self->numbers->reply_bytes + self->answered_bytes)
           >= self->numbers->bytes_most;
}

size_t
zrelay_ledger_bytes (zrelay_message_t *message)
{
    return zrelay_message_bytes (message)
         + zrelay_message_frames (message) * FRAME_BYTES;
}


//  --------------------------------------------------------------------------
//  Messages in a store

zrelay_message_t *
zrelay_ledger_write (zrelay_entry_t *entry, bool reply, zrelay_message_t *body)
{
    byte head [HEAD_SIZE] = { reply? HEAD_REPLY: HEAD_REQUEST };
    for (int index = 1; index < HEAD_SIZE; index++)
        head [index] = (byte) (entry->number >> 8 * (HEAD_SIZE - 1 - index));
    zrelay_message_t *message = zrelay_message_new ();
    zrelay_message_append (message, head, sizeof (head));
    if (!reply)
        zrelay_message_append (message, entry->line->name.data,
                               entry->line->name.size);
    zrelay_message_share (message, body, 0, SIZE_MAX);
    return message;
}

//  What precedes the body in frames; 0 if there is no such head

static size_t
s_body (zrelay_message_t *message, uint64_t *number_p)
{
    const byte *head = zrelay_message_data (message, 0);
    if (zrelay_message_size (message, 0) != HEAD_SIZE)
        return 0;
    *number_p = 0;
    for (int index = 1; index < HEAD_SIZE; index++)
        *number_p = *number_p << 8 | head [index];
    bool request = *head == HEAD_REQUEST
                && zrelay_message_size (message, 1) > 0;
    return request? 2: *head == HEAD_REPLY? 1: 0;
}

bool
zrelay_ledger_read (zrelay_entry_t *entry, zrelay_store_t *store, bool reply,
                    zrelay_message_t *message)
{
    zrelay_message_t *stored = zrelay_message_new ();
    uint64_t number;
    bool found = zrelay_store_get (store, entry->uuid, stored, NULL);
    size_t body = found? s_body (stored, &number): 0;
    found = found && body == (reply? 1: 2) && number == entry->number;
    if (found)
        zrelay_message_share (message, stored, body, SIZE_MAX);
    zrelay_message_destroy (&stored);
    return found;
}


//  --------------------------------------------------------------------------
//  Loading

//  Entries in the order in which the store has them
typedef struct {
    zrelay_entry_t **entries;
    size_t count;               //  How many
    size_t room;                //  For so many
} found_t;

static void
s_note (found_t *found, zrelay_entry_t *entry)
{
    if (found->count == found->room) {
        found->room = found->room * 2 + 64;
        found->entries = (zrelay_entry_t **)
            realloc (found->entries, found->room * sizeof (*found->entries));
        assert (found->entries);
    }
    found->entries [found->count++] = entry;
}

//  An entry of what is stored under a UUID; NULL if that is something else

static zrelay_entry_t *
s_load_entry (zrelay_ledger_t *self, const char *uuid,
              zrelay_message_t *message, int64_t time)
{
    uint64_t number;
    size_t body = s_body (message, &number);
    if (body == 0 || strlen (uuid) != ZRELAY_LEDGER_UUID
    ||  strspn (uuid, "0123456789ABCDEF") != ZRELAY_LEDGER_UUID)
        return NULL;
    bool request = body == 2;
    zrelay_entry_t *entry = s_entry_new (self, uuid, request?
        s_need_line (self, zrelay_message_data (message, 1),
                     zrelay_message_size (message, 1)): NULL);
    entry->state = request? ZRELAY_ENTRY_READY: ZRELAY_ENTRY_REPLIED;
    entry->number = number;
    entry->time = time;
    while (body-- > 0)
        zrelay_message_pop (message);
    entry->bytes = zrelay_ledger_bytes (message);
    s_count (self, entry, 1);
    self->last = number > self->last? number: self->last;
    return entry;
}

static int
s_compare_numbers (const void *one, const void *other)
{
    uint64_t first = (*(zrelay_entry_t *const *) one)->number;
    uint64_t second = (*(zrelay_entry_t *const *) other)->number;
    return (first > second) - (first < second);
}

static int
s_compare_times (const void *one, const void *other)
{
    int64_t first = (*(zrelay_entry_t *const *) one)->time;
    int64_t second = (*(zrelay_entry_t *const *) other)->time;
    return first == second? s_compare_numbers (one, other):
           (first > second) - (first < second);
}

//  Requests get their turns in the order of their numbers

static void
s_line_up (zrelay_ledger_t *self, found_t *found)
{
    if (found->count == 0)
        return;
    qsort (found->entries, found->count, sizeof (*found->entries),
           s_compare_numbers);
    for (size_t index = 0; index < found->count; index++)
        zrelay_ledger_set_state (self, found->entries [index],
                                 found->entries [index]->state, false);
    qsort (found->entries, found->count, sizeof (*found->entries),
           s_compare_times);
    for (size_t index = 0; index < found->count; index++)
        s_join_ages (self, found->entries [index]);
}

const char *
zrelay_ledger_load (zrelay_ledger_t *self, zrelay_store_t *store)
{
    found_t found = { NULL, 0, 0 };
    char name [NAME_ROOM] = "";
    zrelay_message_t *message = zrelay_message_new ();
    bool right = true;
    const char *next;
    while (right && (next = zrelay_store_next (store, name))) {
        snprintf (name, sizeof (name), "%s", next);
        int64_t time;
        zrelay_message_clear (message);
        zrelay_entry_t *entry =
            zrelay_store_get (store, name, message, &time)?
            s_load_entry (self, name, message, time): NULL;
        if (entry)
            s_note (&found, entry);
        right = entry != NULL;
    }
    zrelay_message_destroy (&message);
    s_line_up (self, &found);
    freen (found.entries);
    return right? NULL: "it has records that Titanic did not write";
}


//  --------------------------------------------------------------------------
//  Constructor and destructor

zrelay_ledger_t *
zrelay_ledger_new (zrelay_ledger_numbers_t *numbers)
{
    zrelay_ledger_t *self =
        (zrelay_ledger_t *) zmalloc (sizeof (zrelay_ledger_t));
    assert (self);
    self->numbers = numbers;
    self->entries = zrelay_index_new ();
    self->lines = zrelay_index_new ();
    self->ages = s_list_new ();
    self->resting = s_list_new ();
    self->unkept = s_list_new ();
    return self;
}

void
zrelay_ledger_destroy (zrelay_ledger_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_ledger_t *self = *self_p;
        zrelay_entry_t *entry;
        while ((entry = (zrelay_entry_t *) zlistx_first (self->ages)))
            zrelay_ledger_remove (self, &entry);
        //  Those that were leaving; an index finds its first slowly
        while ((entry = (zrelay_entry_t *) zrelay_index_first (self->entries)))
            zrelay_ledger_remove (self, &entry);
        zlistx_destroy (&self->unkept);
        zlistx_destroy (&self->resting);
        zlistx_destroy (&self->ages);
        zrelay_index_destroy (&self->lines);
        zrelay_index_destroy (&self->entries);
        freen (self);
        *self_p = NULL;
    }
}


//  --------------------------------------------------------------------------
//  Selftest: see zrelay_titanic_test.c
