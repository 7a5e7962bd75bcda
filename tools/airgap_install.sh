#!/bin/sh
# Install Edge Assistant from this folder, without a network: sh install.sh [FOLDER]
set -eu
cd "$(dirname "$0")"
target=${1:-$HOME/edge-assistant}
read -r version machine <for.txt

fail() {
    echo "error: $1 - $2" >&2
    exit 1
}

[ "$(uname -m)" = "$machine" ] || fail "this folder is for $machine, not for $(uname -m)" "run 'make airgap' on such a machine"
sha256sum --check --quiet --strict SHA256SUMS || fail "a file does not have its sum" "copy the folder again"

python=
for candidate in "${PYTHON:-}" "python$version" python3; do
    [ -n "$candidate" ] || continue
    [ "$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$version" ] || continue
    python=$candidate
    break
done
[ -n "$python" ] || fail "Python $version is missing" "install it, or run 'make airgap' with the Python that this machine has"
"$python" -c 'import venv, ensurepip' 2>/dev/null || fail "Python $version has no venv module" "install its package python$version-venv"

"$python" -m venv "$target"
"$target/bin/python" -m pip --isolated --disable-pip-version-check install --quiet \
    --no-index --find-links wheels 'edge-assistant-offline[audio,tui]'
"$target/bin/edge-assistant" models import models.tar
"$target/bin/edge-assistant" doctor
echo "installed: $target/bin/edge-assistant"
