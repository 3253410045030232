#!/usr/bin/env bash
# Installs into .venv if needed, then checks format, style, tables and every test that is neither slow nor needs a GPU.
# Stops at the first stage that fails; arguments go to pytest.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
STAGES=5

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
stage 4 'tables (README against docs/results)'
"$PYTHON" tools/build_tables.py --check
stage 5 'tests (two workers, one thread each)'
export OMP_NUM_THREADS=1
"$PYTHON" -m pytest -n 2 -m 'not slow and not gpu' --no-header -rs --durations=10 "$@" </dev/null
