#!/bin/sh
# Check the prerequisites, then make or refresh the environment: sh tools/bootstrap.sh [EXTRA]...
# With --check alone nothing is made. PYTHON names the interpreter, VENV the environment's folder (.venv).
set -u
root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
venv=${VENV:-.venv}
case $venv in /*) ;; *) venv=$root/$venv ;; esac

good_python() { # 3.11 or later
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() { # what was asked for, else what the environment was made with, else the first that is good
    if [ -n "${PYTHON:-}" ]; then
        good_python "$PYTHON" && echo "$PYTHON"
        return
    fi
    for candidate in "$venv/bin/python" python3 python3.13 python3.12 python3.11 python3.14; do
        good_python "$candidate" && echo "$candidate" && return
    done
}

can_compile() { # a compiler without its standard library is as good as none
    printf '#include <vector>\nint main() { return 0; }\n' | "$1" -x c++ -fsyntax-only - >/dev/null 2>&1
}

find_compiler() {
    for candidate in ${CXX:-} c++ g++ clang++; do
        can_compile "$candidate" && echo "$candidate" && return
    done
}

manager() {
    for candidate in apt-get dnf brew; do
        command -v "$candidate" >/dev/null 2>&1 && echo "$candidate" && return
    done
}

# need WHAT APT-PACKAGE DNF-PACKAGE BREW-PACKAGE: remember what is missing, and say it with the command that installs it
missing=0
need() {
    missing=$((missing + 1))
    case $(manager) in
        apt-get) how="sudo apt-get install $2" ;;
        dnf) how="sudo dnf install $3" ;;
        brew) how=$4 ;;
        *) how="install it with your system's package manager" ;;
    esac
    echo "missing: $1 - $how" >&2
}

python=$(find_python)
if [ -z "$python" ]; then
    need "Python 3.11 or later${PYTHON:+ (PYTHON=$PYTHON is not)}" "python3 python3-venv" "python3.13" "brew install python@3.13"
elif ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    need "the venv module of Python $version" "python$version-venv" "python$version" "brew reinstall python@$version"
fi
command -v git >/dev/null 2>&1 || need "git" "git" "git" "brew install git"
command -v make >/dev/null 2>&1 || need "make" "make" "make" "xcode-select --install"
[ -n "$(find_compiler)" ] || need "a C++ compiler" "g++" "gcc-c++" "xcode-select --install"
[ "$missing" -eq 0 ] || exit 1

[ "${1:-}" = --check ] && exit 0
exec "$python" "$root/tools/bootstrap.py" --venv "$venv" "$@"
