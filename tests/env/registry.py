"""docker-registry (CNCF Distribution): images, tags, OCI charts; with basic authentication and TLS where asked for."""
import hashlib
import http.client
import json
import os
import shutil
import ssl
import subprocess

from .process import Process, Server, free_port
from .tls import Authority


def program():
    for name in ("docker-registry", "registry"):
        if shutil.which(name):
            return name
    raise RuntimeError("no docker-registry on the path")


class Registry(Server):
    """.host is HOST:PORT as it stands in image names."""

    def __init__(self, user=None, password=None, tls=False):
        super().__init__("registry")
        self.port = free_port()
        self.host = "127.0.0.1:%d" % self.port
        self.user, self.secret, self.tls = user, password, tls
        self.authority = Authority(os.path.join(self.folder, "authority")) if tls else None

    def start(self):
        config = {"version": 0.1, "log": {"level": "warn"}, "storage": {"filesystem": {"rootdirectory": self.folder + "/data"},
                  "delete": {"enabled": True}}, "http": {"addr": self.host, "secret": "test"}}
        if self.tls:
            cert, key = self.authority.issue("registry")
            config["http"]["tls"] = {"certificate": cert, "key": key}
        if self.user:
            line = subprocess.run(["htpasswd", "-nbB", self.user, self.secret], check=True, capture_output=True, text=True).stdout
            with open(self.folder + "/htpasswd", "w") as f:
                f.write(line)
            config["auth"] = {"htpasswd": {"realm": "test", "path": self.folder + "/htpasswd"}}
        with open(self.folder + "/config.yml", "w") as f:
            json.dump(config, f)
        self.process = Process([program(), "serve", self.folder + "/config.yml"], self.folder + "/registry.log")
        self.process.ready("registry", lambda: self.request("GET", "/v2/")[0] in (200, 401))
        return self

    # ---- pushing over plain HTTP ------------------------------------------------------------------------------------
    def request(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.user:
            import base64
            headers["Authorization"] = "Basic " + base64.b64encode(("%s:%s" % (self.user, self.secret)).encode()).decode()
        if self.tls:
            c = http.client.HTTPSConnection(self.host, timeout=10, context=ssl.create_default_context(cafile=self.authority.cert))
        else:
            c = http.client.HTTPConnection(self.host, timeout=10)
        try:
            c.request(method, path, body=body, headers=headers)
            r = c.getresponse()
            return r.status, dict((k.lower(), v) for k, v in r.getheaders()), r.read()
        finally:
            c.close()

    def blob(self, repository, data):
        """Uploads a blob; returns its descriptor without media type."""
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        status, headers, _ = self.request("POST", "/v2/%s/blobs/uploads/" % repository)
        assert status == 202, status
        location = headers["location"]
        location = location[location.index("/v2/"):]
        status, _, text = self.request("PUT", location + ("&" if "?" in location else "?") + "digest=" + digest, body=data,
                                       headers={"Content-Type": "application/octet-stream"})
        assert status == 201, (status, text)
        return {"digest": digest, "size": len(data)}

    def push_artifact(self, repository, tag, layers, config=b"{}", config_type="application/vnd.oci.image.config.v1+json",
                      annotations=None):
        """layers: [(media type, bytes)]. Returns the manifest's digest."""
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": dict(self.blob(repository, config), mediaType=config_type),
                    "layers": [dict(self.blob(repository, data), mediaType=kind) for kind, data in layers]}
        if annotations:
            manifest["annotations"] = annotations
        return self.push_manifest(repository, tag, manifest)

    def push_manifest(self, repository, tag, manifest):
        body = json.dumps(manifest).encode()
        status, headers, text = self.request("PUT", "/v2/%s/manifests/%s" % (repository, tag), body=body,
                                             headers={"Content-Type": manifest["mediaType"]})
        assert status == 201, (status, text)
        return headers["docker-content-digest"]

    def push_image(self, repository, tag, content=b"layer"):
        """A small image; what CI does at the beginning of the loop. Returns its digest."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []},
                             "history": [{"comment": tag}]}).encode()
        return self.push_artifact(repository, tag, [("application/vnd.oci.image.layer.v1.tar+gzip", content)], config)
