// fuzz.h - what the fuzz targets share. Each target is one file, fuzz_NAME.c: bytes in, and a property that must hold
// for all of them. libFuzzer (./dev fuzz) makes the bytes; replay.c feeds those of seeds/NAME in every run of the unit
// tests.
//
// Targets that need several texts take them from one input, with a line "%%" between.
#ifndef RUNNEL_FUZZ_H
#define RUNNEL_FUZZ_H

#include "value/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); // the name that libFuzzer calls

// The property that does not hold, and the end of the process: libFuzzer keeps the input.
_Noreturn void fuzz_broken(const char *file, int line, const char *fmt, ...) PRINTF(3, 4);
#define REQUIRE(condition, ...)                                                                                        \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fuzz_broken(__FILE__, __LINE__, __VA_ARGS__);                                                              \
    } while (0)

// An error has a class and words, and words are text: they go into conditions and log lines.
void fuzz_require_error(const struct error *err);
// The text up to the next line "%%", and *rest what follows it; everything where there is none.
struct slice fuzz_part(struct slice *rest);
// A copy that ends where the bytes end, so that reading past them is seen; in the arena.
struct slice fuzz_exact(struct arena *a, struct slice s);

#endif
