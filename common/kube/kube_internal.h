// kube_internal.h - what the files of common/kube share: the client handle, the request layer, texts of objects.
#ifndef RUNNEL_KUBE_INTERNAL_H
#define RUNNEL_KUBE_INTERNAL_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/monotonic.h"
#include "kube/kube.h"

// ---- limits and times ---------------------------------------------------------------------------------------------
#define KUBE_ANSWER_LIMIT (64u << 20) // of one answer that is held as a whole
#define KUBE_OBJECT_LIMIT (16u << 20) // of one object in a list or watch event; etcd's own limit is 1.5 MiB
#define KUBE_STATUS_LIMIT (1u << 20)  // of the body of an error answer
#define KUBE_CALL_MS 60000            // a whole call: the API server gives a request a minute, webhooks included
#define KUBE_RETRY_MS 10000
#define KUBE_CONNECT_MS 10000
#define KUBE_SILENCE_MS 8000
#define KUBE_PAGE 500

// ---- the handle ---------------------------------------------------------------------------------------------------
struct conn; // a pooled connection, see transport.c
struct discovery;

struct kube {
    struct arena *arena;       // of config and server
    struct kube_config config; // not changed after kube_new
    char *server;      // the URL requests start with: no trailing slash; its host is tls_server_name where that is set
    char *connect_to;  // curl's "::host:port" then, else NULL
    char *host_header; // "Host: …" then, else NULL
    int64_t retry_ms;  // no new try begins later than this after a call's start
    long silence_ms;   // what a call sent and nobody acknowledged for so long: its connection is dead
    atomic_int cancelled;

    pthread_mutex_t lock;   // of all below
    pthread_cond_t changed; // an informer is synced, or cancelled: monotonic clock
    char *user_agent;
    char *file_token; // what token_file held
    struct timespec token_mtime;
    int64_t token_size, token_inode;
    struct conn *conns, *idle;
    size_t idle_count;

    struct discovery *discovery;

    struct {
        void (*observe)(void *ctx, long status, const char *method,
                        const char *host); // not changed after the first request
        void *ctx;
        double per_second, burst, tokens;
        int64_t at_us; // when `tokens` was right
    } meter;
};

// The token to send, for secret_free; NULL (and no error) where none is configured. force: read the file even if it looks
// unchanged.
bool kube_token(struct kube *k, bool force, char **token, struct error *err);

// ---- one request --------------------------------------------------------------------------------------------------
struct kube_call {
    const char *method; // NULL: GET
    const char *path;   // from the server's root, with the query
    const char *accept; // NULL: application/json
    const char *content_type;
    struct slice body; // data NULL: none
    bool once;         // not to be sent again after it may have been carried out (creation, JSON patch)
    bool watch;        // of the watch thread: its connection is silent for long
    // Where the body of a 2xx answer goes piece by piece; NULL: answer.body. `begin` comes before the first piece of
    // each try.
    bool (*sink)(void *ctx, const char *data, size_t len, struct error *err);
    void (*begin)(void *ctx);
    void *ctx;
};
struct kube_answer {
    long status;
    struct slice body; // in the arena
    bool json;         // the content type said so
};
// True for a 2xx answer. Everything else is an error of its class; a Status object's message is the error's.
bool kube_do(struct kube *k, struct arena *a, const struct kube_call *call, struct kube_answer *answer,
             struct error *err);
// kube_do, and the answer parsed (out may be NULL).
bool kube_do_json(struct kube *k, struct arena *a, const struct kube_call *call, struct value *out, struct error *err);
void meter_observe(struct kube *k, CURL *easy, const char *method); // after a transfer
void meter_wait(struct kube *k);                                    // before a request
// With k->lock held: until this time of clock_mono_us(). False: cancelled before that.
bool transport_pause(struct kube *k, int64_t until_us);
void transport_wake(struct kube *k); // with k->lock held: requests under way look at `cancelled`
void transport_free(struct kube *k);
void transport_once(void); // curl's global initialisation

// What an easy handle needs to ask this server; the watch thread uses it as well. The lines live until the transfer's
// end.
struct call_lines {
    struct curl_slist *headers, *connect_to;
    char *url, *token;
};
bool call_prepare(struct kube *k, CURL *easy, const struct kube_call *call, struct call_lines *lines,
                  struct error *err);
void call_lines_free(struct call_lines *lines);
bool bad_json(struct error *err); // json_parse's error on an answer: made transient. Returns false
// What curl says after a failed transfer, as an error. message: CURLOPT_ERRORBUFFER's.
bool call_failed(const char *method, const char *url, CURLcode code, const char *message, struct error *err);
// Sets err from an answer outside 2xx: class by status, message from its Status object. Returns false.
bool status_error(const char *method, const char *url, long status, struct slice body, struct error *err);

// ---- paths --------------------------------------------------------------------------------------------------------
void path_group(struct buf *out, const char *api_version); // "/api/v1", "/apis/apps/v1"
void path_segment(struct buf *out, const char *text);      // "/", and the text percent-encoded
void path_query(struct buf *out, const char *key,
                const char *value); // "?key=value" or "&key=value"; no effect when value is empty
void path_resource(struct buf *out, const struct kube_resource *resource, const char *namespace); // a kind's collection
bool path_collection(struct kube *k, const char *api_version, const char *kind, const char *namespace, struct buf *out,
                     struct kube_resource *resource, struct error *err); // the same after discovery
#define ACCEPT_METADATA_LIST "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
#define ACCEPT_METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

// ---- discovery ----------------------------------------------------------------------------------------------------
struct discovery *discovery_new(void);
void discovery_free(struct discovery *d);
// Takes an APIResourceList (body) or the word that the group version is not there (body.data NULL), asked for at asked_ms.
bool discovery_store(struct kube *k, const char *api_version, struct slice body, int64_t asked_ms, struct error *err);
// What is known without asking. *fresh: it was asked for so lately that asking again is no use.
bool discovery_lookup(struct kube *k, const char *api_version, const char *kind, struct kube_resource *out,
                      bool *fresh);

// ---- configuration, for tests -------------------------------------------------------------------------------------
bool kube_config_in_cluster(struct arena *a, const char *folder, const char *host, const char *port,
                            struct kube_config *out, struct error *err);

#endif
