// parse.c - builds a template's tree from its tokens, with the messages of Go's text/template/parse.
//
// Recursive descent over a window of three tokens. The first fault is kept in the parser, and everything above it
// returns NULL.
#include "template/node.h"
#include "template/lexer.h"
#include "template/text.h"

#define NESTING_MAX 1000 // of controls, parentheses and definitions together: bounds our own recursion

struct parser {
    struct template_set *set;
    struct arena *arena;
    const char *name; // of the text being parsed
    struct lexer lexer;
    struct token window[3];
    int peeked;           // tokens of the window not consumed yet
    uint32_t action_line; // where the current action began, 0 outside
    int nesting;
    struct error *err;
    bool failed;
    // What belongs to the template being built, put aside while a definition inside it is parsed:
    VEC(uint32_t) vars; // in scope, innermost last
    int range_depth;
    // Names of variables, numbered: a name has one number throughout the source.
    VEC(struct slice) var_names;
    struct map *trees; // defined so far, by name
    // Children of the nodes being built, each node's above its parent's: they are copied to their exact size when it is
    // done.
    VEC(struct node *) children; // malloc'd
};

static struct node *parse_pipeline(struct parser *p, const char *context, enum token_type end);
static struct node *parse_list(struct parser *p, struct node **end);
static struct node *parse_action(struct parser *p);

PRINTF(2, 3)
static void *fail(struct parser *p, const char *fmt, ...)
{
    if (p->failed)
        return NULL;
    p->failed = true;
    va_list args;
    va_start(args, fmt);
    char *message = arena_vprintf(p->arena, fmt, args);
    va_end(args);
    error_set(p->err, ERROR_INVALID, "template: %s:%u: %s", p->name, p->window[0].line, message);
    return NULL;
}

// A node has only the room that its type needs: a big chart has a hundred thousand of them.
static struct node *node_new(struct parser *p, enum node_type type, uint32_t pos)
{
#define UP_TO(member) (offsetof(struct node, member) + sizeof(((struct node *)0)->member))
    static const uint8_t sizes[] = {
        [NODE_TEXT] = UP_TO(text),       [NODE_ACTION] = UP_TO(pipe),        [NODE_LIST] = UP_TO(seq),
        [NODE_IF] = UP_TO(branch),       [NODE_WITH] = UP_TO(branch),        [NODE_RANGE] = UP_TO(branch),
        [NODE_TEMPLATE] = UP_TO(call),   [NODE_BREAK] = UP_TO(pipe),         [NODE_CONTINUE] = UP_TO(pipe),
        [NODE_END] = UP_TO(pipe),        [NODE_ELSE] = UP_TO(pipe),          [NODE_PIPE] = UP_TO(pipeline),
        [NODE_COMMAND] = UP_TO(seq),     [NODE_IDENTIFIER] = UP_TO(ident),   [NODE_VARIABLE] = UP_TO(variable),
        [NODE_FIELD] = UP_TO(fields),    [NODE_CHAIN] = UP_TO(chain),        [NODE_DOT] = UP_TO(pipe),
        [NODE_NIL] = UP_TO(pipe),        [NODE_BOOL] = UP_TO(boolean),       [NODE_NUMBER] = UP_TO(number),
        [NODE_STRING] = UP_TO(string),
    };
    struct node *n = arena_zalloc(p->arena, sizes[type]);
    n->type = (uint8_t)type;
    n->pos = pos;
    return n;
}

// ---- the window of tokens -------------------------------------------------------------------------------------------

static struct token next(struct parser *p)
{
    if (p->peeked > 0)
        p->peeked--;
    else
        p->window[0] = lexer_next(&p->lexer);
    return p->window[p->peeked];
}

static void backup(struct parser *p)
{
    p->peeked++;
}

static void backup2(struct parser *p, struct token t1)
{
    p->window[1] = t1;
    p->peeked = 2;
}

static void backup3(struct parser *p, struct token t2, struct token t1)
{
    p->window[1] = t1;
    p->window[2] = t2;
    p->peeked = 3;
}

static struct token peek(struct parser *p)
{
    if (p->peeked > 0)
        return p->window[p->peeked - 1];
    p->peeked = 1;
    return p->window[0] = lexer_next(&p->lexer);
}

