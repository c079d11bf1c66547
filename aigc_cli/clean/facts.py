"""What clean tells about itself: the funnel, examples, histograms, clusters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aigc_cli.clean.alike import Pairs, beginning
from aigc_cli.clean.dedup.find import REASONS, RULE_NAMES, Duplicates
from aigc_cli.clean.dedup.scratch import BLOCK
from aigc_cli.clean.recipe import Rule, module
from aigc_cli.clean.step import EXAMPLE_CHARS, length_buckets
from aigc_cli.core.console import human_bytes, table

EXAMPLES = 3  # of each rule and reason
CLUSTERS = 10  # the largest
MEMBERS = 5  # of a cluster that are named
DETAILS = 20  # of what a rule counted, the largest
MOSTLY = 0.5  # a rule that drops more than this share gets a remark


class Gatherer:
    """Collects facts while the rows stream by in order."""

    def __init__(self, duplicates: Duplicates) -> None:
        self.duplicates = duplicates
        self.examples: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.repairs: dict[str, list[dict[str, Any]]] = {}
        self.languages: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()
        self.matched: Counter[str] = Counter()  # what documents were matched with, by rules that name it
        self.documents = self.bytes = self.changed = 0
        copies = duplicates.copies()
        self._largest = _largest(copies)
        self._clusters: dict[int, dict[str, Any]] = {
            row: {"id": None, "source": None, "text": "", "size": int(copies[row]) + 1, "members": []}
            for row in self._largest
        }
        self._pairs = {row: Pairs() for row in self._largest}

    def see(
        self, start: int, batch: pa.RecordBatch, rules: Sequence[str | None], reasons: Sequence[str | None]
    ) -> None:
        """One batch of all rows, the first of which is row `start`."""
        for row, (rule, reason) in enumerate(zip(rules, reasons, strict=True)):
            if rule is not None and reason is not None:
                held = self.examples.setdefault((rule, reason), [])
                if len(held) < EXAMPLES:
                    held.append(_example(batch, row))
        for row in batch.column("repair").is_valid().cast(pa.uint8()).to_numpy().nonzero()[0].tolist():
            rule, before, after = json.loads(batch.column("repair")[row].as_py())
            shown = self.repairs.setdefault(rule, [])
            if len(shown) < EXAMPLES:
                identity = {name: batch.column(name)[row].as_py() for name in ("id", "source")}
                shown.append({"rule": rule, **identity, "before": before, "after": after})
        if "matched" in batch.schema.names:
            self.matched.update(batch.column("matched").drop_null().to_pylist())
        match = self.duplicates.match[start : start + batch.num_rows]
        for row in np.isin(match, self._largest).nonzero()[0].tolist():
            members = self._clusters[int(match[row])]["members"]
            if len(members) < MEMBERS:
                similarity = float(self.duplicates.similarity[start + row])
                members.append({"id": batch.column("id")[row].as_py(), "source": batch.column("source")[row].as_py(),
                                "similarity": round(similarity, 4)})  # fmt: skip
                self._pairs[int(match[row])].member(batch, row, similarity)
        for kept in self._largest:
            if start <= kept < start + batch.num_rows:
                self._clusters[kept].update(_example(batch, kept - start))
                self._pairs[kept].kept = beginning(batch, kept - start)

    def keep(self, batch: pa.RecordBatch) -> None:
        """One batch of rows that stay."""
        self.documents += batch.num_rows
        self.languages.update(name or "und" for name in batch.column("lang").to_pylist())
        self.lengths.update(length_buckets(batch.column("text")).tolist())
        self.bytes += int(pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0)

    def facts(self, rules: Sequence[Rule], counts: Mapping[str, int]) -> dict[str, Any]:
        """The manifest's facts; `counts` are the sums over all units."""
        kinds = {key.split(":")[-1]: n for key, n in counts.items() if key.startswith("pii:count:pii:")}
        before = {key.split(":")[-1]: n for key, n in counts.items() if key.startswith("language:count:language:")}
        top = max([*self.lengths, *(int(k.split(":")[1]) for k in counts if k.startswith("characters:"))], default=0)
        bins = range(0, top + 1)
        return {
            "funnel": self._funnel([name for name, _ in rules], counts),
            "languages": {"before": _sorted(before), "after": _sorted(self.languages)},
            "lengths": {"unit": "characters", "from": [2**k for k in bins],
                        "before": [int(counts.get(f"characters:{k}", 0)) for k in bins],
                        "after": [self.lengths[k] for k in bins]},
            "examples": [example for _, shown in sorted(self.repairs.items()) for example in shown],
            "pii": _sorted(kinds),
            "counted": _counted([name for name, _ in rules], counts),
            **({"matched": {"items": len(self.matched), "most": _first(self.matched)}} if self.matched else {}),
            "clusters": [{**self._clusters[row], "nearest": self._pairs[row].nearest()} for row in self._largest],
        }  # fmt: skip

    def _funnel(self, names: Sequence[str], counts: Mapping[str, int]) -> list[dict[str, Any]]:
        funnel = []
        left = int(counts.get("documents", 0))
        rules = self.duplicates.rule
        found = np.zeros(len(RULE_NAMES), dtype=np.int64)
        for i in range(0, len(rules), BLOCK):
            found += np.bincount(rules[i : i + BLOCK], minlength=len(RULE_NAMES))
        for name in names:
            if name in RULE_NAMES:
                reasons = _sorted({REASONS[k]: int(found[k]) for k, rule in enumerate(RULE_NAMES) if rule == name})
            else:
                prefix = f"{name}:drop:"
                reasons = _sorted({k.removeprefix(prefix): int(n) for k, n in counts.items() if k.startswith(prefix)})
            dropped = sum(reasons.values())
            funnel.append({
                "rule": name, "in": left, "dropped": dropped, "changed": int(counts.get(f"{name}:changed", 0)),
                "reasons": reasons, "examples": {r: self.examples.get((name, r), []) for r in reasons},
            })  # fmt: skip
            left -= dropped
        return funnel


