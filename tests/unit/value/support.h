// support.h - what the tests of common/value share: an arena that each test begins with, input that ends where it ends.
#ifndef RUNNEL_TEST_VALUE_SUPPORT_H
#define RUNNEL_TEST_VALUE_SUPPORT_H

#include "from_text.h"

static struct arena *a; // the running test's

static inline int setup(void **state)
{
    a = arena_new();
    return 0;
}

static inline int teardown(void **state)
{
    yaml_set_limits(NULL);
    arena_free(a);
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

// The bytes in an allocation of exactly that size, so that the sanitizer sees a read beyond them; the caller frees it.
static inline char *exact_copy(const char *bytes, size_t len)
{
    return memcpy(xmalloc(len), bytes, len);
}

#endif
