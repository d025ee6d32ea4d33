// tags.c - the tag database on disk.
#include "tags.h"

#include <unistd.h>

#include "digest/digest.h"

#define HEADER "runnel-tags 1 "
#define FILE_MAX (128u << 20) // 500,000 tags of 128 bytes, and some

// A name from the API server is a DNS name; this holds should one ever not be.
static bool is_file_name(const char *name)
{
    return !str_empty(name) && !strchr(name, '/') && name[0] != '.' && strlen(name) < 256;
}

static char *folder_of(struct arena *a, const struct tag_key *key, struct error *err)
{
    if (is_file_name(key->namespace) && is_file_name(key->name))
        return arena_printf(a, "%s/tags/%s/%s", key->storage, key->namespace, key->name);
    error_set(err, ERROR_INVALID, "tag database: \"%s/%s\" cannot name a folder", key->namespace, key->name);
    return NULL;
}

static int descending(const void *a, const void *b)
{
    return strcmp(*(const char *const *)b, *(const char *const *)a);
}

bool tags_store(struct arena *a, const struct tag_key *key, const char *image, const char **tags, size_t count,
                const char **checksum, struct error *err)
{
    char *folder = folder_of(a, key, err);
    if (!folder || !dir_make_all(folder, 0700, err))
        return false;
    if (count)
        qsort(tags, count, sizeof *tags, descending);
    char digest[SHA256_HEX];
    struct buf list = {0}, file = {0};
    for (size_t i = 0; i < count; i++) {
        buf_str(&list, tags[i]);
        buf_char(&list, '\n');
    }
    sha256_hex(buf_cstr(&list), list.len, digest);
    *checksum = arena_strdup(a, digest);
    buf_printf(&file, HEADER "%s %s\n", digest, image);
    buf_slice(&file, buf_view(&list));
    bool written = file_write_atomic(path_join(a, folder, "tags"), file.data, file.len, 0600, err);
    buf_free(&list);
    buf_free(&file);
    return written;
}

static bool header_fits(struct arena *a, struct slice header, const char *image, struct slice body)
{
    char digest[SHA256_HEX];
    sha256_hex(body.data, body.len, digest);
    return slice_eq_str(header, arena_printf(a, HEADER "%s %s", digest, image));
}

bool tags_load(struct arena *a, const struct tag_key *key, const char *image, const char ***tags, size_t *count,
               struct error *err)
{
    *tags = NULL;
    *count = 0;
    char *folder = folder_of(a, key, err);
    if (!folder)
        return false;
    char *path = path_join(a, folder, "tags");
    if (access(path, F_OK) < 0)
        return true;
    struct slice data, header, body;
    if (!file_read(a, path, FILE_MAX, &data, err))
        return false;
    if (!slice_cut(data, '\n', &header, &body) || !header_fits(a, header, image, body))
        return true;
    VEC(const char *) list = {0};
    char *line = (char *)body.data, *end = line + body.len; // ours: file_read made it
    for (char *newline; line < end && (newline = memchr(line, '\n', (size_t)(end - line))); line = newline + 1) {
        *newline = '\0';
        vec_push(a, &list, line);
    }
    *tags = list.items;
    *count = list.len;
    return true;
}

bool tags_delete(struct arena *a, const struct tag_key *key, struct error *err)
{
    char *folder = folder_of(a, key, err);
    if (!folder || !dir_remove_all(folder, err))
        return false;
    rmdir(arena_printf(a, "%s/tags/%s", key->storage, key->namespace)); // the namespace's, when this was the last one
    return true;
}
