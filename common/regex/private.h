// private.h - shared by the files of regex.
#ifndef RUNNEL_REGEX_PRIVATE_H
#define RUNNEL_REGEX_PRIVATE_H

#include "regex/engine.h"
#include "regex/regex.h"

struct positions {
    size_t *items;
    size_t len, cap;
};

struct regex {
    struct engine *engine;
    _Atomic unsigned references;
};

struct engine *pattern_compile(struct slice pattern, struct error *err);

#endif
