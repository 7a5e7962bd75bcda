"""A model of Hugging Face into a folder: the files that a conversion needs, at one commit, compared with their sums.

huggingface_hub lists them, with its token and endpoint; the bytes go through the portfolio's own download, which
resumes in the middle of a file. No code is fetched: no pickle, no Python file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_assistant.core.errors import PullFailed, StorageFull
from edge_assistant_models import network, regular, toml
from edge_assistant_models.schema import COMMIT, MAX_TOML_BYTES, SHA256, is_inside, printable
from edge_assistant_models.transfer import Partial, PullRun, Refused, storing
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.fetching.weights import INDEX, SHARD, refuse_pickles
from edge_assistant_quantize.progress import ProgressStep, Watch, counted
from edge_assistant_quantize.room import check_disk

SOURCE = "source.toml"
HINT = "check the name on its page; see 'hf auth login' for models that need a token"
OFFLINE_HINT = "there is no network to it: fetch where there is one, and copy the folder that is made to this machine"
MAX_FILES = 2000  # that are fetched; a model of 600 billion parameters has 170
MAX_UNSIZED_BYTES = 64 << 20  # of a file that is no weights, such as a tokenizer

_ELSEWHERE = "free some space, or name another folder"
_REPO = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")
_GIT = re.compile(r"[0-9a-f]{40}")
_LIST_S = 30.0  # seconds to wait for the list of files
# Configuration, tokenizer, chat template, licence and the card, at the top of a repository; and how a sentence
# embedder pools. `*.txt` is merges and vocabularies, `*.model` SentencePiece.
_DATA = re.compile(r"[\w.-]+\.(json|txt|model|jinja)|LICEN[CS]E[\w.-]*|NOTICE[\w.-]*|README\.md|1_Pooling/config\.json")
_OTHER_WEIGHTS = re.compile(r".*\.(index\.json|gguf|onnx|h5|msgpack)")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository at a commit.

    Attributes:
        path: in the repository.
        bytes: its size.
        sha256: its sum where the hub states it, which it does of large files (LFS).
        git: its git blob's id, which the hub states of the others: the SHA-1 of "blob SIZE", a zero and the content.
    """

    path: str
    bytes: int
    sha256: str | None
    git: str | None


def fetch(repo: str, folder: Path, *, revision: str | None, watch: Watch) -> None:
    """Fetch a model into a folder, whole or not at all; the next run continues a broken one.

    Args:
        repo: owner/name.
        folder: is made; one that holds this very commit already is left as it is.
        revision: a branch, tag or commit; None for the main branch.
        watch: receives the mebibytes.

    Raises:
        UsageError: the name is none, or the folder holds something else.
        InputMissing: the repository holds no model.
        WeightsRefused: it has its weights as pickles only.
        PullFailed: the hub does not give it; the message says why.
        StorageFull: the disk is full, which is estimated before anything is fetched.
    """
    import tomlkit

    if not _REPO.fullmatch(repo) or ".." in repo:
        raise UsageError(f"{printable(repo)} is no name of a model", "a name is owner/name, such as Qwen/Qwen3-0.6B")
    commit, files = listed(repo, revision)
    if folder.exists():
        _check_same(folder, repo, commit)
        watch(ProgressStep(f"fetching {repo}, MiB", 1, 1))
        return
    with storing(folder.name, _ELSEWHERE):
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = folder.with_name(f".{folder.name}-{commit[:12]}.part")
        staging.mkdir(exist_ok=True)
    have = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
    check_disk(repo, sum(file.bytes for file in files) - have, staging)
    sums = _download(repo, commit, files, staging, watch)
    with storing(folder.name, _ELSEWHERE):
        source = {"repo": repo, "revision": commit, "files": dict(sorted(sums.items()))}
        (staging / SOURCE).write_text(tomlkit.dumps(source), "utf-8")
        staging.rename(folder)


def listed(repo: str, revision: str | None) -> tuple[str, tuple[HubFile, ...]]:
    """The commit that a revision stands for, and the files of it that are wanted.

    Raises:
        PullFailed, WeightsRefused, InputMissing: see `fetch`.
    """
    endpoint = _endpoint()
    try:
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
            raise Refused("HF_HUB_OFFLINE is set")
        network.check_reachable(endpoint, PullRun(Path()))  # before the slow import, and its own patience
        from huggingface_hub import HfApi

        found = HfApi(endpoint=endpoint).model_info(repo, revision=revision, files_metadata=True, timeout=_LIST_S)
    except Refused as refused:
        raise PullFailed(f"{repo} cannot be fetched ({refused})", OFFLINE_HINT) from None
    except Exception as error:  # the library raises requests' or httpx' errors by its version, and its own over both
        answered = getattr(error, "response", None) is not None or isinstance(error, ValueError)  # the second: no JSON
        hint = HINT if answered else OFFLINE_HINT
        raise PullFailed(f"{repo} cannot be fetched ({_reason(error)})", hint) from None
    commit = str(getattr(found, "sha", "") or "")
    if not COMMIT.fullmatch(commit):
        raise PullFailed(f"{repo} cannot be fetched (the hub names no commit)", HINT)
    siblings = [_file(sibling) for sibling in found.siblings or ()]
    return commit, wanted([file for file in siblings if file is not None], repo)


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _reason(error: Exception) -> str:
    """Why the hub does not list a model, in a few words; by names, which all versions of the library share."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "GatedRepoError" in kinds:
        return "its licence has to be accepted on its page, and a token is needed"
    if "RevisionNotFoundError" in kinds:
        return "it has no such revision"
    if "RepositoryNotFoundError" in kinds:
        return "there is no such model, or a token is needed"
    status = getattr(getattr(error, "response", None), "status_code", None)
    return (
        f"the hub answers {status}" if status else printable(str(error).splitlines()[0] if str(error) else "no answer")
    )


def _file(sibling: Any) -> HubFile | None:  # noqa: ANN401 - the library's, whose class changes with its version
    """One row of the hub's list; None where it says no size, or leads out of the folder."""
    path, size, lfs = sibling.rfilename, sibling.size, sibling.lfs
    digest = (lfs.get("sha256") if isinstance(lfs, dict) else getattr(lfs, "sha256", None)) if lfs else None
    if not isinstance(path, str) or not isinstance(size, int) or size < 0 or not is_inside(path):
        return None
    git = str(sibling.blob_id or "")
    sha256 = digest if isinstance(digest, str) and SHA256.fullmatch(digest) else None
    return HubFile(path, size, sha256, git if not lfs and _GIT.fullmatch(git) else None)


