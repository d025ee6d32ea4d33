// runtime.h - inside controller: the process, a running kind, one reconcile, and what the files offer each other.
#ifndef RUNNEL_CONTROLLER_RUNTIME_H
#define RUNNEL_CONTROLLER_RUNTIME_H

#include <pthread.h>
#include <stdatomic.h>

#include "bus/rate.h"
#include "controller/controller.h"
#include "controller/queue.h"
#include "controller/schema.h"

// ---- flags.c --------------------------------------------------------------------------------------------------------
struct flags;
// own: the program's, which take the place of a common one of the same name. NULL: err says what is wrong with the
// command line.
struct flags *flags_parse(const struct flag *own, size_t own_count, int argc, char **argv, struct error *err);
void flags_free(struct flags *f);
bool flags_help_wanted(const struct flags *f);
void flags_help(const struct flags *f, const char *program, struct buf *out);
bool flags_known(const struct flags *f, const char *name);
const char *flags_text(const struct flags *f,
                       const char *name); // aborts on a name that does not exist: a programming error
bool flags_bool(const struct flags *f, const char *name);
int64_t flags_int(const struct flags *f, const char *name);
int64_t flags_ms(const struct flags *f, const char *name);

// ---- instruments.c: the metrics that controller-runtime and Flux export ---------------------------------------------
struct instruments {
    struct metric *reconcile_total, *reconcile_errors, *reconcile_terminal_errors, *reconcile_panics,
        *reconcile_timeouts;
    struct metric *reconcile_seconds, *max_concurrent, *active_workers;
    struct metric *queue_depth, *queue_adds, *queue_wait_seconds, *queue_work_seconds, *queue_unfinished,
        *queue_longest, *queue_retries;
    struct metric *object_seconds; // gotk_reconcile_duration_seconds
    struct metric *leader;
    struct metric *bus_messages, *events_dropped; // Runnel's own
    struct metric *requests;
};
void instruments_init(struct instruments *i, struct metrics *m);
void instruments_controller(struct app *app, const struct controller *c); // its series, at zero

// ---- events.c -------------------------------------------------------------------------------------------------------
struct recorder;
struct recorder *recorder_new(struct app *app, const char *webhook, struct error *err);
// Queues an event; never blocks. The values are written out before it returns.
void recorder_add(struct recorder *r, struct arena *scratch, struct value object, const char *type, const char *reason,
                  const char *message, struct value annotations);
// Sends what is queued until then (clock_mono_ms), cancels the app's API client, and frees.
void recorder_stop(struct recorder *r, int64_t deadline_ms);

// ---- memory.c -------------------------------------------------------------------------------------------------------
void memory_tune(char **argv); // first of all: the program may start anew
void memory_give_back(void);   // what is free of the heap, and code that was touched: it comes back from the page cache

// ---- leader.c -------------------------------------------------------------------------------------------------------
struct leader;
struct leader_options {
    const char *name, *namespace, *identity;
    int64_t lease_ms, renew_ms, retry_ms;
    bool release;                             // on leader_stop
    void (*changed)(void *ctx, bool leading); // on its thread; false after true: the lease was lost
    void *ctx;
};
struct leader *leader_start(struct kube *k, const struct leader_options *options, struct error *err);
// Milliseconds until the renewal is overdue: then a request hangs, and another instance may soon believe the lease free.
// INT64_MAX where there was none yet.
int64_t leader_time_left(const struct leader *l);
void leader_stop(struct leader *l, int64_t deadline_ms); // releases the lease when the server answers until then

// ---- the process ----------------------------------------------------------------------------------------------------
struct watched { // an informer, and the controllers that its events concern
    struct app *app;
    const char *api_version, *kind, *label_selector;
    bool metadata_only, optional;
    struct informer *informer;
    VEC(struct subscriber) subscribers;
    pthread_mutex_t lock; // of `told`
    struct map *told;     // key to the resourceVersion that the subscribers know already, before the watch brings it
};
struct subscriber {
    struct controller *controller;
    const struct controller_map *map; // NULL: it is the controller's own kind
};

