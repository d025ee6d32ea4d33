// private.h - what the files of the http library share: the pool of curl handles and one transfer on one of them.
#ifndef RUNNEL_HTTP_PRIVATE_H
#define RUNNEL_HTTP_PRIVATE_H

#include "http/http.h"

#include <curl/curl.h>
#include <pthread.h>

struct http {
    pthread_mutex_t lock; // guards idle and idle_count; the rest does not change
    CURL **idle;          // handles at rest, each with its connections
    int idle_count, idle_max;
    char *user_agent, *server_name;
    char *proxy, *proxy_user, *proxy_password; // proxy: without user info, so that no message of curl's can quote it
    struct slice ca, cert, key; // malloc'd
    bool insecure, system_too;
};

// A handle with the client's options set; the caller gives it back with pool_release.
CURL *pool_acquire(struct http *h);
void pool_release(struct http *h, CURL *curl);

// One request to one URL: no redirect, no second try.
struct transfer {
    const struct http_request *req;
    const char *method, *url;    // without user info
    bool credentials;            // send req's (and its Authorization and Cookie headers)
    const char *user, *password; // basic
    bool body;                   // send req's body
    int64_t timeout_ms;
    // results
    bool delivered;  // the sink has seen bytes, or the body was streamed from req->read
    bool repeatable; // the fault may be gone at a second try
};
bool transfer_run(struct http *h, struct arena *a, struct transfer *t, struct http_response *res, struct error *err);

#endif
