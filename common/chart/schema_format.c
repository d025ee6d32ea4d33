// schema_format.c - the formats that a JSON schema can ask of a string, each with its reason for refusing.

#include "chart/schema.h"

#include "value/go_url.h"

#include <ctype.h>

typedef const char *format_fn(struct arena *a, struct slice s);

// The next part before a separator; false when there is none left.
struct split {
    struct slice rest, part;
    bool done;
};
static bool next_part(struct split *s, char separator)
{
    if (s->done)
        return false;
    s->done = !slice_cut(s->rest, separator, &s->part, &s->rest);
    return true;
}

static bool all_digits(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isdigit((unsigned char)s.data[i]))
            return false;
    return s.len > 0;
}

static size_t leading_digits(struct slice s)
{
    size_t n = 0;
    while (n < s.len && isdigit((unsigned char)s.data[n]))
        n++;
    return n;
}

enum atoi { ATOI_OK, ATOI_SYNTAX, ATOI_RANGE };

// strconv.Atoi: a sign may stand there. What does not fit an int is more than any bound here.
static enum atoi atoi_of(struct slice s, int *out)
{
    bool sign = s.len > 0 && (s.data[0] == '-' || s.data[0] == '+');
    bool minus = sign && s.data[0] == '-';
    if (!all_digits(slice_sub(s, sign, s.len)))
        return ATOI_SYNTAX;
    uint64_t n = 0;
    for (size_t i = sign; i < s.len; i++) {
        n = n * 10 + (uint64_t)(s.data[i] - '0');
        if (n > (uint64_t)INT64_MAX + minus)
            return ATOI_RANGE;
    }
    *out = n > 100000 ? 100000 : (int)n;
    *out = minus ? -*out : *out;
    return ATOI_OK;
}

static const char *quoted_rune(struct arena *a, struct slice s, size_t at)
{
    size_t width;
    return go_quoted_rune(a, utf8_decode(s.data + at, s.len - at, &width));
}

static const char *check_json_pointer(struct arena *a, struct slice s)
{
    if (s.len == 0)
        return NULL;
    if (s.data[0] != '/')
        return "not starting with /";
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] == '~' && (i + 1 == s.len || (s.data[i + 1] != '0' && s.data[i + 1] != '1')))
            return "~ must be followed by 0 or 1";
    return NULL;
}

static const char *check_relative_json_pointer(struct arena *a, struct slice s)
{
    size_t digits = leading_digits(s);
    if (digits == 0)
        return "must start with non-negative integer";
    if (digits > 1 && s.data[0] == '0')
        return "starts with zero";
    s = slice_sub(s, digits, s.len);
    return slice_eq_str(s, "#") ? NULL : check_json_pointer(a, s);
}

static const char *check_uuid(struct arena *a, struct slice s)
{
    static const size_t lengths[] = {8, 4, 4, 4, 12};
    size_t dashes = 0, group = 0;
    for (size_t i = 0; i < s.len; i++)
        dashes += s.data[i] == '-';
    if (dashes != 4)
        return "must have 5 elements";
    for (struct split parts = {.rest = s}; next_part(&parts, '-'); group++) {
        if (parts.part.len != lengths[group])
            return arena_printf(a, "element %zu must be %zu characters long", group + 1, lengths[group]);
        for (size_t i = 0; i < parts.part.len; i++)
            if (!isxdigit((unsigned char)parts.part.data[i]))
                return arena_printf(a, "non-hex character %s", quoted_rune(a, parts.part, i));
    }
    return NULL;
}

