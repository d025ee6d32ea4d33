// regex.h - RE2 behind a C header: Go's own syntax and results, in linear time. The one C++ file is regex.cc.
// A compiled pattern may be used by many threads at once.
#ifndef RUNNEL_REGEX_H
#define RUNNEL_REGEX_H

#include "base/base.h"

struct regex;

struct regex *regex_new(const char *pattern, size_t len, struct error *err); // Go's words: error parsing regexp: …
void regex_free(struct regex *re);
void regex_cleanup(struct regex **re);
// Compiled once per process for a pattern (bounded cache, thread-safe); NULL on a bad pattern. Not to be freed, not to
// be kept: it is sure to live until the same thread has called this REGEX_CACHED_HELD times more.
#define REGEX_CACHED_HELD 8
const struct regex *regex_cached(const char *pattern, size_t len, struct error *err);

int regex_groups(const struct regex *re); // capturing groups, without the whole match
const char *regex_group_name(const struct regex *re, int i, struct arena *a); // "" where it has none; i from 1
int regex_group_index(const struct regex *re, const char *name);              // -1: none
// The leftmost match at or after `from`. groups[0] is the whole match; groups that took no part have data NULL. n: room
// in groups.
bool regex_match(const struct regex *re, struct slice text, size_t from, struct slice *groups, int n);
// One match after the other, as Go's FindAll: no empty match right after a match. The cursor starts as {0}; n is at
// least 1.
struct regex_cursor {
    size_t at, last_end;
    bool any;
};
bool regex_next(const struct regex *re, struct slice text, struct regex_cursor *c, struct slice *groups, int n);
bool regex_is_match(const struct regex *re, struct slice text);
// Go's ReplaceAllString: $1, ${name}; or literally.
void regex_replace(struct buf *out, const struct regex *re, struct slice text, struct slice replacement, bool literal);
// Go's Regexp.Expand: appends `pattern` with $1, ${1}, $name filled in from a match (ImagePolicy's filterTags.extract).
void regex_expand(struct buf *out, const struct regex *re, struct slice pattern, const struct slice *groups, int n);

#endif
