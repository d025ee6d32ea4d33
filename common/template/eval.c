// eval.c - expressions: pipelines, commands, fields, calls, and the fitting of arguments to parameters.
#include "template/methods.h"
#include "template/run.h"

#define ARGS_ON_STACK 8

static bool eval_arg(struct template_run *r, struct value dot, char type, const struct node *n, struct value *out);

// ---- types ----------------------------------------------------------------------------------------------------------

static const char *type_name(char letter)
{
    static const char *const names[] = {
        ['s'] = "string",  ['i'] = "int",  ['I'] = "int64",          ['u'] = "uint32",
        ['f'] = "float64", ['b'] = "bool", ['l'] = "[]interface {}", ['m'] = "map[string]interface {}",
        ['B'] = "[]uint8", ['d'] = "time.Duration",  ['t'] = "time.Time", ['L'] = "*time.Location",
        ['V'] = "*semver.Version", ['c'] = "sprig.certificate", ['w'] = "io.Writer", ['r'] = "reflect.Value",
        ['v'] = "interface {}",
    };
    return names[(unsigned char)letter];
}

static bool takes_anything(char letter)
{
    return letter == 'v' || letter == 'r';
}

static bool takes_nil(char letter)
{
    return strchr("vrlmBLVw", letter); // what is a map, a slice, a pointer or an interface
}

static bool go_type_is(struct value v, const char *type)
{
    return strcmp(value_go_type(v), type) == 0;
}

static bool has_type(struct value v, char letter)
{
    switch (letter) {
    case 's':
        return v.kind == V_STRING;
    case 'i':
        return v.kind == V_INT && v.go == GO_INT;
    case 'I':
        return v.kind == V_INT && v.go == GO_DEFAULT;
    case 'u':
        return v.kind == V_INT && v.go == GO_UINT32;
    case 'f':
        return v.kind == V_FLOAT && v.go == GO_DEFAULT;
    case 'b':
        return v.kind == V_BOOL;
    case 'l':
        return v.kind == V_LIST && go_type_is(v, type_name('l'));
    case 'm': // a named type with this underlying one will do
        return v.kind == V_DICT && (go_type_is(v, type_name('m')) || strncmp(value_go_type(v), "map[", 4) != 0);
    case 't':
        return v.kind == V_OBJECT && (go_type_is(v, type_name(letter)) || go_type_is(v, "*time.Time"));
    default:
        return takes_anything(letter) || go_type_is(v, type_name(letter));
    }
}

const char *element_type(struct value container)
{
    const char *type = value_go_type(container);
    const char *end = strchr(type, ']');
    return (strncmp(type, "map[", 4) == 0 || strncmp(type, "[]", 2) == 0) && end && strcmp(end + 1, "interface {}") != 0
               ? end + 1
               : NULL;
}

// Fits a value to a parameter.
static bool fit(struct template_run *r, struct value *v, char type)
{
    if (takes_anything(type)) {
        if (type != 'r' || v->kind != V_NULL) // the few functions on reflect.Value tell a nil interface from no value
            *v = as_concrete(*v);
        if (type == 'v' && v->kind == V_OBJECT && v->object->class->boxed)
            *v = value_object(v->object->class->boxed(v->object));
        return true;
    }
    if (v->kind == V_NULL) {
        if (is_interface(*v))
            return run_fail(r, ERROR_INVALID, "wrong type for value; expected %s; got interface {}", type_name(type));
        if (takes_nil(type))
            return true;
        return run_fail(r, ERROR_INVALID, "invalid value; expected %s", type_name(type));
    }
    *v = as_concrete(*v);
    if (has_type(*v, type)) {
        if (type == 'm')
            v->reserved &= ~VALUE_AS_VALUES; // converted: a map from here on
        return true;
    }
    return run_fail(r, ERROR_INVALID, "wrong type for value; expected %s; got %s", type_name(type), value_go_type(*v));
}

// ---- calls ----------------------------------------------------------------------------------------------------------

struct operands { // of a call: nodes to evaluate, and what the pipeline hands on (NULL: nothing)
    struct node *const *nodes;
    size_t count;
    const struct value *final;
};

static struct operands no_operands(void)
{
    return (struct operands){0};
}

