import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.manifest import read_manifest
from aigc_cli.core.options import Common
from aigc_cli.core.run import Run
from aigc_cli.report import report
from aigc_cli.report.options import ReportOptions

EVIL = '</p><script>alert("x")</script><img src=x onerror=alert(1)>{0}{}&'
ROWS = [
    {"model": "fp32", "bytes": 6_000_000, "perplexity": 12.5, "kl_nats": 0.0, "top1": 1.0},
    {"model": "int8", "bytes": 1_500_000, "perplexity": 12.6, "kl_nats": 0.001, "top1": 0.99},
]


class Page(HTMLParser):
    """Tags, attributes and balance of a page."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.ids = [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def make(stage, output, inputs=(), counts=None, facts=None, files=None, times=None, **options):
    with Run(Path(output), stage=stage, version=1, options=options, inputs=inputs) as run:
        for name, content in (files or {}).items():
            data = content if isinstance(content, bytes) else "".join(json.dumps(r) + "\n" for r in content).encode()
            (run.dir / name).write_bytes(data)
        run.publish(counts=counts, facts=facts, times=times)
    return Path(output)


def metrics(rate, steps=300):
    return [
        {"step": s, "tokens": s * 100, "gpt/loss": 2 + rate / s, "lr": 0.01, "time_s": s / 10} for s in range(1, steps)
    ] + [{"step": s, "val/loss_nats": 2.1 + rate / s, "val/bpb": 1.5, "time_s": s / 10} for s in range(50, steps, 50)]


@pytest.fixture
def chain(here):
    """A made-up run of every stage, with hostile texts everywhere."""
    (here / "raw").mkdir()
    (here / "raw" / "a.txt").write_text("x")
    clean = make(
        "clean",
        "clean",
        [{"directory": "raw", "files": 1}],
        {"documents": 8, "documents_in": 10, "bytes": 12_000},
        {
            "funnel": [
                {
                    "rule": "length",
                    "in": 10,
                    "dropped": 2,
                    "changed": 0,
                    "reasons": {"too_short": 2},
                    "examples": {"too_short": [{"id": "1", "source": EVIL, "text": EVIL}]},
                }
            ],
            "languages": {"before": {"en": 10}, "after": {"en": 7, EVIL: 1}},
            "pii": {"email": 3},
            "lengths": {"unit": "characters", "from": [1, 2, 4], "before": [0, 4, 6], "after": [0, 3, 5]},
            "examples": [{"rule": "pii", "source": "s", "before": EVIL + " ann@mail.org", "after": EVIL + " [EMAIL]"}],
            "clusters": [
                {"id": "1", "source": "s", "text": EVIL, "size": 2, "members": [{"source": EVIL, "similarity": 0.9}]}
            ],
        },
    )
    tokens = make(
        "tokenize",
        "tokens",
        [clean],
        {"tokens": 1000},
        {
            "kind": "unigram",
            "vocab_size": 2048,
            "used_pieces": 1900,
            "length": 128,
            "tokens": {"train": 900, "validation": 100},
            "bytes": {"train": 2700, "validation": 300},
            "sample": [["Hello", " wor", "ld\n", EVIL]],
            "top": [[" the", 50], [EVIL, 4]],
        },
    )
    samples = [{"step": s, "prompt": EVIL, "text": f"text at {s} {EVIL}"} for s in (50, 100, 250)]
    gpt = make(
        "train",
        "gpt",
        [tokens],
        {"steps": 300, "tokens": 30_000},
        {
            "family": "gpt",
            "parameters": 1_234_567,
            "final": {"val/loss_nats": 2.11, "val/bpb": 1.5},
        },
        {"metrics.jsonl": metrics(3), "samples.jsonl": samples},
        {"tokens_per_s": 5000.0},
    )
    make(
        "distill",
        "student",
        [gpt, tokens],
        {"steps": 99},
        {
            "parameters": 99_000,
            "final": {"val/loss_nats": 2.3},
            "distillation": [
                {"model": "teacher", "parameters": 1_234_567, "val_nats": 2.11},
                {"model": EVIL, "parameters": 99_000},
            ],
        },
        {"metrics.jsonl": metrics(5, 100)},
    )
    make(
        "quantize",
        "int8",
        [gpt],
        {"parameters": 1_234_567, "bytes": 1_500_000},
        {"compression": ROWS, "measured_on": EVIL},
        None,
        {"tokens_per_s": {"fp32": 100.0, "int8": 180.0}},
    )
    kept = make(
        "filter",
        "kept",
        [gpt],
        {"texts": 2, "kept": 1, "rejected": 1},
        {"funnel": [{"rule": "pii", "in": 2, "dropped": 1, "examples": [{"text": EVIL, "reason": EVIL}]}]},
        {"kept.jsonl": [{"prompt": EVIL, "text": EVIL, "checks": {"copied": {"words": 7, "chars": 30}}}]},
    )
    edit = {"start": len(EVIL), "end": len(EVIL) + 3, "before": "teh", "after": "the", "rule": EVIL}
    make(
        "correct",
        "fine",
        [kept],
        {"texts": 1, "changed": 1, "edits": 1},
        {"rules": {"spelling": 1}},
        {"corrections.jsonl": [{"record": 0, "before": EVIL + "teh", "after": EVIL + "the", "edits": [edit]}]},
    )
    return here


def test_page_shows_every_stage_and_runs_nothing(chain):
    make(
        "eval",
        "ev",
        ["gpt"],
        facts={"split": EVIL, "ngram_order": 5, "ngram": {"en": {"model_bpb": 1.5, "ngram_bpb": 1.9}}},
    )
    result = report(["fine", "int8", "student", "ev"], None, Common(output=Path("all.html")))
    text = Path("all.html").read_text(encoding="utf-8")
    page = Page(text)
    assert result.path == Path("all.html") and result.manifest["facts"]["stages"] == 8
    for stage in (
        "clean",
        "tokenize",
        "train",
        "distill",
        "quantize",
        "eval",
        "filter",
        "correct",
        "lineage",
        "compared",
    ):
        assert stage in page.ids
    assert not {"script", "iframe", "object", "embed", "link", "base", "form"} & set(page.tags)
    assert not [
        a
        for a in page.attributes
        if a[1].startswith("on") or (a[1] in ("src", "href") and not a[2].startswith(("#", "data:")))
    ]
    assert not re.search(r"url\(|@import|https?://", text)
    assert "alert(1)" in text and "<script" not in text
    for shown in (
        "too short",
        "text at 250",
        "bits per byte",
        "4×",
        "5-gram model",
        "ann@mail.org",
        "teacher",
        "1,234,567",
    ):
        assert shown in text, shown


def test_page_goes_beside_the_payload_which_stays_as_it_was(chain):
    before = read_manifest(Path("gpt"))
    first = report("gpt").path.read_bytes()
    assert report(Path("gpt")).path == Path("gpt/report.html") and Path("gpt/report.html").read_bytes() == first
    assert read_manifest(Path("gpt")) == before
    with Run(Path("gpt"), stage="train", version=1, options={}, inputs=["tokens"]) as run:
        assert run.up_to_date


def test_examples_limit_and_title(chain):
    report("fine", ReportOptions(examples=0, title="<b>Mine"), Common(output=Path("x.html")))
    text = Path("x.html").read_text(encoding="utf-8")
    Page(text)
    assert "&lt;b&gt;Mine" in text and "<ins" not in text


def test_missing_and_changed_parents_are_said(chain):
    make("tokenize", "tokens", ["clean"], {"tokens": 5}, {}, seed=1)
    report("gpt")
    assert "made anew since" in Path("gpt/report.html").read_text(encoding="utf-8")
    import shutil

    shutil.rmtree("tokens")
    report("gpt")
    text = Path("gpt/report.html").read_text(encoding="utf-8")
    Page(text)
    assert "no longer there" in text


def test_bare_manifests_are_enough(here):
    for stage in (
        "collect",
        "clean",
        "tokenize",
        "train",
        "distill",
        "quantize",
        "export",
        "generate",
        "filter",
        "correct",
        "eval",
    ):
        if stage == "collect":
            continue  # its licences are read from its shards
        make(stage, f"bare-{stage}")
        report(f"bare-{stage}")
        Page(Path(f"bare-{stage}/report.html").read_text(encoding="utf-8"))


def test_images_are_embedded(here):
    make("generate", "pictures", files={"0.png": b"\x89PNG\r\n\x1a\n" + b"0" * 20})
    report("pictures")
    assert 'src="data:image/png;base64,iVBORw0KGgo' in Path("pictures/report.html").read_text(encoding="utf-8")


def test_wrong_use_is_explained(here):
    with pytest.raises(DataError):
        report("absent")
    with pytest.raises(ConfigError):
        report([])
    make("train", "gpt")
    for output in ("page.pdf", "."):
        with pytest.raises(ConfigError):
            report("gpt", None, Common(output=Path(output)))
    make("train", "bad", files={"metrics.jsonl": b"{broken\n"})
    with pytest.raises(DataError, match=r"metrics.jsonl"):
        report("bad")


def test_dry_run_writes_nothing(here):
    make("train", "gpt")
    assert "would write" in report("gpt", None, Common(dry_run=True)).lines[0]
    assert not Path("gpt/report.html").exists()
