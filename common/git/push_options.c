// push_options.c - push options (git push -o) for every libgit2: before 1.8 it knows nothing of them.
//
// git-receive-pack gets them after the list of reference updates, one pkt-line each and a flush, when the client has
// said "push-options" among its capabilities (gitprotocol-pack, "Reference Update Request"). So they are put into the
// stream that libgit2 writes.
#include "git/private.h"

#include <stdio.h>

#define CAPABILITY "push-options"
#define ADVERTISED_MAX (64u << 10) // of the server's first words: its capabilities stand in the first line
#define UPDATES_MAX (1u << 20)

void repo_push_options_hear(struct repo_call *call, const char *data, size_t len)
{
    if (!call->remote->push_options || call->heard.len >= ADVERTISED_MAX)
        return;
    buf_add(&call->heard, data, len < ADVERTISED_MAX ? len : ADVERTISED_MAX);
}

// The length of a pkt-line with its four digits; 0: flush; -1: none of that.
static long packet_length(const char *at, size_t left)
{
    long n = 0;
    if (left < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef", *d = strchr(digits, at[i] | 0x20);
        if (!at[i] || !d)
            return -1;
        n = n * 16 + (d - digits);
    }
    return n == 0 || n >= 4 ? n : -1;
}

static bool add_packet(struct repo_call *call, struct buf *out, const char *text, size_t len)
{
    if (len > 65000 || memchr(text, '\n', len))
        return error_set(&call->error, ERROR_INVALID, "a push option is too long or has more than one line");
    buf_printf(out, "%04zx", len + 4);
    buf_add(out, text, len);
    return true;
}

// The updates with our capability in the first of them, and the options behind them.
static bool rewrite(struct repo_call *call, size_t flush, struct buf *out)
{
    const char *updates = call->updates.data;
    size_t first = (size_t)packet_length(updates, flush), end = first;
    if (!memmem(call->heard.data, call->heard.len, CAPABILITY, strlen(CAPABILITY)))
        return error_set(&call->error, ERROR_INVALID, "the server takes no push options");
    if (updates[end - 1] == '\n')
        end--;
    buf_printf(out, "%04zx", first + strlen(" " CAPABILITY));
    buf_add(out, updates + 4, end - 4);
    buf_str(out, " " CAPABILITY);
    buf_add(out, updates + end, flush - end);
    buf_str(out, "0000");
    for (const char *const *option = call->remote->push_options; *option; option++)
        if (!add_packet(call, out, *option, strlen(*option)))
            return false;
    buf_str(out, "0000");
    return true;
}

bool repo_push_options_insert(struct repo_call *call, const char **data, size_t *len, struct buf *out)
{
    if (!call->remote->push_options || call->updates_sent)
        return true;
    buf_add(&call->updates, *data, *len);
    *len = 0;
    size_t at = 0;
    long n;
    while ((n = packet_length(call->updates.data + at, call->updates.len - at)) > 0 &&
           at + (size_t)n <= call->updates.len)
        at += (size_t)n;
    if (n != 0) // the flush that ends the updates is not there yet
        return call->updates.len < UPDATES_MAX
                   ? true
                   : error_set(&call->error, ERROR_LIMIT, "too many updates in a push with options");
    call->updates_sent = true;
    if (at == 0 || !rewrite(call, at, out))
        return at == 0;
    buf_add(out, call->updates.data + at + 4, call->updates.len - at - 4);
    *data = out->data;
    *len = out->len;
    return true;
}
