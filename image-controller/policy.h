// policy.h - which of an image's tags a policy elects: semver, alphabetical or numerical order, after an optional
// filter.
#ifndef RUNNEL_POLICY_H
#define RUNNEL_POLICY_H

#include "base/base.h"
#include "value/value.h"

// policy and filter are ImagePolicy's spec.policy and spec.filterTags (null: none). INVALID: the policy itself cannot
// be used; NOT_FOUND: it elects none of these tags. Messages are Flux's. tags are in descending order; *latest is one
// of them.
bool policy_latest(struct arena *a, struct value policy, struct value filter, const char *const *tags, size_t count,
                   const char **latest, struct error *err);

#endif
