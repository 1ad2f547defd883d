"""pytest-mcode: coding benchmarks as pytest items, verified by execution."""

__version__ = "0.1.0"
