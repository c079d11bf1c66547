"""README.md of a trained model: what it is, from what it was made, how good it is, how to load it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import AigcError
from aigc_cli.core.lineage import walk
from aigc_cli.models import Family

NAMES = {"val/loss_nats": "validation loss (nats per token)", "val/bpb": "validation bits per byte"}

TEMPLATE = """\
---
{library}pipeline_tag: {pipeline_tag}
tags: [aigc, {family}]
---

# {family}, {millions:.3g} M parameters

{help} {about}
{numbers}
## Lineage

{lineage}

`aigc lineage DIR` walks from this directory to every raw file and its licence.

## Use

```
{use}
```
{load}"""

LOAD = """
```python
from transformers import {auto_class}
model = {auto_class}.from_pretrained("DIR")
```
"""


def model_card(family: Family, config: Any, data: Path | None, final: Mapping[str, float]) -> str:
    """The text of README.md. `data` is the directory that the model was trained on."""
    numbers = "".join(f"| {NAMES.get(name, name)} | {value:.4f} |\n" for name, value in final.items())
    if numbers:
        numbers = f"\n| on the whole validation split | |\n| --- | --- |\n{numbers}"
    card = {"pipeline_tag": family.pipeline_tag, "use": family.use, "auto_class": family.auto_class}
    card |= getattr(config, "card", {})
    if "about" not in card:
        shape = f"{config.n_layer} layers, width {config.n_embd}"
        card["about"] = f"{shape}, vocabulary {config.vocab_size}, context {config.context} tokens."
    public = bool(card["auto_class"])
    return TEMPLATE.format(
        family=family.name, help=family.help, millions=config.parameters() / 1e6, numbers=numbers,
        lineage=_lineage(data), library="library_name: transformers\n" if public else "",
        load=LOAD.format(**card) if public else "", **card,
    )  # fmt: skip


def _lineage(data: Path | None) -> str:
    """One line per stage that the training data came through; no paths, so that equal runs give equal cards."""
    try:
        entries = walk(data) if data is not None else []
    except AigcError:
        entries = []
    lines = [f"- {e['stage']} `{e['digest'][:12]}`{_counts(e['manifest'])}" for e in entries]
    return "\n".join(lines) or "- unknown"


def _counts(manifest: Mapping[str, Any] | None) -> str:
    counts = {k: v for k, v in (manifest or {}).get("counts", {}).items() if isinstance(v, int)}
    return ": " + ", ".join(f"{v} {k}" for k, v in list(counts.items())[:4]) if counts else ""
