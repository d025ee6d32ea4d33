// cli_flags.c - reading a command line by a table of flags.

#include "cli_flags.h"

#include <float.h>
#include <math.h>

#include "template/node.h"
#include "template/sprig.h"

// ---- types --------------------------------------------------------------------------------------------------------

bool cli_parse_bool(const char *text, bool *out)
{
    static const char *const words[2][6] = {{"0", "f", "F", "false", "FALSE", "False"},
                                            {"1", "t", "T", "true", "TRUE", "True"}};
    for (size_t i = 0; i < ARRAY_LEN(words[0]); i++) {
        if (str_eq(text, words[0][i]) || str_eq(text, words[1][i])) {
            *out = str_eq(text, words[1][i]);
            return true;
        }
    }
    return false;
}

static bool set_bool(struct cli *cli, const char *text, void *field, struct error *why)
{
    bool value;
    if (!cli_parse_bool(text, &value))
        return error_set(why, ERROR_INVALID, "strconv.ParseBool: parsing %s: invalid syntax", go_quoted_str(cli->arena, text));
    if (field)
        *(bool *)field = value;
    return true;
}

bool cli_set_text(struct cli *cli, const char *text, void *field, struct error *why)
{
    if (field)
        *(const char **)field = text;
    return true;
}

static bool add_text(struct cli *cli, const char *text, void *field, struct error *why)
{
    if (field)
        vec_push(cli->arena, (word_list *)field, text);
    return true;
}

struct csv { // Go's encoding/csv
    const char *at;
    int line, column;
};

static bool csv_fault(const struct csv *c, int start, int column, const char *what, struct error *why)
{
    if (start != c->line)
        return error_set(why, ERROR_INVALID, "record on line %d; parse error on line %d, column %d: %s", start, c->line,
                         column, what);
    return error_set(why, ERROR_INVALID, "parse error on line %d, column %d: %s", c->line, column, what);
}

static size_t line_break(const char *s)
{
    return *s == '\n' ? 1 : s[0] == '\r' && s[1] == '\n' ? 2 : 0;
}

static bool csv_plain(struct csv *c, int start, struct buf *field, struct error *why)
{
    size_t len = strcspn(c->at, ",\n");
    const char *quote = memchr(c->at, '"', len);
    if (quote)
        return csv_fault(c, start, c->column + (int)(quote - c->at), "bare \" in non-quoted-field", why);
    bool returned = c->at[len] != ',' && len > 0 && c->at[len - 1] == '\r';
    buf_add(field, c->at, len - returned);
    c->at += len;
    c->column += (int)len;
    return true;
}

static bool csv_quoted(struct csv *c, int start, struct buf *field, struct error *why)
{
    for (c->at++, c->column++; *c->at; c->at++, c->column++) {
        if (*c->at == '"' && c->at[1] != '"') {
            c->at++;
            c->column++;
            return !*c->at || *c->at == ',' || line_break(c->at) ||
                   csv_fault(c, start, c->column - 1, "extraneous or missing \" in quoted-field", why);
        }
        if (*c->at == '"') {
            c->at++;
            c->column++;
        }
        buf_char(field, *c->at);
        if (*c->at == '\n') {
            c->line++;
            c->column = 0;
        }
    }
    return csv_fault(c, start, c->column, "extraneous or missing \" in quoted-field", why);
}

// The first record of the text; what follows is not looked at.
static bool csv_record(struct arena *a, const char *text, word_list *out, struct error *why)
{
    struct csv c = {.at = text, .line = 1, .column = 1};
    for (size_t n; (n = line_break(c.at)) > 0; c.line++)
        c.at += n;
    if (!*c.at)
        return error_set(why, ERROR_INVALID, "EOF");
    for (int start = c.line;; c.at++, c.column++) {
        struct buf field = BUF_IN(a);
        if (!(*c.at == '"' ? csv_quoted : csv_plain)(&c, start, &field, why))
            return false;
        vec_push(a, out, buf_cstr(&field));
        if (*c.at != ',')
            return true;
    }
}

