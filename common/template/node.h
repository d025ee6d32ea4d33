// node.h - the parsed form of a template: the nodes of text/template/parse, laid out for evaluation.
//
// Private to the library. Nodes belong to the set's arena and are immutable after parsing. Text is not copied: slices
// point into the template's source, which has to outlive the set.
#ifndef RUNNEL_TEMPLATE_NODE_H
#define RUNNEL_TEMPLATE_NODE_H

#include "value/value.h"
#include "template/template.h"

enum node_type {
    NODE_TEXT,
    NODE_ACTION,
    NODE_LIST,
    NODE_IF,
    NODE_WITH,
    NODE_RANGE,
    NODE_TEMPLATE,
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_END,  // only while parsing
    NODE_ELSE, // only while parsing
    NODE_PIPE,
    NODE_COMMAND,
    NODE_IDENTIFIER,
    NODE_VARIABLE,
    NODE_FIELD,
    NODE_CHAIN,
    NODE_DOT,
    NODE_NIL,
    NODE_BOOL,
    NODE_NUMBER,
    NODE_STRING,
};

struct node;

// A function as the parser found it: looked up once, called often.
struct binding {
    const struct template_func *func;
    void *user;
    uint8_t fixed; // parameters before the variadic one
    char variadic; // type letter of the variadic parameter, or 0
    char shortcut; // 'a' for the builtin `and`, 'o' for the builtin `or`, which do not evaluate all their arguments
};

struct node_seq {
    uint32_t count;
    struct node *items[];
};

struct names { // of fields, where they lie in their node
    const struct slice *items;
    size_t len;
};

struct number {
    struct slice text;
    bool is_int, is_uint, is_float, overflows; // overflows: a constant too big for int
    int64_t i;
    uint64_t u;
    double f;
    struct value ideal; // what it is where no type is asked for
};

struct declaration {
    uint32_t id;
    struct slice name; // with the dollar
};

struct node {
    uint8_t type;
    bool assign; // of a pipe: "=" rather than ":="
    uint8_t declared; // of a pipe: how many variables it declares
    uint32_t pos; // offset in the source
    union {
        struct slice text;
        struct node *pipe; // action
        struct node_seq seq; // list, command (its operands)
        struct {
            struct declaration *decl; // NULL: none
            struct node_seq cmds;
        } pipeline;
        struct {
            struct node *pipe, *list, *else_list; // else_list NULL: none
        } branch;
        struct {
            struct slice name;
            struct node *pipe; // NULL: no argument
        } call;
        struct {
            struct slice name;
            const struct binding *binding;
        } ident;
        struct {
            struct slice name;
            uint32_t id; // 0 is "$"
            uint32_t count;
            struct slice names[];
        } variable;
        struct {
            uint32_t count;
            struct slice names[];
        } field;
        struct {
            struct node *head;
            uint32_t count;
            struct slice names[];
        } chain;
        bool boolean;
        struct number number;
        struct {
            const char *text, *quoted; // quoted: as written
            uint32_t len, quoted_len;
        } string;
    };
};

#define NODE_NAMES(member) ((struct names){(member).names, (member).count})

struct tree {
    const char *name;       // of the template
    const char *parse_name; // of the text it was parsed from
    struct slice source;
    struct node *root; // a list
    bool empty;        // nothing but white space and definitions
};

// The node as Go prints it in messages.
void node_print(struct buf *out, const struct node *n);
// "file:line:column" of a node.
void node_location(struct buf *out, const struct tree *tree, const struct node *n);

// ---- literals (literal.c): strconv's rules --------------------------------------------------------------------------
bool literal_number(struct arena *a, struct slice text, struct number *out, struct error *err);
bool literal_char(struct slice text, struct number *out, struct error *err);
bool literal_string(struct arena *a, struct slice quoted, struct slice *out, struct error *err); // NUL-terminated
// strconv.ParseInt(text, base, 64) and ParseFloat(text, 64); base 0: by prefix, underscores allowed. 1: out of range,
// 2: bad syntax.
int go_parse_int(struct slice text, int base, int64_t *out);
int go_parse_uint(struct slice text, int base, uint64_t *out);
int go_parse_float(struct slice text, double *out);

// ---- the set --------------------------------------------------------------------------------------------------------
const struct binding *set_function(const struct template_set *set, struct slice name);
struct binding binding_of(const struct template_func *f, void *user);
bool builtin_binding(struct slice name, struct binding *out); // one of Go's own functions
struct tree *set_lookup(const struct template_set *set, const char *name, size_t len);
void set_add(struct template_set *set, struct tree *tree);
// Parses `source` and adds what it defines to the set. main: the template `name` itself.
bool parse_source(struct template_set *set, struct arena *a, const char *name, struct slice source, struct tree **main,
                  struct error *err);

#endif
