#!/bin/sh
# Prove that the folder of 'make airgap' installs and answers without a network: sh tools/airgap_check.sh FOLDER
# Exit status: 0 proved, 3 not checked, anything else is a failure.
# It runs in a network namespace of its own that has no interface but a loopback that is down, with an empty home.
set -eu
folder=$(cd "${1:-airgap}" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT INT TERM

if [ "$(id -u)" -eq 0 ]; then namespace="unshare --net"; else namespace="unshare --map-root-user --net"; fi
if ! $namespace true 2>/dev/null; then
    echo "not checked: this machine makes no network namespaces, so the folder is unproved" >&2
    exit 3
fi

$namespace env -i HOME="$scratch" PATH="$PATH" LANG=C.UTF-8 FOLDER="$folder" sh -euc '
    others=$(sed 1,2d /proc/net/dev | grep -vc "^ *lo:" || true)
    [ "$others" -eq 0 ] || { echo "error: the namespace has interfaces - nothing is proved" >&2; exit 1; }
    sh "$FOLDER/install.sh" "$HOME/installed"
    cd "$FOLDER/examples/clinic"
    "$HOME/installed/bin/edge-assistant" ask "What is the patient allergic to?" \
        --image form.jpg --audio note.wav --readings vitals.csv --json >"$HOME/answer.json"
    "$HOME/installed/bin/python" -c "import json, sys; print(json.load(open(sys.argv[1]))[\"answer\"])" "$HOME/answer.json"
'
echo "checked: installed and answered without a network"
