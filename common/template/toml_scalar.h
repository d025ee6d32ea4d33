// toml_scalar.h - private to toml_*.c: the text of a document rune by rune, and its names, strings, numbers and dates.
#ifndef RUNNEL_TEMPLATE_TOML_SCALAR_H
#define RUNNEL_TEMPLATE_TOML_SCALAR_H

#include "template/toml.h"

#define TOML_END 0u // NUL cannot be in a document

struct toml_path {
    struct slice *items;
    size_t len;
};

struct toml_reader {
    struct arena *arena;
    struct slice in;
    size_t pos, width; // width: of the rune that was read last
    int line;
    bool at_end;              // the end was read, and not taken back
    int key_line;             // where the current key begins
    struct toml_path context; // the table in scope, and the key in it: what a message names
    struct slice key;
    struct error *err;
};

// "toml: line N (last key "…"): …". Return false.
bool toml_fail(struct toml_reader *r, int line, const char *format, ...) PRINTF(3, 4);
bool toml_fail_here(struct toml_reader *r, const char *format, ...) PRINTF(2, 3);
#define toml_fail(...) ({ (toml_fail)(__VA_ARGS__); false; }) // says so to the compiler too
#define toml_fail_here(...) ({ (toml_fail_here)(__VA_ARGS__); false; })

// False: not UTF-8, or a control character. One step back at most.
bool toml_next(struct toml_reader *r, uint32_t *rune);
void toml_back(struct toml_reader *r);
bool toml_peek_behind_blanks(struct toml_reader *r, uint32_t *rune); // skips spaces and tabs
bool toml_starts(struct toml_reader *r, char c);                     // whether that is what comes behind spaces and tabs
bool toml_skip_comment(struct toml_reader *r);                       // to the line's end

bool toml_read_name(struct toml_reader *r, struct slice *out); // one part of a key
bool toml_read_scalar(struct toml_reader *r, struct value *out);

void toml_path_print(struct buf *out, struct toml_path path);
const char *toml_show_rune(struct toml_reader *r, uint32_t rune);  // as it is in quotes, or "end of file"

#endif
