#!/usr/bin/env bash
# Everything a machine with an NVIDIA GPU can say about this toolkit, in ten minutes, without network and without
# anything installed but torch (a CUDA build), numpy, scipy, pillow, pytest, hypothesis, cmake, ninja, nanobind and nvcc.
#
#   scripts/gpu_check.sh [OUT]      results as JSON lines in OUT/results.jsonl, a table on the screen, one log a stage
#
# Every stage survives the others' failure, has a time of its own, and says in one line why it failed or was left out.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(mkdir -p "${1:-gpu_check}" && cd "${1:-gpu_check}" && pwd)
python=${PYTHON:-python3}
limit=${GPU_CHECK_SECONDS:-560}
began=$SECONDS
: >"$out/results.jsonl"
export PYTHONDONTWRITEBYTECODE=1 OMP_WAIT_POLICY=PASSIVE OUT="$out" PYTHONPATH="$out/tree${PYTHONPATH:+:$PYTHONPATH}"
here="$root/scripts/gpu_check.py"
cd "$out" || exit 1 # python -m looks where it stands first, and the checkout has no kernels

# stage NAME SECONDS COMMAND…: run it within its time and what is left of all; its last line is the reason of a failure
stage() {
    local name=$1 most=$2 left=$((limit - SECONDS + began)) code=0 at=$SECONDS
    shift 2
    [ "$left" -lt "$most" ] && most=$left
    if [ "$most" -lt 3 ]; then
        code=125 && echo "no time was left" >"$out/$name.log"
    else
        timeout -k 5 "$most" "$@" >"$out/$name.log" 2>&1 || code=$?
    fi
    [ "$code" = 124 ] && echo "it took longer than $most s" >>"$out/$name.log"
    "$python" "$here" note "$name" "$code" $((SECONDS - at)) "$out/$name.log" "$out/results.jsonl"
}

build() {
    command -v nvcc >/dev/null || { echo "nvcc is not on the path"; return 1; }
    local arch=${CUDAARCHS:-}
    [ -n "$arch" ] || arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d '. ')
    [ -n "$arch" ] || { echo "no GPU tells its architecture; name it: CUDAARCHS=90"; return 1; }
    cmake -S "$root/cuda_ext" -B "$out/build" -G Ninja -DGH_CUDA=ON -DGH_CARRY=OFF -DCMAKE_CUDA_ARCHITECTURES="$arch" \
        -DPython_EXECUTABLE="$(command -v "$python")" && cmake --build "$out/build" || return 1
    mkdir -p "$out/tree" && cp -r "$root/gaussian_head" "$out/tree/" && cp "$out"/build/_kernels*.so "$out/tree/gaussian_head/"
}

sanitize() {
    command -v compute-sanitizer >/dev/null || { echo "compute-sanitizer is not on the path"; return 1; }
    for tool in memcheck initcheck racecheck; do
        echo "$tool" && GH_POISON=1 compute-sanitizer --tool "$tool" --error-exitcode 9 "$python" "$here" small || return 1
    done
}

profile() {
    command -v ncu >/dev/null || { echo "ncu is not on the path"; return 1; }
    ncu --set basic --csv --page raw --log-file "$out/ncu.csv" "$python" "$here" once
}
export -f build sanitize profile
export root out python here

# gsplat is compiled beside the other stages where a wheel or an installation of it is here.
(timeout -k 5 200 "$python" "$here" gsplat >"$out/gsplat.log" 2>&1; echo $? >"$out/gsplat.code") &
compiling=$!

stage versions 20 "$python" "$here" versions
stage build 150 bash -c build
stage smoke 40 "$python" "$here" smoke
stage sanitizer 80 bash -c sanitize
stage profile 60 bash -c profile
wait "$compiling" # the tests compile it too, and two at once spoil each other's folder
stage tests 120 "$python" -m pytest -q -x --maxfail=20 -p no:cacheprovider -m gpu "$root/tests/gpu" "$root/tests/raster"
stage ceilings 25 "$python" "$here" ceilings
stage timing 120 "$python" "$here" timing
stage training 60 "$python" "$root/scripts/gpu_check_training.py"
"$python" "$here" note gsplat "$(cat "$out/gsplat.code" 2>/dev/null || echo 124)" 0 "$out/gsplat.log" "$out/results.jsonl"
"$python" "$here" table "$out/results.jsonl" "$root/tests/bench/gpu_predicted.json"
exit 0
