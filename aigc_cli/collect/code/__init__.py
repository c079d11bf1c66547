"""Source code: its programming language, its licence, and whether a person wrote it."""
