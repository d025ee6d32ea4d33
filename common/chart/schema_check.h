// schema_check.h - one schema being applied to one value: what schema_validate.c (keywords of any type, combinations) and
// schema_types.c (objects, lists, strings, numbers) share. Private to common/chart.
#ifndef RUNNEL_CHART_SCHEMA_CHECK_H
#define RUNNEL_CHART_SCHEMA_CHECK_H

#include "chart/schema.h"

// The schemas under way, innermost first: for cycles and dynamic references.
struct scope {
    struct value schema;
    const struct schema_place *place;
    const char *reference; // the keyword that led here; NULL: the schema stands within its parent's
    size_t instance; // counts instances: two scopes with the same number look at the same one
    const struct scope *parent;
    int depth;
};

// What of an object or list no schema has looked at yet, where unevaluated… asks for it.
struct unevaluated {
    struct value names; // a dict of them
    bool *items;
    size_t item_count;
};

struct validator {
    struct schema_doc *doc;
    struct arena *arena;
    const char *path; // of the instance: "/image/tag"
    const char *reference; // the keyword by which the next schema is come to
    size_t instances, steps;
    size_t start; // arena_used at the beginning
    struct problem *exhausted; // what is said once a limit was reached: nothing more is looked at
};

// One schema being applied to one instance.
struct check {
    struct validator *v;
    struct scope scope;
    struct value schema, instance;
    int draft;
    bool quiet; // only whether it fails matters
    struct unevaluated *left;
    struct problem *failures; // a group
};

// Failures. A quiet check gets one that stands for all.
struct problem *check_problem(struct check *c, const char *fmt, ...) PRINTF(2, 3);
void check_add(struct check *c, struct problem *p); // NULL: nothing
void check_add_causes(struct check *c, struct problem *p, const struct problem *causes);
#define FAIL(c, ...) check_add((c), check_problem((c), __VA_ARGS__))

// Keywords: present, and from which draft on.
bool check_keyword(struct check *c, const char *name, int draft, struct value *out);
bool check_count_keyword(struct check *c, const char *name, int draft, int64_t *out); // a whole number; others are ignored
const char *check_count_text(struct check *c, int64_t n);
const char *check_join_quoted(struct check *c, struct value names);
bool check_is_number(struct value v);
bool check_is_whole(struct value v);

// Applies a schema to what c looks at, to a part of it, to an item of it, to something else. NULL: valid.
struct problem *check_same(struct check *c, struct value schema, bool quiet);
struct problem *check_part(struct check *c, struct value schema, struct value part, const char *token);
struct problem *check_item(struct check *c, struct value schema, size_t i);
struct problem *check_apply(struct validator *v, const struct scope *parent, struct value schema, struct value instance,
                            size_t instance_number, bool quiet, struct unevaluated *left);

// The keywords of one type each.
void check_object(struct check *c);
void check_list(struct check *c);
void check_string(struct check *c);
void check_number(struct check *c);

#endif
