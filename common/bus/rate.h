// rate.h - at most one of something for each key in a window of time, in a table of fixed size.
//
// Keys are remembered by their seeded hash. When the places a key may take are all held by others within the window,
// the key is refused: a flood of invented keys costs no memory, and at worst delays a true one. Thread-safe.
#ifndef RUNNEL_BUS_RATE_H
#define RUNNEL_BUS_RATE_H

#include "base/base.h"

struct rate;
struct rate *rate_new(int64_t window_ms);
void rate_free(struct rate *r);
// Whether the key may pass at `now_ms` (clock_mono_ms).
bool rate_allow(struct rate *r, const char *key, int64_t now_ms);
// The same, but the key's next turn is taken at once: how long until it (0: now); -1 when a turn that is still to come
// was taken already.
int64_t rate_reserve(struct rate *r, const char *key, int64_t now_ms);

#endif
