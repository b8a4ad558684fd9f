#!/bin/sh
# The G rows on a machine with one NVIDIA GPU, PyTorch and no registry:
#
#     sh benchmarks/on_gpu.sh WHEELS RESULTS
#
# WHEELS holds onnxruntime-gpu, av, simplejpeg, isal and what else pip would have fetched, as .whl
# files; RESULTS gets gpu.json and gpu.txt. CUDA and cuDNN are PyTorch's own.
set -eu
wheels=$1 results=$2 here=$(dirname "$(dirname "$(readlink -f "$0")")")
site=$(mktemp -d)
python3 -m pip install -q --no-index --no-deps --no-compile --target "$site" "$wheels"/*.whl
export PYTHONPATH="$site:$here:$here/plugins" PYTHONUNBUFFERED=1
libraries=$(python3 -c 'import pathlib, site
for root in site.getsitepackages():
    print(*sorted({str(p.parent) for p in pathlib.Path(root).glob("nvidia/**/*.so*")}), sep=":")' | paste -sd: -)
export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
mkdir -p "$results"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
python3 -m gantool doctor --device cuda || true
python3 "$here/benchmarks/gpu_speed.py" --json "$results/gpu.json" | tee "$results/gpu.txt"