def _largest(copies: np.ndarray) -> list[int]:
    """The rows with the most copies, the first of equals; block by block, as there may be very many rows."""
    best: list[int] = []
    for start in range(0, len(copies), BLOCK):
        order = np.argsort(-copies[start : start + BLOCK], kind="stable")[:CLUSTERS]
        best += [row for row in (start + order).tolist() if copies[row]]
        best = sorted(best, key=lambda row: (-copies[row], row))[:CLUSTERS]
    return best


def summary(path: Any, manifest: Mapping[str, Any]) -> list[str]:
    """The lines that clean prints: what stayed, and the funnel."""
    counts, funnel = manifest["counts"], manifest["facts"]["funnel"]
    share = counts["documents"] / max(counts["documents_in"], 1)
    first = (
        f"{path}: {counts['documents']:,} of {counts['documents_in']:,} documents kept ({share:.1%}), "
        f"{human_bytes(counts['bytes'])} of text"
    )
    rows = [(f["rule"], f["in"], f["changed"], f["dropped"], _top(f["reasons"])) for f in funnel]
    return [first, table("rules", ["rule", "in", "changed", "dropped", "reasons"], rows)]


def remarks(funnel: Sequence[Mapping[str, Any]]) -> list[str]:
    """A warning for each rule that drops most of what it sees, with the way to change that."""
    found = []
    for entry in funnel:
        if entry["in"] >= 10 and entry["dropped"] > MOSTLY * entry["in"]:
            rule, reason = entry["rule"], next(iter(entry["reasons"]))
            how = {"length": "--min-words N sets the shortest", "language": "see --languages",
                   "minhash": "--no-dedup keeps duplicates", "exact": "--no-dedup keeps duplicates"}  # fmt: skip
            hint = how.get(rule, f"list the rules in a recipe without {rule}, or with other options of it")
            if rule not in how and reason in {field.name for field in fields(module(rule).Options)}:
                hint = f"list the rules in a recipe with another {reason}, or without {rule}"
            found.append(f"{rule} dropped {entry['dropped']:,} of {entry['in']:,} documents ({reason}); {hint}")
    return found


def _counted(rules: Sequence[str], counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """By rule what it counted besides documents, the largest numbers; personal data and languages stand elsewhere."""
    found = {}
    for rule in rules:
        prefix = f"{rule}:count:"
        own = {key.removeprefix(prefix): n for key, n in counts.items() if key.startswith(prefix)}
        if own and rule not in ("pii", "language"):
            found[rule] = _first(own)
    return found


def _first(numbers: Mapping[str, int]) -> dict[str, int]:
    return dict(list(_sorted(numbers).items())[:DETAILS])


def _example(batch: pa.RecordBatch, row: int) -> dict[str, Any]:
    found = {name: batch.column(name)[row].as_py() for name in ("id", "source")}
    if "matched" in batch.schema.names and batch.column("matched")[row].is_valid:
        found["matched"] = batch.column("matched")[row].as_py()
    return {**found, "text": (batch.column("text")[row].as_py() or "")[:EXAMPLE_CHARS]}


def _sorted(numbers: Mapping[str, int]) -> dict[str, int]:
    """Largest first."""
    return {key: int(n) for key, n in sorted(numbers.items(), key=lambda item: (-item[1], item[0])) if n}


def _top(reasons: Mapping[str, int]) -> str:
    shown = ", ".join(f"{name} {number:,}" for name, number in list(reasons.items())[:3])
    return shown + (f", {len(reasons) - 3} more" if len(reasons) > 3 else "")
