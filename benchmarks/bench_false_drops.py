"""What each rule of clean drops of 200 documents that were judged by reading (judged.json), half of them Chinese.

    python benchmarks/bench_false_drops.py

Every rule alone, with its default options, after the language rule (so that thresholds of the document's language
apply), and the default chain as a whole. A false drop is a dropped document that was judged fit.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
from side_by_side import DATA, HERE, save

from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.recipe import Rule, rules_of
from aigc_cli.clean.rules import GLOBAL, RULES
from aigc_cli.clean.step import CleanStep, document_schema
from aigc_cli.core.shards import DOCUMENT_SCHEMA

BY_INPUT = ("urls", "decontaminate", "perplexity", "language", "pii", "unicode", "whitespace")
SETS = ("docs-en", "poems-zh")


def documents(name: str, wanted: dict[str, str]) -> pa.RecordBatch:
    """The judged documents of a set."""
    with gzip.open(DATA / f"text/{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["id"] in wanted]
    found = {field.name: [None] * len(rows) for field in DOCUMENT_SCHEMA}
    found["id"], found["text"] = [row["id"] for row in rows], [row["text"] for row in rows]
    return pa.RecordBatch.from_pydict(found, schema=DOCUMENT_SCHEMA)


def drops(rules: list[Rule], batch: pa.RecordBatch) -> list[tuple[str, str, str]]:
    """(id, rule, reason) of each dropped document."""
    found, _ = CleanStep(tuple(rules), document_schema(batch.schema)).clean(batch)
    rows = zip(*(found.column(name).to_pylist() for name in ("id", "rule", "reason")), strict=True)
    return [row for row in rows if row[1] is not None]


def chains() -> dict[str, list[Rule]]:
    """What is judged: each rule alone, and the default chain."""
    alone = [name for name in RULES if name not in GLOBAL and name not in BY_INPUT and "datatrove" not in name]
    found = {name: rules_of(CleanOptions(rules=["language", name])) for name in alone}
    whole = [rule for rule in rules_of(CleanOptions()) if rule[0] not in GLOBAL]
    return {**found, "default chain": whole}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    judged = json.loads((HERE / "judged.json").read_text(encoding="utf-8"))["judged"]
    batches = {name: documents(name, judged[name]) for name in SETS}
    totals = {name: dict(Counter(grade.split(":")[0] for grade in judged[name].values())) for name in SETS}
    results: dict[str, Any] = {"judged": totals, "rules": {}}
    for label, rules in chains().items():
        entry: dict[str, Any] = {}
        for name, batch in batches.items():
            lost = [(judged[name][i].split(":")[0], rule, reason) for i, rule, reason in drops(rules, batch)]
            entry[name] = {
                "dropped": len(lost),
                "false": sum(grade == "fit" for grade, _, _ in lost),
                "of_fit": totals[name]["fit"],
                "unfit_dropped": f"{sum(g == 'unfit' for g, _, _ in lost)} of {totals[name].get('unfit', 0)}",
                "false_reasons": dict(Counter(f"{r}:{why}" for g, r, why in lost if g == "fit").most_common(6)),
            }
        results["rules"][label] = entry
        print(label, {name: (e["false"], e["dropped"]) for name, e in entry.items()})
    save("false_drops", results)


if __name__ == "__main__":
    assert Path(DATA).is_dir(), f"{DATA} is missing"
    main()
