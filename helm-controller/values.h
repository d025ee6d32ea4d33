// values.h - the user's values of a HelmRelease: those of valuesFrom in their order, and spec.values over them.
#ifndef RUNNEL_HELM_VALUES_H
#define RUNNEL_HELM_VALUES_H

#include "controller/controller.h"

// A dict, numbers as float64. Errors name the reference and the key, and never what a Secret holds.
bool values_compose(struct reconcile *r, struct value *out, struct error *err);

// Which HelmReleases a changed ConfigMap or Secret concerns: the controller_map function.
void values_map(struct app *app, struct informer *own, struct value old, struct value object, struct arena *scratch,
                struct queue_keys *keys);

#endif
