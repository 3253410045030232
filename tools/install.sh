#!/usr/bin/env bash
# Installs everything pinned in requirements.txt and setup.cfg into .venv at the repository root; does nothing when that is already there.
#   PYTHON=/path/to/python  the interpreter to use (3.10 or 3.11); otherwise python3.11, python3.10, python3 are tried in this order
#   DOS_DEVICE=cpu|gpu      which wheels; otherwise gpu where nvidia-smi lists one. The gpu set has not been run.
# A CPU machine whose package index offers only the CUDA build of torch can point PIP_EXTRA_INDEX_URL at PyTorch's CPU index: a smaller download.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
LOG=$VENV/install.log
STAMP=$VENV/.dos_installed
STAGES=6
HEARTBEAT_S=20

fail() {
    echo "install: $*" >&2
    exit 1
}

stage() {
    echo "[install: stage $1 of $STAGES, ${SECONDS} s] $2"
}

# Where pip is: files compiled, else the package that it fetches, and how many are in place.
progress() {
    local here
    here=$(tail -n 400 "$LOG" | grep -oE '\[[0-9]+/[0-9]+\]|(Collecting|Downloading) [^ ]+|Installing' | tail -n 1 || true)
    echo "$(find "$VENV"/lib/python*/site-packages -maxdepth 1 -name '*.dist-info' | wc -l) packages in place${here:+, $here}"
}

# Runs a command with its output in the log, and every HEARTBEAT_S seconds says how long it has been at it and where it is.
with_heartbeat() {
    local started=$SECONDS beat=$SECONDS pid
    echo "+ $*" >>"$LOG"
    set -m # a process group of its own, so that stopping this script stops the compilers too
    "$@" >>"$LOG" 2>&1 </dev/null &
    pid=$!
    set +m
    trap 'kill -- "-$pid" 2>/dev/null || true' EXIT
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        if ((SECONDS - beat >= HEARTBEAT_S)); then
            beat=$SECONDS
            echo "    ... $((SECONDS - started)) s, $(progress)"
        fi
    done
    trap - EXIT
    wait "$pid"
}

pip_install() {
    with_heartbeat "$VENV/bin/python" -m pip install --no-input --disable-pip-version-check "$@"
}

# pins EXTRA...: the requirements of these extras of setup.cfg, one a line
pins() {
    "$BASE_PYTHON" - "$ROOT/setup.cfg" "$@" <<'PY'
import configparser
import sys

cfg = configparser.ConfigParser()
cfg.read(sys.argv[1])
for extra in sys.argv[2:]:
    print(cfg['options.extras_require'][extra].strip())
PY
}

python_version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

find_python() {
    local candidate version seen=''
    for candidate in ${PYTHON:-python3.11 python3.10 python3}; do
        version=$(python_version "$candidate")
        if [[ $version == 3.10 || $version == 3.11 ]]; then
            BASE_PYTHON=$(command -v "$candidate")
            return
        fi
        seen+=" $candidate (${version:-not found})"
    done
    fail "Python 3.10 or 3.11 is needed, found:$seen. Install one of them, or set PYTHON to its path."
}

check_machine() {
    [[ "$(uname -s)-$(uname -m)" == Linux-x86_64 ]] || fail "x86-64 Linux is needed (spconv has wheels for nothing else here), this is $(uname -s) on $(uname -m)."
    find_python
    "$BASE_PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$BASE_PYTHON cannot make virtual environments; install its venv package (Debian, Ubuntu: python$(python_version "$BASE_PYTHON")-venv)."
    command -v "${CXX:-g++}" >/dev/null ||
        fail "no C++ compiler: ${CXX:-g++} is not there, and mmcv is built from source; install g++ (Debian, Ubuntu: build-essential)."
    "$BASE_PYTHON" -c 'import os, sysconfig; raise SystemExit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))' ||
        fail "the headers of $BASE_PYTHON are missing, and mmcv is built from source; install them (Debian, Ubuntu: python$(python_version "$BASE_PYTHON")-dev)."
}

find_device() {
    DEVICE=${DOS_DEVICE:-}
    if [[ -z $DEVICE ]]; then
        DEVICE=cpu
        nvidia-smi -L 2>/dev/null | grep -q '^GPU' && DEVICE=gpu
    fi
    [[ $DEVICE == cpu || $DEVICE == gpu ]] || fail "DOS_DEVICE must be cpu or gpu, got '$DEVICE'."
}