static bool wrong_count(struct template_run *r, const char *name, int fixed, bool variadic, size_t count, size_t given)
{
    if (variadic)
        return run_fail(r, ERROR_INVALID, "wrong number of args for %s: want at least %d got %zu", name, fixed, count);
    return run_fail(r, ERROR_INVALID, "wrong number of args for %s: want %d got %zu", name, fixed, given);
}

// `and` and `or` evaluate no more operands than they need.
static bool eval_shortcut(struct template_run *r, struct value dot, bool stop_at, const struct operands *ops,
                          struct value *out)
{
    for (size_t i = 0; i < ops->count; i++) {
        if (!eval_arg(r, dot, 'r', ops->nodes[i], out))
            return false;
        if (value_truth(*out) == stop_at)
            return true;
    }
    if (ops->final)
        *out = as_concrete(*ops->final);
    return true;
}

static bool call_failed(struct template_run *r, const struct node *at, const char *name, struct error *why)
{
    r->node = at;
    enum error_class class = why->class ? why->class : ERROR_INVALID;
    run_fail(r, class, "error calling %s: %s", name, error_text(why));
    error_clear(why);
    return false;
}

static char parameter_type(const struct binding *b, size_t i)
{
    return i < b->fixed ? b->func->args[i] : b->variadic;
}

static bool eval_args(struct template_run *r, struct value dot, const struct binding *b, const struct operands *ops,
                      struct value *argv)
{
    for (size_t i = 0; i < ops->count; i++)
        if (!eval_arg(r, dot, parameter_type(b, i), ops->nodes[i], &argv[i]))
            return false;
    if (!ops->final)
        return true;
    argv[ops->count] = *ops->final;
    return fit(r, &argv[ops->count], parameter_type(b, ops->count));
}

// Most functions take a time that grows with what they are given.
static uint64_t weight_of(const struct value *args, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (args[i].kind == V_STRING || args[i].kind == V_BYTES)
            bytes += args[i].len;
        else if (args[i].kind == V_LIST)
            bytes += value_len(args[i]) * sizeof(struct value);
    }
    return bytes / 256;
}

// n is what a message about the call shows: the whole command.
static bool eval_function(struct template_run *r, struct value dot, const struct node *ident, const struct node *n,
                          struct operands ops, struct value *out)
{
    r->node = ident;
    const struct binding *b = ident->ident.binding;
    const char *name = b->func->name;
    size_t argc = ops.count + (ops.final != NULL);
    if (argc < b->fixed || (argc > b->fixed && !b->variadic))
        return wrong_count(r, name, b->fixed, b->variadic, ops.count, argc);
    if (!run_step(r))
        return false;
    if (b->shortcut)
        return eval_shortcut(r, dot, b->shortcut == 'o', &ops, out);
    struct value few[ARGS_ON_STACK];
    struct value *argv = argc <= ARGS_ON_STACK ? few : arena_alloc(r->arena, argc * sizeof *argv);
    if (!eval_args(r, dot, b, &ops, argv))
        return false;
    r->steps += weight_of(argv, argc);
    struct error why = {0};
    struct template_call call = {.run = r, .name = name, .arena = r->arena, .args = argv, .argc = argc,
                                 .user = b->user, .operand = ops.count ? ops.nodes[0] : NULL, .err = &why};
    *out = VALUE_NULL;
    bool good = b->func->fn(&call, out);
    if (arena_full(r->arena)) {
        error_clear(&why);
        return run_fits(r);
    }
    return good || call_failed(r, n, name, &why);
}

static bool eval_method(struct template_run *r, struct value dot, struct value receiver, const struct value_member *m,
                        const struct node *n, struct operands ops, struct value *out)
{
    size_t argc = ops.count + (ops.final != NULL);
    if (argc < (size_t)m->min_args || (m->max_args >= 0 && argc > (size_t)m->max_args))
        return wrong_count(r, m->name, m->min_args, m->max_args < 0, ops.count, argc);
    if (m->refused)
        return run_fail(r, ERROR_INVALID, "%s", m->refused);
    struct value few[ARGS_ON_STACK];
    struct value *argv = argc <= ARGS_ON_STACK ? few : arena_alloc(r->arena, argc * sizeof *argv);
    for (size_t i = 0; i < ops.count; i++)
        if (!eval_arg(r, dot, m->args ? m->args[i] : 'v', ops.nodes[i], &argv[i]))
            return false;
    if (ops.final) {
        argv[ops.count] = *ops.final;
        if (!fit(r, &argv[ops.count], m->args ? m->args[ops.count] : 'v'))
            return false;
    }
    struct error why = {0};
    struct value_call call = {.arena = r->arena, .self = receiver, .args = argv, .argc = argc, .err = &why};
    if (!m->get(receiver.kind == V_OBJECT ? receiver.object : NULL, &call))
        return call_failed(r, n, m->name, &why);
    *out = call.result;
    return true;
}

