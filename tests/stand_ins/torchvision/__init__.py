"""Stands in for torchvision, which does not load beside a CPU build of PyTorch.

spandrel imports three names of it, for two architectures that gantool refuses.
"""
