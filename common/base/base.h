// base.h - what everything stands on: arenas, strings, vectors, maps, errors, log lines, clocks.
//
// Memory. Almost everything that Runnel builds belongs to an arena: one for each reconcile (or each command), freed in
// one sweep. A function that takes a `struct arena *` returns memory of that arena. What outlives an arena is malloc'd,
// has one named owner, and is freed by a function named *_free. Running out of memory ends the process: xmalloc
// and the arena never return NULL.
//
// Threads. An arena, builder, vector or map belongs to one thread at a time. State of the process: the key of
// hash_bytes (drawn once), what log_init set, and each thread's log_scope.
#ifndef RUNNEL_BASE_H
#define RUNNEL_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args), nonnull(fmt)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define cleanup(fn) __attribute__((cleanup(fn)))

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
void cleanup_free(void *pp);    // for cleanup(cleanup_free) char *x
void secret_free(char **secret); // wiped first, NULL afterwards; for cleanup() too

// ---- arena --------------------------------------------------------------------------------------
struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);
void cleanup_arena(struct arena **a);
void *arena_alloc(struct arena *a, size_t size);  // 16-byte aligned, uninitialised
void *arena_zalloc(struct arena *a, size_t size); // zeroed
// Grows a block; in place when it is the arena's newest, else by copy. p may be NULL.
void *arena_realloc(struct arena *a, void *p, size_t old_size, size_t new_size);
// A file's bytes and a NUL, read by the kernel when somebody looks at them. Whoever cuts the file short meanwhile ends the
// process (SIGBUS). NULL: this file cannot be had so.
char *arena_map(struct arena *a, int fd, size_t size);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len); // NUL-terminated
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list args) PRINTF(2, 0);
size_t arena_used(const struct arena *a); // bytes handed out since arena_new, less what arena_reset gave back
// Sets how much arena_used may become; 0: no limit, and nothing is full. An arena that is full still gives memory, for
// nothing that allocates can fail; but builders, lists and dicts in it that are beyond ARENA_SMALL stop growing, and what
// walks over values stops. Whoever set the limit asks arena_full before using what was built. So no function has to count
// what it builds.
#define ARENA_SMALL 4096
void arena_limit(struct arena *a, size_t used);
bool arena_room(struct arena *a, size_t more); // whether there is room for that much; from the first no on it is full
bool arena_full(const struct arena *a);

// A mark; resetting to it frees all that was allocated after it, and what was grown after it: a builder or vector that
// must outlive the reset must not grow in between.
struct arena_mark {
    void *block;
    size_t offset, used;
};
struct arena_mark arena_mark(struct arena *a);
void arena_reset(struct arena *a, struct arena_mark mark);

#define arena_new_of(a, T) ((T *)arena_zalloc((a), sizeof(T)))
#define arena_array(a, T, n) ((T *)arena_zalloc((a), sizeof(T) * (size_t)(n)))

// ---- slices: bytes that somebody else owns, not NUL-terminated ----------------------------------
struct slice {
    const char *data;
    size_t len;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_ARG(s) (int)(s).len, (s).data // for "%.*s"
struct slice slice_of(const char *s);       // s may be NULL: an empty slice
struct slice slice_n(const char *data, size_t len);
bool slice_eq(struct slice a, struct slice b);
bool slice_eq_str(struct slice a, const char *b);
int slice_cmp(struct slice a, struct slice b); // bytewise, as Go's strings compare
bool slice_has_prefix(struct slice s, struct slice prefix);
bool slice_has_suffix(struct slice s, struct slice suffix);
ptrdiff_t slice_find(struct slice s, struct slice needle);      // index or -1
ptrdiff_t slice_find_char(struct slice s, char c);              // index or -1
struct slice slice_sub(struct slice s, size_t from, size_t to); // bounds are clamped
struct slice slice_trim_space(struct slice s);                  // ASCII white space, both ends
char *slice_dup(struct arena *a, struct slice s);               // NUL-terminated copy
// Cuts at the first separator: *head gets what is before it, *tail what is after. False (and *head = s, *tail empty)
// without one.
bool slice_cut(struct slice s, char separator, struct slice *head, struct slice *tail);

bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);
bool str_eq(const char *a, const char *b); // NULL equals NULL only
static inline bool str_empty(const char *s)
{
    return !s || !*s;
}
static inline const char *str_or(const char *s, const char *fallback)
{
    return str_empty(s) ? fallback : s;
}

// ---- string builder -----------------------------------------------------------------------------
// data is always NUL-terminated once anything was added; it lies in `arena`, or is malloc'd where arena is NULL
// (buf_free). A builder that is full (its arena is, or it has a limit) takes nothing that it has no room for.
struct buf {
    char *data;
    size_t len, cap;
    struct arena *arena;
    size_t limit; // of len, 0: none; kept to within a factor of two
    bool full;    // something was not taken
};

