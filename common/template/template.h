// template.h - Go's text/template: lexer, parser, evaluator, printf; and the function sets of Sprig and Helm.
//
// A template_set is what Go calls an associated set: named templates that may call each other. Parse errors and run
// errors carry Go's words, with template name, line and column. A set that is parsed and no longer changed may be
// executed by many threads at once.
#ifndef RUNNEL_TEMPLATE_H
#define RUNNEL_TEMPLATE_H

#include "value/value.h"

struct template_set;
struct template_run; // one execution: data, variables, budgets

// What a function gets: its arguments evaluated. Returns false with err set where Go's function returns an error.
struct template_call {
    struct template_run *run;
    const char *name;
    struct arena *arena;
    const struct value *args;
    size_t argc;
    void *user; // of the function set
    const void *operand; // private: the first operand's node, for messages
    struct error *err;
};
typedef bool template_fn(struct template_call *call, struct value *result);

// How an argument is checked before the call, with Go's words for a mismatch.
// One letter each: s string, i int, I int64, u uint32, f float64, b bool, v any value (interface{}), l list
// ([]interface{}), m dict (map[string]interface{}), t time.Time, c Sprig's certificate, r any value, and a last one
// followed by "*" for variadic: "sv*". Methods take these too: B []uint8, d time.Duration, L *time.Location,
// V *semver.Version, w io.Writer (which no value is). nil fits v, r, l, m, B, L, V and w: then the argument is null.
struct template_func {
    const char *name;
    const char *args;
    template_fn *fn;
};

struct template_funcs { // a table of functions, and more tables behind it
    const struct template_func *items;
    size_t count;
    const struct template_funcs *const *parts;
    size_t part_count;
};

// Go's own functions (and, or, index, printf, eq, …). Every set has them without being told; a given one of the same
// name goes first.
const struct template_funcs *template_builtins(void);
const struct template_funcs *template_sprig(void);    // Sprig without env, expandenv (getHostByName: empty, as Helm)
const struct template_funcs *template_codecs(void);   // Helm's toYaml, fromYaml, toJson, fromJson, toToml, …

struct template_limits { // 0: the default
    size_t depth;        // of template calls, 10000 (helm-controller's engine sets its own)
    size_t output;       // bytes, 64 MiB
    uint64_t steps;      // evaluated nodes, loop turns, each 256 bytes given to a function; 50 million
    size_t memory;       // bytes of the arena, 512 MiB
    size_t stack;        // bytes of the C stack that recursion may use, 6 MiB, or what the thread has where that is less
    int64_t time_ms;     // two minutes
};

struct template_set *template_set_new(struct arena *a);
// Where names clash, what was given first wins. `user` is handed to the functions.
void template_set_funcs(struct template_set *set, const struct template_funcs *funcs, void *user);
// Go's missingkey option; both false: default.
void template_set_missing_key(struct template_set *set, bool zero, bool error);
// Parses text as the template `name` (and those it defines); functions are resolved now. The text has to live as long
// as the set: nodes point into it. A template that is only white space does not replace one of the same name. err:
// "template: NAME:LINE: …" (parse) in Go's words.
bool template_parse(struct template_set *set, const char *name, const char *text, size_t len, struct error *err);
bool template_defined(const struct template_set *set, const char *name);
// Makes a set that sees all templates of `base` and can add its own, without changing base (Helm's tpl: Clone).
struct template_set *template_set_clone(struct arena *a, const struct template_set *base);

// Executes into out (scratch goes to `a`). err: "template: NAME:LINE:COL: executing "NAME" at <…>: …".
bool template_execute(const struct template_set *set, struct arena *a, const char *name, struct value data,
                      const struct template_limits *limits, struct buf *out, struct error *err);
// For functions such as include and tpl: executes within a running execution, sharing its budgets. name NULL: what was
// parsed last, even where it is empty and has not replaced a template of its name.
bool template_run_nested(struct template_run *run, const struct template_set *set, const char *name, struct value data,
                         struct buf *out, struct error *err);
const struct template_set *template_run_set(const struct template_run *run);
// What a function builds in its call's arena is limited (see arena_limit): when it returns, the run ends if the arena is
// full. Two more for those that take more at once, or long:
// size + 1 bytes within the run's memory limit, or NULL with the error set.
char *template_alloc(struct template_call *call, size_t size);
bool template_steps(struct template_call *call, uint64_t count); // counts against the run's limit; false: it is reached
#define TEMPLATE_STEPS_KEY 200000 // to derive or make a key takes that much longer than another step

// fmt.Sprintf over values.
void go_sprintf(struct buf *out, struct arena *a, struct slice format, const struct value *args, size_t argc);

#endif
