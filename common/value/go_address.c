// go_address.c - IP addresses as Go's net/netip reads them: what is wrong with one.
#include "value/go_url.h"

#include "value/value.h"

static const char *fault(struct arena *a, struct slice in, const char *what, struct slice at)
{
    const char *text = arena_printf(a, "ParseAddr(%s): %s", go_quoted(a, in), what);
    return at.len ? arena_printf(a, "%s (at %s)", text, go_quoted(a, at)) : text;
}

static const char *four_fault(struct arena *a, struct slice in, struct slice s)
{
    const struct slice nowhere = {0};
    int value = 0, digits = 0, fields = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (c >= '0' && c <= '9') {
            if (digits == 1 && value == 0)
                return fault(a, in, "IPv4 field has octet with leading zero", nowhere);
            value = value * 10 + c - '0';
            digits++;
            if (value > 255)
                return fault(a, in, "IPv4 field has value >255", nowhere);
        } else if (c == '.') {
            if (i == 0 || i + 1 == s.len || s.data[i - 1] == '.')
                return fault(a, in, "IPv4 field must have at least one digit", slice_sub(s, i, s.len));
            if (fields == 3)
                return fault(a, in, "IPv4 address too long", nowhere);
            fields++;
            value = digits = 0;
        } else {
            return fault(a, in, "unexpected character", slice_sub(s, i, s.len));
        }
    }
    return fields < 3 ? fault(a, in, "IPv4 address too short", nowhere) : NULL;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static const char *six_fault(struct arena *a, struct slice in, struct slice s)
{
    const struct slice nowhere = {0};
    int bytes = 0, ellipsis = -1;
    if (slice_has_prefix(s, SLICE("::"))) {
        ellipsis = 0;
        s = slice_sub(s, 2, s.len);
        if (s.len == 0)
            return NULL;
    }
    while (bytes < 16) {
        size_t digits = 0;
        for (; digits < s.len && is_hex(s.data[digits]); digits++)
            if (digits > 3)
                return fault(a, in, "each group must have 4 or less digits", s);
        if (digits == 0)
            return fault(a, in, "each colon-separated field must have at least one digit", s);
        if (digits < s.len && s.data[digits] == '.') {
            if (ellipsis < 0 && bytes != 12)
                return fault(a, in, "embedded IPv4 address must replace the final 2 fields of the address", s);
            if (bytes > 12)
                return fault(a, in, "too many hex fields to fit an embedded IPv4 at the end of the address", s);
            const char *wrong = four_fault(a, in, s);
            if (wrong)
                return wrong;
            s = nowhere;
            bytes += 4;
            break;
        }
        bytes += 2;
        s = slice_sub(s, digits, s.len);
        if (s.len == 0)
            break;
        if (s.data[0] != ':')
            return fault(a, in, "unexpected character, want colon", s);
        if (s.len == 1)
            return fault(a, in, "colon must be followed by more characters", s);
        s = slice_sub(s, 1, s.len);
        if (s.data[0] == ':') {
            if (ellipsis >= 0)
                return fault(a, in, "multiple :: in address", s);
            ellipsis = bytes;
            s = slice_sub(s, 1, s.len);
            if (s.len == 0)
                break;
        }
    }
    if (s.len)
        return fault(a, in, "trailing garbage after address", s);
    if (bytes < 16 && ellipsis < 0)
        return fault(a, in, "address string too short", nowhere);
    return bytes == 16 && ellipsis >= 0 ? fault(a, in, "the :: must expand to at least one field of zeros", nowhere) : NULL;
}

const char *go_address_fault(struct arena *a, struct slice s, bool *four, bool *zone)
{
    *four = *zone = false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == '%')
            return fault(a, s, "missing IPv6 address", (struct slice){0});
        if (s.data[i] == '.') {
            *four = true;
            return four_fault(a, s, s);
        }
        if (s.data[i] != ':')
            continue;
        struct slice address, name;
        *zone = slice_cut(s, '%', &address, &name);
        return *zone && name.len == 0 ? fault(a, s, "zone must be a non-empty string", (struct slice){0})
                                      : six_fault(a, s, address);
    }
    return fault(a, s, "unable to parse IP", (struct slice){0});
}
