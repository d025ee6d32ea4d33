// node.c - nodes as Go prints them in messages, and where they stand in the source.
#include "template/node.h"

static void print_seq(struct buf *out, const struct node_seq *seq, const char *between)
{
    for (size_t i = 0; i < seq->count; i++) {
        if (i)
            buf_str(out, between);
        bool parens = seq->items[i]->type == NODE_PIPE;
        if (parens)
            buf_char(out, '(');
        node_print(out, seq->items[i]);
        if (parens)
            buf_char(out, ')');
    }
}

static void print_fields(struct buf *out, struct names fields)
{
    for (size_t i = 0; i < fields.len; i++) {
        buf_char(out, '.');
        buf_slice(out, fields.items[i]);
    }
}

static void print_branch(struct buf *out, const struct node *n, const char *word)
{
    buf_printf(out, "{{%s ", word);
    node_print(out, n->branch.pipe);
    buf_str(out, "}}");
    node_print(out, n->branch.list);
    if (n->branch.else_list) {
        buf_str(out, "{{else}}");
        node_print(out, n->branch.else_list);
    }
    buf_str(out, "{{end}}");
}

static void print_pipe(struct buf *out, const struct node *n)
{
    for (size_t i = 0; i < n->declared; i++) {
        if (i)
            buf_str(out, ", ");
        buf_slice(out, n->pipeline.decl[i].name);
    }
    if (n->declared)
        buf_str(out, n->assign ? " = " : " := ");
    for (size_t i = 0; i < n->pipeline.cmds.count; i++) {
        if (i)
            buf_str(out, " | ");
        node_print(out, n->pipeline.cmds.items[i]);
    }
}

void node_print(struct buf *out, const struct node *n)
{
    switch ((enum node_type)n->type) {
    case NODE_TEXT:
        buf_slice(out, n->text);
        break;
    case NODE_ACTION:
        buf_str(out, "{{");
        node_print(out, n->pipe);
        buf_str(out, "}}");
        break;
    case NODE_LIST:
        for (size_t i = 0; i < n->seq.count; i++)
            node_print(out, n->seq.items[i]);
        break;
    case NODE_IF:
        print_branch(out, n, "if");
        break;
    case NODE_WITH:
        print_branch(out, n, "with");
        break;
    case NODE_RANGE:
        print_branch(out, n, "range");
        break;
    case NODE_TEMPLATE:
        buf_str(out, "{{template ");
        go_quote(out, n->call.name.data, n->call.name.len);
        if (n->call.pipe) {
            buf_char(out, ' ');
            node_print(out, n->call.pipe);
        }
        buf_str(out, "}}");
        break;
    case NODE_BREAK:
        buf_str(out, "{{break}}");
        break;
    case NODE_CONTINUE:
        buf_str(out, "{{continue}}");
        break;
    case NODE_END:
        buf_str(out, "{{end}}");
        break;
    case NODE_ELSE:
        buf_str(out, "{{else}}");
        break;
    case NODE_PIPE:
        print_pipe(out, n);
        break;
    case NODE_COMMAND:
        print_seq(out, &n->seq, " ");
        break;
    case NODE_IDENTIFIER:
        buf_slice(out, n->ident.name);
        break;
    case NODE_VARIABLE:
        buf_slice(out, n->variable.name);
        print_fields(out, NODE_NAMES(n->variable));
        break;
    case NODE_FIELD:
        print_fields(out, NODE_NAMES(n->field));
        break;
    case NODE_CHAIN:
        if (n->chain.head->type == NODE_PIPE)
            buf_char(out, '(');
        node_print(out, n->chain.head);
        if (n->chain.head->type == NODE_PIPE)
            buf_char(out, ')');
        print_fields(out, NODE_NAMES(n->chain));
        break;
    case NODE_DOT:
        buf_char(out, '.');
        break;
    case NODE_NIL:
        buf_str(out, "nil");
        break;
    case NODE_BOOL:
        buf_str(out, n->boolean ? "true" : "false");
        break;
    case NODE_NUMBER:
        buf_slice(out, n->number.text);
        break;
    case NODE_STRING:
        buf_add(out, n->string.quoted, n->string.quoted_len);
        break;
    }
}

void node_location(struct buf *out, const struct tree *tree, const struct node *n)
{
    const char *text = tree->source.data;
    size_t line = 1, column = n->pos;
    for (size_t i = 0; i < n->pos; i++) {
        if (text[i] == '\n') {
            line++;
            column = n->pos - i - 1;
        }
    }
    buf_printf(out, "%s:%zu:%zu", tree->parse_name, line, column);
}
