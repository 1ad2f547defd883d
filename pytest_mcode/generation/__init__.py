"""From a task to an answer and from an answer to code: prompts, generators, extraction."""
