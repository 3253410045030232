#!/usr/bin/env bash
# tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]; several machines as in dist_train.sh.
set -euo pipefail

if (($# < 3)); then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [arguments of test.py]" >&2
    exit 2
fi
source "$(dirname "${BASH_SOURCE[0]}")/launch_env.sh"
"$PYTHON" -m torch.distributed.run "${RENDEZVOUS[@]}" --nproc_per_node="$3" "$ROOT/tools/test.py" "$1" "$2" --launcher pytorch "${@:4}"
