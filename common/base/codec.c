// codec.c - random numbers, UUIDs, hexadecimal, base64.
#include "base/base.h"

#include <errno.h>
#include <sys/random.h>

void random_bytes(void *out, size_t len)
{
    char *p = out;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            abort(); // no randomness: neither tokens nor hash seeds would be safe
        }
        p += n;
        len -= (size_t)n;
    }
}

uint64_t random_u64(void)
{
    uint64_t n;
    random_bytes(&n, sizeof n);
    return n;
}

double random_unit(void)
{
    return (double)(random_u64() >> 11) * 0x1p-53;
}

void uuid4(char out[37])
{
    unsigned char b[16];
    random_bytes(b, sizeof b);
    b[6] = (b[6] & 0x0F) | 0x40; // version 4 (RFC 9562)
    b[8] = (b[8] & 0x3F) | 0x80; // variant
    char hex[33], *p = out;
    hex_encode(b, sizeof b, hex);
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            *p++ = '-';
        *p++ = hex[i];
    }
    *p = '\0';
}

void hex_encode(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, const void *data, size_t len)
{
    const unsigned char *p = data;
    buf_reserve(out, (len + 2) / 3 * 4);
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t bits = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0u);
        char group[4] = {base64_alphabet[bits >> 18], base64_alphabet[bits >> 12 & 63],
                         left > 1 ? base64_alphabet[bits >> 6 & 63] : '=', left > 2 ? base64_alphabet[bits & 63] : '='};
        buf_add(out, group, 4);
    }
}

static int base64_value(char c)
{
    const char *at = c ? strchr(base64_alphabet, c) : NULL;
    return at ? (int)(at - base64_alphabet) : -1;
}

bool base64_decode(struct buf *out, const char *data, size_t len)
{
    uint32_t bits = 0;
    int digits = 0, padding = 0;
    buf_reserve(out, len / 4 * 3);
    for (size_t i = 0; i < len; i++) {
        char c = data[i];
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '=') {
            if (++padding > 2 || digits < 2 || digits + padding > 4)
                return false;
            continue;
        }
        int value = base64_value(c);
        if (value < 0 || padding)
            return false;
        bits = bits << 6 | (uint32_t)value;
        if (++digits == 4) {
            buf_add(out, (char[]){(char)(bits >> 16), (char)(bits >> 8), (char)bits}, 3);
            bits = 0;
            digits = 0;
        }
    }
    if (digits == 0)
        return padding == 0;
    if (digits + padding != 4)
        return false;
    bits <<= 6 * (4 - digits);
    buf_add(out, (char[]){(char)(bits >> 16), (char)(bits >> 8)}, (size_t)digits - 1);
    return true;
}
