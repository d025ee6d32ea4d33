// parse_expr.c - builds the trees of expressions: operands, commands, pipelines.
#include "template/parse.h"

// ---- variables ------------------------------------------------------------------------------------------------------

uint32_t parse_variable_id(struct parser *p, struct slice name)
{
    for (uint32_t i = 0; i < p->var_names.len; i++)
        if (slice_eq(p->var_names.items[i], name))
            return i;
    vec_push(p->arena, &p->var_names, name);
    return (uint32_t)p->var_names.len - 1;
}

static bool in_scope(const struct parser *p, uint32_t id)
{
    for (size_t i = p->vars.len; i > 0; i--)
        if (p->vars.items[i - 1] == id)
            return true;
    return false;
}

static struct declaration declare(struct parser *p, struct token t)
{
    struct declaration decl = {parse_variable_id(p, t.text), t.text};
    vec_push(p->arena, &p->vars, decl.id);
    return decl;
}

// ---- operands -------------------------------------------------------------------------------------------------------

static struct node *parse_number(struct parser *p, struct token t)
{
    struct node *n = node_new(p, NODE_NUMBER, t.pos, number);
    struct error why = {0};
    bool good = t.type == TOKEN_CHAR_CONSTANT ? literal_char(t.text, &n->number, &why)
                                              : literal_number(p->arena, t.text, &n->number, &why);
    if (!good)
        parse_fail(p, "%s", error_text(&why));
    error_clear(&why);
    return good ? n : NULL;
}

bool parse_unquote(struct parser *p, struct token t, struct slice *out)
{
    struct error why = {0};
    bool good = literal_string(p->arena, t.text, out, &why);
    if (!good)
        parse_fail(p, "%s", error_text(&why));
    error_clear(&why);
    return good;
}

static struct node *parse_string(struct parser *p, struct token t)
{
    struct slice text;
    if (!parse_unquote(p, t, &text))
        return NULL;
    struct node *n = node_new(p, NODE_STRING, t.pos, string);
    n->string.text = text.data;
    n->string.len = (uint32_t)text.len;
    n->string.quoted = t.text.data;
    n->string.quoted_len = (uint32_t)t.text.len;
    return n;
}

static const struct binding *find_function(struct parser *p, struct slice name)
{
    unsigned char first = (unsigned char)name.data[0], last = (unsigned char)name.data[name.len - 1];
    size_t slot = (first * 7u + last * 3u + name.len) % ARRAY_LEN(p->functions);
    if (p->functions[slot].binding && slice_eq(p->functions[slot].name, name))
        return p->functions[slot].binding;
    const struct binding *b = set_function(p->set, name);
    p->functions[slot].name = name;
    p->functions[slot].binding = b;
    return b;
}

static struct node *parse_function(struct parser *p, struct token t)
{
    const struct binding *b = find_function(p, t.text);
    if (!b)
        return parse_fail(p, "function \"%.*s\" not defined", SLICE_ARG(t.text));
    struct node *n = node_new(p, NODE_IDENTIFIER, t.pos, ident);
    n->ident.name = t.text;
    n->ident.binding = b;
    return n;
}

static struct slice name_of(struct token field)
{
    return slice_n(field.text.data + 1, field.text.len - 1);
}

// Collects the names of the fields that follow; returns how many there were before.
static size_t collect_names(struct parser *p)
{
    size_t from = p->names.len;
    while (field_follows(p))
        vec_push(NULL, &p->names, name_of(next(p)));
    return from;
}

// A node of that size with the names collected since there were `from` behind it.
static struct node *node_with_names(struct parser *p, enum node_type type, uint32_t pos, size_t size, size_t from)
{
    size_t count = p->names.len - from;
    struct node *n = node_sized(p, type, pos, size + count * sizeof(struct slice));
    if (count)
        memcpy((char *)n + size, p->names.items + from, count * sizeof(struct slice));
    p->names.len = from;
    return n;
}

// A chain of fields stands, as in Go, where its second name does.
static struct node *parse_field(struct parser *p, struct token t)
{
    size_t from = p->names.len;
    vec_push(NULL, &p->names, name_of(t));
    uint32_t pos = field_follows(p) ? peek(p).pos : t.pos;
    collect_names(p);
    uint32_t count = (uint32_t)(p->names.len - from);
    struct node *n = node_with_names(p, NODE_FIELD, pos, offsetof(struct node, field.names), from);
    n->field.count = count;
    return n;
}

