// sprig.h - what the files of Sprig's functions share: conversions of arguments as Sprig does them, and the tables.
#ifndef RUNNEL_TEMPLATE_SPRIG_H
#define RUNNEL_TEMPLATE_SPRIG_H

#include "template/builtins.h"
#include "template/layout.h"
#include "template/template.h"

extern const struct template_funcs sprig_strings, sprig_lists, sprig_dicts, sprig_logic, sprig_convert, sprig_math,
    sprig_encoding, sprig_regex, sprig_semver, sprig_paths, sprig_random, sprig_crypto, sprig_certs,
    sprig_url, sprig_words, sprig_dates;


// Sprig's strval: a string as it is, bytes as text, the rest as %v.
struct slice sprig_text(struct arena *a, struct value v);
// Sprig's strslice: the texts of a list's items that are not nil; a lone value as a list of one.
struct value sprig_texts(struct arena *a, struct value v);
int64_t sprig_int(struct value v);  // cast.ToInt64: 0 where it is none
double sprig_float(struct value v); // cast.ToFloat64
bool sprig_empty(struct value v);   // what `default` and `empty` take for nothing

// time.ParseDuration, with its messages. A NUL stands behind the text.
bool go_parse_duration(struct arena *a, struct slice text, int64_t *ns, struct error *err);

// As Go's decoder: line ends are skipped; false with the offset at which its message points.
bool sprig_base64_decode(struct buf *out, struct slice s, size_t *at);
struct value sprig_copy(struct template_call *call, struct slice s);
bool sprig_fail(struct template_call *call, const char *fmt, ...) PRINTF(2, 3);
struct value sprig_said(struct template_call *call, const char *what, struct slice of); // an error that is the result

static inline struct slice arg_text(const struct template_call *call, size_t i)
{
    return value_slice(call->args[i]);
}

#endif
