// sprig_encoding.c - Sprig's base64, base32 and digests, with the words Go has for bad input.
#include "digest/digest.h"
#include "template/sprig.h"

static bool fn_b64enc(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    base64_encode(&out, call->args[0].data, call->args[0].len);
    *result = call_text(call, &out);
    return true;
}

// Text with a bad byte is the error's text itself: these functions never fail.
static bool corrupt(struct template_call *call, int base, size_t at, struct value *result)
{
    *result = value_printf(call->arena, "illegal base%d data at input byte %zu", base, at);
    return true;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static size_t skip_line_ends(struct slice s, size_t i)
{
    while (i < s.len && (s.data[i] == '\n' || s.data[i] == '\r'))
        i++;
    return i;
}

// Four digits at a time; i stands behind them. Returns how many bytes they hold, or -1 with the fault at *at.
static int base64_quantum(struct slice s, size_t *i, char bytes[3], size_t *at)
{
    int digits[4] = {0}, n = 0;
    while (n < 4) {
        *i = skip_line_ends(s, *i);
        if (*i == s.len) {
            *at = *i - (size_t)n;
            return n == 0 ? 0 : -1;
        }
        char c = s.data[(*i)++];
        digits[n] = base64_digit(c);
        if (digits[n] >= 0) {
            n++;
            continue;
        }
        *at = *i - 1;
        if (c != '=' || n < 2)
            return -1;
        digits[n] = 0;
        *i = skip_line_ends(s, *i);
        if (n == 2) { // a second one
            *at = *i == s.len ? s.len : *i - 1;
            if (*i == s.len || s.data[*i] != '=')
                return -1;
            *i = skip_line_ends(s, *i + 1);
        }
        *at = *i;
        if (*i < s.len)
            return -1;
        break;
    }
    unsigned bits = (unsigned)(digits[0] << 18 | digits[1] << 12 | digits[2] << 6 | digits[3]);
    bytes[0] = (char)(bits >> 16);
    bytes[1] = (char)(bits >> 8);
    bytes[2] = (char)bits;
    return n - 1;
}

bool sprig_base64_decode(struct buf *out, struct slice s, size_t *at)
{
    *at = 0;
    for (size_t i = 0; i < s.len;) {
        char bytes[3];
        int n = base64_quantum(s, &i, bytes, at);
        if (n < 0)
            return false;
        buf_add(out, bytes, (size_t)n);
    }
    return true;
}

static bool fn_b64dec(struct template_call *call, struct value *result)
{
    struct buf out = BUF_IN(call->arena);
    size_t at;
    if (!sprig_base64_decode(&out, arg_text(call, 0), &at))
        return corrupt(call, 64, at, result);
    *result = call_text(call, &out);
    return true;
}

static bool fn_b32enc(struct template_call *call, struct value *result)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    struct slice s = arg_text(call, 0);
    struct buf out = BUF_IN(call->arena);
    for (size_t i = 0; i < s.len; i += 5) {
        size_t n = s.len - i < 5 ? s.len - i : 5, digits = (n * 8 + 4) / 5;
        uint64_t bits = 0;
        for (size_t k = 0; k < 5; k++)
            bits = bits << 8 | (k < n ? (unsigned char)s.data[i + k] : 0);
        for (size_t k = 0; k < 8; k++)
            buf_char(&out, k < digits ? alphabet[bits >> (35 - 5 * k) & 31] : '=');
    }
    *result = call_text(call, &out);
    return true;
}

static int base32_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

// Padding at i, where `digits` of eight were read: checks it. Returns false with the fault at *at.
static bool base32_padding(struct slice s, size_t i, size_t digits, size_t *at)
{
    size_t left = s.len - i - 1;
    if (left + digits < 7) {
        *at = s.len;
        return false;
    }
    for (size_t k = 0; k < 7 - digits; k++) {
        if (k < left && s.data[i + 1 + k] != '=') {
            *at = i + k;
            return false;
        }
    }
    *at = i;
    return digits != 1 && digits != 3 && digits != 6;
}

static bool fn_b32dec(struct template_call *call, struct value *result)
{
    struct buf lines = BUF_IN(call->arena), out = BUF_IN(call->arena);
    for (size_t i = 0; i < call->args[0].len; i++)
        if (call->args[0].data[i] != '\n' && call->args[0].data[i] != '\r')
            buf_char(&lines, call->args[0].data[i]);
    struct slice s = buf_view(&lines);
    for (size_t i = 0, end = 0, at = 0; i < s.len && !end;) {
        uint64_t bits = 0;
        size_t n = 0;
        for (; n < 8; n++, i++) {
            if (i == s.len)
                return corrupt(call, 32, i - n, result);
            if (s.data[i] == '=' && n >= 2 && s.len - i - 1 < 8) {
                if (!base32_padding(s, i, n, &at))
                    return corrupt(call, 32, at, result);
                end = 1;
                break;
            }
            int digit = base32_digit(s.data[i]);
            if (digit < 0)
                return corrupt(call, 32, i, result);
            bits |= (uint64_t)digit << (35 - 5 * n);
        }
        for (size_t k = 0; k < n * 5 / 8; k++)
            buf_char(&out, (char)(bits >> (32 - 8 * k)));
    }
    *result = call_text(call, &out);
    return true;
}

static bool hashed(struct template_call *call, const char *algorithm, struct value *result)
{
    struct digest *d = digest_new(algorithm);
    digest_add(d, call->args[0].data, call->args[0].len);
    *result = value_string(digest_end(d, call->arena));
    return true;
}

static bool fn_sha1sum(struct template_call *call, struct value *result)
{
    return hashed(call, "sha1", result);
}

static bool fn_sha256sum(struct template_call *call, struct value *result)
{
    return hashed(call, "sha256", result);
}

static bool fn_sha512sum(struct template_call *call, struct value *result)
{
    return hashed(call, "sha512", result);
}

static bool fn_adler32sum(struct template_call *call, struct value *result)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < call->args[0].len; i++) {
        a = (a + (unsigned char)call->args[0].data[i]) % 65521;
        b = (b + a) % 65521;
    }
    *result = value_printf(call->arena, "%u", b << 16 | a);
    return true;
}

static const struct template_func items[] = {
    {"adler32sum", "s", fn_adler32sum}, {"b32dec", "s", fn_b32dec},       {"b32enc", "s", fn_b32enc},
    {"b64dec", "s", fn_b64dec},         {"b64enc", "s", fn_b64enc},       {"sha1sum", "s", fn_sha1sum},
    {"sha256sum", "s", fn_sha256sum},   {"sha512sum", "s", fn_sha512sum},
};
const struct template_funcs sprig_encoding = {.items = items, .count = ARRAY_LEN(items)};
