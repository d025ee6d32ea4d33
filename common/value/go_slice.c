// go_slice.c - the room that Go's slices have behind their last item: reflect's Slice reaches into it.
#include "value/internal.h"

// The sizes that Go's allocator gives; beyond, whole pages.
static const uint16_t size_classes[] = {
    8,    16,   24,   32,   48,   64,   80,   96,   112,  128,   144,   160,   176,   192,   208,   224,   240,
    256,  288,  320,  352,  384,  416,  448,  480,  512,  576,   640,   704,   768,   896,   1024,  1152,  1280,
    1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456, 4096,  4864,  5120,  5376,  6144,  6528,  6784,  6912,
    8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576, 27264, 28672, 32768,
};
#define PAGE 8192u

static size_t allocated(size_t bytes)
{
    for (size_t i = 0; i < ARRAY_LEN(size_classes); i++)
        if (bytes <= size_classes[i])
            return size_classes[i];
    return (bytes + PAGE - 1) / PAGE * PAGE;
}

// What append makes of a slice of `cap` items that are all taken.
static size_t grown(size_t cap, size_t needed, size_t item)
{
    size_t next = cap;
    if (needed > 2 * cap)
        next = needed;
    else if (cap < 256)
        next = 2 * cap;
    else
        while (next < needed || next == cap)
            next += (next + 3 * 256) >> 2;
    return allocated(next * item) / item;
}

void value_made(struct value list, enum go_slice how)
{
    if (list.kind == V_LIST)
        list.list->how = how;
}

size_t value_go_cap(struct value list)
{
    size_t len = value_len(list);
    if (list.kind != V_LIST || !len)
        return len;
    size_t item = list.list->go_type && strcmp(list.list->go_type, "[]int") == 0 ? 8 : 16, cap = 0;
    switch (list.list->how) {
    case GO_SLICE_GROWN:
        while (cap < len)
            cap = grown(cap, cap + 1, item);
        return cap;
    case GO_SLICE_APPENDED:
        return grown(len - 1, len, item);
    case GO_SLICE_PREPENDED:
        return len == 1 ? 1 : grown(1, len, item);
    default:
        return len;
    }
}
