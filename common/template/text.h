// text.h - what Go's strings package does with runes.
#ifndef RUNNEL_TEMPLATE_TEXT_H
#define RUNNEL_TEMPLATE_TEXT_H

#include "base/base.h"

void text_upper(struct buf *out, struct slice s); // strings.ToUpper
void text_lower(struct buf *out, struct slice s);
struct slice text_trim_space(struct slice s);                    // strings.TrimSpace, Unicode white space
struct slice text_trim(struct slice s, struct slice cutset, bool left, bool right); // strings.Trim*: a set of runes
size_t text_replace(struct buf *out, struct slice s, struct slice from, struct slice to); // all; returns how many

#endif
