// go_time.h - Go's time.Time as a value, and what is told of instants.
#ifndef RUNNEL_TEMPLATE_GO_TIME_H
#define RUNNEL_TEMPLATE_GO_TIME_H

#include "template/layout.h"
#include "value/value.h"

struct value time_value(struct arena *a, struct moment m);
const struct moment *time_moment(struct value v);          // NULL: it is no time
struct moment time_later(struct moment m, int64_t ns);
int64_t time_between(struct moment from, struct moment to); // nanoseconds; Go's durations end with about 292 years

#endif
