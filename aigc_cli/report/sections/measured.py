"""Results of `aigc eval`: perplexity, bits per byte, and the n-gram model that a network must beat."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aigc_cli.core.errors import DataError
from aigc_cli.report.charts import bars
from aigc_cli.report.markup import Html, h, join, plain, table
from aigc_cli.report.sections import EXPLAINED


def section(paths: Sequence[Path]) -> Html:
    """One table for all results, and per result the comparison with its n-gram model."""
    found = [_read(path) for path in paths]
    names = dict.fromkeys(k for facts in found for k, v in facts.items() if not isinstance(v, Mapping))
    rows = [[name.replace("_", " "), *[plain(facts.get(name)) for facts in found]] for name in names]
    parts = [table(["", *[path.as_posix() for path in paths]], rows)]
    for path, facts in zip(paths, found, strict=True):
        if isinstance(facts.get("ngram"), Mapping):
            parts.append(_ngram(path.as_posix(), facts["ngram"], facts.get("ngram_order")))
    template = '<section id="eval"><h2>Eval</h2><p class="lead">{}</p>{}</section>'
    return h(template, EXPLAINED["eval"], join(parts))


def _ngram(name: str, rows: Mapping[str, Any], order: Any) -> Html:
    """Bits per byte of the model and of the n-gram model, by language."""
    shown = {}
    for language, row in rows.items():
        shown[f"{language}: the model"] = row.get("model_bpb", 0.0)
        shown[f"{language}: {order}-gram model"] = row.get("ngram_bpb", 0.0)
    note = "Bits per byte: lower is better. A network that does not beat counting has not learned to read yet."
    title = h("<h3>Against a {}-gram model <small>{}</small></h3>", order, name)
    return join([title, bars(shown, form=".4g", colour=4), h('<p class="note">{}</p>', note)])


def _read(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"--evals {path} cannot be read: {error}", "make it with: aigc eval MODEL -o FILE.json"
        ) from error
    if not isinstance(facts, dict):
        raise DataError(f"--evals {path} holds no object", "make it with: aigc eval MODEL -o FILE.json")
    return facts
