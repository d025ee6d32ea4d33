// lexer.h - tokens of a template's source, one at a time.
#ifndef RUNNEL_TEMPLATE_LEXER_H
#define RUNNEL_TEMPLATE_LEXER_H

#include "base/base.h"

enum token_type {
    TOKEN_ERROR, // the text is the message
    TOKEN_BOOL,
    TOKEN_CHAR, // printable ASCII that is nothing else: a comma
    TOKEN_CHAR_CONSTANT,
    TOKEN_COMPLEX,
    TOKEN_ASSIGN,
    TOKEN_DECLARE,
    TOKEN_EOF,
    TOKEN_FIELD, // with its leading dot
    TOKEN_IDENTIFIER,
    TOKEN_LEFT_DELIM,
    TOKEN_LEFT_PAREN,
    TOKEN_NUMBER,
    TOKEN_PIPE,
    TOKEN_RAW_STRING,
    TOKEN_RIGHT_DELIM,
    TOKEN_RIGHT_PAREN,
    TOKEN_SPACE,
    TOKEN_STRING,
    TOKEN_TEXT,
    TOKEN_VARIABLE, // with its leading dollar
    TOKEN_KEYWORD,  // all below are keywords
    TOKEN_BLOCK,
    TOKEN_BREAK,
    TOKEN_CONTINUE,
    TOKEN_DOT,
    TOKEN_DEFINE,
    TOKEN_ELSE,
    TOKEN_END,
    TOKEN_IF,
    TOKEN_NIL,
    TOKEN_RANGE,
    TOKEN_TEMPLATE,
    TOKEN_WITH,
};

struct token {
    enum token_type type;
    uint32_t pos; // in the source
    struct slice text;
};

struct lexer {
    struct arena *arena; // for messages
    struct slice in;
    size_t pos, start;
    int parens;
    bool inside; // between delimiters
};

void lexer_init(struct lexer *lx, struct arena *arena, struct slice source);
void lexer_next(struct lexer *lx, struct token *out);
// Steps over what would be a TOKEN_SPACE. False: none stands here.
bool lexer_skip_space(struct lexer *lx);
static inline bool lexer_is_at(const struct lexer *lx, char c)
{
    return lx->pos < lx->in.len && lx->in.data[lx->pos] == c;
}
// The line of a place in the source, from 1. Only messages ask, so nobody counts until then.
uint32_t lexer_line(const struct lexer *lx, size_t pos);
// How a message names a token: EOF, <keyword>, "text", or its first ten characters and "...".
void token_print(struct buf *out, const struct token *t);

#endif