static struct token next_solid(struct parser *p)
{
    struct token t;
    do
        t = next(p);
    while (t.type == TOKEN_SPACE);
    return t;
}

static struct token peek_solid(struct parser *p)
{
    struct token t = next_solid(p);
    backup(p);
    return t;
}

static void *unexpected(struct parser *p, struct token t, const char *context)
{
    struct buf shown = BUF_IN(p->arena);
    token_print(&shown, &t);
    if (t.type != TOKEN_ERROR)
        return fail(p, "unexpected %s in %s", buf_cstr(&shown), context);
    if (p->action_line == 0 || p->action_line == t.line)
        return fail(p, "%s", buf_cstr(&shown));
    const char *joint = slice_has_suffix(t.text, SLICE(" action")) ? "" : " in action";
    return fail(p, "%s%s started at %s:%u", buf_cstr(&shown), joint, p->name, p->action_line);
}

static bool expect(struct parser *p, enum token_type type, const char *context, struct token *out)
{
    struct token t = next_solid(p);
    if (out)
        *out = t;
    if (t.type == type)
        return true;
    unexpected(p, t, context);
    return false;
}

static bool enter(struct parser *p)
{
    if (++p->nesting <= NESTING_MAX)
        return true;
    if (!p->failed) {
        fail(p, "nested too deeply: more than %d levels", NESTING_MAX);
        p->err->class = ERROR_LIMIT;
    }
    return false;
}

static void push_child(struct parser *p, struct node *n)
{
    vec_push(NULL, &p->children, n);
}

// Takes the children pushed since there were `from`.
static void take_children(struct parser *p, size_t from, struct node_seq *seq)
{
    seq->len = p->children.len - from;
    seq->items = arena_alloc(p->arena, seq->len * sizeof *seq->items);
    if (seq->len)
        memcpy(seq->items, p->children.items + from, seq->len * sizeof *seq->items);
    p->children.len = from;
}

// ---- variables ------------------------------------------------------------------------------------------------------

static uint32_t variable_id(struct parser *p, struct slice name)
{
    for (uint32_t i = 0; i < p->var_names.len; i++)
        if (slice_eq(p->var_names.items[i], name))
            return i;
    vec_push(p->arena, &p->var_names, name);
    return (uint32_t)p->var_names.len - 1;
}

static struct node *use_variable(struct parser *p, struct token t)
{
    uint32_t id = variable_id(p, t.text);
    for (size_t i = p->vars.len; i > 0; i--) {
        if (p->vars.items[i - 1] != id)
            continue;
        struct node *n = node_new(p, NODE_VARIABLE, t.pos);
        n->variable.id = id;
        n->variable.name = t.text;
        return n;
    }
    return fail(p, "undefined variable \"%.*s\"", SLICE_ARG(t.text));
}

static void declare(struct parser *p, struct node *pipe, struct token t)
{
    uint32_t id = variable_id(p, t.text);
    if (!pipe->pipeline.decl)
        pipe->pipeline.decl = arena_array(p->arena, struct declaration, 2);
    pipe->pipeline.decl[pipe->declared++] = (struct declaration){id, t.text};
    vec_push(p->arena, &p->vars, id);
}

// ---- operands -------------------------------------------------------------------------------------------------------

static struct node *parse_number(struct parser *p, struct token t)
{
    struct node *n = node_new(p, NODE_NUMBER, t.pos);
    struct error why = {0};
    bool good = t.type == TOKEN_CHAR_CONSTANT ? literal_char(t.text, &n->number, &why)
                                              : literal_number(p->arena, t.text, &n->number, &why);
    if (!good)
        fail(p, "%s", error_text(&why));
    error_clear(&why);
    return good ? n : NULL;
}

static bool unquote(struct parser *p, struct token t, struct value *out)
{
    struct error why = {0};
    bool good = literal_string(p->arena, t.text, out, &why);
    if (!good)
        fail(p, "%s", error_text(&why));
    error_clear(&why);
    return good;
}

static struct slice name_of(struct token field)
{
    return slice_sub(field.text, 1, field.text.len);
}

