// status.c - errors: the API server's Status objects, HTTP statuses and libcurl's codes as struct error.
#include <ctype.h>

#include "kube/kube_internal.h"

#define TEXT_SHOWN 300 // of an answer that is no Status object

static enum error_class status_class(long status)
{
    static const struct {
        long status;
        enum error_class class;
    } known[] = {
        {401, ERROR_DENIED},    {403, ERROR_DENIED},   {404, ERROR_NOT_FOUND}, {407, ERROR_DENIED},
        {408, ERROR_TIMEOUT},   {409, ERROR_CONFLICT}, {410, ERROR_TRANSIENT}, {413, ERROR_LIMIT},
        {429, ERROR_TRANSIENT}, {504, ERROR_TIMEOUT},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].status == status)
            return known[i].class;
    return status >= 400 && status < 500 ? ERROR_INVALID : ERROR_TRANSIENT;
}

// A server-side apply is checked against the server's own schema; what that does not know is answered with 500 by
// servers before 1.21, though trying again changes nothing.
static bool is_schema_message(const char *message)
{
    return strstr(message, "field not declared in schema") || strstr(message, "failed to create typed patch object") ||
           strstr(message, "failed to create manager for existing fields");
}

bool kube_error_is_schema(const struct error *err)
{
    return err->class && (err->code == 500 || (err->code >= 400 && err->code < 500)) &&
           is_schema_message(error_text(err));
}

bool kube_error_already_exists(const struct error *err)
{
    return err->class == ERROR_CONFLICT && str_has_suffix(error_text(err), "already exists");
}

// One line of what a proxy or a broken server said instead of a Status.
static struct slice plain_text(struct arena *a, struct slice body)
{
    struct slice text = slice_trim_space(slice_sub(body, 0, TEXT_SHOWN));
    char *line = slice_dup(a, text);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    return slice_n(line, text.len);
}

bool status_error(const char *method, const char *url, long status, struct slice body, struct error *err)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    cleanup(error_clear) struct error ignored = {0};
    struct value answer = VALUE_NULL;
    const char *message = NULL;
    if (body.len && *body.data == '{' && json_parse(a, body.data, body.len, 0, &answer, &ignored) &&
        str_eq(value_str(value_get(answer, "kind")), "Status"))
        message = value_str(value_get(answer, "message"));
    enum error_class class = status_class(status);
    if (!str_empty(message)) {
        if (status == 500 && is_schema_message(message))
            class = ERROR_INVALID;
        error_set(err, class, "%s", message);
    } else if (status == 404) {
        // What there is no path for; the URL tells a wrong version from a wrong proxy.
        error_set(err, class, "%s %s: the server could not find the requested resource", method, url);
    } else {
        struct slice text = plain_text(a, body);
        error_set(err, class, "%s %s: status %ld%s%.*s", method, url, status, text.len ? ": " : "", SLICE_ARG(text));
    }
    err->code = (int)status;
    int64_t after = value_int_or(value_path(answer, "details.retryAfterSeconds"), 0);
    err->retry_after_ms = after > 0 && after < 600 ? after * 1000 : 0;
    return false;
}

bool bad_json(struct error *err)
{
    err->class = ERROR_TRANSIENT; // a proxy's page, a cut connection: the way's fault, not the caller's
    err->code = 0;                // json_parse's offset
    return false;
}

bool call_failed(const char *method, const char *url, CURLcode code, const char *message, struct error *err)
{
    enum error_class class = ERROR_TRANSIENT;
    if (code == CURLE_OPERATION_TIMEDOUT)
        class = ERROR_TIMEOUT;
    else if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_URL_MALFORMAT)
        class = ERROR_INVALID; // our own certificate, CA or URL cannot be used
    return error_set(err, class, "%s %s: %s", method, url, str_or(message, curl_easy_strerror(code)));
}
