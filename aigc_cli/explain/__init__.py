"""What a model knows and where it looks."""