// The name of a field, and those that follow it at once.
static void add_names(struct parser *p, struct names *names, struct token first)
{
    struct slice few[8];
    size_t count = 0, room = ARRAY_LEN(few);
    struct slice *all = few;
    for (struct token t = first;; t = next(p)) {
        if (count == room) {
            struct slice *more = arena_alloc(p->arena, 2 * room * sizeof *more);
            memcpy(more, all, count * sizeof *more);
            all = more;
            room *= 2;
        }
        all[count++] = name_of(t);
        if (peek(p).type != TOKEN_FIELD)
            break;
    }
    names->len = count;
    names->items = arena_alloc(p->arena, count * sizeof *names->items);
    memcpy(names->items, all, count * sizeof *names->items);
}

// NULL without a failure: no operand stands here.
static struct node *parse_term(struct parser *p)
{
    struct token t = next_solid(p);
    struct node *n = NULL;
    switch (t.type) {
    case TOKEN_IDENTIFIER:
        n = node_new(p, NODE_IDENTIFIER, t.pos);
        n->ident.name = t.text;
        n->ident.binding = set_function(p->set, t.text);
        if (!n->ident.binding)
            return fail(p, "function \"%.*s\" not defined", SLICE_ARG(t.text));
        return n;
    case TOKEN_DOT:
        return node_new(p, NODE_DOT, t.pos);
    case TOKEN_NIL:
        return node_new(p, NODE_NIL, t.pos);
    case TOKEN_VARIABLE:
        return use_variable(p, t);
    case TOKEN_FIELD:
        // A chain of fields stands, as in Go, where its second name does.
        n = node_new(p, NODE_FIELD, peek(p).type == TOKEN_FIELD ? peek(p).pos : t.pos);
        add_names(p, &n->fields, t);
        return n;
    case TOKEN_BOOL:
        n = node_new(p, NODE_BOOL, t.pos);
        n->boolean = t.text.data[0] == 't';
        return n;
    case TOKEN_CHAR_CONSTANT:
    case TOKEN_COMPLEX:
    case TOKEN_NUMBER:
        return parse_number(p, t);
    case TOKEN_LEFT_PAREN:
        if (!enter(p))
            return NULL;
        n = parse_pipeline(p, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
        p->nesting--;
        return n;
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
        n = node_new(p, NODE_STRING, t.pos);
        n->string.quoted = t.text;
        return unquote(p, t, &n->string.value) ? n : NULL;
    default:
        backup(p);
        return NULL;
    }
}

// A term with the fields that follow it; together they stand where the first of these does.
static struct node *parse_operand(struct parser *p)
{
    struct node *n = parse_term(p);
    if (!n || n->type == NODE_FIELD || peek(p).type != TOKEN_FIELD)
        return n;
    struct names *fields;
    uint32_t pos = peek(p).pos;
    switch ((enum node_type)n->type) {
    case NODE_VARIABLE:
        fields = &n->variable.fields;
        n->pos = pos;
        break;
    case NODE_BOOL:
    case NODE_STRING:
    case NODE_NUMBER:
    case NODE_NIL:
    case NODE_DOT: {
        struct buf plain = BUF_IN(p->arena), shown = BUF_IN(p->arena);
        node_print(&plain, n);
        go_quote(&shown, buf_cstr(&plain), plain.len);
        return fail(p, "unexpected . after term %s", buf_cstr(&shown));
    }
    default: {
        struct node *chain = node_new(p, NODE_CHAIN, pos);
        chain->chain.head = n;
        fields = &chain->chain.fields;
        n = chain;
    }
    }
    add_names(p, fields, next(p));
    return n;
}

static struct node *parse_command(struct parser *p)
{
    struct node *cmd = node_new(p, NODE_COMMAND, peek_solid(p).pos);
    size_t from = p->children.len;
    for (;;) {
        peek_solid(p);
        struct node *operand = parse_operand(p);
        if (p->failed)
            return NULL;
        if (operand)
            push_child(p, operand);
        struct token t = next(p);
        if (t.type == TOKEN_SPACE)
            continue;
        if (t.type == TOKEN_RIGHT_DELIM || t.type == TOKEN_RIGHT_PAREN)
            backup(p);
        else if (t.type != TOKEN_PIPE)
            return unexpected(p, t, "operand");
        break;
    }
    take_children(p, from, &cmd->seq);
    if (cmd->seq.len == 0)
        return fail(p, "empty command");
    return cmd;
}

// ---- pipelines ------------------------------------------------------------------------------------------------------

// Variables before ":=" or "=". False: failed.
static bool parse_declarations(struct parser *p, struct node *pipe, const char *context)
{
    while (peek_solid(p).type == TOKEN_VARIABLE) {
        struct token variable = next_solid(p);
        // Space is a token, so "$x foo" needs all three tokens back to read $x as an operand.
        struct token after = peek(p);
        struct token solid = peek_solid(p);
        if (solid.type == TOKEN_ASSIGN || solid.type == TOKEN_DECLARE) {
            pipe->assign = solid.type == TOKEN_ASSIGN;
            next_solid(p);
            declare(p, pipe, variable);
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
        if (!range || pipe->declared >= 1)
            return fail(p, "too many declarations in %s", context);
        declare(p, pipe, variable);
        enum token_type second = peek_solid(p).type;
        if (second != TOKEN_VARIABLE && second != TOKEN_RIGHT_DELIM && second != TOKEN_RIGHT_PAREN)
            return fail(p, "range can only initialize variables");
    }
    return true;
}

static struct node *check_pipeline(struct parser *p, struct node *pipe, const char *context)
{
    const struct node_seq *cmds = &pipe->pipeline.cmds;
    if (cmds->len == 0)
        return fail(p, "missing value for %s", context);
    for (size_t i = 1; i < cmds->len; i++) {
        switch ((enum node_type)cmds->items[i]->seq.items[0]->type) {
        case NODE_BOOL:
        case NODE_DOT:
        case NODE_NIL:
        case NODE_NUMBER:
        case NODE_STRING:
            return fail(p, "non executable command in pipeline stage %zu", i + 1);
        default:
            break;
        }
    }
    return pipe;
}

static struct node *parse_pipeline(struct parser *p, const char *context, enum token_type end)
{
    struct node *pipe = node_new(p, NODE_PIPE, peek_solid(p).pos);
    if (!parse_declarations(p, pipe, context))
        return NULL;
    size_t from = p->children.len;
    for (;;) {
        struct token t = next_solid(p);
        if (t.type == end) {
            take_children(p, from, &pipe->pipeline.cmds);
            return check_pipeline(p, pipe, context);
        }
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
            return unexpected(p, t, context);
        }
    }
}

// ---- definitions ----------------------------------------------------------------------------------------------------

static bool only_space(const struct node *list)
{
    for (size_t i = 0; i < list->seq.len; i++)
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
            fail(p, "template: multiple definition of template \"%s\"", name);
        return empty;
    }
    struct tree *tree = arena_new_of(p->arena, struct tree);
    *tree = (struct tree){.name = name, .parse_name = p->name, .source = p->lexer.in, .root = root, .empty = empty};
    map_put(p->trees, name, tree);
    return true;
}