def wanted(files: Sequence[HubFile], repo: str) -> tuple[HubFile, ...]:
    """The data among the files of a repository: of weights one set, and no code.

    Raises:
        WeightsRefused: there are only pickles.
        InputMissing: there are no weights, or implausibly many files.
    """
    names = {file.path for file in files}
    refuse_pickles([name for name in names if "/" not in name], repo)
    weights = _weights(names)
    if not weights:
        raise InputMissing(f"{repo} holds no safetensors", "name a model in the form of transformers")
    data = {name for name in names if _DATA.fullmatch(name) and not _OTHER_WEIGHTS.fullmatch(name)}
    data = {file.path for file in files if file.path in data and file.bytes <= MAX_UNSIZED_BYTES}
    chosen = data | weights | ({INDEX} & names if "model.safetensors" not in weights else set())
    if len(chosen) > MAX_FILES:
        raise InputMissing(f"{repo} holds {len(chosen):,} files", "name the repository of one model")
    return tuple(sorted((file for file in files if file.path in chosen), key=lambda file: (file.bytes, file.path)))


def _weights(names: set[str]) -> set[str]:
    """One set of files of weights: parts with their index, else the whole, else what else there is at the top."""
    parts = {name for name in names if SHARD.fullmatch(name)}
    if parts and INDEX in names:
        return parts
    if "model.safetensors" in names:
        return {"model.safetensors"}
    return parts or {name for name in names if name.endswith(".safetensors") and "/" not in name}


def _download(repo: str, commit: str, files: Sequence[HubFile], staging: Path, watch: Watch) -> dict[str, str]:
    """Fetch what is missing of each file, the small ones first; their sums."""
    from huggingface_hub import get_token, hf_hub_url

    token, endpoint, run = get_token(), _endpoint(), PullRun(staging)
    headers = {"Authorization": f"Bearer {token}"} if token else None
    moved = counted(f"fetching {repo}, MiB", sum(file.bytes for file in files), watch)
    sums: dict[str, str] = {}
    before = 0
    for file in files:
        url = hf_hub_url(repo, file.path, revision=commit, endpoint=endpoint)

        def arrived(size: int, before: int = before) -> None:
            moved(before + size)

        try:
            sums[file.path] = _fetched(file, url, staging / file.path, run, headers, arrived)
        except Refused as refused:
            again = "run the command again; it goes on where it was"
            raise PullFailed(f"{file.path} of {repo} cannot be fetched ({refused})", again) from None
        except StorageFull as error:
            raise StorageFull(error.message, _ELSEWHERE) from None
        before += file.bytes
    return sums


def _fetched(
    file: HubFile,
    url: str,
    path: Path,
    run: PullRun,
    headers: dict[str, str] | None,
    moved: Callable[[int], None],
) -> str:
    """Fetch one file and compare it; one that is other than the hub says is fetched a second time, from nothing.

    Raises:
        Refused: it cannot be had, or is not what the hub says.
    """
    for _ in range(2):
        with Partial(path, file.bytes, moved) as partial:
            moved(partial.size)
            network.download(url, partial, run, headers)
            digest = partial.sha256()
        if digest == file.sha256 or (file.sha256 is None and file.git in {None, _git_sum(path)}):
            return digest
        path.unlink()
    raise Refused("it sends another content than the hub states")


def _git_sum(path: Path) -> str:
    """The id of a git blob, which is stated of what is small."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _check_same(folder: Path, repo: str, commit: str) -> None:
    """Whether a folder holds this commit.

    Raises:
        UsageError: it does not.
    """
    try:
        source = toml.parse(regular.read(folder / SOURCE, MAX_TOML_BYTES))
    except (OSError, ValueError):
        source = {}
    if (source.get("repo"), source.get("revision")) != (repo, commit):
        raise UsageError(f"{folder.name} is there and does not hold {repo} at {commit[:12]}", "name another folder")
