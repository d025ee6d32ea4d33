// selector.c - label selectors (metav1.LabelSelector).
#include "image.h"

bool selector_check(struct value selector, struct error *err)
{
    struct value list = value_get(selector, "matchExpressions");
    for (size_t i = 0; i < value_len(list); i++) {
        struct value e = value_at(list, i);
        const char *key = value_str_or(value_get(e, "key"), ""), *operator= value_str_or(value_get(e, "operator"), "");
        size_t values = value_len(value_get(e, "values"));
        bool takes_values = str_eq(operator, "In") || str_eq(operator, "NotIn");
        if (!takes_values && !str_eq(operator, "Exists") && !str_eq(operator, "DoesNotExist"))
            return error_set(err, ERROR_INVALID, "\"%s\" is not a valid label selector operator", operator);
        if (takes_values && !values)
            return error_set(err, ERROR_INVALID,
                             "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
        if (!takes_values && values)
            return error_set(err, ERROR_INVALID,
                             "values: Invalid value: values set must be empty for exists and does not exist");
        if (!*key)
            return error_set(err, ERROR_INVALID, "key: Invalid value: \"\": name part must be non-empty");
    }
    return true;
}

static bool among(struct value list, const char *text)
{
    for (size_t i = 0; i < value_len(list); i++)
        if (str_eq(value_str(value_at(list, i)), text))
            return true;
    return false;
}

bool selector_matches(struct value selector, struct value labels)
{
    for (struct value_iter it = {0}; value_next(value_get(selector, "matchLabels"), &it);)
        if (!str_eq(value_str(value_get(labels, it.key)), value_str_or(it.value, "")))
            return false;
    struct value list = value_get(selector, "matchExpressions");
    for (size_t i = 0; i < value_len(list); i++) {
        struct value e = value_at(list, i), values = value_get(e, "values");
        const char *operator= value_str_or(value_get(e, "operator"), "");
        const char *label = value_str(value_get(labels, value_str_or(value_get(e, "key"), "")));
        bool is_in = label && among(values, label);
        bool fits = str_eq(operator, "In")       ? is_in
                    : str_eq(operator, "NotIn")  ? !is_in
                    : str_eq(operator, "Exists") ? label != NULL
                                                 : label == NULL;
        if (!fits)
            return false;
    }
    return true;
}
