"""Stands between a controller and the API server: delays what watches deliver, counts requests, can cut connections."""
import collections
import queue
import re
import socket
import ssl
import threading
import time

from .process import free_port


class ApiProxy:
    """.kubeconfig leads through it. watch_delay: seconds by which every byte of a watch is late."""

    def __init__(self, cluster, watch_delay=0.0):
        self.cluster, self.watch_delay = cluster, watch_delay
        self.port = free_port()
        self.requests = collections.Counter()  # (method, path without query) to count
        self.lock, self.open, self.closing, self.blocked = threading.Lock(), set(), False, False
        self.kubeconfig = cluster.client_kubeconfig("proxy-%d" % self.port, token="admin-token",
                                                    server="https://127.0.0.1:%d" % self.port)

    def __enter__(self):
        self.server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_tls.load_cert_chain(self.cluster.tls_cert, self.cluster.tls_key)
        self.client_tls = ssl.create_default_context(cafile=self.cluster.authority.cert)
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.closing = True
        self.listener.close()
        self.cut()

    def cut(self):
        """Drops every connection that is open, as a network fault does."""
        with self.lock:
            for s in list(self.open):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def block(self):
        """Cuts all, and lets nothing through until unblock()."""
        self.blocked = True
        self.cut()

    def unblock(self):
        self.blocked = False

    def _accept(self):
        while not self.closing:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, raw):
        client = None
        try:
            with self.server_tls.wrap_socket(raw, server_side=True) as client:
                with self.lock:
                    self.open.add(client)
                if self.blocked:
                    return
                data = b""
                while True:
                    head, data = self._head(client, data)
                    if head is None:
                        return
                    length = int((re.search(rb"(?im)^content-length: *(\d+)", head) or [0, b"0"])[1])
                    while len(data) < length:
                        more = client.recv(65536)
                        if not more:
                            return
                        data += more
                    self._forward(client, head, data[:length])
                    data = data[length:]
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(client)

    @staticmethod
    def _head(s, data):
        while b"\r\n\r\n" not in data:
            more = s.recv(65536)
            if not more:
                return None, b""
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n", rest

    def _forward(self, client, head, body):
        method, target = head.split(b" ", 2)[:2]
        path, _, query = target.decode().partition("?")
        self.requests[(method.decode(), path)] += 1
        delay = self.watch_delay if re.search(r"(^|&)watch=(1|true)", query) else 0.0
        head = re.sub(rb"(?im)^connection:.*\r\n", b"", head).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.cluster.port)) as raw, \
                self.client_tls.wrap_socket(raw, server_hostname="127.0.0.1") as server:
            server.sendall(head + body)
            pipe = queue.Queue()

            def read():
                try:
                    while True:
                        piece = server.recv(65536)
                        pipe.put((time.monotonic() + delay, piece))
                        if not piece:
                            return
                except OSError:
                    pipe.put((0, b""))
            threading.Thread(target=read, daemon=True).start()
            while True:
                due, piece = pipe.get()
                time.sleep(max(0.0, due - time.monotonic()))  # the delay that is being simulated
                if not piece:
                    break
                client.sendall(piece)
        raise OSError("closed after each answer")
