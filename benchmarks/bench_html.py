"""The article of a web page: F1 as the article extraction benchmark counts it, and pages/s; peers beside.

    python benchmarks/bench_html.py [--cores 1 2] [--repeat N] [--quick]

Pages and truth: 92 pages of the article extraction benchmark (see shingles.py for the metric). They are divided in two
by a hash of their names: changes of the extractor are judged on one half, the other is what counts. The extractor that
was there before the division may have been made with all pages in view; nothing tells. Intervals are the middle
95 % of 10,000 resamples of the pages; a difference to trafilatura is resampled over the same pages. Pages are decoded
beforehand and imports are not timed; sides are asked in turns, so that other load on the machine hits all of them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import tempfile
import zipfile
from typing import Any

from shingles import counts, summary
from side_by_side import DATA, Side, interleaved, median_s, ratio, save, versions_of

FILE = DATA / "html/articles.zip"
PEER = "trafilatura-precision"
SIDES: dict[str, str | None] = {
    "ours": None, "ours-quality": None, PEER: "html", "trafilatura": "html", "resiliparse": "html",
}  # fmt: skip
WHAT = {
    "ours": "--extract main, the default",
    "ours-quality": "--extract quality: trafilatura within ours",
    PEER: "favor_precision, include_tables, no comments",
    "trafilatura": "defaults",
    "resiliparse": "extract_plain_text, main_content",
}


NOTE = "changes since the halves were divided were judged on one; what was there before may have seen all pages"


def is_tuned_on(name: str) -> bool:
    """Whether a page belongs to the half that the extractor may be tuned on."""
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0


def truth() -> dict[str, str]:
    """{page: its article} as people marked it."""
    with zipfile.ZipFile(FILE) as archive:
        return {name: page["articleBody"] for name, page in json.loads(archive.read("ground-truth.json")).items()}


def quality(sides: dict[str, Side]) -> dict[str, Any]:
    """Scores of every side, by half and whole."""
    wanted = truth()
    pages = {}
    for label, side in sides.items():
        texts = side.run(texts=True)["texts"]
        pages[label] = {name: counts(text, texts[name]) for name, text in wanted.items()}
    halves = {
        "half_not_tuned_on": [name for name in wanted if not is_tuned_on(name)],
        "half_tuned_on": [name for name in wanted if is_tuned_on(name)],
        "all_pages_tuned_on_or_not": list(wanted),
    }
    return {
        half: {
            "pages": len(names),
            **{
                label: summary([own[n] for n in names], [pages[PEER][n] for n in names]) for label, own in pages.items()
            },
        }
        for half, names in halves.items()
    }


def speed(sides: dict[str, Side], cores: int, repeat: int) -> dict[str, Any]:
    """Pages a second of every side, and how many times faster than each peer ours is."""
    count = len(truth())
    answers = interleaved(sides, repeat, processes=cores)
    found: dict[str, Any] = {"repeats": repeat, "pages_per_s": {}, "pages_per_cpu_s": {}, "times_faster": {}}
    for label, given in answers.items():
        found["pages_per_s"][label] = round(count / median_s(given), 1)
        if cores == 1:  # the CPU seconds of a pool's processes are known only when they end
            found["pages_per_cpu_s"][label] = round(count / statistics.median(a["cpu_s"] for a in given), 1)
        found["times_faster"][label] = round(ratio(answers, "ours", label), 2)
    return found


def compilation() -> dict[str, float]:
    """Seconds from the import to the first page's text: kernels compiled into an empty cache, and loaded from it."""
    found = {}
    with tempfile.TemporaryDirectory() as cache:
        for state in ("cold", "warm"):
            side = Side("peers/html_extract.py", "ours", str(FILE), environment={"XDG_CACHE_HOME": cache})
            found[f"{state}_first_page_s"] = round(side.run()["first_page_s"], 2)
            side.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one core, once, only the tuned half's scores; not saved")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.cores, arguments.repeat = [1], 1
    results: dict[str, Any] = {
        "note": NOTE, "versions": versions_of("html", "trafilatura", "resiliparse"), "what": WHAT,
        "jit": compilation(), "speed": {},
    }  # fmt: skip
    for cores in [c for c in arguments.cores if c <= (os.cpu_count() or 1)]:
        sides = {
            label: Side("peers/html_extract.py", label, str(FILE), peer=peer, cores=cores)
            for label, peer in SIDES.items()
        }
        if "quality" not in results:  # also the round that is not timed: caches are filled
            results["quality"] = quality(sides)
        else:
            interleaved(sides, 1, processes=cores)
        results["speed"][f"{cores}_cores"] = speed(sides, cores, arguments.repeat)
        for side in sides.values():
            side.close()
    if arguments.quick:
        results["quality"] = {"half_tuned_on": results["quality"]["half_tuned_on"]}
    print(json.dumps(results, indent=1))
    if not arguments.quick:
        save("html", results)


if __name__ == "__main__":
    main()
