"""The README.md of an exported or quantised model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aigc_cli.compress.arch import Arch


def card(title: str, source: Path, arch: Arch, body: list[str]) -> str:
    """A short model card: what it is, where it comes from, how it was checked."""
    sizes = f"{arch.layers} layers, width {arch.width}, {arch.vocab} tokens, context {arch.context}"
    lines = [f"# {title}", "", f"A GPT (Qwen3 layout): {sizes}.", "", f"Made from `{source.name}` with `aigc`.", ""]
    return "\n".join([*lines, *body]).rstrip() + "\n"


def markdown_table(rows: list[dict[str, Any]]) -> list[str]:
    """Rows with equal keys as a Markdown table."""
    names = list(rows[0])
    cells = [[f"{row[n]:.4g}" if isinstance(row[n], float) else str(row[n]) for n in names] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in [names, ["---"] * len(names), *cells]] + [""]
