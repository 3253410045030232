#!/usr/bin/env bash
# tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of test.py]; several machines as in dist_train.sh.
source "$(dirname "${BASH_SOURCE[0]}")/launch_env.sh"
need 3 "$0 CONFIG CHECKPOINT GPUS [arguments of test.py]" "$@"
there config "$1"
[[ $2 == *://* ]] || there checkpoint "$2"
on_ranks "$3" test.py "$1" "$2" "${@:4}"
