// template_namespace.h - the namespace that Helm renders for when the command line names none.
#ifndef RUNNEL_TEMPLATE_NAMESPACE_H
#define RUNNEL_TEMPLATE_NAMESPACE_H

#include "base/base.h"

// That of the context of the kubeconfig: file (--kubeconfig; empty: those of $KUBECONFIG, or ~/.kube/config) and context
// (--kube-context; empty: the current one); in a pod, where those say nothing, the pod's; else "default". A kubeconfig
// that cannot be read says nothing, as with Helm. No server is asked.
const char *template_namespace(struct arena *a, const char *file, const char *context);

#endif
