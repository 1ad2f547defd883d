"""How the packaged demonstration model is made: ten tasks, a tokenizer, training data, training."""
