// fuzz_bus.c - hints from the wire: what is taken for a message is one that we would have written, byte for byte.
#include "fuzz.h"

#include "bus/bus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct slice wire = fuzz_exact(a, slice_n((const char *)data, size));
    struct bus_message m;
    if (!bus_decode(a, wire.data, wire.len, &m))
        return 0;
    struct buf again = BUF_IN(a);
    REQUIRE(bus_encode(&again, &m), "what was accepted cannot be sent");
    REQUIRE(slice_eq(buf_view(&again), wire), "sent as something else: %s", again.data);
    REQUIRE(!str_empty(bus_topic_name(m.topic)) && !str_empty(m.kind) && !str_empty(m.namespace) && !str_empty(m.name),
            "a message about nothing");
    return 0;
}