// ---- fields ---------------------------------------------------------------------------------------------------------

static bool missing_key(struct template_run *r, struct value container, struct slice name, struct value *out)
{
    *out = VALUE_NULL;
    if (r->set->missing == MISSING_ERROR)
        return run_fail(r, ERROR_INVALID, "map has no entry for key %s", go_quoted(r->arena, name));
    if (r->set->missing == MISSING_ZERO) {
        const char *element = element_type(container);
        *out = element && strcmp(element, "string") == 0 ? value_string("") : as_interface(VALUE_NULL);
    }
    return true;
}

static bool dict_field(struct template_run *r, struct value receiver, struct slice name, bool has_args,
                       struct value *out)
{
    if (has_args)
        return run_fail(r, ERROR_INVALID, "%.*s is not a method but has arguments", SLICE_ARG(name));
    if (!value_find(receiver, name.data, name.len, out))
        return missing_key(r, receiver, name, out);
    // In a typed dict there are only strings: which type it is matters to what evaluates a field of one.
    *out = out->kind == V_STRING && element_type(receiver) ? as_concrete(*out) : as_interface(*out);
    return true;
}

static bool cannot_evaluate(struct template_run *r, struct value receiver, struct slice name)
{
    struct value fields = object_fields(r->arena, receiver);
    if (value_find(fields, name.data, name.len, &(struct value){0}))
        return run_fail(r, ERROR_INVALID, "%.*s is an unexported field of struct type %s", SLICE_ARG(name),
                        value_go_type(receiver));
    const char *type = is_interface(receiver) ? "interface {}" : value_go_type(receiver);
    return run_fail(r, ERROR_INVALID, "can't evaluate field %.*s in type %s", SLICE_ARG(name), type);
}

static const struct value_member *find_member(struct value receiver, struct slice name)
{
    const struct method_set *methods = methods_of(receiver);
    const struct value_class *class = receiver.kind == V_OBJECT ? receiver.object->class : NULL;
    const struct value_member *members = class ? class->members : methods ? methods->items : NULL;
    size_t count = class ? class->member_count : methods ? methods->count : 0;
    for (size_t i = 0; i < count; i++)
        if (members[i].name[0] == name.data[0] && slice_eq_str(name, members[i].name))
            return &members[i];
    return NULL;
}

static bool object_field(struct template_run *r, struct value receiver, struct slice name, bool has_args,
                         struct value *out)
{
    struct object *self = receiver.object;
    if (!self->class->index)
        return cannot_evaluate(r, receiver, name);
    if (has_args)
        return run_fail(r, ERROR_INVALID, "%.*s is not a method but has arguments", SLICE_ARG(name));
    if (!self->class->index(self, name.data, name.len, out))
        return missing_key(r, receiver, name, out);
    return true;
}

static bool eval_field(struct template_run *r, struct value dot, struct value receiver, struct slice name,
                       const struct node *n, struct operands ops, struct value *out)
{
    bool has_args = ops.count > 0 || ops.final;
    const struct value_member *m = find_member(receiver, name);
    if (m && !m->method && has_args)
        return run_fail(r, ERROR_INVALID, "%s has arguments but cannot be invoked as function", m->name);
    if (m)
        return eval_method(r, dot, receiver, m, n, ops, out);
    switch (receiver.kind) {
    case V_DICT:
        return dict_field(r, receiver, name, has_args, out);
    case V_OBJECT:
        return object_field(r, receiver, name, has_args, out);
    case V_NULL:
        if (is_interface(receiver))
            return run_fail(r, ERROR_INVALID, "nil pointer evaluating interface {}.%.*s", SLICE_ARG(name));
        if (r->set->missing == MISSING_ERROR)
            return run_fail(r, ERROR_INVALID, "nil data; no entry for key \"%.*s\"", SLICE_ARG(name));
        *out = VALUE_NULL;
        return true;
    default:
        return cannot_evaluate(r, receiver, name);
    }
}