#define BUF_IN(a) ((struct buf){.arena = (a)})
bool buf_reserve(struct buf *b, size_t more); // false: it is full, and has no room for more
bool buf_full(const struct buf *b);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_slice(struct buf *b, struct slice s);
void buf_char(struct buf *b, char c);
void buf_fill(struct buf *b, char c, size_t times);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list args) PRINTF(2, 0);
void buf_rune(struct buf *b, uint32_t rune); // UTF-8
const char *buf_cstr(struct buf *b);         // never NULL
struct slice buf_view(const struct buf *b);
void buf_clear(struct buf *b);  // keeps the memory
void buf_free(struct buf *b);   // malloc'd ones only; no effect on an arena's
char *buf_steal(struct buf *b); // malloc'd: the caller owns it now; the builder is empty again

// ---- UTF-8 --------------------------------------------------------------------------------------
#define RUNE_ERROR 0xFFFDu
// Decodes one rune as Go does: a bad byte is RUNE_ERROR of width 1. *width is 0 only at the end.
uint32_t utf8_decode(const char *data, size_t len, size_t *width);
size_t utf8_encode(uint32_t rune, char out[4]);
size_t utf8_count(const char *data, size_t len);
bool utf8_valid(const char *data, size_t len);

// ---- vectors: struct { T *items; size_t len, cap; } ---------------------------------------------
#define VEC(T)                                                                                                         \
    struct {                                                                                                           \
        T *items;                                                                                                      \
        size_t len, cap;                                                                                               \
    }
// Appends; the items lie in the arena, or are malloc'd where it is NULL (free(v.items)).
#define vec_push(arena, v, ...)                                                                                        \
    do {                                                                                                               \
        if ((v)->len == (v)->cap)                                                                                      \
            (v)->items = vec_grow((arena), (v)->items, sizeof *(v)->items, &(v)->cap);                                 \
        (v)->items[(v)->len++] = (__VA_ARGS__);                                                                        \
    } while (0)
void *vec_grow(struct arena *arena, void *items, size_t item_size, size_t *cap);

// ---- map: string to pointer ---------------------------------------------------------------------
// Keys are copied. Not thread-safe. arena NULL: malloc'd, map_free. Iteration order is insertion order; deleting the
// entry one stands on is allowed, adding keys while iterating is not. A NULL map is an empty one to the readers.
struct map;

struct map *map_new(struct arena *arena);
void map_free(struct map *m); // keys and table, not the values; no effect on an arena's
void *map_get(const struct map *m, const char *key);
void *map_get_n(const struct map *m, const char *key, size_t len);
void *map_put(struct map *m, const char *key, void *value); // returns the value it replaces, or NULL
void *map_put_n(struct map *m, const char *key, size_t len, void *value);
void *map_remove(struct map *m, const char *key); // returns the value it held, or NULL
size_t map_len(const struct map *m);
// for (size_t i = 0; map_each(m, &i, &key, &value);) …
bool map_each(const struct map *m, size_t *i, const char **key, void **value);

uint64_t hash_bytes(const void *data, size_t len); // seeded once a process: hostile keys cannot pile up

// ---- errors -------------------------------------------------------------------------------------
// A function that can fail returns bool (or a pointer) and fills a `struct error *` that its caller has zeroed. The
// message is a chain in Go's manner, outermost first: "fetch index: https://…: status 404". The class decides retry,
// stall and reason.
enum error_class {
    ERROR_TRANSIENT = 1, // network, 5xx, 429: try again with back-off
    ERROR_INVALID,       // bad input: trying again changes nothing until the input changes
    ERROR_DENIED,        // authentication or authorisation
    ERROR_NOT_FOUND,
    ERROR_CONFLICT,  // somebody else was faster
    ERROR_TIMEOUT,   // a deadline passed: transient, but worth a word of its own
    ERROR_LIMIT,     // a limit on size, depth, count or steps
    ERROR_CANCELLED, // the process is ending
};

struct error {
    enum error_class class; // 0: no error
    int code;               // HTTP status where there was one, else 0
    int64_t retry_after_ms; // the server's own word on when to come back (Retry-After), else 0
    char *message;          // malloc'd
};

bool error_set(struct error *err, enum error_class class, const char *fmt, ...) PRINTF(3, 4); // returns false
// "open /x: no such file or directory": the class and the words come from errno. Returns false.
bool error_set_errno(struct error *err, int number, const char *fmt, ...) PRINTF(3, 4);
bool error_wrap(struct error *err, const char *fmt, ...) PRINTF(2, 3); // puts "…: " before the message; returns false
bool error_move(struct error *to, struct error *from);                 // returns false
// Says so to the compiler too: what is only set on success is then not taken for uninitialised.
#define error_set(...) ({ (error_set)(__VA_ARGS__); false; })
#define error_set_errno(...) ({ (error_set_errno)(__VA_ARGS__); false; })
#define error_wrap(...) ({ (error_wrap)(__VA_ARGS__); false; })
#define error_move(...) ({ (error_move)(__VA_ARGS__); false; })
void error_clear(struct error *err);                                   // frees; usable as cleanup(error_clear)
const char *error_text(const struct error *err);                       // never NULL
bool error_is_transient(const struct error *err);                      // TRANSIENT, TIMEOUT, CONFLICT

