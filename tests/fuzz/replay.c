// replay.c - runs a fuzz target once over each file named, or each file of each folder named: the seeds, as a unit test
// that needs no libFuzzer; and what libFuzzer found, to look at it.
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static size_t replay_file(const char *path)
{
    struct arena *a cleanup(cleanup_arena) = arena_new();
    struct error err cleanup(error_clear) = {0};
    struct slice bytes;
    if (!file_read(a, path, 0, &bytes, &err)) {
        fprintf(stderr, "%s\n", error_text(&err));
        exit(1);
    }
    struct slice exact = fuzz_exact(a, bytes);
    LLVMFuzzerTestOneInput((const uint8_t *)exact.data, exact.len);
    return 1;
}

static size_t replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return replay_file(path);
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    size_t ran = 0;
    for (int i = 0; i < count; i++) {
        if (names[i]->d_name[0] != '.') {
            char *file cleanup(cleanup_free) = xasprintf("%s/%s", path, names[i]->d_name);
            ran += replay_file(file);
        }
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return ran;
}

int main(int argc, char **argv)
{
    size_t ran = 0;
    for (int i = 1; i < argc; i++)
        ran += replay(argv[i]);
    printf("%zu inputs\n", ran);
    return ran ? 0 : 1;
}
