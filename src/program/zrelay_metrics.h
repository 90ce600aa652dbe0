/*  =========================================================================
    zrelay_metrics - all that Prometheus is told about this process

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_METRICS_H_INCLUDED
#define ZRELAY_METRICS_H_INCLUDED

#include "zrelay_snapshot.h"

//  Metrics in Prometheus' text exposition format, version 0.0.4: those of all
//  relays, whether each of these answered, the version, and the process. The
//  caller frees the string with zstr_free ().
char *
    zrelay_metrics_text (zrelay_snapshot_t *snapshot);

#endif
