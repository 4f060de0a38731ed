#!/usr/bin/env bash
# The tests against the lowest version of every dependency that pyproject.toml allows; run it before each release.
#
#   .ci/lowest.sh [arguments for pytest]
#
#   LOWEST_PYTHON   interpreter, default python3.10
#   LOWEST_TORCH    requirement in place of torch's lowest version, whose build for Linux is a large one for CUDA
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${LOWEST_PYTHON:-python3.10}" -m venv "$work/venv"
. "$work/venv/bin/activate"
pip install -q packaging tomli
python - >"$work/lowest.txt" <<'PY'
import os
import tomli
from packaging.requirements import Requirement

for line in tomli.load(open("pyproject.toml", "rb"))["project"]["dependencies"]:
    requirement = Requirement(line)
    lowest = [s.version for s in requirement.specifier if s.operator in (">=", "==")]
    pinned = f"{requirement.name}=={lowest[0]}"
    print(os.environ.get("LOWEST_TORCH", pinned) if requirement.name == "torch" else pinned)
PY
cat "$work/lowest.txt"
pip install -q -r "$work/lowest.txt"
pip install -q -c "$work/lowest.txt" ".[dev]" cmake ninja nanobind scikit-build-core
cp -r tests scripts cuda_ext docs pyproject.toml README.md "$work" && cd "$work" # the installed package, not the checkout's
gaussian-head doctor
pytest "$@"