struct worker {
    pthread_t thread;
    struct controller *controller;
    enum { WORKER_NONE, WORKER_RUNNING, WORKER_ENDED } state; // ENDED: to be joined
};
struct controller {
    struct app *app;
    const struct controller_kind *kind;
    char *name;  // "gitrepository", as controller-runtime names it
    char *group; // "source.toolkit.fluxcd.io"
    struct queue *queue;
    struct informer *own;
    struct watched *watched; // what `own` belongs to
    pthread_mutex_t lock;    // of what follows
    pthread_cond_t worker_ended;
    struct worker *workers;
    size_t worker_count, running;
    bool started;
    atomic_size_t active;
};

struct app {
    const struct app_spec *spec;
    struct flags *flags;
    struct kube *kube;
    struct watcher *watcher;
    struct metrics *metrics;
    struct instruments instruments;
    struct recorder *recorder;
    struct bus *bus;
    struct rate *hints; // one reconcile of an object in ten seconds from hints that bring no news of their own
    VEC(struct watched *) watched;
    struct controller *controllers;
    size_t controller_count;
    struct server *metrics_server, *health_server, *storage_server;
    const char *namespace; // the only one that is watched; NULL: all
    char *own_namespace;   // where this process runs, and its lease is
    char *instance;        // host name: the pod's
    char *lease;           // the Lease's name; NULL: without leader election
    void *data;
    int ending; // atomic: reconciles look at it through r->cancel
    atomic_bool synced, leading, lost;
    atomic_int heap_used; // work was done since the heap was last trimmed
    pthread_t main_thread;
    struct kube *lease_kube;
    struct leader *leader;
};

// ---- controller.c ---------------------------------------------------------------------------------------------------
bool controllers_start(struct app *app, struct error *err);  // informers and queues
void controllers_work(struct app *app);                      // workers
void controllers_stop(struct app *app);                      // no new work is taken
bool controllers_join(struct app *app, int64_t deadline_ms); // false: some are still at work
void controllers_free(struct app *app);
void controllers_hint(void *app, const struct bus_message *m); // the bus' receive function
// The informer that has every object of a kind, in full (of app->namespace). NULL: there is none.
struct watched *app_watched(struct app *app, const char *api_version, const char *kind);
// Puts an object that was written or freshly read into its informer, and tells the controllers it concerns when it is
// newer. by: the controller whose reconcile of this object it comes from, and the state that this reconcile knows; NULL
// and null: of another one.
void watched_put(struct watched *w, struct arena *scratch, struct value object, const struct controller *by,
                 struct value known);

// ---- reconcile.c ----------------------------------------------------------------------------------------------------
struct runtime_state {
    struct queue_work work;
    struct watched *watched;
    struct value written;   // the status as the server has it
    bool warned, told;      // an event of type Warning, of any type was recorded by the kind
    char *reason, *message; // of the result
    int64_t retry_ms;       // the server's word on when to come back
    VEC(struct bus_message) announcements;
};
void reconcile_run(struct controller *c, const struct queue_work *work);

// ---- patch.c --------------------------------------------------------------------------------------------------------
// The merge patch (RFC 7386) that makes `to` of `from`; null when they are equal.
struct value merge_patch_diff(struct arena *a, struct value from, struct value to);
bool finalizer_present(struct value object);
// Adds or removes the finalizer; reads the object again when somebody else changed it meanwhile. *gone: there is no
// such object any more.
bool finalizer_patch(struct reconcile *r, bool present, bool *gone, struct error *err);

// ---- conditions.c ---------------------------------------------------------------------------------------------------
void condition_put(struct reconcile *r, const char *type, const char *status, const char *reason, const char *message);

// ---- schema.c, fields.c ---------------------------------------------------------------------------------------------
// The spec against the table of fields, the CRD and its rules. False: err says which field, and why.
bool spec_check(struct arena *a, const struct controller_kind *kind, struct value spec, const char **reason,
                struct error *err);

#endif
