// walk.c - executes the nodes of a template: text, actions, controls, calls of other templates; and the budgets.
#include "template/run.h"

#include <inttypes.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE, FLOW_FAILED };

#define DEPTH_DEFAULT 10000
#define OUTPUT_DEFAULT ((size_t)64 << 20)
#define STEPS_DEFAULT 50000000
#define MEMORY_DEFAULT ((size_t)512 << 20)
#define STACK_DEFAULT ((size_t)6 << 20)
#define STACK_RESERVE ((size_t)512 << 10) // for what functions and libraries need at the deepest place
#define TIME_DEFAULT_MS 120000
#define STEPS_BETWEEN_LOOKS 10000 // at the clock
#define GO_SIZE_MAX ((size_t)1 << 48) // what Go's allocator takes on 64-bit machines; more is a panic of its own

static enum flow walk(struct template_run *r, struct value dot, const struct node *n);

// ---- errors and budgets ---------------------------------------------------------------------------------------------

bool run_fail(struct template_run *r, enum error_class class, const char *fmt, ...)
{
    struct buf message = {0};
    buf_str(&message, "template: ");
    node_location(&message, r->tree, r->node);
    buf_str(&message, ": executing ");
    go_quote(&message, r->tree->name, strlen(r->tree->name));
    buf_str(&message, " at <");
    node_print(&message, r->node);
    buf_str(&message, ">: ");
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&message, fmt, args);
    va_end(args);
    error_set(r->err, class, "%s", buf_cstr(&message));
    buf_free(&message);
    return false;
}

static bool output_fits(struct template_run *r)
{
    if (!buf_full(r->out) && r->out->len + r->written <= r->limits.output)
        return true;
    return run_fail(r, ERROR_LIMIT, "the output exceeds the limit of %zu bytes", r->limits.output);
}

bool run_fits(struct template_run *r)
{
    return !arena_full(r->arena) ||
           run_fail(r, ERROR_LIMIT, "exceeded the limit of %zu bytes of memory", r->limits.memory);
}

// Counts steps. NULL, or what is said of the limit that is reached.
static const char *count_steps(struct template_run *r, uint64_t count)
{
    r->steps += count;
    if (r->steps > r->limits.steps)
        return arena_printf(r->arena, "exceeded the limit of %" PRIu64 " steps", r->limits.steps);
    if (r->steps < r->clock_at)
        return NULL;
    r->clock_at = r->steps + STEPS_BETWEEN_LOOKS;
    return clock_mono_ms() < r->until_ms
               ? NULL
               : arena_printf(r->arena, "exceeded the limit of %" PRId64 " seconds", r->limits.time_ms / 1000);
}

bool run_step(struct template_run *r)
{
    const char *over = count_steps(r, 1);
    if (over)
        return run_fail(r, ERROR_LIMIT, "%s", over);
    if (!run_fits(r))
        return false;
    const char *here = __builtin_frame_address(0); // ASan may hold a variable elsewhere
    size_t stack = (size_t)(r->stack > here ? r->stack - here : here - r->stack);
    if (stack > r->limits.stack)
        return run_fail(r, ERROR_LIMIT, "exceeded maximum template depth: %zu bytes of stack", r->limits.stack);
    return true;
}

char *template_alloc(struct template_call *call, size_t size)
{
    if (size > GO_SIZE_MAX) {
        error_set(call->err, ERROR_LIMIT, "runtime error: makeslice: len out of range");
        return NULL;
    }
    if (arena_room(call->arena, size + 1))
        return arena_alloc(call->arena, size + 1);
    error_set(call->err, ERROR_LIMIT, "exceeded the limit of %zu bytes of memory", call->run->limits.memory);
    return NULL;
}

bool template_steps(struct template_call *call, uint64_t count)
{
    const char *over = count_steps(call->run, count);
    return !over || error_set(call->err, ERROR_LIMIT, "%s", over);
}

static struct buf take_buffer(struct template_run *r)
{
    return r->spare.len ? r->spare.items[--r->spare.len] : (struct buf){.limit = r->limits.output + 1};
}

static void give_buffer(struct template_run *r, struct buf b)
{
    buf_clear(&b);
    vec_push(NULL, &r->spare, b);
}

// ---- controls -------------------------------------------------------------------------------------------------------

