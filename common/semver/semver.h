// semver.h - versions and constraints as Masterminds/semver v3 reads and orders them (semver.org 2.0.0, and its looser
// "v1.2" forms), because Helm's and Flux's version ranges are written in that language.
#ifndef RUNNEL_SEMVER_H
#define RUNNEL_SEMVER_H

#include "base/base.h"

struct semver {
    uint64_t major, minor, patch;
    const char *pre;      // "" for none; in the arena
    const char *meta;     // "" for none
    const char *original; // as given
};

// Loose as NewVersion: leading v, missing minor and patch. strict as StrictNewVersion. Error texts are Masterminds'.
bool semver_parse(struct arena *a, const char *text, struct semver *out, struct error *err);
bool semver_parse_strict(struct arena *a, const char *text, struct semver *out, struct error *err);
// What may stand behind "-", and behind "+".
bool semver_check_pre(struct slice pre, struct error *err);
bool semver_check_meta(struct slice meta, struct error *err);
int semver_compare(const struct semver *a, const struct semver *b); // precedence: metadata does not count
char *semver_string(struct arena *a, const struct semver *v);       // 1.2.3-pre+meta

struct semver_constraint; // in the arena
// `^ ~ - || , x * = != > < >= <= => =<`, spaces and commas as "and". Pre-releases match only where Masterminds says so.
struct semver_constraint *semver_constraint_parse(struct arena *a, const char *text, struct error *err);
bool semver_check(const struct semver_constraint *c, const struct semver *v);
// As Constraints.Validate: the reasons why not, one text for each, joined by "\n" (NULL where it satisfies).
char *semver_check_reason(struct arena *a, const struct semver_constraint *c, const struct semver *v);

#endif
