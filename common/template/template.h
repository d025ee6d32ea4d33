// template.h - Go's text/template: lexer, parser, evaluator, printf; and the function sets of Sprig and Helm.
//
// A template_set is what Go calls an associated set: named templates that may call each other. Parse errors and run errors carry Go's
// words, with template name, line and column. A set that is parsed and no longer changed may be executed by many threads at once.
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
    struct error *err;
};
typedef bool template_fn(struct template_call *call, struct value *result);

// How an argument is checked before the call, with Go's words for a mismatch.
// One letter each: s string, i int, I int64, f float64, b bool, v any value (interface{}), l list or array ([]interface{}),
// m dict (map[string]interface{}), and a last one followed by "*" for variadic: "sv*".
struct template_func {
    const char *name;
    const char *args;
    template_fn *fn;
};

struct template_funcs { // a named table of functions; sets are searched in the order in which they were given
    const struct template_func *items;
    size_t count;
};

const struct template_funcs *template_builtins(void); // Go's own; every set has them
const struct template_funcs *template_sprig(void);    // Sprig without env, expandenv (getHostByName: empty, as Helm)
const struct template_funcs *template_codecs(void);   // Helm's toYaml, fromYaml, toJson, fromJson, toToml, …

struct template_limits { // 0: the default
    size_t depth;        // of template calls, 1000 as Helm's include; Go's own is 100000
    size_t output;       // bytes, 64 MiB
    uint64_t steps;      // evaluated nodes and loop turns, 50 million
    size_t memory;       // bytes of the arena, 512 MiB
};

struct template_set *template_set_new(struct arena *a);
void template_set_funcs(struct template_set *set, const struct template_funcs *funcs, void *user);
void template_set_missing_key(struct template_set *set, bool zero, bool error); // Go's missingkey option; both false: default
// Parses text as the template `name` (and those it defines). err: "template: NAME:LINE: …" (parse) in Go's words.
bool template_parse(struct template_set *set, const char *name, const char *text, size_t len, struct error *err);
bool template_defined(const struct template_set *set, const char *name);
// Makes a set that sees all templates of `base` and can add its own, without changing base (Helm's tpl: Clone).
struct template_set *template_set_clone(struct arena *a, const struct template_set *base);

// Executes into out (scratch goes to `a`). err: "template: NAME:LINE:COL: executing "NAME" at <…>: …".
bool template_execute(const struct template_set *set, struct arena *a, const char *name, struct value data,
                      const struct template_limits *limits, struct buf *out, struct error *err);
// For functions such as include and tpl: executes within a running execution, sharing its budgets.
bool template_run_nested(struct template_run *run, const struct template_set *set, const char *name, struct value data,
                         struct buf *out, struct error *err);
const struct template_set *template_run_set(const struct template_run *run);

// fmt.Sprintf over values.
void go_sprintf(struct buf *out, struct arena *a, struct slice format, const struct value *args, size_t argc);

#endif
