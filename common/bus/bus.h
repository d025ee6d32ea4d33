// bus.h - the hint channel between the controllers: nanomsg PUB/SUB.
//
// A message names an object and a revision; the only reaction to one is to look at that object soon. Messages can be
// lost, late, repeated, forged or garbage; the receiver validates, counts what it drops, and takes one a second for
// each object.
#ifndef RUNNEL_BUS_H
#define RUNNEL_BUS_H

#include "base/base.h"

struct bus;

enum bus_topic { BUS_ARTIFACT, BUS_CHART, BUS_RELEASE, BUS_POLICY, BUS_PUSH };
struct bus_message {
    enum bus_topic topic;
    const char *kind, *namespace, *name; // the object it is about: "GitRepository"
    const char *revision;                // of the artifact, image or commit; may be ""
    const char *url;                     // of a push: the Git remote without user info; else ""
};
struct bus_options {
    const char *bind;           // "tcp://0.0.0.0:9550", "ipc:///…"; NULL: publishes nothing
    const char *const *connect; // the others' addresses, NULL-terminated
    // On the bus thread; the message lives until it returns.
    void (*receive)(void *ctx, const struct bus_message *m);
    void *ctx;
    int64_t redial_ms; // 0: five minutes, see bus.c
};
struct bus_stats {
    uint64_t sent, received, malformed, dropped; // dropped: over the rate of one for each object a second
};

struct bus *bus_start(const struct bus_options *options, struct error *err);
void bus_publish(struct bus *b, const struct bus_message *m); // never blocks; b may be NULL
struct bus_stats bus_stats(struct bus *b);
void bus_stop(struct bus *b);
const char *bus_topic_name(enum bus_topic t);
// The wire form, for tests and the fuzzer: "artifact\n1\nGitRepository\nns\nname\nrevision\nurl".
bool bus_encode(struct buf *out, const struct bus_message *m);
bool bus_decode(struct arena *a, const char *data, size_t len, struct bus_message *out);

#endif