// Parses a body up to its {{end}} as a template of its own, and adds it to the set.
static bool parse_body(struct parser *p, const char *name, const char *context)
{
    if (!enter(p))
        return false;
    struct parser outer = *p;
    memset(&p->vars, 0, sizeof p->vars);
    p->range_depth = 0;
    vec_push(p->arena, &p->vars, 0);

    struct node *end;
    struct node *root = parse_list(p, &end);
    if (root && end->type != NODE_END)
        root = fail(p, "unexpected {{else}} in %s", context);
    memcpy(&p->vars, &outer.vars, sizeof p->vars);
    p->range_depth = outer.range_depth;
    p->nesting--;
    return root && add_tree(p, name, root);
}

static bool parse_template_name(struct parser *p, const char *context, struct token *t, struct value *name)
{
    *t = next_solid(p);
    if (t->type == TOKEN_STRING || t->type == TOKEN_RAW_STRING)
        return unquote(p, *t, name);
    unexpected(p, *t, context);
    return false;
}

static bool parse_define(struct parser *p)
{
    struct token t;
    struct value name;
    return parse_template_name(p, "define clause", &t, &name) && expect(p, TOKEN_RIGHT_DELIM, "define clause", NULL) &&
           parse_body(p, name.data, "define clause");
}

static struct node *template_node(struct parser *p, struct token t, struct value name, struct node *pipe)
{
    struct node *n = node_new(p, NODE_TEMPLATE, t.pos);
    n->call.name = slice_n(name.data, name.len);
    n->call.pipe = pipe;
    return n;
}