static bool add_list(struct cli *cli, const char *text, void *field, struct error *why)
{
    word_list unused = {0};
    return !*text || csv_record(cli->arena, text, field ? field : &unused, why);
}

static bool add_pairs(struct cli *cli, const char *text, void *field, struct error *why)
{
    word_list pairs = {0};
    const char *first = strchr(text, '=');
    if (!first)
        return error_set(why, ERROR_INVALID, "%s must be formatted as key=value", text);
    if (strchr(first + 1, '=')) {
        if (!csv_record(cli->arena, text, &pairs, why))
            return false;
    } else { // the one pair: commas are part of its value
        struct slice pair = slice_of(text);
        while (pair.len > 0 && pair.data[0] == '"')
            pair = slice_sub(pair, 1, pair.len);
        while (pair.len > 0 && pair.data[pair.len - 1] == '"')
            pair.len--;
        vec_push(cli->arena, &pairs, (const char *)slice_dup(cli->arena, pair));
    }
    for (size_t i = 0; i < pairs.len; i++) {
        struct slice key, value;
        if (!slice_cut(slice_of(pairs.items[i]), '=', &key, &value))
            return error_set(why, ERROR_INVALID, "%s must be formatted as key=value", pairs.items[i]);
        if (field)
            vec_push(cli->arena, (word_list *)field, (const char *)slice_dup(cli->arena, key));
    }
    return true;
}

static bool number_fault(struct cli *cli, const char *function, const char *text, bool range, struct error *why)
{
    return error_set(why, ERROR_INVALID, "strconv.%s: parsing %s: %s", function, go_quoted_str(cli->arena, text),
                     range ? "value out of range" : "invalid syntax");
}

static bool check_int(struct cli *cli, const char *text, void *field, struct error *why)
{
    int64_t value;
    int fault = go_parse_int(slice_of(text), 0, &value);
    return fault == 0 || number_fault(cli, "ParseInt", text, fault == 1, why);
}

static bool check_level(struct cli *cli, const char *text, void *field, struct error *why)
{
    int64_t value;
    int fault = go_parse_int(slice_of(text), 10, &value);
    if (fault == 0 && (value < INT32_MIN || value > INT32_MAX))
        fault = 1;
    return fault == 0 || number_fault(cli, "ParseInt", text, fault == 1, why);
}

static bool check_float32(struct cli *cli, const char *text, void *field, struct error *why)
{
    double value;
    int fault = go_parse_float(slice_of(text), &value);
    if (fault == 0 && isfinite(value) && isinf((float)value))
        fault = 1;
    return fault == 0 || number_fault(cli, "ParseFloat", text, fault == 1, why);
}

static bool check_duration(struct cli *cli, const char *text, void *field, struct error *why)
{
    int64_t ns;
    return go_parse_duration(cli->arena, slice_of(text), &ns, why);
}

const struct cli_type cli_bool = {"", "true", set_bool};
const struct cli_type cli_text = {"string", NULL, cli_set_text};
const struct cli_type cli_texts = {"stringArray", NULL, add_text};
const struct cli_type cli_list = {"strings", NULL, add_list};
const struct cli_type cli_pairs = {"stringToString", NULL, add_pairs};
const struct cli_type cli_int = {"int", NULL, check_int};
const struct cli_type cli_level = {"Level", NULL, check_level};
const struct cli_type cli_float32 = {"float32", NULL, check_float32};
const struct cli_type cli_duration = {"duration", NULL, check_duration};

// ---- parsing ------------------------------------------------------------------------------------------------------

static const struct cli_flag *find_flag(const struct cli *cli, struct slice name)
{
    for (size_t i = 0; i < cli->count; i++)
        if (slice_eq_str(name, cli->flags[i].name))
            return &cli->flags[i];
    return NULL;
}

