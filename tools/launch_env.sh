# Sourced by dist_train.sh, dist_test.sh and slurm_train.sh: ROOT, PYTHON ($PYTHON, else .venv's, else python), and the two functions below.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [[ -z ${PYTHON:-} ]]; then
    PYTHON=python
    [[ -x $ROOT/.venv/bin/python ]] && PYTHON=$ROOT/.venv/bin/python
fi
export PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}"
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}" # threads that spin starve loader workers

# need COUNT USAGE [ARGUMENTS OF THE SCRIPT]: ends with the usage where there are fewer arguments
need() {
    if (($# - 2 < $1)); then
        echo "usage: $2" >&2
        exit 2
    fi
}

# on_ranks PROCESSES TOOL [ARGUMENTS]: a tool in that many processes of this machine, of NNODES machines
on_ranks() {
    local rendezvous=(--nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}")
    if ((${NNODES:-1} == 1)) && [[ -z ${PORT:-} ]]; then
        # one machine needs no agreed port: two runs at a time do not collide
        rendezvous=(--nnodes=1 --rdzv-backend=c10d --rdzv-endpoint=127.0.0.1:0 --local-addr=127.0.0.1)
    fi
    "$PYTHON" -m torch.distributed.run "${rendezvous[@]}" --nproc_per_node="$1" "$ROOT/tools/$2" --launcher pytorch "${@:3}"
}
