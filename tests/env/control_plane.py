"""etcd and kube-apiserver, and kube-controller-manager on demand, on free ports, with RBAC and a certificate authority of their own."""
import base64
import json
import os
import subprocess
import urllib.request

from .process import Process, Server, free_port, wait_for
from .tls import Authority, openssl

HERE = os.path.dirname(os.path.abspath(__file__))


def programs():
    """The folder with etcd, kube-apiserver, kube-controller-manager, kubectl and helm, built or fetched where they are missing."""
    folder = os.environ.get("RUNNEL_CONTROL_PLANE")
    if not folder:
        folder = subprocess.run([os.path.join(HERE, "control-plane.sh")], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        os.environ["RUNNEL_CONTROL_PLANE"] = folder
    return folder


class ControlPlane(Server):
    """kubeconfig is the administrator's (a token); client_kubeconfig() makes others."""

    def __init__(self, controller_manager=False):
        self.bin = programs()
        super().__init__("control-plane")
        self.want_controller_manager = controller_manager
        self.kubeconfig = os.path.join(self.folder, "kubeconfig")
        self.kubectl, self.helm = os.path.join(self.bin, "kubectl"), os.path.join(self.bin, "helm")
        self.etcd = self.api = self.manager = None
        self.etcd_port, self.etcd_peer, self.port = free_port(), free_port(), free_port()
        self.server = "https://127.0.0.1:%d" % self.port

    # ---- life -----------------------------------------------------------------------------------------------------
    def start(self):
        self._files()
        etcd_url = "http://127.0.0.1:%d" % self.etcd_port
        peer_url = "http://127.0.0.1:%d" % self.etcd_peer
        self.etcd = Process([os.path.join(self.bin, "etcd"), "--data-dir", self._path("etcd"), "--listen-client-urls", etcd_url,
                             "--advertise-client-urls", etcd_url, "--listen-peer-urls", peer_url,
                             "--initial-advertise-peer-urls", peer_url, "--initial-cluster", "default=" + peer_url,
                             "--snapshot-count", "10000"], self._path("etcd.log"))
        self.start_api_server()
        if self.want_controller_manager:
            self.start_controller_manager()
        return self

    def start_api_server(self):
        self.api = Process([os.path.join(self.bin, "kube-apiserver"),
                            "--etcd-servers", "http://127.0.0.1:%d" % self.etcd_port, "--cert-dir", self._path("certs"),
                            "--secure-port", str(self.port), "--bind-address", "127.0.0.1",
                            "--tls-cert-file", self.tls_cert, "--tls-private-key-file", self.tls_key,
                            "--client-ca-file", self.authority.cert,
                            "--service-account-key-file", self._path("sa.pub"),
                            "--service-account-signing-key-file", self._path("sa.key"),
                            "--service-account-issuer", "https://kubernetes.default.svc",
                            "--token-auth-file", self._path("tokens.csv"), "--authorization-mode", "RBAC",
                            "--service-cluster-ip-range", "10.96.0.0/16", "--allow-privileged=true",
                            "--disable-admission-plugins", "ServiceAccount"], self._path("kube-apiserver.log"))
        self.api.ready("kube-apiserver ready", lambda: self.raw("/readyz") == "ok", timeout=60)
        wait_for("default namespace", lambda: self.get("namespace", "default", namespace=None))

    def stop_api_server(self):
        self.api.stop(timeout=5)

    def start_controller_manager(self):
        """The real workload controllers: Deployments make ReplicaSets and Pods; the tests play the kubelet."""
        self.manager = Process([os.path.join(self.bin, "kube-controller-manager"), "--kubeconfig", self.kubeconfig,
                                "--controllers", "*,-nodeipam,-nodelifecycle,-cloud-node-lifecycle,-service,-route,-ttl",
                                "--service-account-private-key-file", self._path("sa.key"), "--root-ca-file", self.authority.cert,
                                "--leader-elect=false", "--secure-port", str(free_port()), "--port", "0",
                                "--bind-address", "127.0.0.1", "--cert-dir", self._path("manager-certs"),
                                "--concurrent-deployment-syncs", "2", "--kube-api-qps", "200", "--kube-api-burst", "400"],
                               self._path("kube-controller-manager.log"))
        self.manager.ready("kube-controller-manager",
                           lambda: self.get("serviceaccount", "default", "default"), timeout=60)

    def processes(self):
        return [self.manager, self.api, self.etcd]

    # ---- clients --------------------------------------------------------------------------------------------------
    def env(self):
        return dict(os.environ, KUBECONFIG=self.kubeconfig, HELM_CACHE_HOME=self._path("helm/cache"),
                    HELM_CONFIG_HOME=self._path("helm/config"), HELM_DATA_HOME=self._path("helm/data"))

    def run(self, *words, stdin=None, check=True):
        """kubectl with these words; returns its output."""
        p = subprocess.run([self.kubectl, *words], input=stdin, capture_output=True, text=True, env=self.env())
        if check and p.returncode:
            raise AssertionError("kubectl %s: %s" % (" ".join(words), p.stderr.strip()))
        return p.stdout

    def run_helm(self, *words, check=True):
        p = subprocess.run([self.helm, *words], capture_output=True, text=True, env=self.env())
        if check and p.returncode:
            raise AssertionError("helm %s: %s" % (" ".join(words), p.stderr.strip()))
        return p.stdout

    def apply(self, *objects, server_side=True):
        """Applies dicts (or a YAML text)."""
        for o in objects:
            text = o if isinstance(o, str) else json.dumps(o)
            self.run("apply", *(["--server-side", "--force-conflicts"] if server_side else []), "-f", "-", stdin=text)

    def get(self, kind, name, namespace="default"):
        """The object as a dict, None where there is none."""
        words = ["get", kind, name, "-o", "json", "--ignore-not-found"] + (["-n", namespace] if namespace else [])
        out = self.run(*words)
        return json.loads(out) if out.strip() else None

    def list(self, kind, namespace=None, selector=None):
        words = ["get", kind, "-o", "json"] + (["-n", namespace] if namespace else ["-A"])
        words += ["-l", selector] if selector else []
        return json.loads(self.run(*words))["items"]

    def patch(self, kind, name, patch, namespace="default", subresource=None):
        words = ["patch", kind, name, "--type=merge", "-p", json.dumps(patch)]
        self.run(*words, *(["-n", namespace] if namespace else []), *(["--subresource", subresource] if subresource else []))

    def namespace(self, name):
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def crds(self, *folders):
        """Client-side and unvalidated: server 1.20 knows no x-kubernetes-validations and drops them."""
        self.run("apply", "--server-side=false", "--validate=false", *sum((["-f", f] for f in folders), []))

    def raw(self, path, method="GET", body=None, token="admin-token", content_type="application/json", timeout=10):
        """One HTTP request; returns the body's text."""
        import ssl
        context = ssl.create_default_context(cafile=self.authority.cert)
        request = urllib.request.Request(self.server + path, method=method, data=body.encode() if body else None,
                                         headers={"Authorization": "Bearer " + token, "Content-Type": content_type})
        with urllib.request.urlopen(request, timeout=timeout, context=context) as r:
            return r.read().decode()

    def client_kubeconfig(self, name, token=None, certificate=None, server=None, ca=None):
        """Writes a kubeconfig with a token, or (cert, key) paths; returns its path."""
        path = self._path("kubeconfig-" + name)
        user = {"token": token} if token else {"client-certificate": certificate[0], "client-key": certificate[1]}
        with open(ca or self.authority.cert, "rb") as f:
            ca_data = base64.b64encode(f.read()).decode()
        with open(path, "w") as f:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "test",
                       "clusters": [{"name": "test", "cluster": {"server": server or self.server, "certificate-authority-data": ca_data}}],
                       "users": [{"name": name, "user": user}],
                       "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}]}, f)
        return path

    # ---- inside ---------------------------------------------------------------------------------------------------
    def _path(self, name):
        return os.path.join(self.folder, name)

    def _files(self):
        os.makedirs(self._path("certs"), exist_ok=True)
        self.authority = Authority(self._path("authority"))
        self.tls_cert, self.tls_key = self.authority.issue("apiserver", addresses=("127.0.0.1", "10.96.0.1"))
        openssl("genrsa", "-out", self._path("sa.key"), "2048")
        openssl("rsa", "-in", self._path("sa.key"), "-pubout", "-out", self._path("sa.pub"))
        with open(self._path("tokens.csv"), "w") as f:
            f.write('admin-token,admin,admin,"system:masters"\nnobody-token,nobody,nobody\n')
        os.replace(self.client_kubeconfig("admin", token="admin-token"), self.kubeconfig)
