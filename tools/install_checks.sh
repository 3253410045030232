# What tools/install.sh wants of a machine, looked at before anything is downloaded. look_at_machine sets PYTHON_FOUND, DEVICE,
# SPCONV and OPERATORS; check_machine ends with one sentence where something is missing. Sourced; uses ROOT, VENV, CXX,
# fail, note and pins.

PYTHONS='3.10 3.11 3.12 3.13'
# Of the torch in setup.cfg as the package index has it (CUDA 13), and of the wheels of spconv for CUDA.
TORCH_CUDA=13
MIN_DRIVER=580
MIN_CAPABILITY=7.5
SPCONV_MAX_CAPABILITY=9.0
# What an installation with torch for CUDA, or for the CPU alone, takes at most, with the files that pip unpacks on the way.
CUDA_GB=14
CPU_GB=5

python_version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || true
}

# Python 3.11 first: most of the recorded numbers were made with it.
find_python() {
    local candidate version seen='' candidates=(python3.11 python3.12 python3.13 python3.10 python3)
    [[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        version=$(python_version "$candidate")
        if [[ -n $version && " $PYTHONS " == *" $version "* ]]; then
            PYTHON_FOUND=$(command -v "$candidate")
            return
        fi
        seen+=" $candidate (${version:-not found})"
    done
    fail "Python 3.10 to 3.13 is needed, found:$seen. Install one of them, or set PYTHON to its path."
}

check_python() {
    local name
    name=python$(python_version "$PYTHON_FOUND")
    "$PYTHON_FOUND" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$PYTHON_FOUND cannot make virtual environments; install its venv package (Debian, Ubuntu: $name-venv)."
    "$PYTHON_FOUND" -c 'import os, sysconfig; raise SystemExit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))' ||
        fail "the headers of $PYTHON_FOUND are missing, and mmcv is built from source; install them (Debian, Ubuntu: $name-dev)."
}

check_compiler() {
    command -v "$CXX" >/dev/null ||
        fail "no C++ compiler: $CXX is not there, and mmcv is built from source; install g++ (Debian, Ubuntu: build-essential)."
    "$CXX" -std=c++17 -x c++ -fsyntax-only - <<<'#include <filesystem>' 2>/dev/null ||
        fail "$CXX does not compile C++17, which the headers of torch are written in; install g++ 9 or newer, or set CXX to one."
}

# Whether pip looks at another index, which may have torch for another CUDA, or for the CPU: then only pip knows what it will take.
other_index() {
    [[ -n ${PIP_EXTRA_INDEX_URL:-}${PIP_INDEX_URL:-} ]]
}

check_disk() {
    local free_gb needed_gb=$CUDA_GB
    [[ $DEVICE == cpu ]] && other_index && needed_gb=$CPU_GB
    free_gb=$(df -Pk "$ROOT" | awk 'NR == 2 { print int($4 / 1024 / 1024) }')
    ((free_gb >= needed_gb)) || fail "$free_gb GB are free on the disk of $ROOT, the installation takes up to $needed_gb GB; make room."
}

# GPUS: one line for each GPU, "driver, compute capability"; empty where nvidia-smi finds none.
find_device() {
    GPUS=$(nvidia-smi --query-gpu=driver_version,compute_cap --format=csv,noheader 2>/dev/null | grep -E '^[0-9.]+, [0-9.]+$') || GPUS=''
    DEVICE=${DOS_DEVICE:-$([[ -n $GPUS ]] && echo gpu || echo cpu)}
    [[ $DEVICE == cpu || $DEVICE == gpu ]] || fail "DOS_DEVICE must be cpu or gpu, got '$DEVICE'."
}

# Whether version $1 is lower than $2.
older() {
    [[ $1 != "$2" && $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]
}

check_gpu() {
    if [[ $DEVICE == cpu ]]; then
        [[ -n ${DOS_DEVICE:-} ]] || ! command -v nvidia-smi >/dev/null ||
            note "nvidia-smi is here but names no GPU, so everything is installed for the CPU; if there is one, mend or update its driver."
        return
    fi
    if [[ -z $GPUS ]]; then
        note "nvidia-smi names no GPU here, so neither driver nor compute capability could be checked."
    elif ! other_index; then
        check_driver
    fi
    [[ $OPERATORS == cuda ]] || note "$WITHOUT_CUDA: unless pip finds a wheel of $(pins mmcv), it is built without CUDA operators."
}

check_driver() {
    local driver lowest remedy torch
    mapfile -t torch < <(pins torch)
    remedy="let PIP_EXTRA_INDEX_URL name an index with ${torch[0]} for an older CUDA, or set DOS_DEVICE=cpu to do without the GPU"
    driver=$(head -n 1 <<<"$GPUS" | cut -d , -f 1)
    lowest=$(cut -d , -f 2 <<<"$GPUS" | tr -d ' ' | sort -V | head -n 1)
    ! older "$driver" "$MIN_DRIVER" ||
        fail "the NVIDIA driver is $driver, and torch for CUDA $TORCH_CUDA needs $MIN_DRIVER or newer; update it, $remedy."
    ! older "$lowest" "$MIN_CAPABILITY" ||
        fail "a GPU has compute capability $lowest, and torch for CUDA $TORCH_CUDA has code from $MIN_CAPABILITY on; $remedy."
}

choose_spconv() {
    local highest
    if [[ $DEVICE == cpu ]]; then
        SPCONV=cpu
        return
    fi
    highest=$(cut -d , -f 2 <<<"$GPUS" | tr -d ' ' | sort -V | tail -n 1)
    SPCONV=${DOS_SPCONV:-$(older "$SPCONV_MAX_CAPABILITY" "${highest:-0}" && echo triton || echo cu126)}
    case "$SPCONV $(python_version "$PYTHON_FOUND")" in
        'cu126 '* | 'triton '* | 'cu120 3.10' | 'cu120 3.11') ;;
        'cu120 '*) fail "DOS_SPCONV=cu120 needs Python 3.10 or 3.11, $PYTHON_FOUND is another; leave it out, or set PYTHON." ;;
        *) fail "DOS_SPCONV must be cu126, cu120 or triton, got '$SPCONV'." ;;
    esac
}

