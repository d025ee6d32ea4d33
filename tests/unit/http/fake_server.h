// fake_server.h - an HTTP server inside a test that answers whatever the test wants, also what no sane server would.
//
// One thread accepts, one serves each connection. The handler runs on the connection's thread, one call at a time in
// the whole server.
#ifndef RUNNEL_TEST_FAKE_SERVER_H
#define RUNNEL_TEST_FAKE_SERVER_H

#include "base/base.h"

struct fake;
struct fake_request {
    const char *method, *target; // target with its query
    const char *head;            // request line and headers, as they came
    struct slice body;
    int connection; // number of the connection, from 1
};
// Writes a whole answer (fake_reply, or raw bytes). An empty one closes the connection without a word.
typedef void fake_handler(void *ctx, const struct fake_request *req, struct buf *answer);

struct fake *fake_start(fake_handler *handler, void *ctx);
// The same with TLS: a certificate for `name` signed by a CA made for this server (fake_ca: its PEM).
struct fake *fake_start_tls(fake_handler *handler, void *ctx, const char *name);
const char *fake_ca(const struct fake *f);
const char *fake_url(const struct fake *f); // http://127.0.0.1:PORT (https)
int fake_port(const struct fake *f);
int fake_requests(struct fake *f); // how many came so far
void fake_stop(struct fake *f);

// headers: lines that each end with \r\n. Content-Length is added.
void fake_reply(struct buf *answer, int status, const char *headers, const char *body);
// The value of a request's header in a static buffer of the calling thread; NULL: absent.
const char *fake_header(const struct fake_request *req, const char *name);

#endif
