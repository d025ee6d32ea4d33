// yaml_scalar.h - what a plain YAML scalar means to go-yaml v2 and v3. Shared by the reader and the writer, which must
// quote every string that the reader would take for something else.
#ifndef RUNNEL_VALUE_YAML_SCALAR_H
#define RUNNEL_VALUE_YAML_SCALAR_H

#include "value/value.h"

enum yaml_type { YAML_STR, YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT, YAML_TIMESTAMP };

// What the text of an untagged plain scalar is; *out is its value where that is not the text itself. The text is
// NUL-terminated.
enum yaml_type yaml_resolve(const char *text, size_t len, struct value *out);
// go-yaml v3: as above, but yes, no, on, off, y and n are strings.
enum yaml_type yaml_resolve_v3(const char *text, size_t len, struct value *out);
// Older readers take these for numbers ("12:30:45") and, v3 only, booleans ("yes"): written in quotes.
bool yaml_is_base60(const char *text, size_t len);
bool yaml_is_old_bool(const char *text, size_t len);
// False for almost every text that is a string anyway, at the cost of one look at its first byte.
bool yaml_may_resolve(const char *text, size_t len);

// Whether it is UTF-8 of characters that libyaml takes, none of which it takes for a line break but \n.
bool yaml_is_simple_text(const char *p, const char *end);

// A finite number as it comes out of JSON: a float without fraction is written as a whole number there. flags: yaml_parse's.
struct value yaml_json_number(struct value v, int flags);

#endif
