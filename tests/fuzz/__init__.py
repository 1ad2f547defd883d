"""Fuzzing of the protocol: hostile bytes against what reads them, on the bare machine.

Only parsers run here. The supervisor, which kills and wipes, is never imported.
"""
