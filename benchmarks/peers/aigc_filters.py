"""Our side of bench_filters: the rules of clean over the documents of one file, one process or several.

    python peers/aigc_filters.py FILE.jsonl.gz LANGUAGE WORKERS [datatrove]

With the last argument the rules have datatrove's decisions (--parity). The memo of words is then empty at the start of
each request, in every process, so that all documents count as not seen before.

Requests are those of datatrove_filters.py. Texts lie in Arrow record batches, as clean reads them.
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import sys
import time

import pyarrow as pa
from side_by_side import serve

from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.parity.words import forget
from aigc_cli.clean.recipe import rules_of
from aigc_cli.clean.step import CleanStep, document_schema
from aigc_cli.core.shards import DOCUMENT_SCHEMA

FILE, LANGUAGE, WORKERS = sys.argv[1], sys.argv[2], int(sys.argv[3])
PARITY = sys.argv[4] if len(sys.argv) > 4 else None
BATCH = 256
RULES: dict[str, list] = {
    "gopher_repetition": ["gopher_repetition"],
    "gopher_quality": ["gopher_quality"],
    "c4_quality": [{"c4_quality": {"terminal_punctuation": False}}],
    "c4_terminal": ["c4_quality"],
    "c4_paragraphs": ["c4_paragraphs"],
    "fineweb": ["fineweb"],
}
RULES["chain"] = [RULES[name][0] for name in ("gopher_repetition", "gopher_quality", "c4_quality", "fineweb")]
with gzip.open(FILE, "rt", encoding="utf-8") as lines:
    TEXTS = [json.loads(line)["text"] for line in lines]


def batches(rows: list[int]) -> list[pa.RecordBatch]:
    """The documents as record batches."""
    found = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        columns: dict = {field.name: [None] * len(part) for field in DOCUMENT_SCHEMA}
        columns |= {"id": [str(row) for row in part], "text": [TEXTS[row] for row in part]}
        columns["lang"] = [LANGUAGE] * len(part)
        found.append(pa.RecordBatch.from_pydict(columns, schema=DOCUMENT_SCHEMA))
    return found


def judge(task: tuple[str, list[pa.RecordBatch]]) -> list[str | None]:
    """The reason of each document that goes."""
    rule, parts = task
    rules = rules_of(CleanOptions(rules=RULES[rule], parity=PARITY))
    step = CleanStep(tuple(rules), document_schema(DOCUMENT_SCHEMA), parity=PARITY)
    if PARITY:
        forget()
    found: list[str | None] = []
    for batch in parts:
        found += step.clean(batch)[0].column("reason").to_pylist()
    return found


def run(rule: str, rows: list[int] | None = None, decisions: bool = False) -> dict:
    """One request."""
    rows = list(range(len(TEXTS))) if rows is None else rows
    made = batches(rows)
    if not POOL:
        parts = [made]
    elif PARITY:
        parts = [made[first::WORKERS] for first in range(WORKERS)]  # a memo lasts for the whole of a process's work
    else:
        parts = [[batch] for batch in made]
    start = time.perf_counter()
    answers = POOL.map(judge, [(rule, part) for part in parts], chunksize=1) if POOL else [judge((rule, made))]
    answer: dict = {"seconds": time.perf_counter() - start}
    if decisions:
        order = [int(row) for part in parts for batch in part for row in batch.column("id").to_pylist()]
        by_row = dict(zip(order, (reason for found in answers for reason in found), strict=True))
        answer["decisions"] = [by_row[row] for row in rows]
    return answer


if __name__ == "__main__":
    for rule in RULES:
        judge((rule, batches([0])))  # kernels are compiled or loaded
    POOL = multiprocessing.get_context("fork").Pool(WORKERS) if WORKERS > 1 else None
    serve(run)
