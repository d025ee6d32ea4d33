// test_kstatus.c - kstatus' rules, one object a line.
#include "from_text.h"
#include "kube/kube.h"

#define META "'metadata':{'name':'x','generation':2,'creationTimestamp':'2020-01-01T00:00:00Z'}"
#define DEPLOY "'apiVersion':'apps/v1','kind':'Deployment'," META
#define DEPLOY_OK                                                                                                      \
    "'conditions':[{'type':'Progressing','status':'True','reason':'NewReplicaSetAvailable'},{'type':'Available','"     \
    "status':'True'}]"
#define STS "'apiVersion':'apps/v1','kind':'StatefulSet'," META
#define DS "'apiVersion':'apps/v1','kind':'DaemonSet'," META
#define RS "'apiVersion':'apps/v1','kind':'ReplicaSet'," META
#define POD "'apiVersion':'v1','kind':'Pod'," META
#define JOB "'apiVersion':'batch/v1','kind':'Job'," META
#define CRD "'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition'," META
#define CR "'apiVersion':'example.com/v1','kind':'Thing'," META
#define IP KSTATUS_IN_PROGRESS
#define OK KSTATUS_CURRENT
#define BAD KSTATUS_FAILED

static const struct {
    const char *object; // with ' for "
    enum kstatus status;
    const char *message;
} cases[] = {
    // all kinds
    {"{" CR "}", OK, "Resource is current"},
    {"{'apiVersion':'v1','kind':'ConfigMap','metadata':{'deletionTimestamp':'2020-01-01T00:00:00Z'}}",
     KSTATUS_TERMINATING, "Resource scheduled for deletion"},
    {"{" CR ",'status':{'observedGeneration':1,'conditions':[{'type':'Ready','status':'True'}]}}", IP,
     "Thing generation is 2, but latest observed generation is 1"},
    {"{" CR ",'status':{'observedGeneration':2,'conditions':[{'type':'Ready','status':'True'}]}}", OK,
     "Resource is Ready"},
    {"{" CR ",'status':{'conditions':[{'type':'Ready','status':'False','message':'no luck'}]}}", IP, "no luck"},
    {"{" CR ",'status':{'conditions':[{'type':'Ready','status':'Unknown','message':'under way'}]}}", IP, "under way"},
    {"{" CR ",'status':{'conditions':[{'type':'Ready','status':'True'},{'type':'Reconciling','status':'True','message':"
            "'new spec'}]}}",
     IP, "new spec"},
    {"{" CR ",'status':{'conditions':[{'type':'Stalled','status':'True','message':'bad spec'}]}}", BAD, "bad spec"},
    {"{" CR ",'status':{'conditions':[{'type':'Stalled','status':'False','message':'bad spec'}]}}", OK,
     "Resource is current"},
    {"{" CR ",'status':{'conditions':'none'}}", OK, "Resource is current"},
    {"{'apiVersion':'apiregistration.k8s.io/"
     "v1','kind':'APIService','status':{'conditions':[{'type':'Available','status':'False'}]}}",
     OK, "Resource is current"},
    {"{'apiVersion':'example.com/v1','kind':'Deployment'," META "}", OK, "Resource is current"},
    // Deployment
    {"{" DEPLOY "}", IP, "Replicas: 0/1"},
    {"{" DEPLOY ",'spec':{'replicas':0}}", IP, "Deployment not Available"},
    {"{" DEPLOY ",'spec':{'replicas':3,'progressDeadlineSeconds':600},'status':{'conditions':[{'type':'Progressing','"
                "status':'False','reason':'ProgressDeadlineExceeded'}]}}",
     BAD, "Progress deadline exceeded"},
    {"{" DEPLOY ",'spec':{'replicas':3},'status':{'replicas':3,'updatedReplicas':1}}", IP, "Updated: 1/3"},
    {"{" DEPLOY ",'spec':{'replicas':3},'status':{'replicas':4,'updatedReplicas':3}}", IP, "Pending termination: 1"},
    {"{" DEPLOY ",'spec':{'replicas':3},'status':{'replicas':3,'updatedReplicas':3,'availableReplicas':2}}", IP,
     "Available: 2/3"},
    {"{" DEPLOY
     ",'spec':{'replicas':3},'status':{'replicas':3,'updatedReplicas':3,'availableReplicas':3,'readyReplicas':2}}",
     IP, "Ready: 2/3"},
    {"{" DEPLOY ",'spec':{'replicas':1,'progressDeadlineSeconds':600},'status':{'replicas':1,'updatedReplicas':1,'"
                "availableReplicas':1,'readyReplicas':1}}",
     IP, "ReplicaSet not Available"},
    {"{" DEPLOY
     ",'spec':{'replicas':1},'status':{'replicas':1,'updatedReplicas':1,'availableReplicas':1,'readyReplicas':1}}",
     IP, "Deployment not Available"},
    {"{" DEPLOY ",'spec':{'replicas':1,'progressDeadlineSeconds':600},'status':{'observedGeneration':2,'replicas':1,'"
                "updatedReplicas':1,'availableReplicas':1,'readyReplicas':1," DEPLOY_OK "}}",
     OK, "Deployment is available. Replicas: 1"},
    // StatefulSet
    {"{" STS ",'spec':{'updateStrategy':{'type':'OnDelete'}}}", OK,
     "StatefulSet is using the ondelete update strategy"},
    {"{" STS ",'spec':{'replicas':2},'status':{'replicas':1}}", IP, "Replicas: 1/2"},
    {"{" STS ",'spec':{'replicas':2},'status':{'replicas':2,'readyReplicas':1}}", IP, "Ready: 1/2"},
    {"{" STS ",'spec':{'replicas':2},'status':{'replicas':3,'readyReplicas':2}}", IP, "Pending termination: 1"},
    {"{" STS ",'spec':{'replicas':2},'status':{'replicas':2,'readyReplicas':2,'currentReplicas':1}}", IP,
     "current: 1/2"},
    {"{" STS ",'spec':{'replicas':2},'status':{'replicas':2,'readyReplicas':2,'currentReplicas':2,'currentRevision':'a'"
             ",'updateRevision':'b'}}",
     IP, "Waiting for updated revision to match current"},
    {"{" STS ",'spec':{'replicas':2},'status':{'replicas':2,'readyReplicas':2,'currentReplicas':2,'currentRevision':'b'"
             ",'updateRevision':'b'}}",
     OK, "All replicas scheduled as expected. Replicas: 2"},
    {"{" STS ",'spec':{'replicas':3,'updateStrategy':{'rollingUpdate':{'partition':1}}},'status':{'replicas':3,'"
             "readyReplicas':3,'updatedReplicas':1}}",
     IP, "updated: 1/2"},
    {"{" STS ",'spec':{'replicas':3,'updateStrategy':{'rollingUpdate':{'partition':1}}},'status':{'replicas':3,'"
             "readyReplicas':3,'updatedReplicas':2}}",
     OK, "Partition rollout complete. updated: 2"},
    // DaemonSet
    {"{'apiVersion':'apps/v1','kind':'DaemonSet','metadata':{}}", IP, "DaemonSet metadata.generation not found"},
    {"{" DS "}", IP, "DaemonSet status.observedGeneration not found"},
    {"{" DS ",'status':{'observedGeneration':2}}", IP, "Missing .status.desiredNumberScheduled"},
    {"{" DS ",'status':{'observedGeneration':2,'desiredNumberScheduled':2,'currentNumberScheduled':1}}", IP,
     "Current: 1/2"},
    {"{" DS ",'status':{'observedGeneration':2,'desiredNumberScheduled':2,'currentNumberScheduled':2,'"
            "updatedNumberScheduled':1}}",
     IP, "Updated: 1/2"},
    {"{" DS ",'status':{'observedGeneration':2,'desiredNumberScheduled':2,'currentNumberScheduled':2,'"
            "updatedNumberScheduled':2,'numberAvailable':1}}",
     IP, "Available: 1/2"},
    {"{" DS ",'status':{'observedGeneration':2,'desiredNumberScheduled':2,'currentNumberScheduled':2,'"
            "updatedNumberScheduled':2,'numberAvailable':2,'numberReady':1}}",
     IP, "Ready: 1/2"},
    {"{" DS ",'status':{'observedGeneration':2,'desiredNumberScheduled':0}}", OK,
     "All replicas scheduled as expected. Replicas: 0"},
    // ReplicaSet
    {"{" RS ",'status':{'conditions':[{'type':'ReplicaFailure','status':'True'}]}}", IP,
     "Replica Failure condition. Check Pods"},
    {"{" RS "}", IP, "Labelled: 0/1"},
    {"{" RS ",'status':{'fullyLabeledReplicas':1}}", IP, "Available: 0/1"},
    {"{" RS ",'status':{'fullyLabeledReplicas':1,'availableReplicas':1}}", IP, "Ready: 0/1"},
    {"{" RS ",'status':{'fullyLabeledReplicas':1,'availableReplicas':1,'readyReplicas':1,'replicas':2}}", IP,
     "Pending termination: 1"},
    {"{" RS ",'status':{'fullyLabeledReplicas':1,'availableReplicas':1,'readyReplicas':1,'replicas':1}}", OK,
     "ReplicaSet is available. Replicas: 1"},
    // Pod
    {"{" POD "}", IP, "Pod phase not available"},
    {"{" POD ",'status':{'phase':'Succeeded'}}", OK, "Pod has completed successfully"},
    {"{" POD ",'status':{'phase':'Failed'}}", OK, "Pod has completed, but not successfully"},
    {"{" POD ",'status':{'phase':'Running','conditions':[{'type':'Ready','status':'True'}]}}", OK, "Pod is Ready"},
    {"{" POD ",'status':{'phase':'Running','conditions':[{'type':'Ready','status':'False'}]}}", IP,
     "Pod is running but is not Ready"},
    {"{" POD
     ",'status':{'phase':'Running','containerStatuses':[{'name':'a','state':{'waiting':{'reason':'CrashLoopBackOff'}}},"
     "{'name':'b','state':{'running':{}}},{'name':'c','state':{'waiting':{'reason':'CrashLoopBackOff'}}}]}}",
     BAD, "Containers in CrashLoop state: a,c"},
    {"{" POD ",'status':{'phase':'Pending'}}", IP, "Pod is in the Pending phase"},
    {"{" POD
     ",'status':{'phase':'Pending','conditions':[{'type':'PodScheduled','status':'False','reason':'Unschedulable'}]}}",
     BAD, "Pod could not be scheduled"},
    {"{'apiVersion':'v1','kind':'Pod','metadata':{'creationTimestamp':'2999-01-01T00:00:00Z'},'status':{'phase':'"
     "Pending','conditions':[{'type':'PodScheduled','status':'False','reason':'Unschedulable'}]}}",
     IP, "Pod has not been scheduled"},
    {"{" POD ",'status':{'phase':'Dreaming'}}", KSTATUS_UNKNOWN, "unknown phase Dreaming"},
    // Job
    {"{" JOB "}", IP, "Job not started"},
    {"{" JOB ",'status':{'startTime':'2020-01-01T00:00:00Z','active':1}}", OK,
     "Job in progress. success:0, active: 1, failed: 0"},
    {"{" JOB ",'spec':{'completions':2},'status':{'succeeded':2,'conditions':[{'type':'Complete','status':'True'}]}}",
     OK, "Job Completed. succeeded: 2/2"},
    {"{" JOB ",'spec':{'parallelism':3},'status':{'failed':1,'conditions':[{'type':'Failed','status':'True'}]}}", BAD,
     "Job Failed. failed: 1/3"},
    {"{" JOB ",'spec':{'suspend':true},'status':{'conditions':[{'type':'Suspended','status':'True'}]}}", OK,
     "Job is suspended"},
    {"{" JOB ",'spec':{'suspend':false},'status':{'conditions':[{'type':'Suspended','status':'True'}]}}", IP,
     "Job not started"},
    // the rest
    {"{'apiVersion':'v1','kind':'PersistentVolumeClaim'}", IP, "PVC is not Bound. phase: unknown"},
    {"{'apiVersion':'v1','kind':'PersistentVolumeClaim','status':{'phase':'Pending'}}", IP,
     "PVC is not Bound. phase: Pending"},
    {"{'apiVersion':'v1','kind':'PersistentVolumeClaim','status':{'phase':'Bound'}}", OK, "PVC is Bound"},
    {"{'apiVersion':'policy/v1beta1','kind':'PodDisruptionBudget'}", OK, "AllowedDisruptions has been computed."},
    {"{'apiVersion':'batch/v1','kind':'CronJob'}", OK, "Resource is always ready"},
    {"{'apiVersion':'v1','kind':'Secret'}", OK, "Resource is always ready"},
    {"{'apiVersion':'v1','kind':'Service','spec':{'type':'ClusterIP'}}", OK, "Service is ready"},
    {"{'apiVersion':'v1','kind':'Service','spec':{'type':'LoadBalancer'}}", IP,
     "ClusterIP not set. Service type: LoadBalancer"},
    {"{'apiVersion':'v1','kind':'Service','spec':{'type':'LoadBalancer','clusterIP':'10.0.0.1'}}", OK,
     "Service is ready"},
    {"{" CRD "}", IP, "Install in progress"},
    {"{" CRD ",'status':{'conditions':[{'type':'NamesAccepted','status':'False','message':'taken'}]}}", BAD, "taken"},
    {"{" CRD ",'status':{'conditions':[{'type':'Established','status':'False','reason':'Installing'}]}}", IP,
     "Install in progress"},
    {"{" CRD ",'status':{'conditions':[{'type':'Established','status':'False','reason':'Broken','message':'broken'}]}}",
     BAD, "broken"},
    {"{" CRD
     ",'status':{'conditions':[{'type':'NamesAccepted','status':'True'},{'type':'Established','status':'True'}]}}",
     OK, "CRD is established"},
};

