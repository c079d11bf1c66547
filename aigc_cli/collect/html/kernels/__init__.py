"""Compiled loops over the bytes of a web page."""
