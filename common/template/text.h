// text.h - what Go's unicode package knows about runes, for the lexer, printf and Sprig's string functions.
#ifndef RUNNEL_TEMPLATE_TEXT_H
#define RUNNEL_TEMPLATE_TEXT_H

#include "base/base.h"

bool rune_is_letter(uint32_t r);
bool rune_is_digit(uint32_t r); // category Nd
bool rune_is_space(uint32_t r); // Go's unicode.IsSpace
bool rune_is_print(uint32_t r); // Go's strconv.IsPrint: the only space is U+0020
bool rune_is_upper(uint32_t r);
bool rune_is_lower(uint32_t r);
uint32_t rune_to_upper(uint32_t r);
uint32_t rune_to_lower(uint32_t r);

void text_upper(struct buf *out, struct slice s); // strings.ToUpper
void text_lower(struct buf *out, struct slice s);
struct slice text_trim_space(struct slice s);                    // strings.TrimSpace, Unicode white space
struct slice text_trim(struct slice s, struct slice cutset, bool left, bool right); // strings.Trim*: a set of runes
size_t text_replace(struct buf *out, struct slice s, struct slice from, struct slice to); // all; returns how many

#endif
