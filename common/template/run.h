// run.h - one execution of a template: what eval.c (expressions) and walk.c (controls and text) share.
#ifndef RUNNEL_TEMPLATE_RUN_H
#define RUNNEL_TEMPLATE_RUN_H

#include "template/node.h"

// Set in value.reserved where Go's static type is interface {}: what came out of a map[string]interface {} or a
// []interface {} and no pipeline has unwrapped yet. With it, null is a nil interface; without it, Go's "no value at
// all", and the two differ in what may be done with them and in the messages.
#define FROM_INTERFACE 1

static inline struct value as_interface(struct value v)
{
    v.reserved |= FROM_INTERFACE;
    return v;
}

static inline struct value as_concrete(struct value v)
{
    v.reserved &= ~FROM_INTERFACE;
    return v;
}

static inline bool is_interface(struct value v)
{
    return v.reserved & FROM_INTERFACE;
}

struct variable {
    uint32_t id;
    struct value value;
};

enum missing_key { MISSING_DEFAULT, MISSING_ZERO, MISSING_ERROR };

struct template_set {
    struct arena *arena;
    const struct template_set *base; // a clone sees what its base has
    struct map *trees;               // struct tree by name
    struct map *functions;           // struct binding by name; shared with the base until functions are added
    bool functions_shared;
    struct tree *latest;             // what was parsed last
    enum missing_key missing;
};

struct template_run {
    const struct template_set *set;
    const struct tree *tree; // the template being executed
    const struct node *node; // what a message would point at
    struct arena *arena;
    struct buf *out;
    VEC(struct variable) vars; // malloc'd; innermost last
    size_t scope;              // where the current template's variables begin
    VEC(struct buf) spare;     // output buffers to use again; malloc'd
    struct template_limits limits;
    size_t depth, written; // written: bytes of finished nested outputs
    uint64_t steps, clock_at; // clock_at: the step at which to look at the clock next
    int64_t until_ms;         // of clock_mono_ms
    const char *stack; // where the C stack stood at the beginning
    struct error *err;
};

// Sets the run's error: "template: FILE:LINE:COL: executing "NAME" at <NODE>: " and the message. Returns false.
bool run_fail(struct template_run *r, enum error_class class, const char *fmt, ...) PRINTF(3, 4);
// Whether the arena is within the limit on memory; false: the error is set.
bool run_fits(struct template_run *r);
// Counts a step and checks the budgets; false: over, with the error set.
bool run_step(struct template_run *r);

bool eval_pipeline(struct template_run *r, struct value dot, const struct node *pipe, struct value *out);
void run_declare(struct template_run *r, uint32_t id, struct value v);
bool run_assign(struct template_run *r, const struct declaration *decl, struct value v);

// The element type of a typed container, "string" for "map[string]string"; NULL where it is interface {}.
const char *element_type(struct value container);

#endif