static bool print_value(struct template_run *r, const struct node *n, struct value v)
{
    r->node = n;
    if (v.kind == V_STRING)
        buf_add(r->out, v.data, v.len);
    else
        go_print_text(r->out, v);
    return output_fits(r);
}

static enum flow walk_branch(struct template_run *r, struct value dot, const struct node *n)
{
    size_t mark = r->vars.len;
    struct value v;
    if (!eval_pipeline(r, dot, n->branch.pipe, &v))
        return FLOW_FAILED;
    enum flow flow = FLOW_NEXT;
    if (value_truth(v))
        flow = walk(r, n->type == NODE_WITH ? v : dot, n->branch.list);
    else if (n->branch.else_list)
        flow = walk(r, dot, n->branch.else_list);
    r->vars.len = mark;
    return flow;
}

// One turn of a range. Its variables stand on top of the stack since the pipeline was evaluated. has_index is false
// where Go counts: then there is nothing to assign as index.
static enum flow range_turn(struct template_run *r, const struct node *n, size_t mark, struct value index,
                            struct value element)
{
    const struct node *pipe = n->branch.pipe;
    const struct declaration *decl = pipe->pipeline.decl;
    if (pipe->declared && pipe->assign) {
        if (!run_assign(r, &decl[0], pipe->declared > 1 ? index : element) ||
            (pipe->declared > 1 && !run_assign(r, &decl[1], element)))
            return FLOW_FAILED;
    } else if (pipe->declared) {
        r->vars.items[mark - 1].value = element;
        if (pipe->declared > 1)
            r->vars.items[mark - 2].value = index;
    }
    enum flow flow = run_step(r) ? walk(r, element, n->branch.list) : FLOW_FAILED;
    r->vars.len = mark;
    return flow;
}

static bool range_list(struct template_run *r, const struct node *n, struct value list, enum flow *flow)
{
    size_t count = value_len(list), mark = r->vars.len;
    bool interface = list.kind == V_LIST && !element_type(list);
    for (size_t i = 0; i < count; i++) {
        struct value element = list.kind == V_BYTES ? value_int_of(GO_UINT8, (uint8_t)list.data[i]) : value_at(list, i);
        element = interface ? as_interface(element) : element;
        *flow = range_turn(r, n, mark, value_int_of(GO_INT, (int64_t)i), element);
        if (*flow == FLOW_BREAK || *flow == FLOW_FAILED)
            break;
    }
    return count > 0;
}

// Go takes a copy of the entries first: the body may change the dict.
static bool range_dict(struct template_run *r, const struct node *n, struct value dict, enum flow *flow)
{
    struct entry {
        struct value key, value;
    };
    VEC(struct entry) entries = {0};
    bool interface = dict.kind == V_DICT && !element_type(dict);
    if (dict.kind == V_DICT) {
        for (struct value_iter it = {0}; value_next(dict, &it);)
            vec_push(r->arena, &entries, (struct entry){value_string_n(it.key, it.key_len), it.value});
    } else {
        for (struct value_iter it = {0}; dict.object->class->next(dict.object, &it);) {
            struct value key = value_is_null(it.key_value) ? value_string_n(it.key, it.key_len) : it.key_value;
            vec_push(r->arena, &entries, (struct entry){key, it.value});
        }
    }
    size_t mark = r->vars.len;
    for (size_t i = 0; i < entries.len; i++) {
        struct value element = entries.items[i].value;
        *flow = range_turn(r, n, mark, entries.items[i].key, interface ? as_interface(element) : element);
        if (*flow == FLOW_BREAK || *flow == FLOW_FAILED)
            break;
    }
    return entries.len > 0;
}

static bool range_int(struct template_run *r, const struct node *n, struct value count, enum flow *flow)
{
    if (n->branch.pipe->declared > 1) {
        struct buf shown = BUF_IN(r->arena);
        go_print_value(&shown, count);
        run_fail(r, ERROR_INVALID, "can't use %s to iterate over more than one variable", buf_cstr(&shown));
        *flow = FLOW_FAILED;
        return true;
    }
    size_t mark = r->vars.len;
    for (int64_t i = 0; i < count.integer; i++) {
        *flow = range_turn(r, n, mark, VALUE_NULL, value_int_of(count.go, i));
        if (*flow == FLOW_BREAK || *flow == FLOW_FAILED)
            break;
    }
    return count.integer > 0;
}

