#!/usr/bin/env bash
# Installs into .venv if needed, then checks format, style, tables and every test that is neither slow nor needs a GPU.
# Stops at the first stage that fails. --all-configs: also every config on its miniature; other arguments go to pytest.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
STAGES=5
PYTEST_ARGUMENTS=()
for argument in "$@"; do
    if [ "$argument" = --all-configs ]; then STAGES=6; else PYTEST_ARGUMENTS+=("$argument"); fi
done

stage() {
    echo "[check: stage $1 of $STAGES, ${SECONDS} s] $2"
}

stage 1 'install'
bash tools/install.sh
PYTHON=$ROOT/.venv/bin/python
stage 2 'format (ruff format --check)'
"$PYTHON" -m ruff format --check .
stage 3 'style (ruff check)'
"$PYTHON" -m ruff check .
stage 4 'tables (README, docs/results.md, docs/troubleshooting.md against docs/results)'
"$PYTHON" tools/build_tables.py --check
stage 5 'tests (two workers, one thread each)'
export OMP_NUM_THREADS=1
"$PYTHON" -m pytest -n 2 -m 'not slow and not gpu' --no-header -rs --durations=10 "${PYTEST_ARGUMENTS[@]}" </dev/null
if [ "$STAGES" = 6 ]; then
    stage 6 'every config: built, two steps, one test (two at a time)'
    "$PYTHON" tools/check_configs.py --all </dev/null
fi
