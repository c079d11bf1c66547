"""Compiled loops over Arrow text buffers. Each takes UTF-8 bytes and offsets, and runs on one thread without the GIL."""
