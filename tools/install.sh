#!/usr/bin/env bash
# Installs everything pinned in requirements.txt and setup.cfg into .venv at the repository root; does nothing when that is already there.
# What was chosen by these variables stands as long as .venv does, so that quickstart.sh and check.sh need not be told again:
#   PYTHON=/path/to/python       the interpreter to use (3.10 to 3.13); otherwise python3.11, 3.12, 3.13, 3.10, python3 in this order
#   DOS_DEVICE=cpu|gpu           which wheels; otherwise gpu where nvidia-smi names one. The gpu set has not been run.
#   DOS_SPCONV=cu126|cu120|triton  sparse convolutions of a GPU; otherwise cu126, and triton where that has no code for the GPU
#   MMCV_WHEEL=file or address   a wheel of mmcv for this torch, instead of compiling it; PIP_FIND_LINKS: a folder or page with one
# Others:
#   CXX, CUDA_HOME               the C++ compiler and the CUDA toolkit that mmcv is compiled with
# A CPU machine whose package index offers only the CUDA build of torch can point PIP_EXTRA_INDEX_URL at PyTorch's CPU index: a smaller download.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
LOG=$VENV/install.log
HEADERS=$VENV/build-headers
STAMP=$VENV/.dos_installed
CHOSEN=$VENV/.dos_chosen
STAGES=6
HEARTBEAT_S=20
CXX=${CXX:-c++}
WITHOUT_CUDA=''
source "$ROOT/tools/install_checks.sh"

fail() {
    echo "install: $*" >&2
    exit 1
}

note() {
    echo "[install: note] $*"
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
    "$PYTHON_FOUND" - "$ROOT/setup.cfg" "$@" <<'PY'
import configparser
import sys

cfg = configparser.ConfigParser()
cfg.read(sys.argv[1])
for extra in sys.argv[2:]:
    print(cfg['options.extras_require'][extra].strip())
PY
}

# What the environment that is there was made with, unless something else is said now.
recall_choices() {
    local name value
    [[ -f $CHOSEN ]] || return 0
    while IFS='=' read -r name value; do
        [[ -z ${!name:-} ]] || continue
        export "$name=$value"
        echo "[install: as before] $name=$value"
    done <"$CHOSEN"
}

keep_choices() {
    local name
    for name in PYTHON DOS_DEVICE DOS_SPCONV MMCV_WHEEL; do
        [[ -z ${!name:-} ]] || echo "$name=${!name}"
    done >"$CHOSEN"
}

fingerprint() {
    {
        (cd "$ROOT" && sha256sum requirements.txt setup.cfg pyproject.toml tools/install.sh tools/install_checks.sh)
        echo "$ROOT $(python_version "$PYTHON_FOUND") $DEVICE $SPCONV $OPERATORS ${MMCV_WHEEL:-}"
    } | sha256sum | cut -d ' ' -f 1
}

# Succeeds when mmcv's compiled operators load beside this torch and, if $1 is cuda, were compiled for CUDA.
mmcv_loads_for() {
    "$VENV/bin/python" - "$1" >>"$LOG" 2>&1 <<'PY'
import sys

import mmcv.ops

if sys.argv[1] == 'cuda' and mmcv.ops.get_compiling_cuda_version() == 'not available':
    sys.exit('mmcv was built without its CUDA operators')
PY
}

# GCC reads the headers of torch, which every file of mmcv includes, once: that is most of the work of a build. It ignores what it
# cannot use, so a file compiled with other options is only slower. Other compilers do without, and so do builds for CUDA (not tried).
precompile_torch_headers() {
    local include
    [[ $OPERATORS == cpu && $("$CXX" --version) == *'Free Software Foundation'* ]] || return 0
    mapfile -t include < <("$VENV/bin/python" -c 'from torch.utils.cpp_extension import include_paths; print(*include_paths(), sep="\n")')
    mkdir -p "$HEADERS"
    echo '#include <torch/types.h>' >"$HEADERS/torch_types.h"
    # the options that torch's build extension compiles with
    with_heartbeat "$CXX" -x c++-header "$HEADERS/torch_types.h" -o "$HEADERS/torch_types.h.gch" $CFLAGS -fPIC -std=c++17 \
        "${include[@]/#/-I}" -DTORCH_API_INCLUDE_EXTENSION_H
    CFLAGS+=" -include $HEADERS/torch_types.h"
}

