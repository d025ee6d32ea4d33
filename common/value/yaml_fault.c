// yaml_fault.c - libyaml's complaint as go-yaml v2 words it, with the line that go-yaml tells.
#include "value/yaml_fault.h"

#include "value/yaml_disguise.h"

static struct slice input(const yaml_parser_t *p)
{
    return slice_n((const char *)p->input.string.start, (size_t)(p->input.string.end - p->input.string.start));
}

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

// A flow collection of one line, but for its end, in which nothing stands that might be a key without a question mark.
static bool is_keyless_collection(struct slice s)
{
    bool allowed = true; // a key may begin here
    bool line_over = false;
    size_t depth = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if ((c == ']' || c == '}') && depth < 2)
            return depth == 1;
        if (c == '\n') {
            line_over = true;
        } else if (c == '[' || c == '{') {
            if ((depth == 1 && allowed) || line_over)
                return false;
            depth++;
        } else if (c == ']' || c == '}') {
            depth--;
        } else if (depth == 0) {
            return false;
        } else if (c == '#' && memchr(" \t\r\n", s.data[i - 1], 4)) {
            while (i + 1 < s.len && s.data[i + 1] != '\n')
                i++;
        } else if (line_over && !memchr(" \t\r", c, 3)) {
            return false;
        } else if (depth == 1 && c == ',') {
            allowed = true;
        } else if (depth == 1 && allowed && !memchr(" \t\r\n", c, 4)) {
            if (c != '?')
                return false;
            allowed = false;
        }
    }
    return false;
}

// Whether the node that was to be a key ends on the line on which it begins, so that one sees it before what follows.
static bool ends_on_its_line(struct slice node)
{
    struct slice line, rest;
    slice_cut(node, '\n', &line, &rest);
    if (line.len && (*line.data == '"' || *line.data == '\''))
        return slice_find_char(slice_sub(line, 1, line.len), *line.data) >= 0;
    return (line.len && memchr("{[*&!", *line.data, 5)) || slice_find(line, SLICE(" #")) >= 0;
}

// What the parser says of a token of a block collection that is neither key nor entry; NULL: it has a place for it.
static const char *out_of_place(const yaml_parser_t *p)
{
    switch (p->state) {
    case YAML_PARSE_BLOCK_SEQUENCE_ENTRY_STATE:
        return "did not find expected '-' indicator";
    case YAML_PARSE_INDENTLESS_SEQUENCE_ENTRY_STATE:
    case YAML_PARSE_BLOCK_MAPPING_KEY_STATE:
        return "did not find expected key";
    default:
        return NULL;
    }
}

// Whether a token is the content of a node whose entry, tag or anchor stands before it: the parser's state is still that
// of the collection then.
static bool has_begun(const yaml_parser_t *p, const yaml_token_t *token)
{
    const char *start = (const char *)p->input.string.start, *end = input_from(p, &token->start_mark).data;
    while (end > start && memchr(" \t\r\n", end[-1], 4))
        end--;
    const char *word = end;
    while (word > start && !memchr(" \t\r\n", word[-1], 4))
        word--;
    return word < end && (memchr("!&", *word, 2) || (end - word == 1 && memchr("-?", *word, 2)));
}

// Where a key misses its colon, go-yaml has another opinion than libyaml of what comes first. It looks for the colon of
// the next token alone, not of those behind it, and never of a flow collection without keys: its parser may refuse that token
// first. And it looks at the character behind before it gives the key up.
static void missing_colon(const yaml_parser_t *p, const char **problem, size_t *line)
{
    struct slice key = input_from(p, &p->context_mark), behind = input_from(p, &p->problem_mark);
    const yaml_token_t *token = p->tokens.head;
    if (token != p->tokens.tail && out_of_place(p) && !has_begun(p, token) &&
        (token->start_mark.index != p->context_mark.index || is_keyless_collection(key))) {
        *problem = out_of_place(p);
        *line = token->start_mark.line;
    } else if (ends_on_its_line(key)) {
        if (behind.len == 0 && p->problem_mark.column > 0)
            ++*line; // the end of the input begins a line
        else if (behind.len && (memchr("@`\t", *behind.data, 3) || (*behind.data == '%' && p->problem_mark.column > 0)))
            *problem = "found character that cannot start any token";
    }
}

// A directive for YAML 1.2, which libyaml takes and go-yaml refuses, in the lines of directives and comments before the
// place where a document should begin. *line: which one.
static bool foreign_version(const yaml_parser_t *p, size_t *line)
{
    struct slice rest = input(p), text;
    bool found = false;
    for (size_t i = 0; rest.len && i < p->problem_mark.line + 1; i++) {
        slice_cut(rest, '\n', &text, &rest);
        if (slice_has_prefix(text, SLICE("%YAML 1.2")) && !found) {
            found = true;
            *line = i;
        } else if (text.len && *text.data != '%' && *text.data != '#' && i < p->problem_mark.line) {
            found = false;
        }
    }
    return found;
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
    size_t seen;
    if (p->encoding == YAML_UTF8_ENCODING && str_eq(problem, "could not find expected ':'") &&
        yaml_misses_colon(input(p), &seen))
        line = seen;
    if (str_eq(problem, "did not find expected <document start>") && foreign_version(p, &line))
        problem = "found incompatible YAML document";
    if (line)
        error_set(err, ERROR_INVALID, "yaml: line %zu: %s", line, problem);
    else
        error_set(err, ERROR_INVALID, "yaml: %s", problem);
    if (err)
        err->code = (int)line;
    return false;
}

bool yaml_question_fault(yaml_parser_t *p, const yaml_event_t *scalar)
{
    if (!yaml_question_in_flow(slice_n((const char *)scalar->data.scalar.value, scalar->data.scalar.length)))
        return false;
    yaml_parser_state_t state = p->state;
    bool in_mapping = state == YAML_PARSE_FLOW_MAPPING_KEY_STATE || state == YAML_PARSE_FLOW_MAPPING_VALUE_STATE ||
                      state == YAML_PARSE_FLOW_MAPPING_EMPTY_VALUE_STATE;
    p->error = YAML_PARSER_ERROR;
    p->problem = in_mapping ? "did not find expected ',' or '}'" : "did not find expected ',' or ']'";
    p->context_mark = p->problem_mark = scalar->start_mark;
    p->problem_mark.line += yaml_lines_to_question(input_from(p, &scalar->start_mark));
    return true;
}

// ---- input -----------------------------------------------------------------------------------------------------
// Go-yaml looks at the characters of its input in pieces of this size, and stops where the document ends: what is wrong
// with those behind is never seen.
#define PIECE 512

int yaml_read_piece(void *parser, unsigned char *buffer, size_t size, size_t *got)
{
    yaml_parser_t *p = parser;
    size_t kept = (size_t)(p->raw_buffer.end - p->raw_buffer.start) - size; // of a character that is not complete
    size_t left = (size_t)(p->input.string.end - p->input.string.current);
    *got = left < PIECE - kept ? left : PIECE - kept;
    memcpy(buffer, p->input.string.current, *got);
    p->input.string.current += *got;
    return 1;
}