static const struct {
    const char *object;
    enum kstatus status;
    const char *message;
} completed[] = {
    {"{" JOB ",'status':{'startTime':'2020-01-01T00:00:00Z','active':1}}", IP, "Job in progress"},
    {"{" JOB ",'status':{'succeeded':1,'conditions':[{'type':'Complete','status':'True'}]}}", OK,
     "Job Completed. succeeded: 1/1"},
    {"{" JOB ",'status':{'failed':1,'conditions':[{'type':'Failed','status':'True'}]}}", BAD,
     "Job Failed. failed: 1/1"},
    {"{" JOB ",'spec':{'suspend':true},'status':{'conditions':[{'type':'Suspended','status':'True'}]}}", IP,
     "Job in progress"},
    {"{" POD ",'status':{'phase':'Running','conditions':[{'type':'Ready','status':'True'}]}}", IP, "Pod in progress"},
    {"{" POD ",'status':{'phase':'Succeeded'}}", OK, "pod x succeeded"},
    {"{" POD ",'status':{'phase':'Failed'}}", BAD, "pod x failed"},
    {"{'apiVersion':'v1','kind':'Secret'}", OK, "Resource is always ready"},
};

static struct value object_of(struct arena *a, const char *text)
{
    char *json = arena_strdup(a, text);
    for (char *at = json; (at = strchr(at, '\'')); at++)
        *at = '"';
    return from_json(a, json);
}

static void check(struct arena *a, const char *text, enum kstatus got, const char *said, enum kstatus status,
                  const char *message)
{
    if (got != status || !str_eq(said, message))
        fail_msg("%s\n  got  %s: %s\n  want %s: %s", text, kstatus_name(got), said, kstatus_name(status), message);
}

static void test_rules(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        const char *said = NULL;
        enum kstatus got = kstatus_of(a, object_of(a, cases[i].object), &said);
        check(a, cases[i].object, got, said, cases[i].status, cases[i].message);
    }
}

static void test_completed(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(completed); i++) {
        cleanup(cleanup_arena) struct arena *a = arena_new();
        const char *said = NULL;
        enum kstatus got = kstatus_completed(a, object_of(a, completed[i].object), &said);
        check(a, completed[i].object, got, said, completed[i].status, completed[i].message);
    }
}

static void test_missing(void **state)
{
    cleanup(cleanup_arena) struct arena *a = arena_new();
    assert_int_equal(kstatus_of(a, VALUE_NULL, NULL), KSTATUS_NOT_FOUND);
    assert_string_equal(kstatus_name(KSTATUS_NOT_FOUND), "NotFound");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_completed),
        cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
