// parse.c - builds a template's tree from its tokens, with the messages of Go's text/template/parse.
//
// Recursive descent over a window of three tokens. The first fault is kept in the parser, and everything above it
// returns NULL.
#include "template/parse.h"

#include "template/text.h"

#define NESTING_MAX 1000 // of controls, parentheses and definitions together: bounds our own recursion

static struct node *parse_list(struct parser *p, struct node **end);

void *parse_fail(struct parser *p, const char *fmt, ...)
{
    if (p->failed)
        return NULL;
    p->failed = true;
    va_list args;
    va_start(args, fmt);
    char *message = arena_vprintf(p->arena, fmt, args);
    va_end(args);
    error_set(p->err, ERROR_INVALID, "template: %s:%u: %s", p->name, lexer_line(&p->lexer, p->window[0].pos), message);
    return NULL;
}

void *parse_unexpected(struct parser *p, struct token t, const char *context)
{
    struct buf shown = BUF_IN(p->arena);
    token_print(&shown, &t);
    if (t.type != TOKEN_ERROR)
        return parse_fail(p, "unexpected %s in %s", buf_cstr(&shown), context);
    uint32_t line = lexer_line(&p->lexer, p->action);
    if (!p->in_action || line == lexer_line(&p->lexer, t.pos))
        return parse_fail(p, "%s", buf_cstr(&shown));
    const char *joint = slice_has_suffix(t.text, SLICE(" action")) ? "" : " in action";
    return parse_fail(p, "%s%s started at %s:%u", buf_cstr(&shown), joint, p->name, line);
}

bool parse_expect(struct parser *p, enum token_type type, const char *context, struct token *out)
{
    struct token t = next_solid(p);
    if (out)
        *out = t;
    if (t.type == type)
        return true;
    parse_unexpected(p, t, context);
    return false;
}

bool parse_enter(struct parser *p)
{
    if (++p->nesting <= NESTING_MAX)
        return true;
    if (!p->failed) {
        parse_fail(p, "nested too deeply: more than %d levels", NESTING_MAX);
        p->err->class = ERROR_LIMIT;
    }
    return false;
}

struct node *parse_seq(struct parser *p, enum node_type type, uint32_t pos, size_t from)
{
    uint32_t count = (uint32_t)(p->children.len - from);
    struct node *n = node_sized(p, type, pos, offsetof(struct node, seq.items[count]));
    n->seq.count = count;
    if (count)
        memcpy(n->seq.items, p->children.items + from, count * sizeof(struct node *));
    p->children.len = from;
    return n;
}

// ---- definitions ----------------------------------------------------------------------------------------------------

static bool only_space(const struct node *list)
{
    for (size_t i = 0; i < list->seq.count; i++)
        if (list->seq.items[i]->type != NODE_TEXT || text_trim_space(list->seq.items[i]->text).len > 0)
            return false;
    return true;
}

// A template that is only white space never takes the place of one that is not.
static bool add_tree(struct parser *p, const char *name, struct node *root)
{
    const struct tree *old = map_get(p->trees, name);
    bool empty = only_space(root);
    if (old && !old->empty) {
        if (!empty)
            parse_fail(p, "template: multiple definition of template \"%s\"", name);
        return empty;
    }
    struct tree *tree = arena_new_of(p->arena, struct tree);
    *tree = (struct tree){.name = name, .parse_name = p->name, .source = p->lexer.in, .root = root, .empty = empty};
    map_put(p->trees, name, tree);
    return true;
}

// Parses a body up to its {{end}} as a template of its own, and adds it to the set. A block's {{else}} is reported where the
// block was opened: that is where the tree around it has come to.
static bool parse_body(struct parser *p, const char *name, const char *context, const struct token *opening)
{
    if (!parse_enter(p))
        return false;
    __typeof__(p->vars) outer_vars = p->vars;
    int outer_range_depth = p->range_depth;
    memset(&p->vars, 0, sizeof p->vars);
    p->range_depth = 0;
    vec_push(p->arena, &p->vars, 0);

    struct node *end;
    struct node *root = parse_list(p, &end);
    if (root && end->type != NODE_END) {
        if (opening)
            p->window[0] = *opening;
        root = parse_fail(p, "unexpected {{else}} in %s", context);
    }
    p->vars = outer_vars;
    p->range_depth = outer_range_depth;
    p->nesting--;
    return root && add_tree(p, name, root);
}