// ---- log: one JSON line each, Flux's keys -------------------------------------------------------
enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_ERROR };
struct log_field {
    const char *key;
    const char *text; // NULL: the number
    int64_t number;
    bool raw; // text is JSON already
};
#define LOG_S(k, v) ((struct log_field){.key = (k), .text = str_or((v), "")})
#define LOG_I(k, v) ((struct log_field){.key = (k), .number = (v)})
#define LOG_J(k, v) ((struct log_field){.key = (k), .text = (v), .raw = true})
// To stderr; json false is for people. Before any thread starts. logger: the "logger" key, NULL or "" for none (Flux
// has it on the lines of its set-up only); not copied.
void log_init(const char *logger, enum log_level least, bool json);
bool log_level_parse(const char *word, enum log_level *out); // trace debug info error
bool log_enabled(enum log_level level);
// Fields that every line of this thread carries until the next call (NULL, 0: none). The array is not copied.
void log_scope(const struct log_field *fields, size_t count);
void log_write(enum log_level level, const char *error, const char *message, const struct log_field *fields,
               size_t count);
#define LOG_FIELDS_(...) ((struct log_field[]){__VA_ARGS__ __VA_OPT__(, )(struct log_field){0}})
#define LOG_COUNT_(...) (sizeof(LOG_FIELDS_(__VA_ARGS__)) / sizeof(struct log_field) - 1)
#define log_debug(msg, ...) log_write(LOG_DEBUG, NULL, (msg), LOG_FIELDS_(__VA_ARGS__), LOG_COUNT_(__VA_ARGS__))
#define log_info(msg, ...) log_write(LOG_INFO, NULL, (msg), LOG_FIELDS_(__VA_ARGS__), LOG_COUNT_(__VA_ARGS__))
#define log_error(err, msg, ...) log_write(LOG_ERROR, (err), (msg), LOG_FIELDS_(__VA_ARGS__), LOG_COUNT_(__VA_ARGS__))
void json_escape(struct buf *out, const char *data, size_t len); // the inside of a JSON string, bad UTF-8 as U+FFFD

// ---- clock and time -----------------------------------------------------------------------------
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_wall_s(void);
int64_t clock_wall_us(void);
#define RFC3339_LEN 32
void time_rfc3339(int64_t unix_seconds, char out[RFC3339_LEN]);                   // 2026-01-02T15:04:05Z
void time_rfc3339_micro(int64_t unix_us, char out[RFC3339_LEN]);                  // 2026-01-02T15:04:05.000000Z
void time_rfc3339_nano(int64_t unix_s, int64_t nanos, char out[RFC3339_LEN + 8]); // trailing zeros dropped, as Go
bool time_parse_rfc3339(const char *s, int64_t *unix_us);
// Go's time.Duration as text: "1m30s", "1.5h", "300ms". Nanoseconds.
bool duration_parse(const char *s, int64_t *ns);
void duration_print(struct buf *out, int64_t ns);   // "1m30s", "0s", "1.5s"
char *duration_format(struct arena *a, int64_t ns); // the same, as a text of its own

// ---- small things -------------------------------------------------------------------------------
uint64_t random_u64(void);
double random_unit(void);                 // [0, 1)
void random_bytes(void *out, size_t len); // the system's generator
void uuid4(char out[37]);
void hex_encode(const void *data, size_t len, char *out); // 2 * len + 1 bytes
void base64_encode(struct buf *out, const void *data, size_t len);
// Standard alphabet with padding; white space between is skipped. False: not base64 (out holds what came before the
// fault).
bool base64_decode(struct buf *out, const char *data, size_t len);
// limit 0: none.
bool file_read(struct arena *a, const char *path, size_t limit, struct slice *out,
               struct error *err); // NUL after the data
// The same, and the time of its last change in unix seconds. A large file is mapped (arena_map), so nobody may be about to
// cut it short.
bool file_view(struct arena *a, const char *path, size_t limit, struct slice *out, int64_t *mtime, struct error *err);
// Writes beside the file, fsyncs, renames.
bool file_write_atomic(const char *path, const void *data, size_t len, unsigned mode, struct error *err);
bool fd_write_all(int fd, const void *data, size_t len); // false: errno
bool dir_make_all(const char *path, unsigned mode, struct error *err);
bool dir_remove_all(const char *path, struct error *err); // follows no symbolic link; a missing folder is no error
char *path_join(struct arena *a, const char *dir, const char *name);
// Go's path.Clean; and whether a cleaned relative path stays below its root.
struct slice path_clean_slice(struct arena *a, struct slice path);
char *path_clean(struct arena *a, const char *path);
bool path_is_local(const char *path);

#endif
