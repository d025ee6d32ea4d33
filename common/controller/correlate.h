// correlate.h - inside controller: what becomes of an event before it is written, as client-go's recorder has it.
//
// The same event again raises a count. More than ten different messages for one object and reason within ten minutes
// become one event "(combined from similar events)". An object has 25 events at once and one more each five minutes:
// the rest is dropped. Tables are of bounded size: the oldest entries go. For one thread.
#ifndef RUNNEL_CONTROLLER_CORRELATE_H
#define RUNNEL_CONTROLLER_CORRELATE_H

#include "base/base.h"

struct correlator;
struct correlation {
    bool drop;
    bool combined;          // the message gets the prefix
    int64_t count;          // 1: a new event
    const char *event_name; // of the one to raise the count of; NULL with count 1
    const char *first_time; // of that one
    uint64_t key;           // for correlator_written
};
#define COMBINED_PREFIX "(combined from similar events): "

struct correlator *correlator_new(void);
void correlator_free(struct correlator *c);
// object: its UID, or anything that names it. The strings of the result live until the next call.
struct correlation correlate(struct correlator *c, const char *object, const char *type, const char *reason,
                             const char *message, int64_t now_ms);
// The event was written under this name, with this count.
void correlator_written(struct correlator *c, uint64_t key, const char *event_name, const char *first_time,
                        int64_t count);
void correlator_forget(struct correlator *c, uint64_t key); // there is no such event any more

#endif
