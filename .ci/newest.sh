#!/usr/bin/env bash
# What is quick, on the newest Python here that is newer than python3: the wheel is built and its kernels are loaded, and
# where a CPU build of torch can be had for it, the mathematics is tested too.
#
#   .ci/newest.sh FOLDER    FOLDER takes the virtual environment
set -euo pipefail
cd "$(dirname "$0")/.."

work=${1:?say in which folder the virtual environment shall be made}
quick=(tests/core tests/raster tests/head tests/motion tests/io tests/packaging tests/doctor)

newest=
for version in 3.14 3.13 3.12; do
    found=$(PYENV_VERSION=$(pyenv latest "$version" 2>/dev/null || true) bash -c "python$version -c 'import sys; print(sys.executable)'" 2>/dev/null) || continue
    newest=$found && break
done
if [ -z "$newest" ] || python3 -c "import sys; sys.exit(sys.version_info < (${version/./, }))"; then
    echo "no newer Python than python3 is here; nothing more is tested"
    exit
fi

"$newest" -m venv "$work/newest"
. "$work/newest/bin/activate"
env -u CUDAARCHS pip wheel -q --no-deps -w "$work/wheels" .
if pip install -q "torch==2.13.0+cpu" 2>/dev/null; then
    pip install -q "$work"/wheels/*.whl pytest pytest-timeout hypothesis
    cp -r tests pyproject.toml README.md "$work" && cd "$work"
    pytest -m "not exhaustive and not slow and not browser" "${quick[@]}"
else
    echo "no CPU build of torch for Python $version can be had here: the wheel is only loaded"
    pip install -q numpy
    pip install -q --no-deps "$work"/wheels/*.whl
    cd "$work" && python -c "
import sys, gaussian_head._kernels as k
print('Python', sys.version.split()[0], 'loads', k.__file__, k.instruction_set())"
fi
