// yaml_fault.c - libyaml's complaint as go-yaml v2 words it, with the line that go-yaml tells.
#include "value/yaml_fault.h"

// The input from the character of a mark.
static struct slice input_from(const yaml_parser_t *p, const yaml_mark_t *mark)
{
    const char *at = (const char *)p->input.string.start, *end = (const char *)p->input.string.end;
    if (slice_has_prefix(slice_n(at, (size_t)(end - at)), SLICE("\xEF\xBB\xBF")))
        at += 3;
    size_t width;
    for (size_t i = 0; i < mark->index && at < end; i++, at += width)
        utf8_decode(at, (size_t)(end - at), &width);
    return slice_n(at, (size_t)(end - at));
}

static bool is_empty_collection(struct slice s)
{
    if (s.len == 0 || (*s.data != '{' && *s.data != '['))
        return false;
    char close = *s.data == '{' ? '}' : ']';
    for (size_t i = 1; i < s.len; i++) {
        if (s.data[i] == close)
            return true;
        if (s.data[i] == '#')
            while (i + 1 < s.len && s.data[i + 1] != '\n')
                i++;
        else if (!memchr(" \t\r\n", s.data[i], 4))
            return false;
    }
    return false;
}

// Where a key misses its colon, go-yaml has another opinion than libyaml of what comes first: it does not look for the
// colon behind an empty flow collection, which its parser refuses then, and it looks at the next character before it
// gives the key up.
static void missing_colon(const yaml_parser_t *p, const char **problem, size_t *line)
{
    if (is_empty_collection(input_from(p, &p->context_mark))) {
        const char *missing = NULL;
        if (p->state == YAML_PARSE_BLOCK_SEQUENCE_ENTRY_STATE)
            missing = "did not find expected '-' indicator";
        else if (p->state == YAML_PARSE_BLOCK_MAPPING_KEY_STATE ||
                 p->state == YAML_PARSE_INDENTLESS_SEQUENCE_ENTRY_STATE)
            missing = "did not find expected key";
        if (missing) {
            *problem = missing;
            *line = p->context_mark.line;
            return;
        }
    }
    struct slice next = input_from(p, &p->problem_mark);
    if (next.len && (memchr("@`\t", *next.data, 3) || (*next.data == '%' && p->problem_mark.column > 0)))
        *problem = "found character that cannot start any token";
}

bool yaml_fault(const yaml_parser_t *p, struct error *err)
{
    if (p->error == YAML_MEMORY_ERROR)
        return error_set(err, ERROR_LIMIT, "yaml: out of memory");
    // Where the parser complains, and not the scanner, the line is one short.
    size_t line = p->problem_mark.line ? p->problem_mark.line + (p->error == YAML_SCANNER_ERROR) : p->context_mark.line;
    const char *problem = p->problem ? p->problem : "unknown problem parsing YAML content";
    if (p->error == YAML_SCANNER_ERROR && p->encoding == YAML_UTF8_ENCODING &&
        str_eq(problem, "could not find expected ':'"))
        missing_colon(p, &problem, &line);
    if (line)
        error_set(err, ERROR_INVALID, "yaml: line %zu: %s", line, problem);
    else
        error_set(err, ERROR_INVALID, "yaml: %s", problem);
    if (err)
        err->code = (int)line;
    return false;
}
