// json_scan.h - is a text JSON? Checked before cJSON reads it, which takes more than JSON and says less about faults.
#ifndef RUNNEL_VALUE_JSON_SCAN_H
#define RUNNEL_VALUE_JSON_SCAN_H

#include "value/value.h"

// What cJSON cannot carry and json_parse therefore hands it in another form.
struct json_facts {
    bool odd_strings;  // U+0000, half of a surrogate pair, bytes that are not UTF-8
    bool long_numbers; // more than JSON_NUMBER_MAX characters
};
#define JSON_NUMBER_MAX 60
#define JSON_VALUES_MAX (8u << 20) // three bytes of text can become over a hundred of memory

// Errors: encoding/json's words; err->code is the offset.
bool json_scan(const char *data, size_t len, struct json_facts *facts, struct error *err);

// The four hex digits at s as a number; the caller knows that they are there.
uint32_t json_hex4(const char *s);

#endif