// With the fields that follow; together they stand where the first of these does.
static struct node *parse_variable(struct parser *p, struct token t)
{
    uint32_t id = parse_variable_id(p, t.text);
    if (!in_scope(p, id))
        return parse_fail(p, "undefined variable \"%.*s\"", SLICE_ARG(t.text));
    uint32_t pos = field_follows(p) ? peek(p).pos : t.pos;
    size_t from = collect_names(p);
    uint32_t count = (uint32_t)(p->names.len - from);
    struct node *n = node_with_names(p, NODE_VARIABLE, pos, offsetof(struct node, variable.names), from);
    n->variable.id = id;
    n->variable.name = t.text;
    n->variable.count = count;
    return n;
}

// Fields of anything else.
static struct node *parse_chain(struct parser *p, struct node *head)
{
    uint32_t pos = peek(p).pos;
    size_t from = collect_names(p);
    uint32_t count = (uint32_t)(p->names.len - from);
    struct node *n = node_with_names(p, NODE_CHAIN, pos, offsetof(struct node, chain.names), from);
    n->chain.head = head;
    n->chain.count = count;
    return n;
}

static struct node *parse_parens(struct parser *p)
{
    if (!parse_enter(p))
        return NULL;
    struct node *n = parse_pipeline(p, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
    p->nesting--;
    return n;
}

// NULL without a failure: no operand stands here.
static struct node *parse_term(struct parser *p)
{
    struct token t = next_solid(p);
    struct node *n;
    switch (t.type) {
    case TOKEN_IDENTIFIER:
        return parse_function(p, t);
    case TOKEN_DOT:
        return node_sized(p, NODE_DOT, t.pos, NODE_BARE);
    case TOKEN_NIL:
        return node_sized(p, NODE_NIL, t.pos, NODE_BARE);
    case TOKEN_VARIABLE:
        return parse_variable(p, t);
    case TOKEN_FIELD:
        return parse_field(p, t);
    case TOKEN_BOOL:
        n = node_new(p, NODE_BOOL, t.pos, boolean);
        n->boolean = t.text.data[0] == 't';
        return n;
    case TOKEN_CHAR_CONSTANT:
    case TOKEN_COMPLEX:
    case TOKEN_NUMBER:
        return parse_number(p, t);
    case TOKEN_LEFT_PAREN:
        return parse_parens(p);
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
        return parse_string(p, t);
    default:
        backup(p);
        return NULL;
    }
}

static struct node *parse_operand(struct parser *p)
{
    struct node *n = parse_term(p);
    if (!n || n->type == NODE_FIELD || n->type == NODE_VARIABLE || !field_follows(p))
        return n;
    switch ((enum node_type)n->type) {
    case NODE_BOOL:
    case NODE_STRING:
    case NODE_NUMBER:
    case NODE_NIL:
    case NODE_DOT: {
        struct buf plain = BUF_IN(p->arena);
        node_print(&plain, n);
        return parse_fail(p, "unexpected . after term %s", go_quoted(p->arena, buf_view(&plain)));
    }
    default:
        return parse_chain(p, n);
    }
}

static struct node *parse_command(struct parser *p)
{
    uint32_t pos = peek_solid(p).pos;
    size_t from = p->children.len;
    for (;;) {
        struct node *operand = parse_operand(p);
        if (p->failed)
            return NULL;
        if (operand)
            push_child(p, operand);
        if (skip_space(p))
            continue;
        struct token t = next(p);
        if (t.type == TOKEN_SPACE)
            continue;
        if (t.type == TOKEN_RIGHT_DELIM || t.type == TOKEN_RIGHT_PAREN)
            backup(p);
        else if (t.type != TOKEN_PIPE)
            return parse_unexpected(p, t, "operand");
        break;
    }
    if (p->children.len == from)
        return parse_fail(p, "empty command");
    return parse_seq(p, NODE_COMMAND, pos, from);
}

// ---- pipelines ------------------------------------------------------------------------------------------------------

struct declarations {
    struct declaration items[2];
    uint8_t count;
    bool assign;
};

// Variables before ":=" or "=". False: failed.
static bool parse_declarations(struct parser *p, struct declarations *decls, const char *context)
{
    while (peek_solid(p).type == TOKEN_VARIABLE) {
        struct token variable = next_solid(p);
        // Space is a token, so "$x foo" needs all three tokens back to read $x as an operand.
        struct token after = peek(p);
        struct token solid = peek_solid(p);
        if (solid.type == TOKEN_ASSIGN || solid.type == TOKEN_DECLARE) {
            decls->assign = solid.type == TOKEN_ASSIGN;
            next_solid(p);
            decls->items[decls->count++] = declare(p, variable);
            return true;
        }
        if (solid.type != TOKEN_CHAR || !slice_eq_str(solid.text, ",")) {
            if (after.type == TOKEN_SPACE)
                backup3(p, variable, after);
            else
                backup2(p, variable);
            return true;
        }
        next_solid(p);
        bool range = strcmp(context, "range") == 0;
        if (!range || decls->count >= 1)
            return parse_fail(p, "too many declarations in %s", context);
        decls->items[decls->count++] = declare(p, variable);
        enum token_type second = peek_solid(p).type;
        if (second != TOKEN_VARIABLE && second != TOKEN_RIGHT_DELIM && second != TOKEN_RIGHT_PAREN)
            return parse_fail(p, "range can only initialize variables");
    }
    return true;
}

static struct node *check_pipeline(struct parser *p, struct node *pipe, const char *context)
{
    const struct node_seq *cmds = &pipe->pipeline.cmds;
    if (cmds->count == 0)
        return parse_fail(p, "missing value for %s", context);
    for (uint32_t i = 1; i < cmds->count; i++) {
        switch ((enum node_type)cmds->items[i]->seq.items[0]->type) {
        case NODE_BOOL:
        case NODE_DOT:
        case NODE_NIL:
        case NODE_NUMBER:
        case NODE_STRING:
            return parse_fail(p, "non executable command in pipeline stage %u", i + 1);
        default:
            break;
        }
    }
    return pipe;
}

static struct node *make_pipeline(struct parser *p, uint32_t pos, const struct declarations *decls, size_t from)
{
    uint32_t count = (uint32_t)(p->children.len - from);
    struct node *n = node_sized(p, NODE_PIPE, pos, offsetof(struct node, pipeline.cmds.items[count]));
    n->assign = decls->assign;
    n->declared = decls->count;
    n->pipeline.decl = NULL;
    if (decls->count) {
        n->pipeline.decl = arena_alloc(p->arena, decls->count * sizeof(struct declaration));
        memcpy(n->pipeline.decl, decls->items, decls->count * sizeof(struct declaration));
    }
    n->pipeline.cmds.count = count;
    if (count)
        memcpy(n->pipeline.cmds.items, p->children.items + from, count * sizeof(struct node *));
    p->children.len = from;
    return n;
}

struct node *parse_pipeline(struct parser *p, const char *context, enum token_type end)
{
    uint32_t pos = peek_solid(p).pos;
    struct declarations decls = {0};
    if (!parse_declarations(p, &decls, context))
        return NULL;
    size_t from = p->children.len;
    for (;;) {
        struct token t = next_solid(p);
        if (t.type == end)
            return check_pipeline(p, make_pipeline(p, pos, &decls, from), context);
        switch (t.type) {
        case TOKEN_BOOL:
        case TOKEN_CHAR_CONSTANT:
        case TOKEN_COMPLEX:
        case TOKEN_DOT:
        case TOKEN_FIELD:
        case TOKEN_IDENTIFIER:
        case TOKEN_NUMBER:
        case TOKEN_NIL:
        case TOKEN_RAW_STRING:
        case TOKEN_STRING:
        case TOKEN_VARIABLE:
        case TOKEN_LEFT_PAREN: {
            backup(p);
            struct node *cmd = parse_command(p);
            if (!cmd)
                return NULL;
            push_child(p, cmd);
            break;
        }
        default:
            return parse_unexpected(p, t, context);
        }
    }
}
