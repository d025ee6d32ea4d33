// parse.h - a parser under way: what parse.c (definitions, controls, text) and parse_expr.c (pipelines, operands) share.
// Private to the library.
#ifndef RUNNEL_TEMPLATE_PARSE_H
#define RUNNEL_TEMPLATE_PARSE_H

#include "template/lexer.h"
#include "template/node.h"

struct parser {
    struct template_set *set;
    struct arena *arena;
    const char *name; // of the text being parsed
    struct lexer lexer;
    struct token window[3];
    int peeked;         // tokens of the window not consumed yet
    bool in_action;     // since `action`, a place in the source
    uint32_t action;
    int nesting;
    struct error *err;
    bool failed;
    // What belongs to the template being built, put aside while a definition inside it is parsed:
    VEC(uint32_t) vars; // in scope, innermost last
    int range_depth;
    // Names of variables, numbered: a name has one number throughout the source.
    VEC(struct slice) var_names;
    struct map *trees; // defined so far, by name
    // Children of the nodes being built, each node's above its parent's: they move to their node when it is made.
    VEC(struct node *) children; // malloc'd
    VEC(struct slice) names;     // likewise, of a field's names; malloc'd
    // Functions looked up last, by a cheap hash of their names.
    struct {
        struct slice name;
        const struct binding *binding;
    } functions[64];
};

// ---- faults: the first is kept, and everything above it returns NULL or false -------------------------------------
void *parse_fail(struct parser *p, const char *fmt, ...) PRINTF(2, 3); // NULL
void *parse_unexpected(struct parser *p, struct token t, const char *context);
bool parse_expect(struct parser *p, enum token_type type, const char *context, struct token *out);
bool parse_enter(struct parser *p); // one level of nesting more; false: too many

// ---- the window of tokens -----------------------------------------------------------------------------------------
static inline struct token next(struct parser *p)
{
    if (p->peeked > 0)
        p->peeked--;
    else
        lexer_next(&p->lexer, &p->window[0]);
    return p->window[p->peeked];
}

static inline void backup(struct parser *p)
{
    p->peeked++;
}

static inline void backup2(struct parser *p, struct token t1)
{
    p->window[1] = t1;
    p->peeked = 2;
}

static inline void backup3(struct parser *p, struct token t2, struct token t1)
{
    p->window[1] = t1;
    p->window[2] = t2;
    p->peeked = 3;
}

static inline struct token peek(struct parser *p)
{
    if (p->peeked > 0)
        return p->window[p->peeked - 1];
    p->peeked = 1;
    lexer_next(&p->lexer, &p->window[0]);
    return p->window[0];
}

// Space between two tokens nobody looks at is never made a token.
static inline bool skip_space(struct parser *p)
{
    return p->peeked == 0 && lexer_skip_space(&p->lexer);
}

static inline bool field_follows(struct parser *p)
{
    return (p->peeked > 0 || lexer_is_at(&p->lexer, '.')) && peek(p).type == TOKEN_FIELD;
}

static inline struct token next_solid(struct parser *p) // that is no space
{
    struct token t;
    skip_space(p);
    do
        t = next(p);
    while (t.type == TOKEN_SPACE);
    return t;
}

static inline struct token peek_solid(struct parser *p)
{
    struct token t = next_solid(p);
    backup(p);
    return t;
}

// ---- nodes --------------------------------------------------------------------------------------------------------
// A node has only the room that it needs: a big chart has a hundred thousand of them. What the caller does not set is
// not set.
static inline struct node *node_sized(struct parser *p, enum node_type type, uint32_t pos, size_t size)
{
    struct node *n = arena_alloc(p->arena, size);
    n->type = (uint8_t)type;
    n->assign = false;
    n->declared = 0;
    n->pos = pos;
    return n;
}
#define NODE_UP_TO(member) (offsetof(struct node, member) + sizeof(((struct node *)0)->member))
#define node_new(p, type, pos, member) node_sized((p), (type), (pos), NODE_UP_TO(member))
#define NODE_BARE offsetof(struct node, pipe)

static inline void push_child(struct parser *p, struct node *n)
{
    vec_push(NULL, &p->children, n);
}
// A list or command of the children pushed since there were `from`.
struct node *parse_seq(struct parser *p, enum node_type type, uint32_t pos, size_t from);

// ---- parse_expr.c -------------------------------------------------------------------------------------------------
uint32_t parse_variable_id(struct parser *p, struct slice name);
bool parse_unquote(struct parser *p, struct token t, struct slice *out); // NUL-terminated, in the arena
struct node *parse_pipeline(struct parser *p, const char *context, enum token_type end);

#endif
