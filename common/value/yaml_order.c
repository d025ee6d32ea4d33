// yaml_order.c - go-yaml's natural order of keys.
#include "value/yaml_order.h"
#include "value/unicode.h"

static uint32_t rune_at(const struct dict_entry *e, size_t i, size_t *width)
{
    uint8_t c = (uint8_t)e->key[i];
    *width = 1;
    return c < 0x80 ? c : utf8_decode(e->key + i, e->key_len - i, width);
}

// The start of the rune before i.
static size_t rune_before(const struct dict_entry *e, size_t i)
{
    do
        i--;
    while (i > 0 && ((uint8_t)e->key[i] & 0xc0) == 0x80);
    return i;
}

struct number {
    int64_t value; // wraps around, as in Go
    size_t digits;
};

static struct number number_at(const struct dict_entry *e, size_t i, int64_t start)
{
    struct number n = {.value = start};
    for (size_t width; i < e->key_len; i += width, n.digits++) {
        uint32_t rune = rune_at(e, i, &width);
        if (!go_is_digit(rune))
            break;
        n.value = (int64_t)((uint64_t)n.value * 10 + rune - '0');
    }
    return n;
}

// Is there a digit other than 0 in the run of digits that ends before i? Then zeros at i are part of a number.
static bool inside_number(const struct dict_entry *e, size_t i)
{
    while (i > 0) {
        size_t width;
        i = rune_before(e, i);
        uint32_t rune = rune_at(e, i, &width);
        if (!go_is_digit(rune))
            return false;
        if (rune != '0')
            return true;
    }
    return false;
}

static int order_at(const struct dict_entry *a, const struct dict_entry *b, size_t i, bool v3)
{
    size_t width;
    uint32_t x = rune_at(a, i, &width), y = rune_at(b, i, &width);
    bool x_letter = go_is_letter(x), y_letter = go_is_letter(y);
    if (x_letter != y_letter) {
        bool after_digit = v3 && i > 0 && go_is_digit(rune_at(a, rune_before(a, i), &width));
        return y_letter != after_digit ? -1 : 1;
    }
    if (!x_letter) {
        int64_t start = (x == '0' || y == '0') && inside_number(a, i);
        struct number m = number_at(a, i, start), n = number_at(b, i, start);
        if (m.value != n.value)
            return m.value < n.value ? -1 : 1;
        if (m.digits != n.digits)
            return m.digits < n.digits ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

static int order(const struct dict_entry *a, const struct dict_entry *b, bool v3)
{
    size_t common = a->key_len < b->key_len ? a->key_len : b->key_len, i = 0;
    while (i < common && a->key[i] == b->key[i])
        i++;
    if (i == common)
        return (a->key_len > b->key_len) - (a->key_len < b->key_len);
    while (i > 0 && ((uint8_t)a->key[i] & 0xc0) == 0x80)
        i--;
    return order_at(a, b, i, v3);
}

// A merge sort of our own: the order is not transitive for every set of keys, which qsort need not survive.
void yaml_order(const struct dict_entry **entries, const struct dict_entry **spare, size_t count, bool v3)
{
    if (count < 2)
        return;
    size_t half = count / 2;
    yaml_order(entries, spare, half, v3);
    yaml_order(entries + half, spare, count - half, v3);
    if (order(entries[half - 1], entries[half], v3) <= 0)
        return;
    memcpy(spare, entries, half * sizeof *entries);
    size_t left = 0, right = half, to = 0;
    while (left < half && right < count)
        entries[to++] = order(entries[right], spare[left], v3) < 0 ? entries[right++] : spare[left++];
    memcpy(entries + to, spare + left, (half - left) * sizeof *entries);
}
