// test_bus.c - two buses over real sockets: delivery, garbage, a flood; stopping under load (TSan).
#include <arpa/inet.h>
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "bus/bus.h"

struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t count;
    char last[512];
};

static void receive(void *ctx, const struct bus_message *m)
{
    struct inbox *in = ctx;
    pthread_mutex_lock(&in->lock);
    in->count++;
    snprintf(in->last, sizeof in->last, "%s %s %s/%s %s %s", bus_topic_name(m->topic), m->kind, m->namespace, m->name,
             m->revision, m->url);
    pthread_cond_broadcast(&in->changed);
    pthread_mutex_unlock(&in->lock);
}

static char address[64];
static void new_address(void)
{
    static int n;
    snprintf(address, sizeof address, "ipc:///tmp/runnel-bus-%d-%d", (int)getpid(), n++);
}

static void remove_address(void)
{
    unlink(address + strlen("ipc://"));
}

// PUB drops what is sent before a subscriber is there: publishes again, under new names, until one has arrived.
static void meet(struct bus *from, struct inbox *in)
{
    int64_t deadline = clock_mono_ms() + 20000;
    for (int i = 0;; i++) {
        char name[32];
        snprintf(name, sizeof name, "hello-%d", i);
        bus_publish(from, &(struct bus_message){BUS_ARTIFACT, "GitRepository", "ns", name, "", ""});
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 20 * 1000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&in->lock);
        if (!in->count)
            pthread_cond_timedwait(&in->changed, &in->lock, &until);
        bool met = in->count != 0;
        pthread_mutex_unlock(&in->lock);
        if (met)
            return;
        assert_true(clock_mono_ms() < deadline);
    }
}

// A message that comes after all that was sent before it.
static void wait_last(struct inbox *in, const char *want)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&in->lock);
    while (strcmp(in->last, want) != 0)
        assert_int_equal(pthread_cond_timedwait(&in->changed, &in->lock, &until), 0);
    pthread_mutex_unlock(&in->lock);
}

static size_t count_of(struct inbox *in)
{
    pthread_mutex_lock(&in->lock);
    size_t n = in->count;
    pthread_mutex_unlock(&in->lock);
    return n;
}

#define INBOX                                                                                                          \
    {                                                                                                                  \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                                         \
    }

static void test_delivery(void **state)
{
    new_address();
    struct inbox in = INBOX;
    struct error err = {0};
    struct bus *hears = bus_start(
        &(struct bus_options){.connect = (const char *[]){address, NULL}, .receive = receive, .ctx = &in}, &err);
    assert_non_null(hears);
    struct bus *says = bus_start(&(struct bus_options){.bind = address}, &err);
    assert_non_null(says);
    meet(says, &in);
    bus_publish(
        says, &(struct bus_message){BUS_PUSH, "ImageUpdateAutomation", "apps", "auto", "main@sha1:1", "https://git/x"});
    wait_last(&in, "push ImageUpdateAutomation apps/auto main@sha1:1 https://git/x");
    // The same object again and again: over the rate. Another one after it shows that all were seen.
    for (int i = 0; i < 10; i++)
        bus_publish(says, &(struct bus_message){BUS_PUSH, "ImageUpdateAutomation", "apps", "auto", "main@sha1:2", ""});
    bus_publish(says, &(struct bus_message){BUS_PUSH, "ImageUpdateAutomation", "apps", "other", NULL, NULL});
    wait_last(&in, "push ImageUpdateAutomation apps/other  ");
    struct bus_stats heard = bus_stats(hears);
    assert_true(heard.dropped >= 1 && heard.malformed == 0);
    assert_int_equal(heard.received, heard.dropped + count_of(&in));
    // What would be refused there is not sent.
    uint64_t sent = bus_stats(says).sent;
    bus_publish(says, &(struct bus_message){BUS_PUSH, "Pod", "apps", "x", "", ""});
    bus_publish(NULL, &(struct bus_message){BUS_PUSH, "HelmRelease", "apps", "x", "", ""});
    assert_int_equal(bus_stats(says).sent, sent);
    bus_stop(says);
    bus_stop(hears);
    bus_stop(NULL);
    remove_address();
}

