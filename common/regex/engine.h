// engine.h - what regex.c sees of RE2; private to regex. Plain C types, because base.h is no C++.
#ifndef RUNNEL_REGEX_ENGINE_H
#define RUNNEL_REGEX_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct engine;

enum engine_fault {
    FAULT_NONE,
    FAULT_INTERNAL,
    FAULT_ESCAPE,
    FAULT_CHAR_CLASS,
    FAULT_CHAR_RANGE,
    FAULT_MISSING_BRACKET,
    FAULT_MISSING_PAREN,
    FAULT_UNEXPECTED_PAREN,
    FAULT_TRAILING_BACKSLASH,
    FAULT_REPEAT_ARGUMENT,
    FAULT_REPEAT_SIZE,
    FAULT_REPEAT_OPERATOR,
    FAULT_PERL,
    FAULT_UTF8,
    FAULT_NAMED_CAPTURE,
    FAULT_TOO_LARGE,
};

struct engine_span {
    const char *data; // NULL: took no part
    size_t len;
};

// Never NULL; engine_fault tells whether it can be used.
struct engine *engine_new(const char *pattern, size_t len);
void engine_free(struct engine *e);
// piece: the part of the pattern at fault.
enum engine_fault engine_fault(const struct engine *e, struct engine_span *piece);
int engine_groups(const struct engine *e);
bool engine_group_name(const struct engine *e, int group, struct engine_span *name); // the name belongs to the engine
int engine_group_index(const struct engine *e, const char *name);
bool engine_match(const struct engine *e, struct engine_span text, size_t from, bool anchored,
                  struct engine_span *groups, int n);

#ifdef __cplusplus
}
#endif
#endif
