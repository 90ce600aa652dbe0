/*  =========================================================================
    zrelay_asserts - keeps asserts, also under -DNDEBUG

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ASSERTS_H_INCLUDED
#define ZRELAY_ASSERTS_H_INCLUDED

//  Asserts are for the programmer's own invariants and for memory that cannot
//  be had. They hold in every build, as CZMQ's do: this header comes before all
//  others, see Makefile.am, and undoes a -DNDEBUG of the command line.

#undef NDEBUG

#endif
