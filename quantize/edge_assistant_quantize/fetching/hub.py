"""A model of Hugging Face into a folder: the files that a conversion needs, at one commit, compared with their sums.

huggingface_hub lists them, with its token and endpoint; the bytes go through the portfolio's own download, which
resumes in the middle of a file. No code is fetched: no pickle, no Python file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edge_assistant.core.errors import PullFailed, StorageFull
from edge_assistant_models import network
from edge_assistant_models.schema import COMMIT, is_inside, printable
from edge_assistant_models.transfer import Partial, PullRun, Refused, storing
from edge_assistant_quantize.errors import InputMissing, UsageError
from edge_assistant_quantize.fetching.weights import INDEX, one_set, refuse_pickles
from edge_assistant_quantize.progress import Watch, counted
from edge_assistant_quantize.room import check_disk, check_new

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

SOURCE = "source.toml"
HINT = "check the name on its page; see 'hf auth login' for models that need a token"
OFFLINE_HINT = "there is no network to it: fetch where there is one, and copy the folder that is made to this machine"
MAX_FILES = 2000  # that are fetched; a model of 600 billion parameters has 170
MAX_UNSIZED_BYTES = 64 << 20  # of a file that is no weights, such as a tokenizer

_ELSEWHERE = "free some space, or name another folder"
_REPO = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/)?[A-Za-z0-9][\w.-]{0,95}")
_LIST_S = 30.0  # seconds to wait for the list of files
_REFUSALS = {  # of huggingface_hub, by the names of its errors
    "GatedRepoError": "its licence has to be accepted on its page, and a token is needed",
    "RevisionNotFoundError": "it has no such revision",
    "RepositoryNotFoundError": "there is no such model, or a token is needed",
}
# Configuration, tokenizer, chat template, licence and the card, at the top of a repository; and how a sentence
# embedder pools. `*.txt` is merges and vocabularies, `*.model` SentencePiece.
_DATA = re.compile(r"[\w.-]+\.(json|txt|model|jinja)|LICEN[CS]E[\w.-]*|NOTICE[\w.-]*|README\.md|1_Pooling/config\.json")
_OTHER_WEIGHTS = re.compile(r".*\.(index\.json|gguf|onnx|h5|msgpack)")


def fetch(repo: str, folder: Path, *, revision: str | None, watch: Watch) -> None:
    """Fetch a model into a folder, whole or not at all; the next run continues a broken one.

    Args:
        repo: owner/name.
        folder: is made.
        revision: a branch, tag or commit; None for the main branch.
        watch: receives the mebibytes.

    Raises:
        UsageError: the name is none, or the folder is there already.
        InputMissing: the repository holds no model.
        WeightsRefused: it has its weights as pickles only.
        PullFailed: the hub does not give it; the message says why.
        StorageFull: the disk is full, which is estimated before anything is fetched.
    """
    import tomlkit

    if not _REPO.fullmatch(repo) or ".." in repo:
        raise UsageError(f"{printable(repo)} is no name of a model", "a name is owner/name, such as Qwen/Qwen3-0.6B")
    check_new(folder)
    commit, files = _listed(repo, revision)
    total, before, sums = sum(file.size or 0 for file in files), 0, {}
    moved = counted(f"fetching {repo}, MiB", total, watch)
    with storing(folder.name, _ELSEWHERE):
        staging = folder.with_name(f".{folder.name}-{commit[:12]}.part")
        staging.mkdir(parents=True, exist_ok=True)
        check_disk(repo, total - sum(path.stat().st_size for path in staging.rglob("*") if path.is_file()), staging)
        run = PullRun(staging)
        for file in files:
            try:
                sums[file.rfilename] = _fetched(file, repo, commit, run, moved, before)
            except Refused as refused:
                again = "run the command again; it goes on where it was"
                raise PullFailed(f"{file.rfilename} of {repo} cannot be fetched ({refused})", again) from None
            except StorageFull as error:  # whose hint is of the portfolio's folder
                raise type(error)(error.message, _ELSEWHERE) from None
            before += file.size or 0
        source = {"repo": repo, "revision": commit, "files": dict(sorted(sums.items()))}
        (staging / SOURCE).write_text(tomlkit.dumps(source), "utf-8")
        staging.rename(folder)


def _listed(repo: str, revision: str | None) -> tuple[str, list[RepoSibling]]:
    """The commit that a revision stands for, and the files of it that are wanted; raises as `fetch` does."""
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
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
    if not COMMIT.fullmatch(str(found.sha or "")):
        raise PullFailed(f"{repo} cannot be fetched (the hub names no commit)", HINT)
    sized = [
        file for file in found.siblings or () if file.size is not None and file.size >= 0 and is_inside(file.rfilename)
    ]
    return str(found.sha), _wanted(sized, repo)


def _reason(error: Exception) -> str:
    """Why the hub does not list a model, in a few words."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    said = f"the hub answers {status}" if status else printable((str(error) or "no answer").splitlines()[0])
    return _REFUSALS.get(type(error).__name__, said)


def _wanted(files: Sequence[RepoSibling], repo: str) -> list[RepoSibling]:
    """The data among the files of a repository, the small ones first: of weights one set, and no code.

    Raises:
        WeightsRefused: there are only pickles.
        InputMissing: there are no weights, or implausibly many files.
    """
    sizes = {file.rfilename: file.size or 0 for file in files}
    top = {name for name in sizes if "/" not in name}
    refuse_pickles(top, repo)
    weights = one_set(top) or [name for name in top if name.endswith(".safetensors")]
    if not weights:
        raise InputMissing(f"{repo} holds no safetensors", "name a model in the form of transformers")
    data = {name for name in sizes if _DATA.fullmatch(name) and not _OTHER_WEIGHTS.fullmatch(name)}
    chosen = {name for name in data if sizes[name] <= MAX_UNSIZED_BYTES} | {*weights, INDEX}
    wanted = [file for file in files if file.rfilename in chosen]
    if len(wanted) > MAX_FILES:
        raise InputMissing(f"{repo} holds {len(wanted):,} files", "name the repository of one model")
    return sorted(wanted, key=lambda file: (sizes[file.rfilename], file.rfilename))


def _fetched(file: RepoSibling, repo: str, commit: str, run: PullRun, moved: Callable[[int], None], before: int) -> str:
    """Fetch one file, and its sum; one that is other than the hub says is gone, and fetched anew the next time.

    The hub states the sha256 of large files (LFS), and of the others the id of their git blob.

    Raises:
        Refused: it cannot be had, or is not what the hub says.
    """
    from huggingface_hub.utils.sha import git_hash

    path = run.downloads / file.rfilename
    with Partial(path, file.size or 0, lambda size: moved(before + size)) as partial:
        moved(before + partial.size)
        network.download_from_hub(repo, commit, file.rfilename, partial, run)
        digest = partial.sha256()
    same = digest == file.lfs.sha256 if file.lfs else file.blob_id in {None, git_hash(path.read_bytes())}
    if not same:
        path.unlink()
        raise Refused("it sends another content than the hub states")
    return digest
