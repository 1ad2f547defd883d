"""What verification costs, against the other ways of doing it, and whether it stays as it is.

python -m tests.benchmarks.speed    programs per second, slots, goals: one run, one table
python -m tests.benchmarks.soak     an hour of honest, wrong, hostile and crashing programs
"""