static const char *check_duration_units(struct arena *a, struct slice s, const char *units)
{
    const char *left = units;
    while (s.len > 0) {
        size_t digits = leading_digits(s);
        if (digits == 0)
            return "missing number";
        s = slice_sub(s, digits, s.len);
        if (s.len == 0)
            return "missing unit";
        const char *unit = s.data[0] ? strchr(left, s.data[0]) : NULL;
        if (!unit)
            return arena_printf(a, s.data[0] && strchr(units, s.data[0]) ? "unit %s out of order" : "invalid unit %s",
                                go_quoted_rune(a, (unsigned char)s.data[0])); // a byte, which Go takes for a rune
        left = unit + 1;
        s = slice_sub(s, 1, s.len);
    }
    return NULL;
}

static const char *check_duration(struct arena *a, struct slice s)
{
    static const char *const units[] = {"YMD", "HMS"};
    if (s.len == 0 || s.data[0] != 'P')
        return "must start with P";
    s = slice_sub(s, 1, s.len);
    if (s.len == 0)
        return "nothing after P";
    if (s.data[s.len - 1] == 'W') {
        s.len--;
        return s.len == 0 ? "no number in week" : all_digits(s) ? NULL : "invalid week";
    }
    size_t i = 0;
    for (struct split parts = {.rest = s}; next_part(&parts, 'T'); i++) {
        if (i > 0 && parts.part.len == 0)
            return "no time elements";
        if (i >= ARRAY_LEN(units))
            return "more than one T";
        const char *reason = check_duration_units(a, parts.part, units[i]);
        if (reason)
            return reason;
    }
    return NULL;
}

static const char *check_ipv4(struct arena *a, struct slice s)
{
    size_t dots = 0;
    for (size_t i = 0; i < s.len; i++)
        dots += s.data[i] == '.';
    if (dots != 3)
        return "expected four decimals";
    for (struct split parts = {.rest = s}; next_part(&parts, '.');) {
        struct slice n = parts.part;
        if (n.len > 1 && n.data[0] == '0')
            return "leading zeros";
        int number;
        enum atoi got = atoi_of(n, &number);
        if (got != ATOI_OK)
            return arena_printf(a, "strconv.Atoi: parsing %s: %s", go_quoted(a, n),
                                got == ATOI_RANGE ? "value out of range" : "invalid syntax");
        if (number < 0 || number > 255)
            return "decimal must be between 0 and 255";
    }
    return NULL;
}

static const char *check_ipv6(struct arena *a, struct slice s)
{
    if (slice_find_char(s, ':') < 0)
        return "missing colon";
    bool four, zone;
    const char *fault = go_address_fault(a, s, &four, &zone);
    return fault ? fault : zone ? "zone id is not a part of ipv6 address" : NULL;
}

static const char *check_hostname(struct arena *a, struct slice s)
{
    if (s.len > 0 && s.data[s.len - 1] == '.')
        s.len--;
    if (s.len > 253)
        return "more than 253 characters long";
    for (struct split parts = {.rest = s}; next_part(&parts, '.');) {
        struct slice label = parts.part;
        if (label.len < 1 || label.len > 63)
            return "label must be 1 to 63 characters long";
        if (label.data[0] == '-')
            return "label starts with hyphen";
        if (label.data[label.len - 1] == '-')
            return "label ends with hyphen";
        for (size_t i = 0; i < label.len; i++)
            if (!isalnum((unsigned char)label.data[i]) && label.data[i] != '-')
                return arena_printf(a, "invalid character %s", quoted_rune(a, label, i));
    }
    return NULL;
}

static const char *check_email_local(struct arena *a, struct slice local)
{
    if (local.len > 64)
        return "local part more than 64 characters long";
    if (local.len > 1 && local.data[0] == '"') { // nobody looks for the closing one
        for (size_t i = 1; i + 1 < local.len; i++)
            if (local.data[i] == '\\' || local.data[i] == '"')
                return "backslash and quote are not allowed within quoted local part";
        return NULL;
    }
    if (local.len > 0 && local.data[0] == '.')
        return "starts with dot";
    if (local.len > 0 && local.data[local.len - 1] == '.')
        return "ends with dot";
    if (slice_find(local, SLICE("..")) >= 0)
        return "consecutive dots";
    for (size_t i = 0; i < local.len; i++)
        if (!isalnum((unsigned char)local.data[i]) && !(local.data[i] && strchr(".!#$%&'*+-/=?^_`{|}~", local.data[i])))
            return arena_printf(a, "invalid character %s", quoted_rune(a, local, i));
    return NULL;
}