# Where torch will look for nvcc, in its order.
find_nvcc() {
    if [[ -n ${CUDA_HOME:-} ]]; then echo "$CUDA_HOME/bin/nvcc"; else command -v nvcc || echo /usr/local/cuda/bin/nvcc; fi
}

# OPERATORS: what mmcv's operators will be able to use, cuda or cpu; WITHOUT_CUDA: why not cuda.
choose_operators() {
    local nvcc release
    OPERATORS=$([[ $DEVICE == gpu ]] && echo cuda || echo cpu)
    [[ $DEVICE == cpu || -n ${MMCV_WHEEL:-} ]] && return
    nvcc=$(find_nvcc)
    release=$("$nvcc" --version 2>/dev/null | grep -oE 'release [0-9]+' | cut -d ' ' -f 2) || release=''
    if [[ -z $release ]]; then
        WITHOUT_CUDA="there is no nvcc ($nvcc)"
    elif [[ $release != "$TORCH_CUDA" ]] && ! other_index; then
        WITHOUT_CUDA="$nvcc is of CUDA $release, torch of CUDA $TORCH_CUDA"
    else
        return 0
    fi
    OPERATORS=cpu
}

look_at_machine() {
    [[ "$(uname -s)-$(uname -m)" == Linux-x86_64 ]] || fail "x86-64 Linux is needed (spconv has wheels for nothing else here), this is $(uname -s) on $(uname -m)."
    find_python
    find_device
    choose_spconv
    choose_operators
}

# `venv --clear` would empty what the link leads to: the environment of another checkout.
check_venv() {
    [[ ! -L $VENV ]] || fail "$VENV is a link, to $(readlink -f "$VENV"), and installing would empty that; remove the link, or install there."
}

check_machine() {
    check_venv
    check_python
    check_compiler
    check_gpu
    check_disk
}
