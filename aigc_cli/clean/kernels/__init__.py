"""Compiled loops over Arrow text buffers: UTF-8 bytes and offsets in, numbers out, one thread, without the GIL."""
