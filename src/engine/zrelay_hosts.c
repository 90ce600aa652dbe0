/*  =========================================================================
    zrelay_hosts - how many connections each address has

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#include "zrelay_hosts.h"
#include "zrelay_index.h"

struct _zrelay_host_t {
    zrelay_name_t name;         //  Its bytes follow the structure
    size_t count;               //  How many are connected
};

struct _zrelay_hosts_t {
    zrelay_index_t *index;      //  zrelay_host_t by address
};

zrelay_hosts_t *
zrelay_hosts_new (void)
{
    zrelay_hosts_t *self = (zrelay_hosts_t *) zmalloc (sizeof (zrelay_hosts_t));
    assert (self);
    self->index = zrelay_index_new ();
    return self;
}

void
zrelay_hosts_destroy (zrelay_hosts_t **self_p)
{
    assert (self_p);
    if (*self_p) {
        zrelay_index_destroy (&(*self_p)->index);
        freen (*self_p);
    }
}

zrelay_host_t *
zrelay_hosts_join (zrelay_hosts_t *self, const char *address)
{
    const char *port = strrchr (address, ':');
    if (strncmp (address, "tcp:", strlen ("tcp:")) != 0)
        return NULL;
    size_t size = (size_t) (port - address);
    zrelay_host_t *host =
        (zrelay_host_t *) zrelay_index_find (self->index, address, size);
    if (!host) {
        host = (zrelay_host_t *) zmalloc (sizeof (zrelay_host_t) + size);
        assert (host);
        memcpy (host + 1, address, size);
        host->name.data = host + 1;
        host->name.size = size;
        zrelay_index_add (self->index, &host->name, host);
    }
    host->count++;
    return host;
}

void
zrelay_hosts_leave (zrelay_hosts_t *self, zrelay_host_t **host_p)
{
    zrelay_host_t *host = *host_p;
    *host_p = NULL;
    if (host && --host->count == 0) {
        zrelay_index_remove (self->index, &host->name);
        freen (host);
    }
}

size_t
zrelay_hosts_count (const zrelay_host_t *host)
{
    return host? host->count: 0;
}


//  --------------------------------------------------------------------------
//  Selftest

void
zrelay_hosts_test (bool verbose)
{
    (void) verbose;
    printf (" * zrelay_hosts: ");

    //  @selftest
    zrelay_hosts_t *self = zrelay_hosts_new ();
    zrelay_host_t *one = zrelay_hosts_join (self, "tcp://127.0.0.1:1000");
    zrelay_host_t *two = zrelay_hosts_join (self, "tcp://127.0.0.1:2000");
    zrelay_host_t *other = zrelay_hosts_join (self, "tcp://[::1]:1000");
    assert (one == two && one != other);
    assert (zrelay_hosts_count (one) == 2);
    assert (zrelay_hosts_count (other) == 1);
    zrelay_hosts_leave (self, &one);
    assert (one == NULL && zrelay_hosts_count (two) == 1);
    zrelay_hosts_leave (self, &one);
    zrelay_hosts_leave (self, &two);
    zrelay_hosts_leave (self, &other);
    //  Who comes again counts anew
    one = zrelay_hosts_join (self, "tcp://127.0.0.1:3000");
    assert (zrelay_hosts_count (one) == 1);
    zrelay_hosts_leave (self, &one);
    assert (!zrelay_hosts_join (self, "ipc://@here"));
    assert (zrelay_hosts_count (NULL) == 0);
    zrelay_hosts_destroy (&self);
    assert (self == NULL);
    zrelay_hosts_destroy (&self);
    //  @end
    printf ("OK\n");
}
