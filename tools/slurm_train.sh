#!/usr/bin/env bash
# [GPUS=8] [GPUS_PER_NODE=8] [CPUS_PER_TASK=8] [PORT=...] [SRUN_ARGS=...] tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [arguments of train.py]
source "$(dirname "${BASH_SOURCE[0]}")/launch_env.sh"
need 4 "[GPUS=8] $0 PARTITION JOB_NAME CONFIG WORK_DIR [arguments of train.py]" "$@"
there config "$3"
command -v srun >/dev/null || fail "there is no srun here: start this on a machine of the cluster; on a single machine take tools/dist_train.sh"
GPUS=${GPUS:-8}
whole GPUS "$GPUS" 1 99999
GPUS_PER_NODE=${GPUS_PER_NODE:-$((10#$GPUS < 8 ? 10#$GPUS : 8))}
whole "GPUS_PER_NODE (of GPUS=$GPUS)" "$GPUS_PER_NODE" 1 "$((10#$GPUS))"
whole CPUS_PER_TASK "${CPUS_PER_TASK:-8}" 1 9999
export MASTER_PORT="${PORT:-$((20000 + RANDOM % 20000))}" # two jobs may share a machine
whole PORT "$MASTER_PORT" 1 65535
read -r -a srun_args <<<"${SRUN_ARGS:-}"
# CPUs: six workers of the loader, and the process itself
srun --partition="$1" --job-name="$2" --gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="${CPUS_PER_TASK:-8}" --kill-on-bad-exit=1 ${srun_args[@]+"${srun_args[@]}"} \
    "$PYTHON" -u "$ROOT/tools/train.py" "$3" --work-dir "$4" --launcher slurm "${@:5}"
