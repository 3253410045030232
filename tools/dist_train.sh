#!/usr/bin/env bash
# tools/dist_train.sh CONFIG GPUS [arguments of train.py]: one process per GPU of this machine; without GPUs, GPUS processes on the CPU (gloo).
# Several machines: on each, NNODES=<machines> NODE_RANK=<0, 1, ...> MASTER_ADDR=<address of machine 0> PORT=<a free port there>.
set -euo pipefail

if (($# < 2)); then
    echo "usage: $0 CONFIG GPUS [arguments of train.py]" >&2
    exit 2
fi
source "$(dirname "${BASH_SOURCE[0]}")/launch_env.sh"
"$PYTHON" -m torch.distributed.run "${RENDEZVOUS[@]}" --nproc_per_node="$2" "$ROOT/tools/train.py" "$1" --launcher pytorch "${@:3}"
