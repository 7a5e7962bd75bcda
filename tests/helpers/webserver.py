"""A web server on the loopback address that can misbehave."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Web:
    """What the loopback server has and how it behaves.

    Attributes:
        files: content by path.
        cuts: for each coming request the number of body bytes after which the connection breaks; then none.
        ranges: whether it honours ranges.
        statuses: statuses to answer the coming requests with; then none.
        holds: whether a connection stays open where it would break, until `stopped` is set.
        delay_s: seconds to wait before an answer.
        error_code: what Hugging Face's hub says in a header besides a status that is not 200.
        seen: path, Range and Authorization of each request.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    holds: bool = False
    statuses: list[int] = field(default_factory=list)
    delay_s: float = 0
    redirects: dict[str, str] = field(default_factory=dict)
    error_code: str = ""
    seen: list[tuple[str, str | None, str | None]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


class _Handler(http.server.BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        web, wanted = self.web, self.headers.get("Range")
        web.seen.append((self.path, wanted, self.headers.get("Authorization")))
        web.stopped.wait(web.delay_s)
        if self.path in web.redirects:
            self.send_response(302)
            self.send_header("Location", web.redirects[self.path])
            self.end_headers()
            return
        content = web.files.get(self.path)
        status = web.statuses.pop(0) if web.statuses else 200 if content is not None else 404
        if status != 200 or content is None:
            self.send_response(status)
            self.send_header("X-Error-Code", web.error_code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and web.ranges else 0
        if begin >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        cut = web.cuts.pop(0) if web.cuts else len(content)
        self.wfile.write(content[begin : begin + cut])
        if web.holds and cut < len(content) - begin:
            web.stopped.wait()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Web]:
    """A server that runs until the block ends."""
    state = Web()
    handler = type("Handler", (_Handler,), {"web": state})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        state.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield state
        state.stopped.set()
        server.shutdown()
        thread.join()
