// bus.c - nanomsg sockets: one that publishes, one that hears the others, and the thread that listens.
//
// A subscriber only listens: should a publisher's machine vanish without a word, its connection would stay open, and
// silent, for good. So all connections are made anew from time to time. What is said in that moment is lost, as hints
// may be.
#include "bus/bus.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bus/rate.h"

enum { MESSAGE_MAX = 4096, RECONNECT_MS = 100, RECONNECT_MAX_MS = 2000, WINDOW_MS = 1000, REDIAL_MS = 300000 };

struct peer {
    char *address;
    int endpoint; // nanomsg's number of the connection
};

struct bus {
    int pub, sub; // -1: none
    void (*receive)(void *ctx, const struct bus_message *m);
    void *ctx;
    VEC(struct peer) peers; // the thread's, once it runs
    int64_t redial_ms;
    pthread_t thread;
    bool running;
    struct rate *rate;
    atomic_bool ending;
    _Atomic uint64_t sent, received, malformed, dropped;
};

static bool open_pub(struct bus *b, const char *address, struct error *err)
{
    b->pub = nn_socket(AF_SP, NN_PUB);
    if (b->pub < 0 || nn_bind(b->pub, address) < 0)
        return error_set(err, ERROR_INVALID, "bus: bind %s: %s", address, nn_strerror(nn_errno()));
    return true;
}

static bool open_sub(struct bus *b, const char *const *addresses, struct error *err)
{
    b->sub = nn_socket(AF_SP, NN_SUB);
    if (b->sub < 0)
        return error_set(err, ERROR_TRANSIENT, "bus: %s", nn_strerror(nn_errno()));
    nn_setsockopt(b->sub, NN_SUB, NN_SUB_SUBSCRIBE, "", 0); // all topics: what is no message is to be counted
    nn_setsockopt(b->sub, NN_SOL_SOCKET, NN_RECONNECT_IVL, &(int){RECONNECT_MS}, sizeof(int));
    nn_setsockopt(b->sub, NN_SOL_SOCKET, NN_RECONNECT_IVL_MAX, &(int){RECONNECT_MAX_MS}, sizeof(int));
    nn_setsockopt(b->sub, NN_SOL_SOCKET, NN_RCVTIMEO, &(int){(int)b->redial_ms}, sizeof(int));
    for (; *addresses; addresses++) {
        int endpoint = nn_connect(b->sub, *addresses);
        if (endpoint < 0)
            return error_set(err, ERROR_INVALID, "bus: connect %s: %s", *addresses, nn_strerror(nn_errno()));
        vec_push(NULL, &b->peers, (struct peer){xstrdup(*addresses), endpoint});
    }
    return true;
}

static void take(struct bus *b, struct arena *scratch, const char *data, size_t len)
{
    struct bus_message m;
    b->received++;
    if (len > MESSAGE_MAX || !bus_decode(scratch, data, len, &m)) { // a longer one was cut when it was received
        b->malformed++;
        return;
    }
    const char *key = arena_printf(scratch, "%s/%s/%s", m.kind, m.namespace, m.name);
    if (!rate_allow(b->rate, key, clock_mono_ms())) {
        b->dropped++;
        return;
    }
    b->receive(b->ctx, &m);
}

static void redial(struct bus *b)
{
    for (size_t i = 0; i < b->peers.len; i++) {
        struct peer *p = &b->peers.items[i];
        if (p->endpoint >= 0)
            nn_shutdown(b->sub, p->endpoint);
        p->endpoint = nn_connect(b->sub, p->address);
    }
}

static void *listen_loop(void *ctx)
{
    struct bus *b = ctx;
    struct arena *scratch = arena_new();
    struct arena_mark empty = arena_mark(scratch);
    int64_t redial_at = clock_mono_ms() + b->redial_ms;
    while (!b->ending) {
        char data[MESSAGE_MAX];
        if (clock_mono_ms() >= redial_at) {
            redial(b);
            redial_at = clock_mono_ms() + b->redial_ms;
        }
        int n = nn_recv(b->sub, data, sizeof data, 0);
        if (n < 0) {
            if (nn_errno() == EINTR || nn_errno() == ETIMEDOUT || nn_errno() == EAGAIN)
                continue;
            break; // EBADF, ETERM: the socket was closed by bus_stop
        }
        take(b, scratch, data, (size_t)n);
        arena_reset(scratch, empty);
    }
    arena_free(scratch);
    return NULL;
}

struct bus *bus_start(const struct bus_options *options, struct error *err)
{
    struct bus *b = xcalloc(1, sizeof *b);
    b->pub = b->sub = -1;
    b->receive = options->receive;
    b->ctx = options->ctx;
    b->redial_ms = options->redial_ms ? options->redial_ms : REDIAL_MS;
    b->rate = rate_new(WINDOW_MS);
    bool listens = options->connect && options->connect[0];
    if ((options->bind && !open_pub(b, options->bind, err)) || (listens && !open_sub(b, options->connect, err))) {
        bus_stop(b);
        return NULL;
    }
    if (listens) {
        b->running = pthread_create(&b->thread, NULL, listen_loop, b) == 0;
        if (!b->running) {
            error_set(err, ERROR_TRANSIENT, "bus: cannot start its thread");
            bus_stop(b);
            return NULL;
        }
    }
    return b;
}

void bus_publish(struct bus *b, const struct bus_message *m)
{
    if (!b || b->pub < 0)
        return;
    struct buf out = {0};
    if (bus_encode(&out, m) && out.len <= MESSAGE_MAX && nn_send(b->pub, out.data, out.len, NN_DONTWAIT) >= 0)
        b->sent++;
    buf_free(&out);
}

struct bus_stats bus_stats(struct bus *b)
{
    if (!b)
        return (struct bus_stats){0};
    return (struct bus_stats){
        .sent = b->sent, .received = b->received, .malformed = b->malformed, .dropped = b->dropped};
}

void bus_stop(struct bus *b)
{
    if (!b)
        return;
    b->ending = true;
    if (b->sub >= 0)
        nn_close(b->sub); // wakes the thread
    if (b->running)
        pthread_join(b->thread, NULL);
    if (b->pub >= 0)
        nn_close(b->pub);
    for (size_t i = 0; i < b->peers.len; i++)
        free(b->peers.items[i].address);
    free(b->peers.items);
    rate_free(b->rate);
    free(b);
}
