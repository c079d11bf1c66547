"""Compiled loops of the parity rules: chunks and words as numbers, n-grams, segmentation of Chinese."""
