"""Compiled loops over words."""
