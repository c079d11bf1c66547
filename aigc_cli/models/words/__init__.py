"""Word vectors: one table for words as neighbours, one for words as centres."""
