"""What the numbers say: rates, intervals, comparisons, curves. Numbers in, numbers out; no file."""
