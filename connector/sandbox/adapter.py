"""Let a requests session talk to WSGI applications without a socket, choosing the application by host."""

import io
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse
from werkzeug.test import run_wsgi_app

from connector.sandbox.clock import Clock
from connector.sandbox.faults import ConnectionDropped

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


class WsgiAdapter(BaseAdapter):
    """Sends each prepared request to the application its host stands for.

    hosts: host name in lower case, without port -> application, or None for a host nobody knows, which fails as
    an unsuccessful name look-up does. clock: when given, an answer that took longer by it than the caller's read
    timeout is lost. A lost or refused connection is requests.exceptions.ConnectionError, as on a real network.
    Errors inside an application are raised as they are.
    """

    def __init__(self, hosts: "Callable[[str], WSGIApplication | None]", clock: Clock | None = None) -> None:
        super().__init__()
        self._hosts = hosts
        self._clock = clock

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Answer `request`; the response's `raw` is a urllib3 response over the whole body."""
        host = (urlsplit(str(request.url)).hostname or "").lower()
        application = self._hosts(host)
        if application is None:
            unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            raise requests.exceptions.ConnectionError(f"host {host} is not known", request=request) from unknown
        began = self._clock.now() if self._clock else None
        try:
            chunks, status, headers = run_wsgi_app(application, _environ(request), buffered=True)
            body = b"".join(chunks)
        except ConnectionDropped as drop:
            raise requests.exceptions.ConnectionError(str(drop), request=request) from drop
        limit = timeout[1] if isinstance(timeout, tuple) else timeout
        if self._clock and began and isinstance(limit, int | float):
            took = (self._clock.now() - began).total_seconds()
            if took > limit:
                raise requests.exceptions.ReadTimeout(f"no answer within {limit} s", request=request)
        return _response(request, status, list(headers), body)

    def close(self) -> None:
        """Nothing is held open."""


def _environ(request: requests.PreparedRequest) -> "WSGIEnvironment":
    url = urlsplit(str(request.url))
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": str(request.method).upper(),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path or "/").decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname or "",
        "SERVER_PORT": str(url.port or (443 if url.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": url.netloc.rpartition("@")[2],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": _body_stream(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    return environ


def _body_stream(body: Any) -> Any:
    """The body as a readable file that ends where the body ends."""
    if body is None:
        return io.BytesIO()
    if isinstance(body, str):
        return io.BytesIO(body.encode("utf-8"))
    if isinstance(body, bytes | bytearray):
        return io.BytesIO(body)
    if hasattr(body, "read"):
        return body
    return io.BufferedReader(_Chunks(body))


class _Chunks(io.RawIOBase):
    """An iterable of byte strings as a file, so that a streamed request body is never held whole."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _response(
    request: requests.PreparedRequest, status: str, headers: list[tuple[str, str]], body: bytes
) -> requests.Response:
    code, _, reason = status.partition(" ")
    raw = HTTPResponse(
        body=io.BytesIO(b"" if request.method == "HEAD" else body),
        headers=HTTPHeaderDict(headers),
        status=int(code),
        reason=reason,
        preload_content=False,
        decode_content=False,
    )
    response = requests.Response()
    response.status_code = int(code)
    response.reason = reason
    response.headers = CaseInsensitiveDict(raw.headers)
    response.encoding = get_encoding_from_headers(response.headers)
    response.url = str(request.url)
    response.raw = raw
    response.request = request
    return response