fail_without_nvcc() {
    fail "a GPU is here but nvcc is not, so $(pins mmcv) cannot be built with its CUDA operators; install the CUDA toolkit of torch's CUDA version, or set PIP_FIND_LINKS to a folder or page with a wheel of $(pins mmcv) for this torch, or DOS_DEVICE=cpu to do without the GPU."
}

# Before gigabytes are downloaded: no index has a wheel of mmcv, so it is built, or comes from where pip is told to look.
check_gpu() {
    [[ $DEVICE == cpu || -n ${PIP_FIND_LINKS:-} ]] || command -v nvcc >/dev/null || fail_without_nvcc
}

fingerprint() {
    {
        (cd "$ROOT" && sha256sum requirements.txt setup.cfg pyproject.toml tools/install.sh)
        echo "$ROOT $(python_version "$BASE_PYTHON") $DEVICE"
    } | sha256sum | cut -d ' ' -f 1
}

# Succeeds when mmcv's compiled operators load beside this torch, and on a GPU machine were compiled for it.
mmcv_ops_load() {
    "$VENV/bin/python" - "$DEVICE" >>"$LOG" 2>&1 <<'PY'
import sys

import mmcv.ops

if sys.argv[1] == 'gpu' and mmcv.ops.get_compiling_cuda_version() == 'not available':
    sys.exit('mmcv was built without its CUDA operators')
PY
}

install_mmcv() {
    local pin
    pin=$(pins mmcv)
    if [[ $DEVICE == gpu ]]; then
        export FORCE_CUDA=1
        pip_install --no-deps --only-binary :all: "$pin" && mmcv_ops_load && return
        command -v nvcc >/dev/null || fail_without_nvcc
    fi
    export MMCV_WITH_OPS=1 CFLAGS="${CFLAGS:-} -g0" # Python's own flags ask for debug symbols: most of the time of a build
    pip_install --no-deps --no-build-isolation -v "$pin" && mmcv_ops_load && return
    # pip's cache knows mmcv by its version only: a wheel cached there may have been built against another torch
    echo "    the operators do not load, building without pip's cache"
    pip_install --no-deps --no-build-isolation -v --no-cache-dir --force-reinstall --no-binary mmcv "$pin" && mmcv_ops_load
}

install_all() {
    local failed="failed; the last lines of $LOG are above."
    mapfile -t build < <(pins build)
    mapfile -t ordinary < <(pins "$DEVICE" dev docs)
    mapfile -t nodeps < <(pins nodeps)
    stage 1 "virtual environment for Python $(python_version "$BASE_PYTHON") in $VENV"
    "$BASE_PYTHON" -m venv --clear "$VENV" || fail "$BASE_PYTHON could not make a virtual environment in $VENV."
    pip_install "${build[@]}" || { tail -n 20 "$LOG" >&2; fail "installing pip and the build tools $failed"; }
    stage 2 "torch, spconv and the packages of requirements.txt ($DEVICE)"
    pip_install -r "$ROOT/requirements.txt" "${ordinary[@]}" || { tail -n 20 "$LOG" >&2; fail "installing requirements.txt $failed"; }
    stage 3 "mmengine, mmdet, mmdet3d and the devkits"
    pip_install --no-deps "${nodeps[@]}" || { tail -n 20 "$LOG" >&2; fail "installing mmdet3d $failed"; }
    stage 4 "mmcv with its operators, from source: about 7 minutes on 2 cores the first time"
    install_mmcv || { tail -n 20 "$LOG" >&2; fail "building mmcv $failed"; }
    stage 5 "dos_mm3d itself, from this folder"
    pip_install --no-deps --no-build-isolation -e "$ROOT" || { tail -n 20 "$LOG" >&2; fail "installing dos_mm3d $failed"; }
    stage 6 "imports everything once"
    with_heartbeat "$VENV/bin/python" -c 'import spconv.pytorch, mmdet3d.models, mmdet3d.datasets, mmdet3d.evaluation, dos_mm3d' ||
        { tail -n 20 "$LOG" >&2; fail "importing what was installed $failed"; }
}

check_machine
find_device
exec 9<"$ROOT"
if ! flock -n 9; then # quickstart.sh and check.sh may be started together: the second finds the work done
    echo "[install: waiting] another install into $VENV is running"
    flock 9
fi
FINGERPRINT=$(fingerprint)
if [[ -f $STAMP && $(<"$STAMP") == "$FINGERPRINT" ]] && "$VENV/bin/python" -c '' 2>/dev/null; then
    echo "[install: up to date] $VENV ($DEVICE)"
    exit 0
fi
check_gpu
install_all
echo "$FINGERPRINT" >"$STAMP"
echo "[install: done, ${SECONDS} s] $VENV ($DEVICE)"