static const struct cli_flag *find_letter(const struct cli *cli, char letter)
{
    for (size_t i = 0; i < cli->count; i++)
        if (cli->flags[i].letter == letter)
            return &cli->flags[i];
    return NULL;
}

bool cli_given(const struct cli *cli, const char *name)
{
    const struct cli_flag *f = find_flag(cli, slice_of(name));
    return f && cli->given[f - cli->flags];
}

static bool set_flag(struct cli *cli, const struct cli_flag *f, const char *text, struct error *err)
{
    struct error why cleanup(error_clear) = {0};
    void *field = f->offset == CLI_NO_FIELD ? NULL : (char *)cli->target + f->offset;
    if (!f->type->set(cli, text, field, &why)) {
        const char *names = f->letter ? arena_printf(cli->arena, "-%c, --%s", f->letter, f->name)
                                      : arena_printf(cli->arena, "--%s", f->name);
        return error_set(err, ERROR_INVALID, "invalid argument %s for \"%s\" flag: %s", go_quoted_str(cli->arena, text), names,
                         error_text(&why));
    }
    cli->given[f - cli->flags] = true;
    if (f->deprecated && cli->notices)
        vec_push(cli->notices->arena, &cli->notices->lines,
                 (const char *)arena_printf(cli->notices->arena, "Flag --%s has been deprecated, %s", f->name,
                                            f->deprecated));
    return true;
}

static bool parse_long(struct cli *cli, const char *word, int argc, char **argv, int *i, struct error *err)
{
    struct slice name, value;
    if (word[2] == '-' || word[2] == '=')
        return error_set(err, ERROR_INVALID, "bad flag syntax: %s", word);
    bool given = slice_cut(slice_of(word + 2), '=', &name, &value);
    const struct cli_flag *f = find_flag(cli, name);
    if (!f)
        return error_set(err, ERROR_INVALID, "unknown flag: --%.*s", SLICE_ARG(name));
    if (given)
        return set_flag(cli, f, value.data, err);
    if (f->type->implied)
        return set_flag(cli, f, f->type->implied, err);
    if (*i + 1 >= argc)
        return error_set(err, ERROR_INVALID, "flag needs an argument: --%s", f->name);
    return set_flag(cli, f, argv[++*i], err);
}

static bool parse_letters(struct cli *cli, const char *letters, int argc, char **argv, int *i, struct error *err)
{
    for (const char *p = letters; *p; p++) {
        const struct cli_flag *f = find_letter(cli, *p);
        if (!f) // Go prints a byte as the rune of that number
            return error_set(err, ERROR_INVALID, "unknown shorthand flag: %s in -%s",
                             go_quoted_rune(cli->arena, (unsigned char)*p), p);
        if (p[1] == '=' && p[2])
            return set_flag(cli, f, p + 2, err);
        if (f->type->implied) {
            if (!set_flag(cli, f, f->type->implied, err))
                return false;
            continue;
        }
        if (p[1])
            return set_flag(cli, f, p + 1, err);
        if (*i + 1 >= argc)
            return error_set(err, ERROR_INVALID, "flag needs an argument: '%c' in -%s", *p, p);
        return set_flag(cli, f, argv[++*i], err);
    }
    return true;
}

bool cli_parse(struct cli *cli, int argc, char **argv, struct error *err)
{
    bool flags_end = false;
    cli->given = arena_array(cli->arena, bool, cli->count);
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        bool ok = true;
        if (flags_end || word[0] != '-' || !word[1])
            vec_push(cli->arena, &cli->words, word);
        else if (str_eq(word, "--"))
            flags_end = true;
        else if (word[1] == '-')
            ok = parse_long(cli, word, argc, argv, &i, err);
        else
            ok = parse_letters(cli, word + 1, argc, argv, &i, err);
        if (!ok)
            return false;
    }
    return true;
}
