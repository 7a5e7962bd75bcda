"""Hugging Face, the official home of most models, with huggingface_hub's token, endpoint, cache and offline switch.

The bytes go through our own download, which hashes them on their way and goes on in the middle of a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_assistant_models.schema import COMMIT, Table, is_inside
from edge_assistant_models.spec import FileSpec
from edge_assistant_models.transfer import CHUNK_BYTES, Partial, Refused, Run

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class HuggingFaceSource:
    """Files of a repository at one commit.

    Attributes:
        repo: owner/name.
        revision: the commit, so that a file cannot change under its name.
        files: path in the repository by the file's key.
    """

    repo: str
    revision: str
    files: Mapping[str, str]

    @property
    def label(self) -> str:
        """The type and the repository."""
        return f"hf {self.repo}"

    def named(self) -> frozenset[str]:
        """The keys of its files."""
        return frozenset(self.files)

    def asked(self) -> tuple[str, ...]:
        """Repository, commit and path of each file."""
        return tuple(f"hf {self.repo} {self.revision} {path}" for path in self.files.values())

    def archives(self) -> frozenset[str]:
        """There are none: the file comes as it is."""
        return frozenset()

    def offers(self, file: FileSpec) -> bool:
        """Whether the repository has this file."""
        return file.key in self.files

    def fetch(self, file: FileSpec, partial: Partial, run: Run) -> None:
        """Take it from the hub's own cache on this machine, else download what is missing.

        Raises:
            Refused: the hub does not give it.
        """
        from edge_assistant_models.network import check_reachable, download

        path = self.files[file.key]
        cached = _cached(self.repo, self.revision, path)
        if cached is not None:
            _copy(cached, partial)
            return
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
            raise Refused("HF_HUB_OFFLINE is set")
        endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        check_reachable(endpoint, run)  # before the slow import, which a machine without a network need not pay
        from huggingface_hub import get_token, hf_hub_url

        token = get_token()
        url = hf_hub_url(self.repo, path, revision=self.revision, endpoint=endpoint)
        download(url, partial, run, {"Authorization": f"Bearer {token}"} if token else None)


def _cached(repo: str, revision: str, path: str) -> Path | None:
    """The file in the hub's cache, where another program has fetched it before. See huggingface_hub's layout."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()
    file = cache / f"models--{repo.replace('/', '--')}" / "snapshots" / revision / path
    return file if file.is_file() else None


def _copy(path: Path, partial: Partial) -> None:
    """Take a file from this machine."""
    partial.restart()
    try:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                partial.write(chunk)
    except PermissionError as error:
        raise Refused(f"its cache cannot be read ({error.strerror})") from None


def parse(table: Table) -> HuggingFaceSource:
    """Read `repo`, `revision` and the table `files`."""
    repo, revision = table.text("repo", _REPO), table.text("revision", COMMIT)
    files = table.table("files")
    paths = {key: files.text(key) for key in files.remaining()}
    for path in paths.values():
        if not is_inside(path):
            raise files.invalid(f"'{path}' leaves the repository")
    return HuggingFaceSource(repo, revision, paths)