static void test_garbage_and_flood(void **state)
{
    new_address();
    struct inbox in = INBOX;
    struct error err = {0};
    int raw = nn_socket(AF_SP, NN_PUB);
    assert_true(nn_bind(raw, address) >= 0);
    struct bus *hears = bus_start(
        &(struct bus_options){.connect = (const char *[]){address, NULL}, .receive = receive, .ctx = &in}, &err);
    assert_non_null(hears);
    const char last[] = "chart\n1\nHelmChart\nns\nlast-0\nr\n";
    int64_t deadline = clock_mono_ms() + 20000;
    while (!bus_stats(hears).received) {
        nn_send(raw, "x", 1, NN_DONTWAIT);
        assert_true(clock_mono_ms() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    // PUB drops when its pipe is full: pace the flood by what has arrived.
    enum { ROUNDS = 3000 };
    for (int i = 0; i < ROUNDS; i++) {
        char junk[300];
        random_bytes(junk, sizeof junk);
        nn_send(raw, junk, sizeof junk, 0);
        nn_send(raw, "chart\n1\nHelmChart\nns\nsame\nr\n", strlen("chart\n1\nHelmChart\nns\nsame\nr\n"), 0);
    }
    bool seen = false;
    for (int i = 0; !seen; i++) {
        char text[64];
        snprintf(text, sizeof text, "chart\n1\nHelmChart\nns\nlast-%d\nr\n", i);
        nn_send(raw, i ? text : last, strlen(i ? text : last), 0);
        assert_true(clock_mono_ms() < deadline);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1;
        pthread_mutex_lock(&in.lock);
        if (!strstr(in.last, "last-"))
            pthread_cond_timedwait(&in.changed, &in.lock, &until);
        seen = strstr(in.last, "last-");
        pthread_mutex_unlock(&in.lock);
    }
    struct bus_stats s = bus_stats(hears);
    assert_true(s.malformed > 0 && s.dropped > 0);
    assert_int_equal(s.received, s.malformed + s.dropped + count_of(&in));
    assert_true(count_of(&in) < 100); // "same" once a second, and "last-N"
    bus_stop(hears);
    nn_close(raw);
    remove_address();
}

struct publisher {
    struct bus *bus;
    pthread_mutex_t lock;
    bool end;
};

static void *publish_loop(void *ctx)
{
    struct publisher *p = ctx;
    for (int i = 0;; i++) {
        pthread_mutex_lock(&p->lock);
        bool end = p->end;
        pthread_mutex_unlock(&p->lock);
        if (end)
            return NULL;
        char name[32];
        snprintf(name, sizeof name, "n%d", i);
        bus_publish(p->bus, &(struct bus_message){BUS_ARTIFACT, "Bucket", "ns", name, "", ""});
    }
}

static void test_stop_under_load(void **state)
{
    new_address();
    struct error err = {0};
    struct publisher p = {.lock = PTHREAD_MUTEX_INITIALIZER,
                          .bus = bus_start(&(struct bus_options){.bind = address}, &err)};
    assert_non_null(p.bus);
    pthread_t thread;
    pthread_create(&thread, NULL, publish_loop, &p);
    for (int i = 0; i < 5; i++) {
        struct inbox in = INBOX;
        struct bus *hears = bus_start(
            &(struct bus_options){.connect = (const char *[]){address, NULL}, .receive = receive, .ctx = &in}, &err);
        meet(p.bus, &in);
        int64_t started = clock_mono_ms();
        bus_stop(hears);
        assert_true(clock_mono_ms() - started < 5000);
    }
    pthread_mutex_lock(&p.lock);
    p.end = true;
    pthread_mutex_unlock(&p.lock);
    pthread_join(thread, NULL);
    bus_stop(p.bus);
    remove_address();
}

// A publisher whose machine vanishes: it shook hands and says nothing any more, nor does it hang up. Another one takes
// its address.
static void test_dead_publisher(void **state)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof where;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    assert_true(bind(listener, (struct sockaddr *)&where, len) == 0 && listen(listener, 1) == 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&where, &len), 0);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", ntohs(where.sin_port));
    struct inbox in = INBOX;
    struct error err = {0};
    struct bus *hears = bus_start(
        &(struct bus_options){
            .connect = (const char *[]){address, NULL}, .receive = receive, .ctx = &in, .redial_ms = 500},
        &err);
    assert_non_null(hears);
    int dead = accept(listener, NULL, NULL);
    assert_true(dead >= 0);
    assert_int_equal(send(dead, "\0SP\0\0\x20\0\0", 8, 0), 8); // SP over TCP: version 0, protocol 2 * 16 + 0, PUB
    close(listener);
    struct bus *says = bus_start(&(struct bus_options){.bind = address}, &err);
    assert_non_null(says);
    meet(says, &in);
    bus_stop(says);
    bus_stop(hears);
    close(dead);
}

static void test_bad_addresses(void **state)
{
    struct error err = {0};
#ifndef __SANITIZE_THREAD__ // glibc resolves in a thread that TSan does not see begin: its allocator faults there
    // A neighbour that is not there yet, nor its name: looked for again and again, and no reason not to start.
    struct bus *alone = bus_start(
        &(struct bus_options){.connect = (const char *[]){"tcp://no-such-host.invalid:9550", NULL}, .receive = receive},
        &err);
    assert_non_null(alone);
    bus_stop(alone);
#endif
    assert_null(bus_start(&(struct bus_options){.bind = "nonsense"}, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    assert_non_null(strstr(error_text(&err), "bus: bind nonsense: "));
    error_clear(&err);
    assert_null(
        bus_start(&(struct bus_options){.connect = (const char *[]){"tcp://", NULL}, .receive = receive}, &err));
    assert_int_equal(err.class, ERROR_INVALID);
    error_clear(&err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delivery),        cmocka_unit_test(test_garbage_and_flood),
        cmocka_unit_test(test_stop_under_load), cmocka_unit_test(test_dead_publisher),
        cmocka_unit_test(test_bad_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
