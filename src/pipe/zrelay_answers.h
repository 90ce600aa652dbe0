/*  =========================================================================
    zrelay_answers - answers to commands, in their order

    Copyright (c) the Contributors as noted in the AUTHORS file.
    This file is part of zrelay, the relay for ZeroMQ.

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at http://mozilla.org/MPL/2.0/.
    =========================================================================
*/

#ifndef ZRELAY_ANSWERS_H_INCLUDED
#define ZRELAY_ANSWERS_H_INCLUDED

#include <zrelay.h>

//  Answers wait where the other end does not read them. Those to bare words
//  leave in order, since a status does not say which command it answers. The
//  answer to a query says so, and so does one in an envelope; these do not wait
//  for others that are not known yet.

typedef struct _zrelay_answers_t zrelay_answers_t;

//  Answers that are sent to a libzmq socket; bare ones as signals and frames,
//  those in an envelope as in zrelay_client.h. on_used is called with arg
//  whenever the socket was used, after which it has to be read to its end.
//  zrelay_engine_defer () finds the object by the engine.
typedef void (zrelay_answers_used_fn) (void *arg);
zrelay_answers_t *
    zrelay_answers_new (zrelay_engine_t *engine, void *handle,
                        zrelay_answers_used_fn *on_used, void *arg);

//  After the engine, whose kind may still give answers until it ends.
void
    zrelay_answers_destroy (zrelay_answers_t **self_p);

//  A new place in the order, for the command of that name, which is a query or
//  is not. envelope, which is taken, comes before the answer; NULL: it is bare.
//  Until the next one, zrelay_engine_defer () returns this one.
zrelay_answer_t *
    zrelay_answers_add (zrelay_answers_t *self, const char *name, bool query,
                        zmsg_t *envelope);

//  Give an answer: a status, with the sentence in the engine's error if it is
//  not ZRELAY_STATUS_DONE, and a query's frames, which are taken.
void
    zrelay_answers_give (zrelay_answer_t *answer, int status,
                         zmsg_t **frames_p);

//  Give the last answer, to the command that ended the relay, which came in an
//  envelope. To be called when the engine was destroyed.
void
    zrelay_answers_give_last (zrelay_answer_t *answer);

#endif
