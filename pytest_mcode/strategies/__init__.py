"""How a task is solved: each strategy in its own file, all behind `core.protocols.Strategy`."""
