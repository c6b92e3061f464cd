"""A CONNECT proxy that answers for the real host names with the sandbox's applications.

A client that honours `HTTPS_PROXY` and `REQUESTS_CA_BUNDLE` needs no other setting: it asks the proxy for
`acme.my.salesforce.com:443`, and the proxy ends TLS itself with a certificate of its own authority.
Sources: RFC 9110 "CONNECT", RFC 9112 "Persistence" and "Chunked Transfer Coding".
"""

import contextlib
import io
import logging
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from connector.sandbox.faults import ConnectionDropped

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["SandboxProxy"]

_LOG = logging.getLogger(__name__)
_BODILESS = (204, 304)


class SandboxProxy:
    """The proxy on a loopback port, running from `with` to the end of the block.

    apps: host name in lower case -> application, or None for a host nobody knows (502 to CONNECT).
    folder: where the authority's certificate `ca.pem` is written. port: 0 takes a free one.
    Raises ImportError naming the extra to install when `trustme` is missing.
    """

    def __init__(self, apps: "Callable[[str], WSGIApplication | None]", folder: Path | str, port: int = 0) -> None:
        authority = _Authority()
        self.ca_file = Path(folder) / "ca.pem"
        authority.write(self.ca_file)
        self._server = _Server(apps, authority, port)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05], name="sandbox-proxy")

    def environment(self) -> dict[str, str]:
        """The variables that lead a client here, in both spellings; no host may go around."""
        ways = {"HTTPS_PROXY": self.url, "NO_PROXY": ""}
        return {
            **ways,
            **{name.lower(): value for name, value in ways.items()},
            "REQUESTS_CA_BUNDLE": str(self.ca_file),
        }

    def start(self) -> None:
        """Answer from now on, in threads."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and wait for every thread."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def __enter__(self) -> "SandboxProxy":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Authority:
    """A certificate authority made for this run; one certificate per host."""

    def __init__(self) -> None:
        try:
            import trustme
        except ImportError as missing:
            raise ImportError(
                "the sandbox proxy makes its certificates with trustme, which is not installed; "
                "run: pip install trustme"
            ) from missing
        self._ca = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def write(self, path: Path) -> None:
        """Write the authority's certificate as PEM."""
        self._ca.cert_pem.write_to_path(str(path))

    def context(self, host: str) -> ssl.SSLContext:
        """The TLS settings to answer as `host`."""
        with self._lock:
            if host not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._ca.issue_cert(host).configure_cert(context)
                self._contexts[host] = context
            return self._contexts[host]


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Accepts connections, and knows those that are open, to close them at the end."""

    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, apps: "Callable[[str], WSGIApplication | None]", authority: _Authority, port: int) -> None:
        self.apps, self.authority = apps, authority
        self._open: set[socket.socket] = set()
        self._is_stopping = False
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Connection)

    def add(self, connection: socket.socket) -> None:
        """A connection is open, or has become a TLS connection; raises ConnectionError while stopping."""
        with self._lock:
            if self._is_stopping:
                raise ConnectionAbortedError("the proxy is stopping")
            self._open.add(connection)

    def forget(self, connection: socket.socket) -> None:
        """A connection was closed, or replaced by its TLS one."""
        with self._lock:
            self._open.discard(connection)

    def hang_up(self) -> None:
        """Wake every thread that waits for its client."""
        with self._lock:
            self._is_stopping = True
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Connection(BaseHTTPRequestHandler):
    """One client: CONNECT first, then requests inside TLS, answered by the application of the host."""

    protocol_version = "HTTP/1.1"
    server: _Server
    _application: "WSGIApplication | None" = None
    _host = ""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            self.server.add(self.connection)
            super().handle()

    def finish(self) -> None:
        for file in (self.wfile, self.rfile):
            with contextlib.suppress(OSError, ValueError):
                file.close()
        self.server.forget(self.connection)
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def do_CONNECT(self) -> None:
        """Open the tunnel: from here on the connection speaks TLS as the host that was asked for."""
        host = self.path.rpartition(":")[0].lower()
        application = self.server.apps(host) if self._application is None else None
        if application is None:
            self.send_error(HTTPStatus.BAD_GATEWAY, f"The sandbox does not answer for {host}")
            return
        self.send_response_only(HTTPStatus.OK, "Connection established")
        self.end_headers()
        self.wfile.flush()
        plain = self.connection
        context = self.server.authority.context(host)
        self.rfile.close()
        self.connection = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.server.forget(plain)
        self.server.add(self.connection)
        self.connection.do_handshake()
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")
        self._application, self._host = application, host
        self.close_connection = False

    def _serve(self) -> None:
        if self._application is None:
            self.send_error(HTTPStatus.METHOD_NOT_ALLOWED, "This proxy only opens tunnels: use CONNECT")
            return
        body = self._body()
        try:
            status, headers, answer = _run(self._application, self._environ(body))
        except ConnectionDropped:
            self.close_connection = True
            return
        except ConnectionError:  # the client is gone
            raise
        except Exception:
            _LOG.exception("%s %s failed inside the sandbox", self.command, urlsplit(self.path).path)
            status, headers, answer = "500 Internal Server Error", [("Content-Length", "0")], b""
        # What the application left unread would be taken for the next request.
        while body.read(65_536):
            pass
        self._send(status, headers, answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def _send(self, status: str, headers: list[tuple[str, str]], answer: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        is_bodiless = int(code) in _BODILESS
        if not is_bodiless and not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD" and not is_bodiless:
            self.wfile.write(answer)
        self.wfile.flush()

    def _body(self) -> io.RawIOBase:
        is_chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        length = 0 if is_chunked else int(self.headers.get("Content-Length") or 0)
        return _Body(self.rfile, length=length, is_chunked=is_chunked)

    def _environ(self, body: io.RawIOBase) -> "WSGIEnvironment":
        url = urlsplit(self.path)
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(url.path or "/").decode("latin-1"),
            "QUERY_STRING": url.query,
            "SERVER_NAME": self._host,
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https",
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        return environ

    def handle_expect_100(self) -> bool:
        """Let a client that waits for it send its body."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: paths may hold customer values."""


class _Body(io.RawIOBase):
    """A request body, of known length or in chunks. Raises ConnectionError when the client leaves before its end."""

    def __init__(self, source: Any, *, length: int, is_chunked: bool) -> None:
        self._source, self._left, self._has_more = source, length, is_chunked

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left == 0 and self._has_more:
            self._begin_chunk()
        if self._left == 0:
            return 0
        data = self._source.read(min(len(buffer), self._left))
        if not data:
            raise _left_early()
        self._left -= len(data)
        if self._left == 0 and self._has_more:
            self._source.readline(2)
        buffer[: len(data)] = data
        return len(data)

    def _begin_chunk(self) -> None:
        try:
            self._left = int(self._source.readline(1_000).partition(b";")[0], 16)
        except ValueError:
            raise _left_early() from None
        self._has_more = self._left > 0
        while not self._has_more and self._source.readline(65_536) not in (b"\r\n", b"\n", b""):
            pass  # trailers say nothing here


def _left_early() -> ConnectionError:
    return ConnectionAbortedError("the client left in the middle of a request")


def _run(application: "WSGIApplication", environ: "WSGIEnvironment") -> tuple[str, list[tuple[str, str]], bytes]:
    """Call the application; status line, headers, whole body."""
    started: list[Any] = []
    written = io.BytesIO()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        started[:] = [status, headers]
        return written.write

    chunks = application(environ, start_response)
    try:
        for chunk in chunks:
            written.write(chunk)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return started[0], started[1], written.getvalue()
