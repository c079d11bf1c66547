"""`collect` and `clean` find what was planted, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from aigc_cli.clean import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.collect import collect
from aigc_cli.collect.options import CollectOptions
from aigc_cli.core.options import Common, from_mapping, load_yaml
from aigc_cli.core.shards import Shards

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    """(documents kept, documents dropped), each by its id or, when a file is one document, by the file's name."""
    out = tmp_path_factory.mktemp("cleaned")
    collect([str(ROOT / "sample_data/text")], CollectOptions(license="CC0-1.0"), Common(output=out / "raw", workers=1))
    rules = from_mapping(CleanOptions, load_yaml(ROOT / "pipelines/recipes/clean.yaml"), "clean.yaml")
    clean([str(out / "raw")], rules, Common(output=out / "clean", workers=1))
    return tuple(_by_id(path) for path in (out / "clean", out / "clean/rejected"))


def _by_id(path: Path) -> dict[str, dict[str, str]]:
    rows = (row for batch in Shards.open(path).batches() for row in batch.to_pylist())
    return {row["source_id"] or Path(row["source"]).stem: row for row in rows}


def test_one_of_each_pair_of_duplicates_is_left(cleaned, planted):
    kept, _ = cleaned
    for kind in ("exact_duplicates", "near_duplicates"):
        for pair in planted[kind]:
            assert sum(name in kept for name in pair) == 1, pair


def test_all_junk_is_dropped_and_nothing_else(cleaned, planted):
    kept, dropped = cleaned
    junk = {item["id"] for item in planted["junk"]}
    pairs = {name for kind in ("exact_duplicates", "near_duplicates") for pair in planted[kind] for name in pair}
    assert not junk & set(kept)
    assert set(dropped) <= junk | pairs
    assert len(dropped) == len(junk) + len(pairs) // 2


def test_personal_data_is_gone(cleaned, planted):
    kept, _ = cleaned
    text = "\n".join(row["text"] for row in kept.values())
    left = [item for item in planted["pii"] if item["value"] in text]
    assert not left
    assert Counter(item["kind"] for item in planted["pii"]).keys() == {"email", "phone", "ip", "id", "card", "iban"}


def test_broken_encodings_are_repaired(cleaned, planted):
    kept, _ = cleaned
    for item in planted["mojibake"]:
        assert item["right"] in kept[item["id"]]["text"] and item["wrong"] not in kept[item["id"]]["text"]


def test_gbk_and_web_pages_are_read(cleaned):
    kept, _ = cleaned
    assert "。" in kept["zh-travel-000"]["text"]
    page = kept["en-museum-000"]["text"]
    assert "Opening hours" not in page and "free to use" not in page and len(page.split()) > 80


def test_documents_keep_language_and_licence(cleaned):
    kept, _ = cleaned
    assert {row["license"] for row in kept.values()} == {"CC0-1.0"}
    for name, row in kept.items():
        if name[:3] in ("en-", "zh-"):
            assert row["lang"] == name[:2], json.dumps(row, ensure_ascii=False)[:200]
