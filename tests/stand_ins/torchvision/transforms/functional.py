"""The names that spandrel imports; it uses them in RestoreFormer and LaMa alone."""

InterpolationMode = normalize = rotate = None
