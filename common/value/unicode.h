// unicode.h - runes as Go's unicode package sees them, in the version of Unicode that Helm is built with.
#ifndef RUNNEL_VALUE_UNICODE_H
#define RUNNEL_VALUE_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

bool go_is_print(uint32_t rune); // the only space is U+0020
bool go_is_letter(uint32_t rune);
bool go_is_digit(uint32_t rune);  // category Nd
bool go_is_number(uint32_t rune); // N
bool go_is_punct(uint32_t rune);  // P
bool go_is_space(uint32_t rune);
bool go_is_upper(uint32_t rune); // Lu, Ll, Lt
bool go_is_lower(uint32_t rune);
bool go_is_title(uint32_t rune);

uint32_t go_to_upper(uint32_t rune);
uint32_t go_to_lower(uint32_t rune);
uint32_t go_to_title(uint32_t rune);

#endif
