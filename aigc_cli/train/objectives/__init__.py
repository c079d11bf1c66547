"""How each family is trained and judged: one Objective (train/objective.py) a file."""
