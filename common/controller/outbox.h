// outbox.h - inside controller: a bounded queue of texts, and a thread that sends them.
#ifndef RUNNEL_CONTROLLER_OUTBOX_H
#define RUNNEL_CONTROLLER_OUTBOX_H

#include "base/base.h"

struct outbox;
// send: on the outbox's thread. `cancel` becomes non-zero when the outbox must end (read atomically).
struct outbox *outbox_new(size_t capacity, void (*send)(void *ctx, const char *text, const int *cancel), void *ctx,
                          struct error *err);
bool outbox_put(struct outbox *o, char *text);  // takes the malloc'd text. False: full, and the text is freed
bool outbox_wait(struct outbox *o, int64_t ms); // on its thread: false when it must end meanwhile
void outbox_drain(struct outbox *o,
                  int64_t deadline_ms); // takes no more; sends what is queued until then (clock_mono_ms)
void outbox_free(struct outbox *o);     // cancels what is under way, drops the rest

#endif
