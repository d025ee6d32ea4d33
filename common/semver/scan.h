// scan.h - the shape of a loosely written version, shared by versions and constraints; private to semver.
#ifndef RUNNEL_SEMVER_SCAN_H
#define RUNNEL_SEMVER_SCAN_H

#include "semver/semver.h"

#define SEMVER_DIGITS "0123456789"

// Slices of the text; a part that is not there has len 0.
struct semver_shape {
    struct slice whole, segments[3], pre, meta;
};

// Reads `v? SEGMENT [. SEGMENT [. SEGMENT]] [- PRE] [+ META]`, as much of it as there is; a segment is made of
// `segment_bytes`. False: there is none at the start of the text.
bool semver_scan(struct slice text, const char *segment_bytes, struct semver_shape *out);

#endif
