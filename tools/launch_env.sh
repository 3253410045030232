# Sourced by dist_train.sh, dist_test.sh and slurm_train.sh: ROOT, PYTHON ($PYTHON, else .venv's, else python), and the functions below.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -z ${PYTHON:-} ]]; then
    PYTHON=python
    [[ -x $ROOT/.venv/bin/python ]] && PYTHON=$ROOT/.venv/bin/python
fi
export PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}" # threads that spin starve loader workers
export GOMP_SPINCOUNT="${GOMP_SPINCOUNT:-1000}" # but for a moment: docs/benchmarks.md

# fail SENTENCE: what the tools do where a user is to act
fail() {
    echo "error: $1" >&2
    exit 1
}

# need COUNT USAGE [ARGUMENTS OF THE SCRIPT]: ends with the usage where there are fewer arguments, or no python
need() {
    if (($# - 2 < $1)); then
        echo "usage: $2" >&2
        exit 2
    fi
    command -v "$PYTHON" >/dev/null || fail "PYTHON=$PYTHON: there is no such program; run bash tools/install.sh, or set PYTHON to a python"
}

# whole NAME VALUE LEAST MOST: ends unless the value is a whole number of that range
whole() {
    [[ $2 =~ ^[0-9]{1,9}$ ]] && ((10#$2 >= $3 && 10#$2 <= $4)) || fail "$1=$2: wanted a whole number from $3 to $4"
}

# there WHAT PATH: ends unless the file is there
there() {
    [[ -f $2 ]] || fail "$2: no such $1"
}

# on_ranks PROCESSES TOOL [ARGUMENTS]: a tool in that many processes of this machine, of NNODES machines
on_ranks() {
    local nodes=${NNODES:-1} rank=${NODE_RANK:-0} port=${PORT:-29500}
    whole GPUS "$1" 1 1024
    whole NNODES "$nodes" 1 9999
    whole PORT "$port" 1 65535
    whole "NODE_RANK (of NNODES=$nodes)" "$rank" 0 $((10#$nodes - 1))
    ((10#$nodes == 1)) || [[ -n ${MASTER_ADDR:-} ]] || fail "NNODES=$nodes: set MASTER_ADDR to the name or number of machine 0, where all meet"
    local rendezvous=(--nnodes="$nodes" --node_rank="$rank" --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="$port")
    if ((10#$nodes == 1)) && [[ -z ${PORT:-} ]]; then
        # one machine needs no agreed port: two runs at a time do not collide
        rendezvous=(--nnodes=1 --rdzv-backend=c10d --rdzv-endpoint=127.0.0.1:0 --local-addr=127.0.0.1)
    fi
    "$PYTHON" "$ROOT/tools/start_ranks.py" "${rendezvous[@]}" --nproc_per_node="$1" "$ROOT/tools/$2" --launcher pytorch "${@:3}"
}
