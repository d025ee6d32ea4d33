// from_text.h - what unit tests of every folder share: cmocka, and values from the JSON that stands in a test.
#ifndef RUNNEL_TEST_FROM_TEXT_H
#define RUNNEL_TEST_FROM_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "value/value.h"

// The test fails where the text is no JSON.
static inline struct value from_json(struct arena *a, const char *text)
{
    struct error err = {0};
    struct value v;
    if (!json_parse(a, text, strlen(text), 0, &v, &err))
        fail_msg("%s: %s", text, error_text(&err));
    return v;
}

#endif