static const char *check_email(struct arena *a, struct slice s)
{
    if (s.len > 254)
        return "more than 255 characters long";
    ptrdiff_t at = -1;
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] == '@')
            at = (ptrdiff_t)i;
    if (at < 0)
        return "missing @";
    const char *reason = check_email_local(a, slice_sub(s, 0, (size_t)at));
    if (reason)
        return reason;
    struct slice domain = slice_sub(s, (size_t)at + 1, s.len);
    if (domain.len > 1 && domain.data[0] == '[' && domain.data[domain.len - 1] == ']') {
        domain = slice_sub(domain, 1, domain.len - 1);
        bool six = slice_has_prefix(domain, SLICE("IPv6:"));
        reason = six ? check_ipv6(a, slice_sub(domain, 5, domain.len)) : check_ipv4(a, domain);
        return reason ? arena_printf(a, "invalid ipv%c address: %s", six ? '6' : '4', reason) : NULL;
    }
    reason = check_hostname(a, domain);
    return reason ? arena_printf(a, "invalid domain: %s", reason) : NULL;
}

// time.Parse of "2006-01-02".
static const char *check_date(struct arena *a, struct slice s)
{
    static const struct {
        const char *picture;
        size_t digits;
    } parts[] = {{"2006", 4}, {"-", 0}, {"01", 2}, {"-", 0}, {"02", 2}};
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int numbers[ARRAY_LEN(parts)] = {0};
    const char *text = time_quote(a, s);
    struct slice rest = s;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        size_t n = parts[i].digits ? parts[i].digits : 1;
        struct slice taken = slice_sub(rest, 0, n);
        if (parts[i].digits ? taken.len < n || !all_digits(taken) : !slice_eq_str(taken, "-"))
            return arena_printf(a, "parsing time %s as \"2006-01-02\": cannot parse %s as \"%s\"", text,
                                time_quote(a, rest), parts[i].picture);
        if (parts[i].digits)
            atoi_of(taken, &numbers[i]);
        if (i == 2 && (numbers[2] < 1 || numbers[2] > 12))
            return arena_printf(a, "parsing time %s: month out of range", text);
        rest = slice_sub(rest, n, rest.len);
    }
    if (rest.len)
        return arena_printf(a, "parsing time %s: extra text: %s", text, time_quote(a, rest));
    int year = numbers[0], month = numbers[2], day = numbers[4];
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day < 1 || day > days[month - 1] + (month == 2 && leap) ? arena_printf(a, "parsing time %s: day out of range", text)
                                                                   : NULL;
}

// Numbers with colons between them.
static const char *numbers_of(struct slice s, size_t count, int *numbers, const char *bad, const char *negative)
{
    for (size_t i = 0; i < count; i++) {
        struct slice part = s;
        if (i + 1 < count)
            slice_cut(s, ':', &part, &s);
        if (atoi_of(part, &numbers[i]) != ATOI_OK)
            return bad;
        if (numbers[i] < 0)
            return negative;
    }
    return NULL;
}

// "+02:00" or "z"; *minutes is what to add to get UTC.
static const char *check_offset(struct slice s, int *minutes)
{
    *minutes = 0;
    if (slice_eq_str(s, "z") || slice_eq_str(s, "Z"))
        return NULL;
    if (s.len != 6)
        return "offset must be 6 characters long";
    if (s.data[0] != '+' && s.data[0] != '-')
        return "offset must begin with plus/minus";
    if (s.data[3] != ':')
        return "missing colon in offset in correct place";
    int n[2];
    const char *reason = numbers_of(slice_sub(s, 1, s.len), 2, n, "invalid hour/min in offset", "non-positive hour/min in offset");
    if (reason)
        return reason;
    if (n[0] > 23 || n[1] > 59)
        return "hour/min in offset out of range";
    *minutes = (s.data[0] == '+' ? -1 : 1) * (n[0] * 60 + n[1]);
    return NULL;
}

