"""Faces through the years."""
