// log.c - log lines: one JSON object each with the keys of Flux's controllers, or plain words for people.
#include "base/base.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

// Set once by log_init before threads start, read-only after it.
static struct {
    const char *logger;
    enum log_level least;
    bool json;
} config = {.least = LOG_INFO, .json = true};

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER; // lines longer than PIPE_BUF must not mingle

static _Thread_local struct {
    const struct log_field *fields;
    size_t count;
} scope;

static const char *const level_words[] = {
    [LOG_TRACE] = "trace", [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_ERROR] = "error"};

void log_init(const char *logger, enum log_level least, bool json)
{
    config.logger = logger;
    config.least = least;
    config.json = json;
}

bool log_level_parse(const char *word, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_words); i++) {
        if (str_eq(word, level_words[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level)
{
    return level >= config.least;
}

void log_scope(const struct log_field *fields, size_t count)
{
    scope.fields = fields;
    scope.count = count;
}

void json_escape(struct buf *out, const char *data, size_t len)
{
    static const char escapes[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    size_t plain = 0; // start of the run that needs no escape
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)data[i];
        size_t width = 1;
        bool bad = c >= 0x80 && utf8_decode(data + i, len - i, &width) == RUNE_ERROR && width == 1;
        if (c >= 0x20 && c != '"' && c != '\\' && !bad) {
            i += width;
            continue;
        }
        buf_add(out, data + plain, i - plain);
        if (bad)
            buf_str(out, "\\ufffd");
        else if (c == '"' || c == '\\')
            buf_add(out, (char[]){'\\', (char)c}, 2);
        else if (escapes[c])
            buf_add(out, (char[]){'\\', escapes[c]}, 2);
        else
            buf_printf(out, "\\u%04x", c);
        plain = ++i;
    }
    buf_add(out, data + plain, len - plain);
}

static void json_text(struct buf *out, const char *s)
{
    buf_char(out, '"');
    json_escape(out, s, strlen(s));
    buf_char(out, '"');
}

static void json_pair(struct buf *out, const char *key, const char *text)
{
    buf_char(out, out->len > 1 ? ',' : '{');
    json_text(out, key);
    buf_char(out, ':');
    if (text)
        json_text(out, text);
}

static void add_fields(struct buf *out, const struct log_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct log_field *f = &fields[i];
        if (config.json)
            json_pair(out, f->key, NULL);
        else
            buf_printf(out, " %s=", f->key);
        if (!f->text)
            buf_printf(out, "%lld", (long long)f->number);
        else if (f->raw)
            buf_str(out, f->text);
        else
            json_text(out, f->text);
    }
}

static void write_all(struct slice line)
{
    while (line.len) {
        ssize_t n = write(STDERR_FILENO, line.data, line.len);
        if (n < 0 && errno != EINTR)
            return; // nobody reads the log: nothing to be done about it
        if (n > 0)
            line = slice_sub(line, (size_t)n, line.len);
    }
}

void log_write(enum log_level level, const char *error, const char *message, const struct log_field *fields,
               size_t count)
{
    if (!log_enabled(level))
        return;
    char stamp[RFC3339_LEN];
    int64_t us = clock_wall_us();
    time_rfc3339_micro(us, stamp);
    memcpy(stamp + strlen(stamp) - 4, "Z", 2); // milliseconds are what Flux prints

    cleanup(buf_free) struct buf line = {0};
    if (config.json) {
        json_pair(&line, "level", level_words[level]);
        json_pair(&line, "ts", stamp);
        if (!str_empty(config.logger))
            json_pair(&line, "logger", config.logger);
        json_pair(&line, "msg", message);
    } else {
        buf_printf(&line, "%s %s %s", stamp, level_words[level], message);
    }
    add_fields(&line, scope.fields, scope.count);
    add_fields(&line, fields, count);
    if (error)
        add_fields(&line, &LOG_S("error", error), 1);
    buf_str(&line, config.json ? "}\n" : "\n");

    pthread_mutex_lock(&output);
    write_all(buf_view(&line));
    pthread_mutex_unlock(&output);
}
