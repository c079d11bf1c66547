"""Pictures from models: drawing them, and what to look at."""
