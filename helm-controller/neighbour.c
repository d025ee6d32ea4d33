// neighbour.c - finds a program by where this one lies.

#include "neighbour.h"

#include <limits.h>
#include <sys/auxv.h>
#include <unistd.h>

// The folder of this program, by the way it was started where there is no /proc.
static const char *own_folder(struct arena *a)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    const char *path = (const char *)getauxval(AT_EXECFN);
    if (len > 0) {
        self[len] = 0;
        path = self;
    }
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? arena_strndup(a, path, (size_t)(slash - path)) : ".";
}

const char *neighbour_find(struct arena *a, const char *name)
{
    static const char *const folders[] = {".", "../libexec/runnel"};
    const char *own = own_folder(a);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        const char *path = arena_printf(a, "%s/%s/%s", own, folders[i], name);
        if (access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}
