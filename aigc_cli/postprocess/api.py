"""`filter` and `correct`: generated records in, a run directory (or stdout) out."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aigc_cli.core import console
from aigc_cli.core.console import Result
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.files import hash_text
from aigc_cli.core.manifest import read_manifest
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.postprocess.edits import Edit, unified
from aigc_cli.postprocess.options import CorrectOptions, FilterOptions
from aigc_cli.postprocess.records import Record, Writers, dump, locate, read, refuse_conflict
from aigc_cli.postprocess.rules import Check, build

VERSION = 1  # raised when equal input gives other output
EXAMPLES = 3  # texts shown for each rule in the manifest and the report
EXAMPLE_CHARS = 240


def filter(source: str, options: FilterOptions | None = None, common: Common | None = None) -> Result | None:
    """Sort the records of `source` into kept.jsonl and rejected.jsonl; None when they went to stdout.

    A kept record gains `checks`: what each rule measured. A rejected one gains rule, reason and value.
    """
    options, common = options or FilterOptions(), common or Common()
    checks = _checks(options)
    extra = [p for p in (options.shards, options.profanity_words) if p is not None]
    with _opened(source, "filter", options, common, options.field, extra, list(checks)) as (run, records):
        if isinstance(records, Result):
            return records
        records = _prepared(records, options.field, checks)
        funnel = {name: {"rule": name, "in": 0, "dropped": 0, "examples": []} for name in checks}
        counts: Counter[str] = Counter()
        directory = run.dir if run is not None else None
        with Writers(directory, "kept.jsonl", "rejected.jsonl") as out, console.progress("filter", unit="texts") as bar:
            for number, record in enumerate(records):
                name, done = _sort(record, options.field, number, checks, funnel)
                out.write(name, done)
                counts[name.removesuffix(".jsonl")] += 1
                bar.advance()
        facts: dict[str, Any] = {"funnel": list(funnel.values())}
        total = counts["kept"] + counts["rejected"]
        lines = [f"kept {counts['kept']:,} of {total:,} texts"]
        lines += [f"  {f['rule']}: {f['dropped']:,} dropped" for f in funnel.values() if f["dropped"]]
        return _leave(run, {"texts": total, "kept": counts["kept"], "rejected": counts["rejected"]}, facts, lines,
                      "aigc postprocess correct {}")  # fmt: skip


def correct(source: str, options: CorrectOptions | None = None, common: Common | None = None) -> Result | None:
    """Correct the records of `source` into corrected.jsonl, each change in corrections.jsonl; None for stdout."""
    from aigc_cli.postprocess.correction import Corrector

    options, common = options or CorrectOptions(), common or Common()
    corrector = Corrector(None, _rules(options), options.min_confidence, options.capitalised)
    extra = [options.dictionary] if options.dictionary is not None else []
    with _opened(source, "correct", options, common, options.field, extra, []) as (run, records):
        if isinstance(records, Result):
            return records
        if options.spelling:
            from aigc_cli.postprocess.spelling import load

            corrector.speller = load(options.dictionary)
        told = _Told()
        directory = run.dir if run is not None else None
        names = ("corrected.jsonl", "corrections.jsonl")
        with Writers(directory, *names) as out, console.progress("correct", unit="texts") as bar:
            for number, record in enumerate(records):
                before = record[options.field]
                after, edits = corrector(before)
                change = told.add(number, before, after, edits)
                if change is not None:
                    out.write("corrections.jsonl", change)
                    if options.diff:
                        console.say(unified(before, after, f"record {number}", sys.stderr.isatty()))
                    kept = {"text_before": before} if options.keep_before else {}
                    record = {**record, options.field: after, **kept}
                out.write("corrected.jsonl", record)
                bar.advance()
        return _leave(run, told.counts, told.facts(), told.lines(), "aigc report {}")


class _Told:
    """What correct counts, and the examples that it shows."""

    def __init__(self) -> None:
        self.counts = {"texts": 0, "changed": 0, "edits": 0}
        self.rules: Counter[str] = Counter()
        self.examples: list[Record] = []

    def add(self, number: int, before: str, after: str, edits: list[Edit]) -> Record | None:
        """Count one text; the record for corrections.jsonl when it changed."""
        self.counts["texts"] += 1
        if not edits:
            return None
        change = {"record": number, "before": before, "after": after, "edits": [e.as_dict() for e in edits]}
        self.rules.update(rule for e in edits for rule in e.rule.split("+"))
        self.counts["changed"] += 1
        self.counts["edits"] += len(edits)
        if len(self.examples) < EXAMPLES and len(before) <= EXAMPLE_CHARS:
            self.examples.append(change)
        return change

    def facts(self) -> dict[str, Any]:
        """Edits by rule and a few changed texts."""
        return {"rules": dict(self.rules), "examples": self.examples}

    def lines(self) -> list[str]:
        """One line of totals, one of rules."""
        n = self.counts
        found = [f"corrected {n['changed']:,} of {n['texts']:,} texts, {n['edits']:,} edits"]
        by_number = sorted(self.rules.items(), key=lambda item: (-item[1], item[0]))
        return found + (["  " + ", ".join(f"{name} {count:,}" for name, count in by_number)] if by_number else [])


def _checks(options: FilterOptions) -> dict[str, Check]:
    """The rules of the recipe, with what the flags add."""
    extra: dict[str, dict[str, Any]] = {}
    if options.language:
        extra["language"] = {"keep": options.language}
    if options.profanity_words is not None:
        extra["profanity"] = {"words": str(options.profanity_words)}
    if options.shards is not None:
        extra["copied"] = {"shards": str(options.shards), "max_words": options.max_copied_words}
    return build(options.rules, extra, options.skip)


def _rules(options: CorrectOptions) -> list[str]:
    from aigc_cli.postprocess.punctuation import RULES

    if not (options.spelling or options.punctuation or options.pangu):
        raise ConfigError("there is nothing to correct", "leave out --no-spelling or --no-punctuation")
    names = [name for name in RULES if name != "pangu"] if options.punctuation else []
    return names + (["pangu"] if options.pangu else [])


def _prepared(records: Iterator[Record], field: str, checks: dict[str, Check]) -> Iterator[Record]:
    """The records, after the checks that want to see all texts first have seen them."""
    wanting = [check for check in checks.values() if hasattr(check, "prepare")]
    if not wanting:
        return records
    held = list(records)
    for check in wanting:
        check.prepare([record[field] for record in held])  # type: ignore[attr-defined]
    return iter(held)


def _sort(
    record: Record, field: str, number: int, checks: dict[str, Check], funnel: dict[str, Any]
) -> tuple[str, Record]:
    """The file a record goes to, and the record with what the rules found."""
    values: dict[str, Any] = {}
    for name, check in checks.items():
        fact = funnel[name]
        fact["in"] += 1
        finding = check(record[field], number)
        if finding.reason:
            fact["dropped"] += 1
            if len(fact["examples"]) < EXAMPLES:
                fact["examples"].append({"text": record[field][:EXAMPLE_CHARS], "reason": finding.reason})
            return "rejected.jsonl", {**record, "rule": name, "reason": finding.reason, "value": finding.value}
        if finding.value not in (None, [], {}):
            values[name] = finding.value
    return "kept.jsonl", {**record, "checks": values}


@contextmanager
def _opened(
    source: str, stage: str, options: Any, common: Common, field: str, extra: list[Path], names: list[str]
) -> Iterator[tuple[Run | None, Iterator[Record] | Result]]:
    """The Run (None for stdout) and its records; a Result in their place when there is nothing to do."""
    to_stdout = refuse_conflict(source, common.output)
    path = locate(source)
    if common.dry_run:
        plan = f"would {stage} the texts of {path or 'stdin'}" + (f" with {', '.join(names)}" if names else "")
        yield None, Result(stage, None, {"options": resolved(options)}, [plan])
        return
    if to_stdout:
        yield None, read(path, field)
        return
    inputs: list[Any] = [*extra]
    records = read(path, field)
    if path is None:
        # stdin cannot be read twice, so it is never up to date; its hash stands for it in the manifest.
        held = list(records)
        inputs.insert(0, {"stdin": hash_text("\n".join(map(dump, held)))})
        records, common = iter(held), replace(common, force=True)
    else:
        inputs.insert(0, path.parent if _is_payload(path) else path)
        inputs += _model(path, field) if inputs[0] == path else []
    default = {"filter": "filtered", "correct": "corrected"}[stage]
    with Run(common.output, stage=stage, version=VERSION, options=resolved(options), inputs=inputs, default=default,
             common=common) as run:  # fmt: skip
        if run.up_to_date:
            yield run, run.result()
            return
        try:
            yield run, records
        except BaseException:
            # Nothing here is worth resuming, and a leftover would refuse the corrected input.
            shutil.rmtree(run.dir, ignore_errors=True)
            raise


def _is_payload(path: Path) -> bool:
    """Whether the file is part of the run directory it lies in; the run is then the parent in the lineage."""
    manifest = read_manifest(path.parent)
    return manifest is not None and path.name in manifest.get("files", {})


def _model(path: Path, field: str) -> list[Path]:
    """The model that the first record of a loose file names, if it is a run that is still there."""
    model = next(read(path, field), {}).get("model")
    return [Path(model)] if isinstance(model, str) and model and read_manifest(Path(model)) is not None else []


def _leave(
    run: Run | None, counts: dict[str, int], facts: dict[str, Any], lines: list[str], next: str
) -> Result | None:
    if run is None:
        for line in lines:
            console.say(line)
        return None
    return run.publish(counts=counts, facts=facts, lines=lines, next=next.format(run.path))
