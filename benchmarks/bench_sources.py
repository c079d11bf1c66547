"""Web archives and wikitext: pages and megabytes a second of ours against FastWARC with resiliparse, mwparserfromhell.

    python benchmarks/bench_sources.py [--quick]

The archive holds the pages of html/articles.zip, one gzip member each; both sides read, decode and extract the main
text. The wikitext is generated from our own sample texts: links, templates, notes, tables, lists. One core.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
import zipfile
from pathlib import Path

from side_by_side import DATA, ROOT, Side, interleaved, median_s, ratio, save, versions_of

UNITS = {"pages_per_s": "pages", "mb_per_s": "mb"}


def make_archive(path: Path, copies: int) -> dict:
    """A .warc.gz of the shared pages; gives their number and bytes."""
    pages = size = 0
    with zipfile.ZipFile(DATA / "html/articles.zip") as archive, path.open("wb") as out:
        names = sorted(n for n in archive.namelist() if n.endswith(".html"))
        for number in range(copies):
            for name in names:
                payload = archive.read(name)
                block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + payload
                head = (
                    "WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http; msgtype=response\r\n"
                    f"WARC-Target-URI: http://example.org/{number}/{name}\r\nContent-Length: {len(block)}\r\n\r\n"
                )
                out.write(gzip.compress(head.encode() + block + b"\r\n\r\n", 6))
                pages, size = pages + 1, size + len(payload)
    return {"pages": pages, "mb": round(size / 1e6, 1)}


def make_wikitext(count: int) -> list[str]:
    """Articles of a few thousand characters with the markup that articles have."""
    rng = random.Random(0)
    words = " ".join(p.read_text() for p in sorted((ROOT / "sample_data/text/en").glob("**/*.txt"))[:20]).split()

    def some(n: int) -> str:
        start = rng.randrange(len(words) - n)
        return " ".join(words[start : start + n])

    def sentence() -> str:
        kinds = [
            lambda: f"[[{some(2)}|{some(2)}]]", lambda: f"[[{some(1)}]]", lambda: f"'''{some(2)}'''",
            lambda: f"<ref name=x{rng.randrange(9)}>{{{{cite web|url=http://x.org|title={some(4)}}}}}</ref>",
            lambda: f"{{{{lang|fr|{some(2)}}}}}", lambda: "{{convert|5|km|mi}}", lambda: f"[http://x.org {some(2)}]",
        ]  # fmt: skip
        return " ".join(some(rng.randrange(4, 12)) + " " + rng.choice(kinds)() for _ in range(3)) + ". "

    def article() -> str:
        box = "{{Infobox\n" + "".join(f"| a{i} = {some(2)}\n" for i in range(8)) + "}}\n"
        table = '{| class="wikitable"\n' + "".join(f"|-\n| {some(1)} || {some(2)}\n" for _ in range(6)) + "|}\n"
        parts = ["".join(sentence() for _ in range(5)) for _ in range(8)]
        items = "".join(f"* {some(5)}\n" for _ in range(5))
        return box + "\n\n".join(f"== {some(2)} ==\n{p}" for p in parts) + f"\n\n{table}\n{items}\n[[Category:X]]\n"

    return [article() for _ in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    repeat = 1 if quick else 5
    results: dict = {
        "versions": versions_of(None, "fastwarc", "resiliparse") | versions_of("wikitext", "mwparserfromhell")
    }
    with tempfile.TemporaryDirectory() as folder:
        archive, texts = Path(folder) / "a.warc.gz", Path(folder) / "pages.json"
        data = {"warc": make_archive(archive, 1 if quick else 4)}
        pages = make_wikitext(50 if quick else 400)
        texts.write_text(json.dumps(pages))
        data["wikitext"] = {"pages": len(pages), "mb": round(sum(len(p.encode()) for p in pages) / 1e6, 1)}
        pairs = {
            "warc": ("ours-warc", "fastwarc", archive, None),
            "wikitext": ("ours-wiki", "mwparserfromhell", texts, "wikitext"),
        }
        for task, (own, other, file, peer) in pairs.items():
            sides = {
                name: Side("peers/sources.py", name, str(file), peer=which)
                for name, which in zip((own, other), (None, peer), strict=True)
            }
            interleaved(sides, 1)  # warm
            answers = interleaved(sides, repeat)
            for side in sides.values():
                side.close()
            found = {"data": data[task], "ratio": round(ratio(answers, own, other), 2)}
            for side, given in answers.items():
                second = median_s(given)
                speed = {unit: round(data[task][key] / second, 1) for unit, key in UNITS.items()}
                found[side] = speed | {key: given[0][key] for key in ("documents", "chars")}
            results[task] = found
            print(task, json.dumps(found))
    if not quick:
        save("sources", results)


if __name__ == "__main__":
    main()
