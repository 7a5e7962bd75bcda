"""A hub of Hugging Face on the loopback address, with one model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from helpers.webserver import Web

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the hub has; `publish` lets its server answer for it.

    Attributes:
        files: content by path in the repository.
        large: the paths of files that it keeps in LFS, whose sha256 it states.
        stated: sizes and sums that it states otherwise than they are, by path.
    """

    web: Web
    repo: str = "owner/tiny"
    commit: str = COMMIT
    files: dict[str, bytes] = field(default_factory=dict)
    large: set[str] = field(default_factory=set)
    stated: dict[str, bytes] = field(default_factory=dict)

    def publish(self, revision: str | None = None) -> None:
        """Answer for the model, at its main branch or at another revision."""
        listed = {"id": self.repo, "sha": self.commit, "siblings": [self._row(path) for path in self.files]}
        address = f"/api/models/{self.repo}" + (f"/revision/{revision}" if revision else "")
        for true in ("True", "true"):  # huggingface_hub writes it as requests does, later as httpx does
            self.web.files[f"{address}?blobs={true}"] = json.dumps(listed).encode()
        for path, body in self.files.items():
            self.web.files[f"/{self.repo}/resolve/{self.commit}/{path}"] = body

    def _row(self, path: str) -> dict[str, object]:
        body = self.stated.get(path, self.files[path])
        git = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
        row: dict[str, object] = {"rfilename": path, "size": len(body), "blobId": git}
        if path in self.large:
            row["lfs"] = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest(), "pointerSize": 134}
        return row
