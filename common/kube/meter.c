// meter.c - requests counted for an observer, and held back above a rate.
#include "kube/kube_internal.h"

#include <time.h>

void kube_set_observer(struct kube *k, void (*fn)(void *ctx, long status, const char *method, const char *host),
                       void *ctx)
{
    k->meter.observe = fn;
    k->meter.ctx = ctx;
}

void kube_set_rate(struct kube *k, double per_second, double burst)
{
    pthread_mutex_lock(&k->lock);
    k->meter.per_second = per_second;
    k->meter.burst = k->meter.tokens = burst;
    k->meter.at_us = clock_mono_us();
    pthread_mutex_unlock(&k->lock);
}

void meter_observe(struct kube *k, CURL *easy, const char *method)
{
    if (!k->meter.observe)
        return;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    const char *host = strstr(k->config.server, "://");
    host = host ? host + 3 : k->config.server;
    cleanup(cleanup_free) char *name = xstrndup(host, strcspn(host, "/"));
    k->meter.observe(k->meter.ctx, status, method, name);
}

// A token bucket. Each request takes one, and may take one of the future: then it waits until that has come.
void meter_wait(struct kube *k)
{
    pthread_mutex_lock(&k->lock);
    if (k->meter.per_second <= 0) {
        pthread_mutex_unlock(&k->lock);
        return;
    }
    int64_t now = clock_mono_us();
    double tokens = k->meter.tokens + (double)(now - k->meter.at_us) * k->meter.per_second / 1e6;
    k->meter.tokens = (tokens < k->meter.burst ? tokens : k->meter.burst) - 1;
    k->meter.at_us = now;
    transport_pause(k, k->meter.tokens < 0 ? now + (int64_t)(-k->meter.tokens / k->meter.per_second * 1e6) : now);
    pthread_mutex_unlock(&k->lock);
}
