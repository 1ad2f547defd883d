"""What the numbers say: pass@k and intervals. Numbers in, numbers out; no file, no database."""