static enum flow walk_range(struct template_run *r, struct value dot, const struct node *n)
{
    size_t mark = r->vars.len;
    struct value v;
    if (!eval_pipeline(r, dot, n->branch.pipe, &v))
        return FLOW_FAILED;
    enum flow flow = FLOW_NEXT;
    bool ran = false;
    switch (v.kind) {
    case V_NULL:
        break;
    case V_LIST:
    case V_BYTES:
        ran = range_list(r, n, v, &flow);
        break;
    case V_DICT:
        ran = range_dict(r, n, v, &flow);
        break;
    case V_INT:
        ran = range_int(r, n, v, &flow);
        break;
    default:
        if (v.kind == V_OBJECT && v.object->class->next) {
            ran = range_dict(r, n, v, &flow);
            break;
        }
        struct buf shown = BUF_IN(r->arena);
        if (v.kind == V_OBJECT && v.object->class->address) // what the pointer points to
            go_print_text(&shown, v);
        else
            go_print_value(&shown, v);
        run_fail(r, ERROR_INVALID, "range can't iterate over %s", buf_cstr(&shown));
        return FLOW_FAILED;
    }
    if (flow != FLOW_FAILED)
        flow = FLOW_NEXT; // break and continue end here
    if (!ran && n->branch.else_list)
        flow = walk(r, dot, n->branch.else_list);
    r->vars.len = mark;
    return flow;
}

// ---- templates ------------------------------------------------------------------------------------------------------

// Executes a tree with variables of its own, into the current output.
static bool run_tree(struct template_run *r, const struct tree *tree, struct value dot)
{
    const struct tree *outer = r->tree;
    size_t scope = r->scope, mark = r->vars.len;
    r->tree = tree;
    r->scope = mark;
    r->depth++;
    run_declare(r, 0, dot);
    bool good = walk(r, dot, tree->root) != FLOW_FAILED;
    r->depth--;
    r->vars.len = mark;
    r->scope = scope;
    r->tree = outer;
    return good;
}

static bool too_deep(struct template_run *r)
{
    if (r->depth < r->limits.depth)
        return false;
    run_fail(r, ERROR_LIMIT, "exceeded maximum template depth (%zu)", r->limits.depth);
    return true;
}

static bool walk_template(struct template_run *r, struct value dot, const struct node *n)
{
    const struct tree *tree = set_lookup(r->set, n->call.name.data, n->call.name.len);
    if (!tree)
        return run_fail(r, ERROR_INVALID, "template %s not defined", go_quoted(r->arena, n->call.name));
    if (too_deep(r))
        return false;
    struct value data = VALUE_NULL;
    if (n->call.pipe && !eval_pipeline(r, dot, n->call.pipe, &data))
        return false;
    return run_step(r) && run_tree(r, tree, data);
}

static enum flow walk(struct template_run *r, struct value dot, const struct node *n)
{
    struct value v;
    r->node = n;
    switch ((enum node_type)n->type) {
    case NODE_TEXT:
        buf_slice(r->out, n->text);
        return output_fits(r) ? FLOW_NEXT : FLOW_FAILED;
    case NODE_ACTION:
        if (!eval_pipeline(r, dot, n->pipe, &v))
            return FLOW_FAILED;
        if (n->pipe->declared)
            return FLOW_NEXT;
        return print_value(r, n, v) ? FLOW_NEXT : FLOW_FAILED;
    case NODE_LIST:
        for (size_t i = 0; i < n->seq.count; i++) {
            enum flow flow = walk(r, dot, n->seq.items[i]);
            if (flow != FLOW_NEXT)
                return flow;
        }
        return FLOW_NEXT;
    case NODE_IF:
    case NODE_WITH:
        return run_step(r) ? walk_branch(r, dot, n) : FLOW_FAILED;
    case NODE_RANGE:
        return run_step(r) ? walk_range(r, dot, n) : FLOW_FAILED;
    case NODE_TEMPLATE:
        return walk_template(r, dot, n) ? FLOW_NEXT : FLOW_FAILED;
    case NODE_BREAK:
        return FLOW_BREAK;
    case NODE_CONTINUE:
        return FLOW_CONTINUE;
    default:
        run_fail(r, ERROR_INVALID, "unknown node");
        return FLOW_FAILED;
    }
}

