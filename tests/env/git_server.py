"""Git over HTTP(S) (nginx, fcgiwrap, git http-backend) and over SSH (sshd), with real credentials, and repositories to push to."""
import contextlib
import getpass
import os
import shutil
import subprocess

from .process import Process, free_port
from .web_server import Nginx

BACKEND = "/usr/lib/git-core/git-http-backend"


def git(*words, cwd=None, check=True, env=None):
    settings = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
                "GIT_AUTHOR_NAME": "dev", "GIT_AUTHOR_EMAIL": "dev@example.com",
                "GIT_COMMITTER_NAME": "dev", "GIT_COMMITTER_EMAIL": "dev@example.com"}
    p = subprocess.run(["git", "-c", "safe.directory=*", "-c", "init.defaultBranch=main", *words], cwd=cwd, capture_output=True,
                       text=True, env=dict(os.environ, **settings, **(env or {})))
    if check and p.returncode:
        raise AssertionError("git %s: %s" % (" ".join(words), p.stderr.strip()))
    return p.stdout.strip()


class GitServer(Nginx):
    """Public repositories below /git/, the same behind basic authentication below /private/ and behind a bearer token below /bearer/."""

    def __init__(self, user="git-user", password="git-password", token="git-token"):
        super().__init__("git", self._body)
        self.user, self.secret, self.token = user, password, token
        self.repositories = os.path.join(self.folder, "repositories")
        os.makedirs(self.repositories)
        self.ssh_port, self.sshd, self.fcgi = free_port(), None, None

    def start(self):
        self.auth = self.password(self.user, self.secret)
        socket = os.path.join(self.folder, "fcgi.sock")
        self.fcgi = Process([shutil.which("fcgiwrap") or "/usr/sbin/fcgiwrap", "-c", "4", "-s", "unix:" + socket], os.path.join(self.folder, "fcgiwrap.log"))
        self.fcgi.ready("fcgiwrap", lambda: os.path.exists(socket))
        super().start()
        self._start_ssh()
        return self

    def processes(self):
        return [self.sshd, self.fcgi, self.process]

    def _body(self):
        backend = """
            location ~ ^/%s(/.*)$ {
                %s
                fastcgi_pass unix:{folder}/fcgi.sock;
                fastcgi_param SCRIPT_FILENAME %s;
                fastcgi_param GIT_PROJECT_ROOT {folder}/repositories;
                fastcgi_param GIT_HTTP_EXPORT_ALL "";
                fastcgi_param GIT_CONFIG_COUNT 2;
                fastcgi_param GIT_CONFIG_KEY_0 safe.directory;
                fastcgi_param GIT_CONFIG_VALUE_0 "*";
                fastcgi_param GIT_CONFIG_KEY_1 http.receivepack;
                fastcgi_param GIT_CONFIG_VALUE_1 true;
                fastcgi_param PATH_INFO $1;
                fastcgi_param REMOTE_USER git;
                fastcgi_param QUERY_STRING $query_string;
                fastcgi_param REQUEST_METHOD $request_method;
                fastcgi_param CONTENT_TYPE $content_type;
                fastcgi_param CONTENT_LENGTH $content_length;
                fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
                fastcgi_param GIT_PROTOCOL $http_git_protocol;
                fastcgi_buffering off; fastcgi_request_buffering off;
            }"""
        basic = 'auth_basic "git"; auth_basic_user_file %s;' % self.auth
        bearer = 'if ($http_authorization != "Bearer %s") { return 401; }' % self.token
        blocks = [backend % (prefix, rule, BACKEND) for prefix, rule in (("git", ""), ("private", basic), ("bearer", bearer))]
        return "\n".join(blocks).replace("{folder}", self.folder)

    def _start_ssh(self):
        keys = os.path.join(self.folder, "ssh")
        os.makedirs(keys)
        self.host_key, self.identity = os.path.join(keys, "host"), os.path.join(keys, "identity")
        for path in (self.host_key, self.identity):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        shutil.copy(self.identity + ".pub", os.path.join(keys, "authorized"))
        with open(os.path.join(keys, "sshd_config"), "w") as f:
            f.write("Port %d\nListenAddress 127.0.0.1\nHostKey %s\nPidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n"
                    "PasswordAuthentication no\nKbdInteractiveAuthentication no\nAuthorizedKeysFile %s/authorized\n"
                    % (self.ssh_port, self.host_key, keys))
        if os.getuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self.sshd = Process(["/usr/sbin/sshd", "-D", "-e", "-f", os.path.join(keys, "sshd_config")], os.path.join(self.folder, "sshd.log"))
        self.sshd.ready("sshd", lambda: self.known_hosts(), timeout=10)

    # ---- addresses and credentials ----------------------------------------------------------------------------------
    def http(self, name):
        return "%s/git/%s.git" % (self.url, name)

    def private(self, name):
        return "%s/private/%s.git" % (self.url, name)

    def bearer(self, name):
        return "%s/bearer/%s.git" % (self.url, name)

    def https(self, name):
        return "%s/git/%s.git" % (self.tls_url, name)

    def ssh(self, name):
        return "ssh://%s@127.0.0.1:%d%s/%s.git" % (getpass.getuser(), self.ssh_port, self.repositories, name)

    def known_hosts(self):
        """The server's host key as a known_hosts line."""
        with open(self.host_key + ".pub") as f:
            return "[127.0.0.1]:%d %s\n" % (self.ssh_port, " ".join(f.read().split()[:2]))

    # ---- repositories -----------------------------------------------------------------------------------------------
    def bare(self, name):
        return os.path.join(self.repositories, name + ".git")

    def create(self, name, files=None, branch="main"):
        """A bare repository with one commit on `branch`; files: path to text or bytes. Returns the commit."""
        git("init", "-q", "--bare", "-b", branch, self.bare(name))
        git("config", "http.receivepack", "true", cwd=self.bare(name))
        git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=self.bare(name))
        return self.commit(name, files or {"README.md": name + "\n"}, "Initial commit", branch=branch)

    def commit(self, name, files, message="Change", branch="main", remove=(), tag=None):
        """Commits on top of the branch as another writer would: clone, change, push. files: path to text, bytes or a folder's path. Returns the hash."""
        with self.clone(name, branch) as work:
            for path, data in files.items():
                target = os.path.join(work, path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                if isinstance(data, str) and os.path.isdir(data):
                    shutil.copytree(data, target, dirs_exist_ok=True)
                    continue
                with open(target, "wb") as f:
                    f.write(data if isinstance(data, bytes) else data.encode())
            for path in remove:
                git("rm", "-rq", path, cwd=work)
            return self.push(work, message, branch, tag)

    @contextlib.contextmanager
    def clone(self, name, branch="main"):
        """A working copy of a branch that need not be there yet."""
        work = os.path.join(self.folder, "work-%s-%d" % (name.replace("/", "-"), free_port()))
        try:
            if git("ls-remote", self.bare(name), "refs/heads/" + branch):
                git("clone", "-q", "-b", branch, self.bare(name), work)
            else:
                git("init", "-q", "-b", branch, work)
                git("remote", "add", "origin", self.bare(name), cwd=work)
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @staticmethod
    def push(work, message="Change", branch="main", tag=None):
        """Commits all that has changed in a working copy, and pushes it; the commit's hash."""
        git("add", "-A", cwd=work)
        git("commit", "-q", "--allow-empty", "-m", message, cwd=work)
        if tag:
            git("tag", "-a", tag, "-m", tag, cwd=work)
        git("push", "-q", "origin", "HEAD:refs/heads/" + branch, *(["refs/tags/" + tag] if tag else []), cwd=work)
        return git("rev-parse", "HEAD", cwd=work)

    def head(self, name, branch="main"):
        return git("rev-parse", "refs/heads/" + branch, cwd=self.bare(name), check=False)

    def show(self, name, path, branch="main"):
        """A file's bytes at the branch."""
        return subprocess.run(["git", "-c", "safe.directory=*", "show", "%s:%s" % (branch, path)], cwd=self.bare(name), check=True,
                              capture_output=True).stdout

    def log(self, name, branch="main"):
        """[(hash, author, subject)], newest first."""
        out = git("log", "--format=%H%x09%an <%ae>%x09%s", branch, cwd=self.bare(name))
        return [tuple(line.split("\t")) for line in out.splitlines()]