static bool parse_template_name(struct parser *p, const char *context, struct token *t, struct slice *name)
{
    *t = next_solid(p);
    if (t->type == TOKEN_STRING || t->type == TOKEN_RAW_STRING)
        return parse_unquote(p, *t, name);
    parse_unexpected(p, *t, context);
    return false;
}

static bool parse_define(struct parser *p)
{
    struct token t;
    struct slice name;
    return parse_template_name(p, "define clause", &t, &name) && parse_expect(p, TOKEN_RIGHT_DELIM, "define clause", NULL) &&
           parse_body(p, name.data, "define clause", NULL);
}

static struct node *template_node(struct parser *p, struct token t, struct slice name, struct node *pipe)
{
    struct node *n = node_new(p, NODE_TEMPLATE, t.pos, call);
    n->call.name = name;
    n->call.pipe = pipe;
    return n;
}

static struct node *parse_block(struct parser *p)
{
    struct token t;
    struct slice name;
    if (!parse_template_name(p, "block clause", &t, &name))
        return NULL;
    struct node *pipe = parse_pipeline(p, "block clause", TOKEN_RIGHT_DELIM);
    struct token opening = p->window[0];
    p->in_action = false; // the body is a template of its own
    if (!pipe || !parse_body(p, name.data, "block clause", &opening))
        return NULL;
    return template_node(p, t, name, pipe);
}

static struct node *parse_template(struct parser *p)
{
    struct token t;
    struct slice name;
    if (!parse_template_name(p, "template clause", &t, &name))
        return NULL;
    struct node *pipe = NULL;
    if (next_solid(p).type != TOKEN_RIGHT_DELIM) {
        backup(p);
        pipe = parse_pipeline(p, "template clause", TOKEN_RIGHT_DELIM);
        if (!pipe)
            return NULL;
    }
    return template_node(p, t, name, pipe);
}

// ---- controls -------------------------------------------------------------------------------------------------------

static struct node *parse_control(struct parser *p, enum node_type type)
{
    const char *context = type == NODE_IF ? "if" : type == NODE_WITH ? "with" : "range";
    if (!parse_enter(p))
        return NULL;
    size_t scope = p->vars.len;
    struct node *pipe = parse_pipeline(p, context, TOKEN_RIGHT_DELIM);
    if (!pipe)
        return NULL;
    struct node *n = node_new(p, type, pipe->pos, branch);
    n->branch.pipe = pipe;
    n->branch.else_list = NULL;
    struct node *end;
    p->range_depth += type == NODE_RANGE;
    n->branch.list = parse_list(p, &end);
    p->range_depth -= type == NODE_RANGE;
    if (!n->branch.list)
        return NULL;
    if (end->type == NODE_ELSE) {
        // {{else if}} and {{else with}} nest a control that shares our {{end}}.
        enum token_type word = peek(p).type;
        if ((type == NODE_IF && word == TOKEN_IF) || (type == NODE_WITH && word == TOKEN_WITH)) {
            next(p);
            struct node *inner = parse_control(p, type);
            if (!inner)
                return NULL;
            push_child(p, inner);
            n->branch.else_list = parse_seq(p, NODE_LIST, end->pos, p->children.len - 1);
        } else {
            n->branch.else_list = parse_list(p, &end);
            if (!n->branch.else_list)
                return NULL;
            if (end->type != NODE_END)
                return parse_fail(p, "expected end; found {{else}}");
        }
    }
    p->vars.len = scope;
    p->nesting--;
    return n;
}

static struct node *parse_jump(struct parser *p, struct token t, enum node_type type)
{
    const char *shown = type == NODE_BREAK ? "{{break}}" : "{{continue}}";
    struct token after = next_solid(p);
    if (after.type != TOKEN_RIGHT_DELIM)
        return parse_unexpected(p, after, shown);
    if (p->range_depth == 0)
        return parse_fail(p, "%s outside {{range}}", shown);
    return node_sized(p, type, t.pos, NODE_BARE);
}

