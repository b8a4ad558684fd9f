#!/bin/sh
# Build models in ten minutes on a machine with one NVIDIA GPU, PyTorch and no registry:
#
#     sh weights/on_gpu.sh PACK OUT [NAME=SECONDS ...]
#
# PACK has pack.tar (weights/pack.py) and, to go on with earlier builds, the tars that OUT had then.
# OUT gets two tars of at most 16 MiB for each model, after each model, and log.txt. SECONDS are
# for a model's trainings. LIMIT: seconds of all (560). Tried anywhere with DEVICE=cpu TRIAL=1.
set -eu
pack=$(readlink -f "$1") out=$2 here=$(dirname "$(dirname "$(readlink -f "$0")")")
shift 2
[ $# -gt 0 ] || set -- superres-photo-x4=260 colorize-photo=90 translate-monet=90
work=${WORK:-/tmp/gantool-build} device=${DEVICE:-cuda} python=${PYTHON:-python3}
ending=$(($(date +%s) + ${LIMIT:-560}))
mkdir -p "$work/runs" "$work/site" "$out"
out=$(readlink -f "$out")

build() {
    for file in "$pack"/*.tar; do
        case $file in
        */pack.tar) tar -xf "$file" -C "$work" ;;
        *) tar --skip-old-files -xf "$file" -C "$work/runs" ;; # a run that has come further stays
        esac
    done
    for wheel in "$work"/wheels/*.whl; do
        [ -e "$wheel" ] || continue
        "$python" -m pip install -q --no-index --no-deps --no-compile --upgrade --target "$work/site" "$wheel" || true
    done
    "$python" "$here/weights/builder/bare_install.py" "$work/site"
    export PYTHONPATH="$work/site:$here:$here/plugins:$here/weights/noncommercial" PYTHONUNBUFFERED=1
    command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
    for pair in "$@"; do
        name=${pair%%=*} seconds=${pair#*=}
        run=$work/runs/$(basename "$name" .toml) left=$((ending - $(date +%s) - 45))
        [ "$left" -ge 30 ] || { echo "on_gpu: no time is left for $name"; continue; }
        [ "$seconds" -le "$left" ] || seconds=$left
        echo "on_gpu: $name, $seconds s of training, $left s are left"
        timeout -k 15 "$((left + 15))" "$python" "$here/weights/build.py" "$name" --data "$work/data" \
            -o "$run" --device "$device" --gpu --no-gates --max-time "${seconds}s" ${TRIAL:+--trial} ||
            echo "on_gpu: $name ended with code $?"
        "$python" "$here/weights/collect.py" "$out" "$run" || echo "on_gpu: $name: nothing to collect"
    done
}

cd "$here"
build "$@" 2>&1 | tee "$out/log.txt"