static const char *check_time(struct arena *a, struct slice s)
{
    if (s.len < 9)
        return "less than 9 characters long";
    if (s.data[2] != ':' || s.data[5] != ':')
        return "missing colon in correct place";
    int n[3], offset;
    const char *reason = numbers_of(slice_sub(s, 0, 8), 3, n, "invalid hour/min/sec", "non-positive hour/min/sec");
    if (reason)
        return reason;
    if (n[0] > 23 || n[1] > 59 || n[2] > 60)
        return "hour/min/sec out of range";
    s = slice_sub(s, 8, s.len);
    if (s.len > 0 && s.data[0] == '.') {
        s = slice_sub(s, 1, s.len);
        size_t digits = leading_digits(s);
        if (digits == 0)
            return "no digits in second fraction";
        s = slice_sub(s, digits, s.len);
    }
    if ((reason = check_offset(s, &offset)))
        return reason;
    int utc = n[0] * 60 + n[1] + offset; // a day later does not count as the same time
    if (utc < 0)
        utc += 24 * 60;
    return n[2] == 60 && utc != 23 * 60 + 59 ? "invalid leap second" : NULL;
}

static const char *check_date_time(struct arena *a, struct slice s)
{
    if (s.len < 20)
        return "less than 20 characters long";
    if (s.data[10] != 't' && s.data[10] != 'T')
        return "11th character must be t or T";
    const char *reason = check_date(a, slice_sub(s, 0, 10));
    if (reason)
        return arena_printf(a, "invalid date element: %s", reason);
    reason = check_time(a, slice_sub(s, 11, s.len));
    return reason ? arena_printf(a, "invalid time element: %s", reason) : NULL;
}

static const char *check_url(struct arena *a, struct slice s, struct go_url *u)
{
    struct error err cleanup(error_clear) = {0};
    if (!go_url_parse(a, s, u, &err))
        return arena_strdup(a, error_text(&err));
    struct slice host = go_url_host_name(u);
    if (slice_find_char(host, ':') < 0)
        return NULL;
    if (slice_find_char(u->host, '[') < 0 || slice_find_char(u->host, ']') < 0)
        return "ipv6 address not enclosed in brackets";
    const char *reason = check_ipv6(a, host);
    return reason ? arena_printf(a, "invalid ipv6 address: %s", reason) : NULL;
}

static const char *check_uri(struct arena *a, struct slice s)
{
    struct go_url u;
    const char *reason = check_url(a, s, &u);
    return reason ? reason : u.scheme.len ? NULL : "relative url";
}

static const char *check_uri_reference(struct arena *a, struct slice s)
{
    struct go_url u;
    if (slice_find_char(s, '\\') >= 0)
        return "contains \\";
    return check_url(a, s, &u);
}

// Braces count in a path that is not written as Go would write it.
static const char *check_uri_template(struct arena *a, struct slice s)
{
    struct go_url u;
    const char *reason = check_url(a, s, &u);
    struct error err cleanup(error_clear) = {0};
    for (struct split parts = {.rest = reason ? (struct slice){0} : u.raw_path}; next_part(&parts, '/');) {
        bool open = false;
        if (!go_url_decode(a, &parts.part, &err))
            return arena_printf(a, "percent decode failed: %s", error_text(&err));
        for (size_t i = 0; i < parts.part.len; i++) {
            char c = parts.part.data[i];
            if (c != '{' && c != '}')
                continue;
            if (open == (c == '{'))
                return "nested curly braces";
            open = !open;
        }
        if (open)
            return "no matching closing brace";
    }
    return reason;
}

