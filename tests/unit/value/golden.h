// golden.h - reads the golden files: one JSON object a line, written by golden.py from the real Helm.
#ifndef RUNNEL_TEST_GOLDEN_H
#define RUNNEL_TEST_GOLDEN_H

#include <stdio.h>

#include "from_text.h"

// The rows of GOLDEN_DIR/name, a list. There are at least `least`, so that a test on an empty file fails.
static inline struct value golden_rows(struct arena *a, const char *name, size_t least)
{
    struct slice text;
    struct error err = {0};
    if (!file_read(a, path_join(a, GOLDEN_DIR, name), 1 << 20, &text, &err))
        fail_msg("%s", error_text(&err));
    struct value rows = value_list(a);
    for (const char *p = text.data, *end = p + text.len, *newline; p < end; p = newline + 1) {
        newline = memchr(p, '\n', (size_t)(end - p));
        assert_non_null(newline);
        struct value row;
        if (!json_parse(a, p, (size_t)(newline - p), 0, &row, &err))
            fail_msg("%s: %s", name, error_text(&err));
        value_push(rows, row);
    }
    assert_true(value_len(rows) >= least);
    return rows;
}

// Counts a case that came out wrong and shows it.
static inline void golden_wrong(size_t *wrong, const char *what, struct slice input, struct slice want,
                                struct slice got)
{
    ++*wrong;
    struct buf text = {0};
    buf_printf(&text, "%s ", what);
    go_quote(&text, input.data, input.len);
    buf_str(&text, "\n  want ");
    go_quote(&text, want.data, want.len);
    buf_str(&text, "\n  got  ");
    go_quote(&text, got.data, got.len);
    print_error("%s\n", text.data);
    buf_free(&text);
}

#endif
