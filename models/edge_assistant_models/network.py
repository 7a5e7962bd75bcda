"""Fetching one file over HTTP or from Hugging Face: short waits, resumption, no credentials to strangers."""

from __future__ import annotations

import http.client
import os
import re
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from edge_assistant_models.errors import StorageFull
from edge_assistant_models.transfer import Partial, PullRun, Refused

CONNECT_S = 4.0  # to wait for a connection
READ_S = 30.0  # to wait for the next bytes
STALLED_ATTEMPTS = 3  # in a row without one new byte
BACKOFF_S = 0.5  # doubled for each of them

_CONTENT_RANGE = re.compile(r"bytes (\d+)-")


class _SameOriginHeaders(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but keeps the authorization to the host it was meant for."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and not _may_know(req.full_url, newurl):
            request.remove_header("Authorization")
        return request


def _may_know(url: str, other: str) -> bool:
    """Whether what was meant for one address may be sent to another: the same host, and not in the clear now.

    >>> _may_know("https://a.org/x", "https://a.org/y"), _may_know("https://a.org/x", "http://a.org/x")
    (True, False)
    """
    meant, now = urllib.parse.urlsplit(url), urllib.parse.urlsplit(other)
    return meant.netloc == now.netloc and now.scheme in {meant.scheme, "https"}


def check_reachable(url: str, run: PullRun) -> None:
    """Connect once, shortly, so that a host without an answer costs seconds and not minutes.

    Behind a proxy nothing is tried: names may not resolve here.

    Raises:
        Refused: the host does not answer, now or earlier in this run.
    """
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return
    if host not in run.unreachable:
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((host, port), timeout=CONNECT_S).close()
        except (OSError, ValueError, UnicodeError) as error:
            run.unreachable[host] = f"no answer from {host} ({_reason(error)})"
    if host in run.unreachable:
        raise Refused(run.unreachable[host])


def download(url: str, partial: Partial, run: PullRun, headers: Mapping[str, str] | None = None) -> None:
    """Append what is missing of a file.

    Raises:
        Refused: the host does not answer, does not have it, or breaks off again and again.
        StorageFull: the disk is full.
    """
    check_reachable(url, run)
    stalled, furthest = 0, partial.size
    while not partial.complete:
        reason = _attempt(url, partial, headers or {})
        stalled = stalled + 1 if partial.size <= furthest else 0
        furthest = max(furthest, partial.size)
        if stalled == STALLED_ATTEMPTS:
            raise Refused(reason)
        if stalled:
            time.sleep(BACKOFF_S * 2 ** (stalled - 1))


def download_from_hub(repo: str, revision: str, path: str, partial: Partial, run: PullRun) -> None:
    """Take a file of a repository from huggingface_hub's cache on this machine, else download what is missing.

    Raises:
        Refused: the hub does not give it.
        StorageFull: the disk is full.
    """
    cached = _cached(repo, revision, path)
    if cached.is_file():
        partial.copy(cached, "its cache")
        return
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        raise Refused("HF_HUB_OFFLINE is set")
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    check_reachable(endpoint, run)  # before the slow import, which a machine without a network need not pay
    from huggingface_hub import get_token, hf_hub_url

    token = get_token()
    url = hf_hub_url(repo, path, revision=revision, endpoint=endpoint)
    download(url, partial, run, {"Authorization": f"Bearer {token}"} if token else None)


def _cached(repo: str, revision: str, path: str) -> Path:
    """Where another program that fetched the file has put it. See huggingface_hub's layout."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()
    return cache / f"models--{repo.replace('/', '--')}" / "snapshots" / revision / path


def _attempt(url: str, partial: Partial, headers: Mapping[str, str]) -> str:
    """Read until the answer ends or breaks off, and say which."""
    opener = urllib.request.build_opener(_SameOriginHeaders)
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - the catalog admits http and https only
    if partial.size:
        request.add_header("Range", f"bytes={partial.size}-")
    try:
        with opener.open(request, timeout=READ_S) as response:
            _append(response, partial)
    except urllib.error.HTTPError as error:
        return _status(error, partial)
    except StorageFull:
        raise
    except (OSError, http.client.HTTPException) as error:
        return f"the connection broke off ({_reason(error)})"
    return f"the connection broke off after {partial.size} of {partial.limit} bytes"


def _append(response: http.client.HTTPResponse, partial: Partial) -> None:
    """Write an answer behind what is there, or from the start where the host ignored the range."""
    if partial.size:
        begin = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if response.status != http.HTTPStatus.PARTIAL_CONTENT or begin is None or int(begin[1]) != partial.size:
            partial.restart()
            if response.status == http.HTTPStatus.PARTIAL_CONTENT:
                return
    partial.append(response)


def _status(error: urllib.error.HTTPError, partial: Partial) -> str:
    """What an HTTP status means: final, or worth another attempt."""
    error.close()
    if error.code in {401, 403}:
        raise Refused(f"it answers {error.code}: a token is needed, or the licence has to be accepted on its page")
    if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and partial.size:
        partial.restart()
    elif error.code < 500 and error.code not in {408, 429}:
        raise Refused(f"it answers {error.code}" + (": not found" if error.code == 404 else ""))
    return f"it answers {error.code}"


def _reason(error: Exception) -> str:
    """The innermost reason of a network error in a few words."""
    inner = getattr(error, "reason", None) or error
    if isinstance(inner, socket.gaierror):
        return "its name does not resolve"
    if isinstance(inner, TimeoutError):
        return "timed out"
    return (getattr(inner, "strerror", None) or str(inner) or type(inner).__name__).splitlines()[0].lower()
