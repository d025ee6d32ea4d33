// layout.h - Go's time layouts ("2006-01-02 15:04:05"): formatting a time, and reading one.
#ifndef RUNNEL_TEMPLATE_LAYOUT_H
#define RUNNEL_TEMPLATE_LAYOUT_H

#include "template/zone.h"

struct moment {
    int64_t s; // since 1970
    int32_t ns;
    const struct zone *zone;
};

void layout_format(struct buf *out, struct slice layout, struct moment t);
// As time.ParseInLocation, with its messages.
bool layout_parse(struct arena *a, struct slice layout, struct slice text, const struct zone *zone, struct moment *out,
                  struct error *err);

#endif