// Follows the names from the receiver; the last one, if it is a method, gets the operands.
static bool eval_fields(struct template_run *r, struct value dot, struct value receiver, struct names fields,
                        const struct node *n, struct operands ops, struct value *out)
{
    for (size_t i = 0; i + 1 < fields.len; i++)
        if (!eval_field(r, dot, receiver, fields.items[i], n, no_operands(), &receiver))
            return false;
    return eval_field(r, dot, receiver, fields.items[fields.len - 1], n, ops, out);
}

// ---- variables ------------------------------------------------------------------------------------------------------

static struct variable *find_variable(struct template_run *r, uint32_t id)
{
    for (size_t i = r->vars.len; i > r->scope; i--)
        if (r->vars.items[i - 1].id == id)
            return &r->vars.items[i - 1];
    return NULL;
}

static bool no_variable(struct template_run *r, struct slice name)
{
    return run_fail(r, ERROR_INVALID, "undefined variable: %.*s", SLICE_ARG(name));
}

void run_declare(struct template_run *r, uint32_t id, struct value v)
{
    vec_push(NULL, &r->vars, (struct variable){id, v});
}

bool run_assign(struct template_run *r, const struct declaration *decl, struct value v)
{
    struct variable *variable = find_variable(r, decl->id);
    if (!variable)
        return no_variable(r, decl->name);
    variable->value = v;
    return true;
}

static bool no_arguments(struct template_run *r, const struct node *first, const struct operands *ops)
{
    if (ops->count == 0 && !ops->final)
        return true;
    struct buf shown = BUF_IN(r->arena);
    node_print(&shown, first);
    return run_fail(r, ERROR_INVALID, "can't give argument to non-function %s", buf_cstr(&shown));
}

static bool eval_variable(struct template_run *r, struct value dot, const struct node *n, struct operands ops,
                          struct value *out)
{
    r->node = n;
    const struct variable *variable = find_variable(r, n->variable.id);
    if (!variable)
        return no_variable(r, n->variable.name);
    if (n->variable.count)
        return eval_fields(r, dot, variable->value, NODE_NAMES(n->variable), n, ops, out);
    *out = variable->value;
    return no_arguments(r, n, &ops);
}

// ---- operands -------------------------------------------------------------------------------------------------------

static bool eval_chain(struct template_run *r, struct value dot, const struct node *n, struct operands ops,
                       struct value *out)
{
    r->node = n;
    struct value receiver;
    return eval_arg(r, dot, 'r', n->chain.head, &receiver) &&
           eval_fields(r, dot, receiver, NODE_NAMES(n->chain), n, ops, out);
}

static bool eval_number(struct template_run *r, const struct node *n, struct value *out)
{
    if (n->number.overflows)
        return run_fail(r, ERROR_INVALID, "%.*s overflows int", SLICE_ARG(n->number.text));
    *out = n->number.ideal;
    return true;
}

static bool expected(struct template_run *r, const char *what, const struct node *n)
{
    struct buf shown = BUF_IN(r->arena);
    node_print(&shown, n);
    return run_fail(r, ERROR_INVALID, "expected %s; found %s", what, buf_cstr(&shown));
}

