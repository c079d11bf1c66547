"""Sides of bench_html: html_extract.py SIDE PAGES.zip; the pages are decoded before, only the extraction is timed.

SIDE: ours, ours-quality, trafilatura, trafilatura-precision, resiliparse.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
import zipfile
from collections.abc import Callable

from side_by_side import cpu_s, serve

SIDE, FILE = sys.argv[1:]
with zipfile.ZipFile(FILE) as archive:
    PAGES = {
        name.removesuffix(".html"): archive.read(name).decode("utf-8", "replace")
        for name in archive.namelist()
        if name.endswith(".html")
    }


def extractor() -> Callable[[str], str]:
    """The function that is measured: a page in, its text out."""
    if SIDE == "resiliparse":
        from resiliparse.extract.html2text import extract_plain_text

        return lambda markup: extract_plain_text(markup, main_content=True, alt_texts=False)
    if SIDE.startswith("trafilatura"):
        import trafilatura

        if SIDE == "trafilatura":
            return lambda markup: trafilatura.extract(markup) or ""
        return lambda markup: (
            trafilatura.extract(markup, favor_precision=True, include_tables=True, include_comments=False) or ""
        )
    from aigc_cli.collect.html import extract

    if SIDE == "ours-quality":
        import trafilatura

        return lambda markup: extract(markup, "quality").text
    return lambda markup: extract(markup, "main").text


ROUNDS = 10 if SIDE in ("ours", "resiliparse") else 1  # these need a fifth of a second for all pages
START = time.perf_counter()
EXTRACT = extractor()
if SIDE == "ours":
    EXTRACT("<p>One page, so that the kernels are compiled or loaded.")
FIRST_PAGE_S = time.perf_counter() - START


def part(names: list[str]) -> dict[str, str]:
    """The texts of some pages."""
    return {name: EXTRACT(PAGES[name]) for name in names}


def run(processes: int = 1, texts: bool = False) -> dict:
    """All pages in `processes` processes that are there before the clock starts; seconds of one round of several."""
    names = sorted(PAGES)
    found: dict[str, str] = {}
    if processes == 1:
        start, before = time.perf_counter(), cpu_s()
        for _ in range(ROUNDS):
            found = part(names)
    else:
        start, before = time.perf_counter(), cpu_s()
        shares = [names[k : k + 4] for k in range(0, len(names), 4)] * ROUNDS
        for piece in POOL.imap_unordered(part, shares):
            found |= piece
    spent, busy = (time.perf_counter() - start) / ROUNDS, (cpu_s() - before) / ROUNDS
    answer = {"seconds": spent, "cpu_s": busy, "first_page_s": FIRST_PAGE_S}
    return {**answer, "texts": found} if texts else answer


if __name__ == "__main__":
    CORES = len(os.sched_getaffinity(0))
    if CORES > 1:
        POOL = multiprocessing.get_context("fork").Pool(CORES)
    serve(run)