static struct node *parse_block(struct parser *p)
{
    struct token t;
    struct value name;
    if (!parse_template_name(p, "block clause", &t, &name))
        return NULL;
    struct node *pipe = parse_pipeline(p, "block clause", TOKEN_RIGHT_DELIM);
    if (!pipe || !parse_body(p, name.data, "block clause"))
        return NULL;
    return template_node(p, t, name, pipe);
}

static struct node *parse_template(struct parser *p)
{
    struct token t;
    struct value name;
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
    if (!enter(p))
        return NULL;
    size_t scope = p->vars.len;
    struct node *pipe = parse_pipeline(p, context, TOKEN_RIGHT_DELIM);
    if (!pipe)
        return NULL;
    struct node *n = node_new(p, type, pipe->pos);
    n->branch.pipe = pipe;
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
            n->branch.else_list = node_new(p, NODE_LIST, end->pos);
            push_child(p, inner);
            take_children(p, p->children.len - 1, &n->branch.else_list->seq);
        } else {
            n->branch.else_list = parse_list(p, &end);
            if (!n->branch.else_list)
                return NULL;
            if (end->type != NODE_END)
                return fail(p, "expected end; found {{else}}");
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
        return unexpected(p, after, shown);
    if (p->range_depth == 0)
        return fail(p, "%s outside {{range}}", shown);
    return node_new(p, type, t.pos);
}

static struct node *parse_else(struct parser *p)
{
    struct token t = peek_solid(p);
    if (t.type != TOKEN_IF && t.type != TOKEN_WITH && !expect(p, TOKEN_RIGHT_DELIM, "else", &t))
        return NULL;
    return node_new(p, NODE_ELSE, t.pos);
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
        return expect(p, TOKEN_RIGHT_DELIM, "end", &t) ? node_new(p, NODE_END, t.pos) : NULL;
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
    struct node *n = node_new(p, NODE_ACTION, peek(p).pos);
    n->pipe = parse_pipeline(p, "command", TOKEN_RIGHT_DELIM);
    return n->pipe ? n : NULL;
}

static struct node *parse_text_or_action(struct parser *p)
{
    struct token t = next_solid(p);
    if (t.type == TOKEN_TEXT) {
        struct node *n = node_new(p, NODE_TEXT, t.pos);
        n->text = t.text;
        return n;
    }
    if (t.type != TOKEN_LEFT_DELIM)
        return unexpected(p, t, "input");
    p->action_line = t.line;
    struct node *n = parse_action(p);
    p->action_line = 0;
    return n;
}

// Nodes up to {{end}} or {{else}}, which becomes *end.
static struct node *parse_list(struct parser *p, struct node **end)
{
    struct node *list = node_new(p, NODE_LIST, peek_solid(p).pos);
    size_t from = p->children.len;
    while (peek_solid(p).type != TOKEN_EOF) {
        struct node *n = parse_text_or_action(p);
        if (!n)
            return NULL;
        if (n->type == NODE_END || n->type == NODE_ELSE) {
            *end = n;
            take_children(p, from, &list->seq);
            return list;
        }
        push_child(p, n);
    }
    return fail(p, "unexpected EOF");
}

static struct node *parse_root(struct parser *p)
{
    struct node *root = node_new(p, NODE_LIST, peek(p).pos);
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
            return fail(p, "unexpected %s", n->type == NODE_END ? "{{end}}" : "{{else}}");
        push_child(p, n);
    }
    take_children(p, from, &root->seq);
    return root;
}

bool parse_source(struct template_set *set, struct arena *a, const char *name, struct slice source, struct error *err)
{
    struct parser p = {.set = set, .arena = a, .name = name, .err = err, .trees = map_new(a)};
    if (source.len >= UINT32_MAX)
        return error_set(err, ERROR_LIMIT, "template: %s: text is too long", name);
    lexer_init(&p.lexer, a, source);
    variable_id(&p, SLICE("$"));
    vec_push(a, &p.vars, 0);
    struct node *root = parse_root(&p);
    free(p.children.items);
    if (!root || !add_tree(&p, name, root))
        return false;
    const char *key;
    void *tree;
    for (size_t i = 0; map_each(p.trees, &i, &key, &tree);)
        set_add(set, tree);
    return true;
}