static struct node *parse_else(struct parser *p)
{
    struct token t = peek_solid(p);
    if (t.type != TOKEN_IF && t.type != TOKEN_WITH && !parse_expect(p, TOKEN_RIGHT_DELIM, "else", &t))
        return NULL;
    return node_sized(p, NODE_ELSE, t.pos, NODE_BARE);
}

static struct node *parse_action(struct parser *p)
{
    struct token t = next_solid(p);
    switch (t.type) {
    case TOKEN_BLOCK:
        return parse_block(p);
    case TOKEN_BREAK:
        return parse_jump(p, t, NODE_BREAK);
    case TOKEN_CONTINUE:
        return parse_jump(p, t, NODE_CONTINUE);
    case TOKEN_ELSE:
        return parse_else(p);
    case TOKEN_END:
        return parse_expect(p, TOKEN_RIGHT_DELIM, "end", &t) ? node_sized(p, NODE_END, t.pos, NODE_BARE) : NULL;
    case TOKEN_IF:
        return parse_control(p, NODE_IF);
    case TOKEN_RANGE:
        return parse_control(p, NODE_RANGE);
    case TOKEN_TEMPLATE:
        return parse_template(p);
    case TOKEN_WITH:
        return parse_control(p, NODE_WITH);
    default:
        break;
    }
    backup(p);
    struct node *n = node_new(p, NODE_ACTION, peek(p).pos, pipe);
    n->pipe = parse_pipeline(p, "command", TOKEN_RIGHT_DELIM);
    return n->pipe ? n : NULL;
}

static struct node *parse_text_or_action(struct parser *p)
{
    struct token t = next_solid(p);
    if (t.type == TOKEN_TEXT) {
        struct node *n = node_new(p, NODE_TEXT, t.pos, text);
        n->text = t.text;
        return n;
    }
    if (t.type != TOKEN_LEFT_DELIM)
        return parse_unexpected(p, t, "input");
    p->in_action = true;
    p->action = t.pos;
    struct node *n = parse_action(p);
    p->in_action = false;
    return n;
}

// Nodes up to {{end}} or {{else}}, which becomes *end.
static struct node *parse_list(struct parser *p, struct node **end)
{
    uint32_t pos = peek_solid(p).pos;
    size_t from = p->children.len;
    while (peek_solid(p).type != TOKEN_EOF) {
        struct node *n = parse_text_or_action(p);
        if (!n)
            return NULL;
        if (n->type == NODE_END || n->type == NODE_ELSE) {
            *end = n;
            return parse_seq(p, NODE_LIST, pos, from);
        }
        push_child(p, n);
    }
    return parse_fail(p, "unexpected EOF");
}

static struct node *parse_root(struct parser *p)
{
    uint32_t pos = peek(p).pos;
    size_t from = p->children.len;
    while (peek(p).type != TOKEN_EOF) {
        if (peek(p).type == TOKEN_LEFT_DELIM) {
            struct token delim = next(p);
            if (next_solid(p).type == TOKEN_DEFINE) {
                if (!parse_define(p))
                    return NULL;
                continue;
            }
            backup2(p, delim);
        }
        struct node *n = parse_text_or_action(p);
        if (!n)
            return NULL;
        if (n->type == NODE_END || n->type == NODE_ELSE)
            return parse_fail(p, "unexpected %s", n->type == NODE_END ? "{{end}}" : "{{else}}");
        push_child(p, n);
    }
    return parse_seq(p, NODE_LIST, pos, from);
}

bool parse_source(struct template_set *set, struct arena *a, const char *name, struct slice source, struct tree **main,
                  struct error *err)
{
    struct parser p = {.set = set, .arena = a, .name = name, .err = err, .trees = map_new(a)};
    if (source.len >= UINT32_MAX)
        return error_set(err, ERROR_LIMIT, "template: %s: text is too long", name);
    lexer_init(&p.lexer, a, source);
    parse_variable_id(&p, SLICE("$"));
    vec_push(a, &p.vars, 0);
    struct node *root = parse_root(&p);
    free(p.children.items);
    free(p.names.items);
    if (!root || !add_tree(&p, name, root))
        return false;
    const char *key;
    void *tree;
    for (size_t i = 0; map_each(p.trees, &i, &key, &tree);)
        set_add(set, tree);
    *main = map_get(p.trees, name);
    return true;
}