// A constant as argument takes the parameter's type.
static bool eval_literal(struct template_run *r, char type, const struct node *n, struct value *out)
{
    const struct number *number = n->type == NODE_NUMBER ? &n->number : NULL;
    switch (type) {
    case 'b':
        if (n->type != NODE_BOOL)
            return expected(r, "bool", n);
        *out = value_bool(n->boolean);
        return true;
    case 's':
        if (n->type != NODE_STRING)
            return expected(r, "string", n);
        *out = value_string_n(n->string.text, n->string.len);
        return true;
    case 'i':
    case 'I':
    case 'd':
        if (!number || !number->is_int)
            return expected(r, "integer", n);
        *out = value_int_of(type == 'i' ? GO_INT : type == 'd' ? GO_DURATION : GO_DEFAULT, number->i);
        return true;
    case 'u':
        if (!number || !number->is_uint)
            return expected(r, "unsigned integer", n);
        *out = value_int_of(GO_UINT32, (int64_t)(uint32_t)number->u);
        return true;
    case 'f':
        if (!number || !number->is_float)
            return expected(r, "float", n);
        *out = value_float(number->f);
        return true;
    case 'v':
    case 'r':
        if (number)
            return eval_number(r, n, out);
        *out = n->type == NODE_STRING ? value_string_n(n->string.text, n->string.len) : value_bool(n->boolean);
        return true;
    default: {
        struct buf shown = BUF_IN(r->arena);
        node_print(&shown, n);
        return run_fail(r, ERROR_INVALID, "can't handle %s for arg of type %s", buf_cstr(&shown), type_name(type));
    }
    }
}

static bool eval_arg(struct template_run *r, struct value dot, char type, const struct node *n, struct value *out)
{
    r->node = n;
    bool good;
    switch ((enum node_type)n->type) {
    case NODE_DOT:
        *out = dot;
        good = true;
        break;
    case NODE_NIL:
        *out = VALUE_NULL;
        return takes_nil(type) || run_fail(r, ERROR_INVALID, "cannot assign nil to %s", type_name(type));
    case NODE_FIELD:
        good = eval_fields(r, dot, dot, NODE_NAMES(n->field), n, no_operands(), out);
        break;
    case NODE_VARIABLE:
        good = eval_variable(r, dot, n, no_operands(), out);
        break;
    case NODE_PIPE:
        good = eval_pipeline(r, dot, n, out);
        break;
    case NODE_IDENTIFIER:
        good = eval_function(r, dot, n, n, no_operands(), out);
        break;
    case NODE_CHAIN:
        good = eval_chain(r, dot, n, no_operands(), out);
        break;
    default:
        return eval_literal(r, type, n, out);
    }
    return good && fit(r, out, type);
}

static bool eval_command(struct template_run *r, struct value dot, const struct node *cmd, const struct value *final,
                         struct value *out)
{
    const struct node *first = cmd->seq.items[0];
    struct operands ops = {cmd->seq.items + 1, cmd->seq.count - 1, final};
    switch ((enum node_type)first->type) {
    case NODE_FIELD:
        r->node = first;
        return eval_fields(r, dot, dot, NODE_NAMES(first->field), first, ops, out);
    case NODE_CHAIN:
        return eval_chain(r, dot, first, ops, out);
    case NODE_IDENTIFIER:
        return eval_function(r, dot, first, cmd, ops, out);
    case NODE_PIPE:
        return no_arguments(r, first, &ops) && eval_pipeline(r, dot, first, out);
    case NODE_VARIABLE:
        return eval_variable(r, dot, first, ops, out);
    default:
        break;
    }
    r->node = first;
    if (!no_arguments(r, first, &ops))
        return false;
    switch ((enum node_type)first->type) {
    case NODE_DOT:
        *out = dot;
        return true;
    case NODE_NIL:
        return run_fail(r, ERROR_INVALID, "nil is not a command");
    case NODE_NUMBER:
        return eval_number(r, first, out);
    case NODE_STRING:
        *out = value_string_n(first->string.text, first->string.len);
        return true;
    default:
        *out = value_bool(first->boolean);
        return true;
    }
}

bool eval_pipeline(struct template_run *r, struct value dot, const struct node *pipe, struct value *out)
{
    r->node = pipe;
    const struct node_seq *cmds = &pipe->pipeline.cmds;
    struct value v = VALUE_NULL;
    for (size_t i = 0; i < cmds->count; i++) {
        struct value final = v;
        if (!eval_command(r, dot, cmds->items[i], i ? &final : NULL, &v))
            return false;
        v = as_concrete(v);
    }
    for (size_t i = 0; i < pipe->declared; i++) {
        const struct declaration *decl = &pipe->pipeline.decl[i];
        if (!pipe->assign)
            run_declare(r, decl->id, v);
        else if (!run_assign(r, decl, v))
            return false;
    }
    *out = v;
    return true;
}
