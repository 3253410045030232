#!/usr/bin/env bash
# tools/dist_train.sh CONFIG GPUS [arguments of train.py]: one process per GPU of this machine; without GPUs, GPUS processes on the CPU (gloo).
# Several machines: on each, NNODES=<machines> NODE_RANK=<0, 1, ...> MASTER_ADDR=<address of machine 0> PORT=<a free port there>.
source "$(dirname "${BASH_SOURCE[0]}")/launch_env.sh"
need 2 "$0 CONFIG GPUS [arguments of train.py]" "$@"
there config "$1"
on_ranks "$2" train.py "$1" "${@:3}"