// ---- entry ----------------------------------------------------------------------------------------------------------

static const struct tree *find_tree(const struct template_set *set, const char *name, struct error *err)
{
    const struct tree *tree = set_lookup(set, name, strlen(name));
    if (!tree) {
        struct buf quoted cleanup(buf_free) = {0};
        go_quote(&quoted, name, strlen(name));
        error_set(err, ERROR_INVALID, "template: no template %s associated with template \"gotpl\"", buf_cstr(&quoted));
    }
    return tree;
}

// The lowest address of this thread's stack, NULL where it has no end. The first thread's ends where the limit says, from its
// very top, where the program's name lies.
static const char *find_stack_end(void)
{
    pthread_attr_t attr;
    struct rlimit limit;
    void *lowest = NULL;
    size_t size;
    if (getpid() == gettid()) {
        const char *top = (const char *)getauxval(AT_EXECFN);
        bool known = top && getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
        return known ? top - limit.rlim_cur : NULL;
    }
    if (pthread_getattr_np(pthread_self(), &attr) == 0) {
        pthread_attr_getstack(&attr, &lowest, &size);
        pthread_attr_destroy(&attr);
    }
    return lowest;
}

static size_t stack_limit(size_t wanted)
{
    static _Thread_local const char *end;
    static _Thread_local bool known;
    if (!known)
        end = find_stack_end();
    known = true;
    const char *here = __builtin_frame_address(0);
    size_t room = here > end + STACK_RESERVE ? (size_t)(here - end) - STACK_RESERVE : 0;
    return wanted < room ? wanted : room;
}

bool template_execute(const struct template_set *set, struct arena *a, const char *name, struct value data,
                      const struct template_limits *limits, struct buf *out, struct error *err)
{
    const struct tree *tree = find_tree(set, name, err);
    if (!tree)
        return false;
    struct buf output = {0};
    struct template_limits given = limits ? *limits : (struct template_limits){0};
    struct template_run r = {
        .set = set,
        .tree = tree,
        .node = tree->root,
        .arena = a,
        .out = &output,
        .stack = __builtin_frame_address(0),
        .err = err,
        .limits =
            {
                .depth = given.depth ? given.depth : DEPTH_DEFAULT,
                .output = given.output ? given.output : OUTPUT_DEFAULT,
                .steps = given.steps ? given.steps : STEPS_DEFAULT,
                .memory = given.memory ? given.memory : MEMORY_DEFAULT,
                .stack = stack_limit(given.stack ? given.stack : STACK_DEFAULT),
                .time_ms = given.time_ms ? given.time_ms : TIME_DEFAULT_MS,
            },
    };
    r.until_ms = clock_mono_ms() + r.limits.time_ms;
    output.limit = r.limits.output + 1;
    arena_limit(a, arena_used(a) + r.limits.memory);
    bool good = run_tree(&r, tree, data) && run_fits(&r);
    arena_limit(a, 0);
    if (good)
        buf_add(out, output.data, output.len);
    buf_free(&output);
    for (size_t i = 0; i < r.spare.len; i++)
        buf_free(&r.spare.items[i]);
    free(r.spare.items);
    free(r.vars.items);
    return good;
}

bool template_run_nested(struct template_run *r, const struct template_set *set, const char *name, struct value data,
                         struct buf *out, struct error *err)
{
    const struct tree *tree = name ? find_tree(set, name, err) : set->latest;
    if (!tree)
        return false;
    // What the outer template has going on is put aside; budgets go on counting.
    const struct template_set *outer_set = r->set;
    const struct node *outer_node = r->node;
    struct buf *outer_out = r->out;
    struct error *outer_err = r->err;
    size_t outer_written = r->written;
    struct buf output = take_buffer(r);
    r->written += outer_out->len;
    r->set = set;
    r->out = &output;
    r->err = err;
    bool good = !too_deep(r) && run_step(r) && run_tree(r, tree, as_concrete(data));
    r->set = outer_set;
    r->node = outer_node;
    r->out = outer_out;
    r->err = outer_err;
    r->written = outer_written;
    if (good)
        buf_add(out, output.data, output.len);
    give_buffer(r, output);
    return good;
}

const struct template_set *template_run_set(const struct template_run *run)
{
    return run->set;
}
