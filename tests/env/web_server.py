"""nginx serving a folder: Helm repositories, with basic authentication and TLS where asked for."""
import os
import subprocess
import urllib.request

from .process import Process, Server, free_port
from .tls import Authority

CONF = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    client_max_body_size 0; types {{ }} default_type application/octet-stream;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {cert}; ssl_certificate_key {key};
        {client_ca}
        {body}
    }}
}}
"""


class Nginx(Server):
    """Plain HTTP on .port and TLS on .tls_port; `body` is what stands in nginx's server block."""

    def __init__(self, kind, body, client_certificates=False):
        super().__init__(kind)
        self.port, self.tls_port = free_port(), free_port()
        self.url, self.tls_url = "http://127.0.0.1:%d" % self.port, "https://127.0.0.1:%d" % self.tls_port
        self.authority = Authority(os.path.join(self.folder, "authority"))
        self.body, self.client_certificates = body, client_certificates

    def start(self):
        cert, key = self.authority.issue("server")
        client_ca = "ssl_client_certificate %s; ssl_verify_client on;" % self.authority.cert if self.client_certificates else ""
        conf = os.path.join(self.folder, "nginx.conf")
        with open(conf, "w") as f:
            f.write(CONF.format(folder=self.folder, port=self.port, tls_port=self.tls_port, cert=cert, key=key,
                                client_ca=client_ca, body=self.body()))
        user = ["-g", "user root;"] if os.getuid() == 0 else []
        self.process = Process(["nginx", "-p", self.folder, "-e", os.path.join(self.folder, "error.log"), "-c", conf] + user,
                               os.path.join(self.folder, "nginx.log"))
        self.process.ready("nginx", lambda: self._answers())
        return self

    def _answers(self):
        try:
            urllib.request.urlopen(self.url + "/", timeout=2)
        except urllib.error.HTTPError:
            pass
        return True

    def accesses(self):
        """The access log's lines: who asked for what."""
        with open(os.path.join(self.folder, "access.log")) as f:
            return f.read().splitlines()

    def password(self, user, password):
        """Writes an htpasswd file; returns its path."""
        path = os.path.join(self.folder, "htpasswd")
        digest = subprocess.run(["openssl", "passwd", "-apr1", password], check=True, capture_output=True, text=True).stdout.strip()
        with open(path, "w") as f:
            f.write("%s:%s\n" % (user, digest))
        return path


class WebServer(Nginx):
    """Serves .root. With user and password given, everything wants basic authentication."""

    def __init__(self, user=None, password=None, client_certificates=False):
        super().__init__("web", self._body, client_certificates)
        self.root = os.path.join(self.folder, "root")
        os.makedirs(self.root)
        self.auth = self.password(user, password) if user else None

    def _body(self):
        auth = 'auth_basic "charts"; auth_basic_user_file %s;' % self.auth if self.auth else ""
        return "location / { root %s; autoindex on; %s }" % (self.root, auth)

    def write(self, name, data):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".part", "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        os.replace(path + ".part", path)
        return self.url + "/" + name
