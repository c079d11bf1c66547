"""Licences as SPDX expressions: what documents say of themselves, and which of them are wanted."""
