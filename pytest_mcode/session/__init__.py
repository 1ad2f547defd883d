"""Names become live objects here and are closed again; the rooms of floor 2 meet nowhere else."""
