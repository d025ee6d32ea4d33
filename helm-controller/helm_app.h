// helm_app.h - what the helm-controller's process has: its kind, and the connections to artifact servers.
#ifndef RUNNEL_HELM_APP_H
#define RUNNEL_HELM_APP_H

#include "controller/controller.h"
#include "http/http.h"

struct helm_app {
    struct http *http; // thread-safe
};

extern const struct controller_kind helm_release_kind;

#endif
