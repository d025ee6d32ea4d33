"""The objects of image-controller's tests, and an HTTP server whose answers the test makes."""
import base64
import http.server
import json
import ssl
import threading

IMAGE = "image.toolkit.fluxcd.io/v1"


def meta(kind, namespace, name, spec, api_version=IMAGE):
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def repository(namespace, image, name="my-app", **spec):
    return meta("ImageRepository", namespace, name, dict({"image": image, "interval": "1h"}, **spec))


def policy(namespace, name="my-app", repository="my-app", **spec):
    return meta("ImagePolicy", namespace, name,
                dict({"imageRepositoryRef": {"name": repository}, "policy": {"semver": {"range": ">=1.0.0"}}}, **spec))


def source(namespace, url, secret=None, name="repo", **spec):
    spec = dict({"url": url, "interval": "1h", "ref": {"branch": "main"}}, **spec)
    if secret:
        spec["secretRef"] = {"name": secret}
    return meta("GitRepository", namespace, name, spec, "source.toolkit.fluxcd.io/v1")


def automation(namespace, push=None, checkout=None, commit=None, path=None, source_namespace=None, **spec):
    git = {"commit": dict({"author": {"name": "bot", "email": "bot@example.com"}}, **(commit or {}))}
    if push:
        git["push"] = push
    if checkout:
        git["checkout"] = {"ref": checkout}
    ref = {"kind": "GitRepository", "name": "repo"}
    if source_namespace:
        ref["namespace"] = source_namespace
    spec = dict({"interval": "1h", "sourceRef": ref, "git": git}, **spec)
    if path:
        spec["update"] = {"path": path, "strategy": "Setters"}
    return meta("ImageUpdateAutomation", namespace, "auto", spec)


def secret(namespace, name, **data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": data}


def docker_secret(namespace, name, host, user, password):
    auth = base64.b64encode(("%s:%s" % (user, password)).encode()).decode()
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {".dockerconfigjson": json.dumps({"auths": {host: {"auth": auth}}})}}


class Stub:
    """An HTTP server (TLS with cert and key given) that hands each request to .answer; keeps what was asked in .requests."""

    def __init__(self, answer=None, cert=None, key=None):
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stub.requests.append((self.command, self.path))
                stub.answer(self)

            do_POST = do_HEAD = do_CONNECT = do_GET

            def log_message(self, *words):
                pass

            def reply(self, status, body=b"", **headers):
                self.send_response(status)
                for k, v in headers.items():
                    self.send_header(k.replace("_", "-"), v)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        self.requests, self.answer = [], answer
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = "127.0.0.1:%d" % self.server.server_port
        self.url = ("https://" if cert else "http://") + self.host

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
