"""The air-gap folder refuses what it is not for. `tools/airgap_check.sh` proves a whole one, and takes minutes."""

import platform
import shutil
import subprocess
import sys
from pathlib import Path

import airgap
import pytest

HERE = f"{sys.version_info[0]}.{sys.version_info[1]} {platform.machine()}\n"


@pytest.fixture
def folder(root, tmp_path):
    """A folder with everything but wheels and models."""
    made = tmp_path / "airgap"
    (made / "wheels").mkdir(parents=True)
    (made / "wheels" / "it.whl").write_bytes(b"wheel")
    (made / "for.txt").write_text(HERE)
    shutil.copy(root / "tools" / "airgap_install.sh", made / "install.sh")
    airgap.write_sums(made)
    return made


def install(folder: Path, **environment):
    return subprocess.run(
        ["/bin/sh", str(folder / "install.sh"), str(folder.parent / "installed")],
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder.parent), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_flipped_bit_is_refused(folder):
    (folder / "wheels" / "it.whl").write_bytes(b"wheem")
    ran = install(folder)
    assert ran.returncode == 1
    assert "error: a file does not have its sum - copy the folder again" in ran.stderr
    assert not (folder.parent / "installed").exists()


@pytest.mark.parametrize(
    ("made_for", "said"),
    [
        (f"{HERE.split()[0]} vax", "error: this folder is for vax, not for"),
        (f"2.1 {platform.machine()}", "error: Python 2.1 is missing - install it, or run 'make airgap'"),
    ],
)
def test_another_machine_is_refused(folder, made_for, said):
    (folder / "for.txt").write_text(f"{made_for}\n")
    (folder / "SHA256SUMS").unlink()
    airgap.write_sums(folder)
    ran = install(folder)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert not (folder.parent / "installed").exists()


def test_a_folder_that_cannot_be_checked_is_called_unproved(root, folder, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (programs / "unshare").chmod(0o755)
    ran = subprocess.run(
        ["/bin/sh", str(root / "tools" / "airgap_check.sh"), str(folder)],
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 3
    assert ran.stderr == "not checked: this machine makes no network namespaces, so the folder is unproved\n"
