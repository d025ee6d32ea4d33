// fuzz_template.c - the template language: tokens cover the source in order, and what the parser makes of it, printed
// and parsed again, prints the same.
#include "fuzz.h"

#include "template/lexer.h"
#include "template/node.h"
#include "template/run.h"

static void check_tokens(struct arena *a, struct slice source)
{
    struct lexer lx;
    lexer_init(&lx, a, source);
    uint32_t pos = 0;
    for (size_t count = 0;; count++) {
        struct token t;
        lexer_next(&lx, &t);
        REQUIRE(count <= 2 * source.len + 2, "more tokens than bytes");
        REQUIRE(t.pos >= pos, "tokens run backwards");
        REQUIRE(t.pos <= source.len, "a token behind the end");
        pos = t.pos;
        struct buf shown = BUF_IN(a);
        token_print(&shown, &t);
        if (t.type == TOKEN_EOF || t.type == TOKEN_ERROR)
            return;
        REQUIRE(t.text.len <= source.len - t.pos, "a token leads out of the source");
        REQUIRE(!memcmp(t.text.data, source.data + t.pos, t.text.len), "a token is not what stands there");
    }
}

static struct template_set *new_set(struct arena *a)
{
    static struct template_set *functions; // with no template: each set is a clone of it
    if (!functions) {
        functions = template_set_new(arena_new());
        template_set_funcs(functions, template_codecs(), NULL);
        template_set_funcs(functions, template_sprig(), NULL);
    }
    return template_set_clone(a, functions);
}

// The expressions of a tree: text between them may hold what printing has to quote.
static void print_pipes(struct buf *out, const struct node *n)
{
    switch ((enum node_type)n->type) {
    case NODE_LIST:
        for (uint32_t i = 0; i < n->seq.count; i++)
            print_pipes(out, n->seq.items[i]);
        break;
    case NODE_IF:
    case NODE_WITH:
    case NODE_RANGE:
        buf_printf(out, "{{%s ", n->type == NODE_IF ? "if" : n->type == NODE_WITH ? "with" : "range");
        node_print(out, n->branch.pipe);
        buf_str(out, "}}");
        print_pipes(out, n->branch.list);
        if (n->branch.else_list) {
            buf_str(out, "{{else}}");
            print_pipes(out, n->branch.else_list);
        }
        buf_str(out, "{{end}}");
        break;
    case NODE_TEXT:
        break;
    default:
        node_print(out, n);
    }
}

static void check_reparse(struct arena *a, const struct tree *tree)
{
    struct error err cleanup(error_clear) = {0};
    struct buf first = BUF_IN(a), second = BUF_IN(a);
    print_pipes(&first, tree->root);
    struct template_set *set = new_set(a);
    REQUIRE(template_parse(set, "again", buf_cstr(&first), first.len, &err), "%s: not parsed again: %s",
            buf_cstr(&first), error_text(&err));
    const struct tree *again = set_lookup(set, "again", 5);
    REQUIRE(again, "%s: no tree", buf_cstr(&first));
    print_pipes(&second, again->root);
    REQUIRE(slice_eq(buf_view(&first), buf_view(&second)), "%s\nprints again as\n%s", buf_cstr(&first),
            buf_cstr(&second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice source = slice_n((const char *)data, size);
    check_tokens(a, source);
    struct template_set *set = new_set(a);
    if (!template_parse(set, "t", source.data, source.len, &err)) {
        fuzz_require_error(&err);
        return 0;
    }
    const char *name;
    void *tree;
    for (size_t i = 0; map_each(set->trees, &i, &name, &tree);) {
        struct buf where = BUF_IN(a);
        node_location(&where, tree, ((struct tree *)tree)->root);
        check_reparse(a, tree);
    }
    return 0;
}
