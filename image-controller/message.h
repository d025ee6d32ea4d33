// message.h - the commit message of an ImageUpdateAutomation, from its template.
#ifndef RUNNEL_MESSAGE_H
#define RUNNEL_MESSAGE_H

#include "setter.h"
#include "value/value.h"

struct message_data {
    const char *namespace, *name;        // of the automation: .AutomationObject
    const struct setter_result *changed; // .Changed
    struct value values;                 // a dict of strings or null: .Values
};
// template NULL or "": the default message. INVALID: it cannot be parsed or run; *removed_field then tells whether the
// cause is a field that Flux has taken out (.Updated), in words for the user.
bool message_render(struct arena *a, const char *template, const struct message_data *data, const char **out,
                    bool *removed_field, struct error *err);

#endif
