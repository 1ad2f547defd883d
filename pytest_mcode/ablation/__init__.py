"""A YAML file with one question -> a study: what is varied, what is fixed, and all its cells."""
