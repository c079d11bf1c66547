"""Generation into a run directory: it knows its model, is up to date when nothing changed, and resumes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from aigc_cli.core import console
from aigc_cli.core.files import canonical_json, disk_errors, hash_text
from aigc_cli.core.options import Common, resolved
from aigc_cli.core.run import Run
from aigc_cli.generate.api import batches
from aigc_cli.generate.options import GenerateOptions
from aigc_cli.generate.output import as_line
from aigc_cli.generate.prompts import Prompt
from aigc_cli.generate.tally import Tally
from aigc_cli.models.bundle import Bundle

VERSION = 1
TEXTS = "generated.jsonl"


def generate_run(bundle: Bundle, prompts: list[Prompt], options: GenerateOptions, common: Common) -> console.Result:
    """All texts in DIR/generated.jsonl, with a manifest that names the model.

    The journal holds the file's length after every batch; a killed run goes on after the last whole one, with the
    same batches, so the bytes are those of an uninterrupted run.
    """
    asked = hash_text(canonical_json([[p.text, p.extra, p.error] for p in prompts]))
    values = {k: v for k, v in resolved(options, common).items() if k not in ("prompt", "prompts")}
    # Which texts share a batch can decide a near-tie of two logits, and where an earlier run stopped.
    values["batch_size"] = options.batch_size
    inputs: list[Path | dict[str, Any]] = [bundle.path, {"prompts": len(prompts), "hash": asked}]
    with Run(
        common.output,
        stage="generate",
        version=VERSION,
        options=values,
        inputs=inputs,
        default="generate",
        common=common,
    ) as run:
        hint = f"aigc postprocess filter {run.path} -o kept"
        if run.up_to_date:
            return run.result(next=hint)
        done = run.journal.entries[-1] if run.journal.entries else {"batches": 0, "bytes": 0}
        tally = Tally(single=len(prompts) == 1)
        tally.restore(_whole_records(run.dir / TEXTS, done["bytes"]))
        total = len(prompts) * (1 if options.beams > 1 else options.n)
        with (
            disk_errors(run.dir),
            open(run.dir / TEXTS, "ab") as file,
            console.progress("generate", total, "texts") as bar,
        ):
            bar.advance(tally.texts)
            size = done["bytes"]
            made = batches(bundle, prompts, options, seed=common.seed, skip=done["batches"])
            for number, records in enumerate(made, start=done["batches"] + 1):
                for record in records:
                    tally.add(record)
                    size += file.write(as_line(record))
                file.flush()
                os.fsync(file.fileno())
                run.journal.append({"batches": number, "bytes": size})
                bar.advance(len(records), tokens=tally.tokens)
        tally.check()
        console.say(tally.summary())
        lines = [f"{run.path}: {tally.texts} texts by {bundle.describe()}"]
        return run.publish(counts=tally.facts(), lines=lines, next=hint, times={"tokens_per_s": tally.rate()})


def _whole_records(path: Path, size: int) -> list[dict[str, object]]:
    """The records in the first `size` bytes, to which the file is cut."""
    if not path.exists():
        return []
    os.truncate(path, size)
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
