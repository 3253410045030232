#!/usr/bin/env bash
# Installs into .venv if needed, then does the main job on the embedded data set and shows what pretraining bought.
# Arguments go to tools/quickstart.py: --fresh does everything again, --help lists the rest.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"
bash tools/install.sh
echo "[quickstart: loading mmdet3d]"
exec "$ROOT/.venv/bin/python" tools/quickstart.py "$@"