static const char *check_period(struct arena *a, struct slice s)
{
    struct slice start, end;
    if (!slice_cut(s, '/', &start, &end))
        return "missing slash";
    bool from_duration = start.len > 0 && start.data[0] == 'P', to_duration = end.len > 0 && end.data[0] == 'P';
    const char *reason = from_duration ? check_duration(a, start) : check_date_time(a, start);
    if (reason)
        return arena_printf(a, "invalid start %s: %s", from_duration ? "duration" : "date-time", reason);
    to_duration &= !from_duration;
    reason = to_duration ? check_duration(a, end) : check_date_time(a, end);
    return reason ? arena_printf(a, "invalid end %s: %s", to_duration ? "duration" : "date-time", reason) : NULL;
}

static const char *check_identifiers(struct arena *a, struct slice s, const char *what, bool numbers_matter)
{
    for (struct split parts = {.rest = s}; next_part(&parts, '.');) {
        struct slice id = parts.part;
        if (id.len == 0)
            return arena_printf(a, "%s identifier is empty", what);
        for (size_t i = 0; i < id.len; i++)
            if (!isalnum((unsigned char)id.data[i]) && id.data[i] != '-')
                return arena_printf(a, "invalid character %s in %s identifier", quoted_rune(a, id, i), what);
        if (numbers_matter && all_digits(id) && id.len > 1 && id.data[0] == '0')
            return "pre-release numeric identifier starts with zero";
    }
    return NULL;
}

static const char *check_semver(struct arena *a, struct slice s)
{
    static const char *const names[] = {"major", "minor", "patch"};
    struct slice rest;
    const char *reason;
    if (slice_cut(s, '+', &s, &rest)) {
        if (rest.len == 0)
            return "build is empty";
        if ((reason = check_identifiers(a, rest, "build", false)))
            return reason;
    }
    if (slice_cut(s, '-', &s, &rest) && (reason = check_identifiers(a, rest, "pre-release", true)))
        return reason;
    size_t dots = 0, i = 0;
    for (size_t k = 0; k < s.len; k++)
        dots += s.data[k] == '.';
    if (dots != 2)
        return "versionCore must have 3 numbers separated by dot";
    for (struct split parts = {.rest = s}; next_part(&parts, '.'); i++) {
        if (parts.part.len == 0)
            return arena_printf(a, "%s is empty", names[i]);
        if (parts.part.len > 1 && parts.part.data[0] == '0')
            return arena_printf(a, "%s starts with zero", names[i]);
        if (!all_digits(parts.part))
            return arena_printf(a, "%s contains non-digit", names[i]);
    }
    return NULL;
}

static const char *check_regex(struct arena *a, struct slice s)
{
    struct error err cleanup(error_clear) = {0};
    return regex_cached(s.data, s.len, &err) ? NULL : arena_strdup(a, error_text(&err));
}

static const struct {
    const char *name;
    format_fn *check;
} formats[] = {
    {"json-pointer", check_json_pointer},
    {"relative-json-pointer", check_relative_json_pointer},
    {"uuid", check_uuid},
    {"duration", check_duration},
    {"period", check_period},
    {"ipv4", check_ipv4},
    {"ipv6", check_ipv6},
    {"hostname", check_hostname},
    {"email", check_email},
    {"date", check_date},
    {"time", check_time},
    {"date-time", check_date_time},
    {"uri", check_uri},
    {"iri", check_uri},
    {"uri-reference", check_uri_reference},
    {"iri-reference", check_uri_reference},
    {"uri-template", check_uri_template},
    {"semver", check_semver},
    {"regex", check_regex},
};

const char *schema_check_format(struct arena *a, const char *format, struct slice text)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (str_eq(formats[i].name, format))
            return formats[i].check(a, text);
    return NULL;
}
