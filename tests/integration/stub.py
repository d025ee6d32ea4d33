"""HTTP servers whose answers the test makes, for what real servers will not do or tell."""
import http.server
import json
import threading
import urllib.request

NOT_RELAYED = ("content-length", "transfer-encoding", "connection", "date", "server")  # of this connection, not of the answer


class Request(http.server.BaseHTTPRequestHandler):
    """One that came: .command, .path, .headers, .body; and the ways to answer it."""

    def serve(self):
        self.body = self._read()
        self.server.stub.requests.append((self.command, self.path))
        self.server.stub.answer(self)

    do_GET = do_HEAD = do_POST = do_CONNECT = serve

    def _read(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while (size := int(self.rfile.readline(), 16)):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *words):
        pass

    def reply(self, status, body=b"", **headers):
        """Content_Type is the header Content-Type, and so on. A body that is not bytes is sent as JSON."""
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    def relay(self, status, headers, body):
        """What another server answered."""
        kept = {k: v for k, v in headers.items() if k.lower() not in NOT_RELAYED}
        self.reply(status, body, **dict(kept, Content_Length=str(len(body))))

    def ask(self, url):
        """Asks the same of another server; its answer's body and Content-Type."""
        again = urllib.request.Request(url, data=self.body if self.command == "POST" else None)
        for k in ("Content-Type", "Accept"):
            if k in self.headers:
                again.add_header(k, self.headers[k])
        with urllib.request.urlopen(again) as f:
            return f.read(), f.headers["Content-Type"]


class Stub:
    """Hands each Request to .answer; .requests is what came so far: (method, path)."""

    def __init__(self, answer=None):
        self.answer, self.requests = answer, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self.server.stub = self
        self.host = "127.0.0.1:%d" % self.server.server_port
        self.url = "http://" + self.host

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()


class Receiver(Stub):
    """What Flux's notification-controller is to its senders: takes events by POST. .events: (path, Content-Type, event).

    .statuses is what the next ones are answered instead of being taken."""

    def __init__(self):
        super().__init__(self._take)
        self.events, self.statuses = [], []

    def _take(self, request):
        if self.statuses:
            return request.reply(self.statuses.pop(0))
        self.events.append((request.path, request.headers["Content-Type"], json.loads(request.body)))
        request.reply(202)
