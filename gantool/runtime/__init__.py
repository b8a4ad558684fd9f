"""Running model files: devices, sessions, tiles. The only place that knows onnxruntime."""