mmcv_is_cached() {
    local pin
    pin=$(pins mmcv)
    [[ -n $("$VENV/bin/python" -m pip cache list --format=abspath "${pin/==/-}-cp$(python_version "$PYTHON_FOUND" | tr -d .)" 2>>"$LOG") ]]
}

build_mmcv() {
    local -x PYTHONPATH=$ROOT/tools/mmcv_build${PYTHONPATH:+:$PYTHONPATH} # for Python 3.13, sitecustomize.py says why
    export MMCV_WITH_OPS=1 CFLAGS="${CFLAGS:-} -g0 -O1" # Python's own flags ask for debug symbols and more than these loops gain from
    if [[ $OPERATORS == cuda ]]; then
        export FORCE_CUDA=1
    else
        export CUDA_VISIBLE_DEVICES='' # mmcv asks torch for a GPU, and then wants nvcc
    fi
    mmcv_is_cached || precompile_torch_headers
    pip_install --no-deps --no-build-isolation -v "$(pins mmcv)" && mmcv_loads_for "$OPERATORS" && return
    # pip's cache knows mmcv by its version only: a wheel cached there may have been built against another torch
    echo "    the operators do not load, building without pip's cache"
    precompile_torch_headers
    pip_install --no-deps --no-build-isolation -v --no-cache-dir --force-reinstall --no-binary mmcv "$(pins mmcv)" && mmcv_loads_for "$OPERATORS"
}

install_mmcv() {
    if [[ -n ${MMCV_WHEEL:-} ]]; then
        pip_install --no-deps "$MMCV_WHEEL" && mmcv_loads_for "$OPERATORS"
    elif [[ $DEVICE == gpu ]] && pip_install --no-deps --only-binary :all: "$(pins mmcv)" && mmcv_loads_for cuda; then
        WITHOUT_CUDA=''
    else
        build_mmcv
    fi
}

install_all() {
    local failed="failed; the last lines of $LOG are above."
    mapfile -t build < <(pins build)
    mapfile -t ordinary < <(pins torch "${SPCONV/triton/cpu}" triton dev docs)
    mapfile -t nodeps < <(pins nodeps)
    stage 1 "virtual environment for Python $(python_version "$PYTHON_FOUND") in $VENV"
    "$PYTHON_FOUND" -m venv --clear "$VENV" || fail "$PYTHON_FOUND could not make a virtual environment in $VENV."
    pip_install "${build[@]}" || { tail -n 20 "$LOG" >&2; fail "installing pip and the build tools $failed"; }
    stage 2 "torch, spconv ($SPCONV) and the packages of requirements.txt"
    pip_install -r "$ROOT/requirements.txt" "${ordinary[@]}" || { tail -n 20 "$LOG" >&2; fail "installing requirements.txt $failed"; }
    stage 3 "mmengine, mmdet, mmdet3d and the devkits"
    pip_install --no-deps "${nodeps[@]}" || { tail -n 20 "$LOG" >&2; fail "installing mmdet3d $failed"; }
    stage 4 "mmcv with its operators, compiled for $OPERATORS where there is no wheel"
    install_mmcv || { tail -n 20 "$LOG" >&2; fail "installing mmcv $failed"; }
    rm -rf "$HEADERS" # some 430 MB
    stage 5 "dos_mm3d itself, from this folder"
    pip_install --no-deps --no-build-isolation -e "$ROOT" || { tail -n 20 "$LOG" >&2; fail "installing dos_mm3d $failed"; }
    stage 6 "imports everything once"
    with_heartbeat "$VENV/bin/python" -c 'import spconv.pytorch, mmdet3d.models, mmdet3d.datasets, mmdet3d.evaluation, dos_mm3d' ||
        { tail -n 20 "$LOG" >&2; fail "importing what was installed $failed"; }
}

recall_choices
look_at_machine
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
check_machine
install_all
keep_choices
echo "$FINGERPRINT" >"$STAMP"
echo "[install: done, ${SECONDS} s] $VENV ($DEVICE)"
if [[ -n $WITHOUT_CUDA ]]; then
    note "$WITHOUT_CUDA, so mmcv has no CUDA operators. Pretraining, probes and segmentation do without; detection and Cylinder3D on the GPU need them: install CUDA $TORCH_CUDA with its nvcc, or name a wheel of $(pins mmcv) for this torch with MMCV_WHEEL or PIP_FIND_LINKS, and install again."
fi
