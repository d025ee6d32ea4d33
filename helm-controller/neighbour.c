// neighbour.c - finds a program by where this one lies.

#include "neighbour.h"

#include <limits.h>
#include <unistd.h>

const char *neighbour_find(struct arena *a, const char *name)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0)
        return NULL;
    self[len] = 0;
    *strrchr(self, '/') = 0; // the kernel's path is absolute
    static const char *const folders[] = {".", "../libexec/runnel"};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        const char *path = arena_printf(a, "%s/%s/%s", self, folders[i], name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}
