// notice.c - what Helm says on stderr beside its answer: lines of Go's slog in its text form.

#include "chart/internal.h"
#include "value/unicode.h"

// slog's text form quotes what is empty or holds a space, a quote, "=" or something that cannot be printed.
static void add_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    bool plain = len > 0;
    for (size_t i = 0, width; i < len && plain; i += width) {
        uint32_t r = utf8_decode(text + i, len - i, &width);
        plain = r < 0x80 ? r > ' ' && r != '"' && r != '=' : r != RUNE_ERROR && go_is_print(r);
    }
    if (plain)
        buf_str(out, text);
    else
        go_quote(out, text, len);
}

void chart_notice(struct chart_notices *notices, const char *level, const char *message, const char *const *pairs)
{
    if (!notices || (str_eq(level, "DEBUG") && !notices->debug))
        return;
    struct buf line = BUF_IN(notices->arena);
    buf_printf(&line, "level=%s msg=", level);
    add_text(&line, message);
    for (; pairs && *pairs; pairs += 2) {
        buf_printf(&line, " %s=", pairs[0]);
        add_text(&line, pairs[1]);
    }
    vec_push(notices->arena, &notices->lines, (const char *)buf_cstr(&line));
}

bool chart_refuse(struct chart_notices *notices, const char *what, struct error *err)
{
    chart_notice(notices, "ERROR", what, CHART_PAIRS("error", error_text(err)));
    return error_wrap(err, "%s", what);
}
