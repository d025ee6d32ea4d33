// builtins.h - pieces of Go's own template functions that other function files use too.
#ifndef RUNNEL_TEMPLATE_BUILTINS_H
#define RUNNEL_TEMPLATE_BUILTINS_H

#include "template/template.h"

void html_escape(struct buf *out, struct slice in);      // template.HTMLEscapeString
void url_query_escape(struct buf *out, struct slice in); // url.QueryEscape
void go_sprint(struct buf *out, const struct value *args, size_t argc); // fmt.Sprint
struct value call_text(struct template_call *call, struct buf *b);      // what was built, as a string

template_fn compare_eq, compare_ne, compare_lt, compare_le, compare_gt, compare_ge;

#endif
