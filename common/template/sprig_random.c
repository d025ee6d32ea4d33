// sprig_random.c - Sprig's random strings and numbers, all from the system's generator.
#include "template/sprig.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

// A number below `bound`, each as likely as the others.
static uint64_t random_below(uint64_t bound)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % bound, r;
    do
        r = random_u64();
    while (r >= limit);
    return r % bound;
}

static bool random_text(struct template_call *call, const char *alphabet, struct value *result)
{
    int64_t count = call->args[0].integer;
    if (count < 0)
        count = 0;
    char *text = template_alloc(call, (size_t)count);
    if (!text)
        return false;
    size_t choices = strlen(alphabet);
    for (int64_t i = 0; i < count; i++)
        text[i] = alphabet[random_below(choices)];
    text[count] = '\0';
    *result = value_string_n(text, (size_t)count);
    return true;
}

static bool fn_rand_alpha_num(struct template_call *call, struct value *result)
{
    return random_text(call, LETTERS DIGITS, result);
}

static bool fn_rand_alpha(struct template_call *call, struct value *result)
{
    return random_text(call, LETTERS, result);
}

static bool fn_rand_numeric(struct template_call *call, struct value *result)
{
    return random_text(call, DIGITS, result);
}

static bool fn_rand_ascii(struct template_call *call, struct value *result)
{
    char printable[0x7F - 0x20 + 1];
    for (int c = 0x20; c < 0x7F; c++)
        printable[c - 0x20] = (char)c;
    printable[sizeof printable - 1] = '\0';
    return random_text(call, printable, result);
}

static bool fn_rand_bytes(struct template_call *call, struct value *result)
{
    int64_t count = call->args[0].integer;
    if (count < 0)
        return sprig_fail(call, "runtime error: makeslice: len out of range");
    char *bytes = template_alloc(call, (size_t)count);
    if (!bytes)
        return false;
    random_bytes(bytes, (size_t)count);
    struct buf out = BUF_IN(call->arena);
    base64_encode(&out, bytes, (size_t)count);
    *result = call_text(call, &out);
    return true;
}

static bool fn_rand_int(struct template_call *call, struct value *result)
{
    int64_t least = call->args[0].integer, range;
    if (__builtin_sub_overflow(call->args[1].integer, least, &range) || range <= 0)
        return sprig_fail(call, "invalid argument to Intn");
    *result = value_int_of(GO_INT, least + (int64_t)random_below((uint64_t)range));
    return true;
}

static bool fn_shuffle(struct template_call *call, struct value *result)
{
    struct slice s = arg_text(call, 0);
    uint32_t *runes = arena_array(call->arena, uint32_t, s.len + 1);
    size_t count = 0;
    for (size_t i = 0, width; i < s.len; i += width)
        runes[count++] = utf8_decode(s.data + i, s.len - i, &width);
    struct buf out = BUF_IN(call->arena);
    for (; count; count--) {
        size_t pick = random_below(count);
        buf_rune(&out, runes[pick]);
        runes[pick] = runes[count - 1];
    }
    *result = call_text(call, &out);
    return true;
}

static bool fn_uuidv4(struct template_call *call, struct value *result)
{
    char id[37];
    uuid4(id);
    *result = value_string_copy(call->arena, id, 36);
    return true;
}

static const struct template_func items[] = {
    {"randAlpha", "i", fn_rand_alpha}, {"randAlphaNum", "i", fn_rand_alpha_num},
    {"randAscii", "i", fn_rand_ascii}, {"randBytes", "i", fn_rand_bytes},
    {"randInt", "ii", fn_rand_int},    {"randNumeric", "i", fn_rand_numeric},
    {"shuffle", "s", fn_shuffle},      {"uuidv4", "", fn_uuidv4},
};
const struct template_funcs sprig_random = {.items = items, .count = ARRAY_LEN(items)};
