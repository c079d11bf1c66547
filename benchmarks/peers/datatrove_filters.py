"""datatrove's side of bench_filters: its filters over the documents of one file, one process or several.

    python peers/datatrove_filters.py FILE.jsonl.gz LANGUAGE WORKERS

A request has `rule` (a key of RULES), `rows` (the documents, by number; all of them without it) and `decisions`:
whether the answer is to hold what was decided of each document, null for one that stays, else datatrove's reason.
"""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter
from datatrove.pipeline.filters.c4_filters import C4ParagraphFilter
from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter
from side_by_side import serve

FILE, LANGUAGE, WORKERS = sys.argv[1], sys.argv[2], int(sys.argv[3])
RULES = {
    "gopher_repetition": [GopherRepetitionFilter(language=LANGUAGE)],
    "gopher_quality": [GopherQualityFilter(language=LANGUAGE)],
    "c4_quality": [C4QualityFilter(filter_no_terminal_punct=False, language=LANGUAGE)],
    "c4_terminal": [C4QualityFilter(language=LANGUAGE)],
    "c4_paragraphs": [C4ParagraphFilter()],
    "fineweb": [FineWebQualityFilter(language=LANGUAGE)],
}
RULES["chain"] = [RULES[name][0] for name in ("gopher_repetition", "gopher_quality", "c4_quality", "fineweb")]
with gzip.open(FILE, "rt", encoding="utf-8") as lines:
    TEXTS = [json.loads(line)["text"] for line in lines]


def judge(task: tuple[str, list[int]]) -> list[str | None]:
    """The reason of each document that goes, as Pipeline.run asks the filters: document by document."""
    rule, rows = task
    found: list[str | None] = []
    for row in rows:
        document = Document(text=TEXTS[row], id=str(row))
        reason = None
        for each in RULES[rule]:
            answer = each.filter(document)
            kept, why = answer if isinstance(answer, tuple) else (answer, "")
            if not kept:
                reason = why or "dropped"
                break
        found.append(reason)
    return found


def run(rule: str, rows: list[int] | None = None, decisions: bool = False) -> dict:
    """One request."""
    rows = list(range(len(TEXTS))) if rows is None else rows
    parts = [rows[i :: 4 * WORKERS] for i in range(4 * WORKERS)] if WORKERS > 1 else [rows]
    start = time.perf_counter()
    answers = POOL.map(judge, [(rule, part) for part in parts], chunksize=1) if POOL else [judge((rule, rows))]
    answer: dict = {"seconds": time.perf_counter() - start}
    if decisions:
        by_row = {
            row: why for part, found in zip(parts, answers, strict=True) for row, why in zip(part, found, strict=True)
        }
        answer["decisions"] = [by_row[row] for row in rows]
    return answer


if __name__ == "__main__":
    judge(("chain", [0]))  # the tokenizer is loaded at the first document
    POOL = multiprocessing.get_context("fork").Pool(WORKERS) if WORKERS > 1 else None
    if POOL:
        POOL.map(judge, [("chain", [0])] * 8 * WORKERS, chunksize=1)
    serve(run)
