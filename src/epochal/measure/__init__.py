"""Metrics: one file each, pure functions of arrays."""
