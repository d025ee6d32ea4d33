// monotonic.h - condition variables that are waited on until a time of clock_mono_us(), whatever becomes of the wall
// clock.
#ifndef RUNNEL_BASE_MONOTONIC_H
#define RUNNEL_BASE_MONOTONIC_H

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/base.h"

static inline void monotonic_init(pthread_cond_t *cond)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

// With the lock held, as pthread_cond_wait. False: the time has come.
static inline bool monotonic_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_us)
{
    const struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}

#endif
