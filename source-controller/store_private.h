// store_private.h - what the files of the artifact store share.
#ifndef RUNNEL_STORE_PRIVATE_H
#define RUNNEL_STORE_PRIVATE_H

#include <stdint.h>

struct store { // does not change after store_open
    char *path, *work, *hostname, *algorithm;
    int64_t retention_ms;
    int retention_records;
};

#endif
