"""What is committed is what the generator writes, and it is fit for its purpose."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "sample_data"
HAN = re.compile(r"[\u4e00-\u9fff]")


def units(text: str, lang: str) -> list[str]:
    return HAN.findall(text) if lang == "zh" else re.findall(r"[a-z']+|[0-9]+", text.lower())


def test_generator_writes_what_is_committed():
    done = subprocess.run([sys.executable, SAMPLE / "make.py", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_is_under_two_megabytes():
    files = [path for path in SAMPLE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 2_000_000


def test_every_kind_of_file_is_there():
    for lang in ("en", "zh"):
        kinds = Counter(path.suffix for path in (SAMPLE / "text" / lang).rglob("*") if path.is_file())
        assert set(kinds) == {".jsonl", ".gz", ".zip", ".csv", ".html", ".txt", ".md"}
        assert len(list((SAMPLE / "text" / lang / "essays").iterdir())) >= 12
    gbk = (SAMPLE / "text/zh/gbk/zh-travel-000.txt").read_bytes()
    assert HAN.search(gbk.decode("gbk")) and not _is_utf8(gbk)


def test_every_document_says_where_it_comes_from(rows):
    assert len({row["id"] for row in rows}) == len(rows) > 1700
    assert {row["license"] for row in rows} == {"CC0-1.0"}
    assert Counter(row["lang"] for row in rows).keys() == {"en", "zh"}


def test_no_long_sequence_is_common(rows):
    for lang in ("en", "zh"):
        texts = {row["text"] for row in rows if row["lang"] == lang and "-junk-" not in row["id"]}
        texts |= {path.read_text(encoding="utf-8") for path in (SAMPLE / "text" / lang / "essays").iterdir()}
        counts: Counter[tuple[str, ...]] = Counter()
        for text in texts:
            words = units(text, lang)
            counts.update(zip(*(words[i:] for i in range(8)), strict=False))
        sequence, count = counts.most_common(1)[0]
        assert count <= 20, (sequence, count)


def test_documents_have_the_length_of_documents(rows):
    for row in rows:
        number = len(units(row["text"], row["lang"]))
        if (
            re.fullmatch(r"(en|zh)-(?!web|junk)\w+-\d+", row["id"])
            and "â" not in row["text"]
            and HAN.search(row["text"])
        ):
            assert 110 <= number <= 620, (row["id"], number)
        elif row["lang"] == "en" and "-junk-" not in row["id"]:
            assert 70 <= number <= 420, (row["id"], number)


def test_planted_documents_exist(rows, planted):
    texts = {row["id"]: row["text"] for row in rows}
    texts |= {path.stem: path.read_text("gbk").strip() for path in (SAMPLE / "text/zh/gbk").iterdir()}
    for first, second in planted["exact_duplicates"]:
        assert texts[first] == texts[second]
    for first, second in planted["near_duplicates"]:
        a, b = (set(zip(*(units(texts[i], i[:2])[k:] for k in range(5)), strict=False)) for i in (first, second))
        assert texts[first] != texts[second] and len(a & b) / len(a | b) >= 0.75
    for item in planted["pii"]:
        assert item["value"] in texts[item["id"]]
    for item in planted["mojibake"]:
        assert item["wrong"] in texts[item["id"]]
    assert {item["id"] for item in planted["junk"]} == {i for i in texts if "-junk-" in i}


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
