"""Running model files: devices, sessions, tiles. The only place that knows onnxruntime."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read as onnxruntime is imported
