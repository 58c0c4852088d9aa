"""The HTTP side: threads on a loopback port, connections kept alive, one send per answer."""

from __future__ import annotations

import sys
import traceback
from http.server import HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from threading import Event
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

from backends.simulated import wire
from backends.simulated.overlay import Overlay

_MAX_BODY = 64 * 1024 * 1024


class Server(ThreadingMixIn, HTTPServer):
    """Bound on construction: `server_port` is the real one. `stopping` wakes answers that a fault holds back."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256
    # what werkzeug's handler asks of its server
    ssl_context = None
    multithread = True
    multiprocess = False
    _server_version = "amazon.com"

    def __init__(self, host: str, port: int, overlay: Overlay) -> None:
        self.overlay = overlay
        self.stopping = Event()
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer would ask the DNS for our own name
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception() if sys.version_info >= (3, 11) else None, OSError):
            traceback.print_exc(file=sys.stderr)


class Handler(MotoRequestHandler):
    """werkzeug closes every connection after its answer; here the body is always read whole, so it can stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server  # type: ignore[assignment]

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        body = self._body(environ)
        if body is None:
            self._send(wire.Reply(413, [], b""))
            self.close_connection = True
            return
        headers = {key.lower(): value for key, value in self.headers.items()}
        # As it was sent: an ARN in a path is one part of it, slashes and all.
        path = environ.get("REQUEST_URI", environ["PATH_INFO"]).partition("?")[0]
        request = wire.Request(self.command, path, environ.get("QUERY_STRING", ""), headers, body)
        reply = self.server.overlay.handle(request, environ)
        if reply.hang:
            self.server.stopping.wait(reply.hang)
        self._send(reply)

    def _body(self, environ: dict[str, Any]) -> bytes | None:
        if environ.get("wsgi.input_terminated"):
            return bytes(environ["wsgi.input"].read())
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > _MAX_BODY:
            return None
        return self.rfile.read(length)

    def _send(self, reply: wire.Reply) -> None:
        closing = self.close_connection or self.headers.get("Connection", "").lower() == "close"
        lines = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('', ''))[0]}"]
        lines += [f"{key}: {value}" for key, value in reply.headers]
        lines += [f"Content-Length: {len(reply.body)}", f"Connection: {'close' if closing else 'keep-alive'}", "", ""]
        head = "\r\n".join(lines).encode("latin-1", "replace")
        body = b"" if self.command == "HEAD" else reply.body
        if reply.cut is not None:
            body, self.close_connection = body[: reply.cut], True
        try:
            self.connection.sendall(head + body)
        except (TimeoutError, ConnectionError):
            self.close_connection = True
        if closing:
            self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: requests are in the log at /_simulated/requests."""
