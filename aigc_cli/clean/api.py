"""clean: from raw files or shards to documents worth training on."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aigc_cli.clean.dedup.against import facts as against_facts
from aigc_cli.clean.dedup.against import find_outside
from aigc_cli.clean.dedup.find import Duplicates, find_duplicates
from aigc_cli.clean.dedup.index import Index, Parameters
from aigc_cli.clean.dedup.index_writer import extend
from aigc_cli.clean.facts import Gatherer, remarks, summary
from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.parity.setting import settings as parity_settings
from aigc_cli.clean.publish import write
from aigc_cli.clean.recipe import Rule, described, prepare, rules_of
from aigc_cli.clean.references import References
from aigc_cli.clean.rules import PASSAGES
from aigc_cli.clean.rules.minhash import Options as MinHash
from aigc_cli.clean.step import CleanStep, document_schema
from aigc_cli.collect.api import ensure_shards
from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.engine import Parts, Unit, map_units
from aigc_cli.core.errors import DataError
from aigc_cli.core.files import canonical_json
from aigc_cli.core.options import Common
from aigc_cli.core.run import Run
from aigc_cli.core.shards import Shards

VERSION = 4
CACHE = "cache"  # in the result: the rows before deduplication, reused when some inputs change


def clean(inputs: Sequence[str | Path], options: CleanOptions | None = None, common: Common | None = None) -> Result:
    """Cleaned document shards of `inputs` (files, directories, globs, shards; "-" is standard input).

    With "-" and no output, cleaned documents go to stdout as JSON Lines and the Result has no path.
    Raises ConfigError for wrong rules, DataError when no document is left.
    """
    options, common = options or CleanOptions(), common or Common()
    rules = rules_of(options)
    names = [str(name) for name in inputs]
    if not common.dry_run:
        prepare(rules)
    if names == ["-"] and common.output is None and not common.dry_run:
        from aigc_cli.clean.stream import clean_stream

        return clean_stream(rules, options, common)
    if common.dry_run:
        return Result("clean", None, {"rules": described(rules)}, _plan(names, rules))
    return clean_shards(ensure_shards(names, common), rules, options, common)


def clean_shards(path: Path, rules: list[Rule], options: CleanOptions, common: Common) -> Result:
    """Clean the document shards at `path`. Raises DataError for shards of pictures."""
    if "image" in Shards.open(path).columns:
        raise DataError(f"{path} holds pictures; clean is for text", f"aigc tokenize {path} -o records")
    settings = {"rules": described(rules), "keep_rejected": options.keep_rejected, "seed": common.seed}
    if options.parity is not None:
        settings["parity"] = parity_settings(options.parity)
    references = References(options.against, common.output, options.index)
    with Run(common.output, stage="clean", version=VERSION, options=settings, inputs=[path, *references.inputs],
             default="clean", common=common) as run:  # fmt: skip
        if run.up_to_date:
            result = run.result(lines=summary(run.path, run.manifest), next=_next(run.path))
        else:
            named = dict(rules)
            parameters = references.parameters(named.get("minhash"), common.seed)
            indexes = references.open(parameters, common.workers)
            shards = Shards.open(path)
            step = CleanStep(
                tuple(rules), document_schema(shards.schema), options.keep_rejected, common.seed,
                keyed=not {"against", "exact", "minhash"}.isdisjoint(named),
                minhash=parameters if indexes else named.get("minhash"), parity=options.parity,
            )  # fmt: skip
            splits, units = _units(shards, step)
            parts = map_units(run, units, step, schema=step.schema, label="clean", name=CACHE)
            result = _publish(run, parts, step, splits, indexes)
    if options.index is not None:
        _extend(options.index, result, references.parameters(dict(rules).get("minhash"), common.seed), common)
    return result


def _extend(index: Path, result: Result, parameters: Parameters, common: Common) -> None:
    """Add the documents of a published result to an index."""
    assert result.path is not None
    numbers = extend(index, result.path, parameters, common.workers)
    result.lines.append(f"{index}: {numbers['added']:,} documents added, {numbers['documents']:,} in all")


def _units(shards: Shards, step: CleanStep) -> tuple[dict[str, int], list[Unit]]:
    """(number of units by split, units): their keys depend on the rules that look at single documents only."""
    minhash = step.minhash
    keys = [minhash.ngram, minhash.bands, minhash.rows, step.seed] if minhash else []
    salt = canonical_json([
        VERSION, described(step.per_document), step.keep_rejected, keys, str(step.schema), sys.version_info[:2],
        *([parity_settings(step.parity)] if step.parity else []),
    ])  # fmt: skip
    by_split = {split: [unit.derive(salt) for unit in shards.units(split)] for split in shards.splits}
    seen: set[str] = set()
    units = []
    for split, listed in by_split.items():
        for unit in listed:
            unit = unit if unit.key not in seen else unit.derive(f"{split} {len(seen)}")
            seen.add(unit.key)
            units.append(unit)
    return {split: len(listed) for split, listed in by_split.items()}, units


def _compared(run: Run, parts: Parts, step: CleanStep, indexes: list[Index]) -> Duplicates:
    """The rows that are duplicates of indexed documents or of one another."""
    named = dict(step.rules)
    if not step.keyed:
        return Duplicates.none(sum(unit.rows for unit in parts.units))
    found = None
    with console.progress("deduplicate", None, "steps"):
        if indexes:
            rule = named["against"]
            threshold = rule.threshold or (named["minhash"] if "minhash" in named else MinHash()).threshold
            found = find_outside(parts, indexes, threshold, rule.keep, run.dir)
        return find_duplicates(
            parts, run.dir / "parts", exact="exact" in named, minhash=named.get("minhash"), found=found
        )


def _cut(run: Run, parts: Parts, step: CleanStep) -> tuple[Parts, dict[str, Any]]:
    """(the rows without the passages that occurred before, facts of that) where the rules say so."""
    if not any(name in PASSAGES for name, _ in step.rules):
        return parts, {}
    from aigc_cli.clean.dedup.passages import without_repeats  # kernels that other recipes do not need

    return without_repeats(run, parts, step)


def _publish(run: Run, cleaned: Parts, step: CleanStep, splits: dict[str, int], indexes: list[Index]) -> Result:
    parts, passages = _cut(run, cleaned, step)
    duplicates = _compared(run, parts, step, indexes)
    gatherer = Gatherer(duplicates)
    numbers = parts.counts
    write(run.dir, parts, step, splits, duplicates, gatherer)
    facts = gatherer.facts(step.rules, numbers)
    if passages:
        facts["passages"] = passages
    if indexes:
        facts["against"] = against_facts(indexes, run.dir)
    if not gatherer.documents:
        shutil.rmtree(run.dir, ignore_errors=True)  # there is nothing to continue from
        lost = ", ".join(f"{f['rule']} {f['dropped']:,}" for f in facts["funnel"] if f["dropped"])
        raise DataError(f"every document was dropped: {lost}", _hint(facts["funnel"]))
    cleaned.keep(run.dir / CACHE)
    counts = {
        "documents_in": int(numbers["documents"]), "documents": gatherer.documents,
        "dropped": int(numbers["documents"]) - gatherer.documents, "bytes_in": int(numbers["bytes"]),
        "bytes": gatherer.bytes,
    }  # fmt: skip
    for remark in remarks(facts["funnel"]):
        console.warn(remark)
    lines = summary(run.path, {"counts": counts, "facts": facts})
    times = {"units": len(parts.units), "units_computed": cleaned.computed, "candidate_pairs": duplicates.candidates}
    return run.publish(counts=counts, facts=facts, lines=lines, next=_next(run.path), times=times)


def _hint(funnel: list[dict[str, Any]]) -> str:
    worst = max(funnel, key=lambda entry: entry["dropped"])
    if worst["rule"] == "length":
        return "give a smaller --min-words"
    if worst["rule"] == "language":
        return "check --languages"
    if worst["rule"] in ("against", "decontaminate"):
        return "check that what is compared with does not hold the very documents that are cleaned"
    return f"write a recipe whose rules do not hold {worst['rule']}, and give it with --config"


def _next(path: Path) -> str:
    return f"aigc tokenize {path} -o tokens"


def _plan(names: Sequence[str], rules: list[Rule]) -> list[str]:
    rows = [(name, ", ".join(f"{k} {v}" for k, v in vars(options).items())) for name, options in rules]
    return [f"would clean {', '.join(names)}", console.table("rules", ["rule", "options"], rows)]
