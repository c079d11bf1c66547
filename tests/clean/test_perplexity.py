"""Perplexity against the loss of the module itself, and against what `aigc eval` says of the same text."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.nn import functional as F

from aigc_cli.clean.api import clean
from aigc_cli.clean.options import CleanOptions
from aigc_cli.clean.recipe import described, prepare, rules_of
from aigc_cli.clean.rules import perplexity
from aigc_cli.clean.rules.perplexity import Options
from aigc_cli.core.errors import ConfigError
from aigc_cli.core.options import Common
from aigc_cli.evaluate.api import evaluate
from aigc_cli.evaluate.options import EvalOptions
from aigc_cli.models.bundle import pack_pt, save_bundle
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import GPT
from aigc_cli.models.tokenizer import Tokenizer
from aigc_cli.tokenize import tokenize
from aigc_cli.tokenize.options import TokenizeOptions

WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "dog", "ran", "猫", "坐", "在", "垫子", "上", "狗", "跑", "了"]
CONTEXT = 24


def texts(count, seed=0):
    rng = random.Random(seed)
    return ["".join(rng.choices([*WORDS, " ", " ", ". "], k=rng.randint(1, 60))) for _ in range(count)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny random GPT with a tokenizer of characters."""
    root = tmp_path_factory.mktemp("model")
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in texts(50)]
    (root / "docs.jsonl").write_text("\n".join(lines), encoding="utf-8")
    tokenize([str(root / "docs.jsonl")], TokenizeOptions(kind="char", length=32),
             Common(output=root / "tokens", workers=1, quiet=True))  # fmt: skip
    tokenizer = Tokenizer.load(root / "tokens" / "tokenizer")
    torch.manual_seed(0)
    shape = {"n_layer": 2, "n_head": 2, "n_kv_head": 2, "head_dim": 16, "n_embd": 32, "n_ff": 48, "context": CONTEXT}
    gpt = GPT(Config(vocab_size=tokenizer.vocab_size, **shape))
    with torch.no_grad():
        for parameter in gpt.parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if parameter.ndim == 1 else 0.2 * noise)
    save_bundle(root / "gpt", "gpt", gpt.config, gpt.state_dict(), tokenizer, "# tiny\n")
    return root / "gpt", gpt.eval(), tokenizer


def batch(found):
    columns = [pa.array(found, pa.large_string()), pa.array([None] * len(found), pa.string())]
    return pa.RecordBatch.from_arrays(columns, names=["text", "lang"])


def apply(found, path, **options):
    return perplexity.apply(batch(found), Options(model=str(path), **options))


def test_values_are_the_losses_of_the_module(model):
    path, gpt, tokenizer = model
    short = [text for text in texts(40, 1) if 0 < len(tokenizer.encode(text)) < CONTEXT]
    stats = apply(short, path).stats
    for row, text in enumerate(short):
        ids = torch.tensor([[tokenizer.bos, *tokenizer.encode(text)]])
        with torch.no_grad():
            found = gpt(ids)
        logits = getattr(found, "logits", found)
        total = F.cross_entropy(logits[0, :-1].double(), ids[0, 1:], reduction="sum").item()
        assert stats["nats_per_token"][row] == pytest.approx(total / (ids.shape[1] - 1), rel=1e-5)
        assert stats["bits_per_byte"][row] == pytest.approx(total / math.log(2) / len(text.encode()), rel=1e-5)


def test_values_are_those_of_eval(model, here):
    path, _, _ = model
    for number, text in enumerate(["the cat sat on a mat. " * 9, "猫坐在垫子上狗跑了" * 8, "a"]):
        (here / f"{number}.txt").write_text(text, encoding="utf-8")
        facts = evaluate(path, EvalOptions(shards=[here / f"{number}.txt"]), Common(quiet=True)).manifest
        stats = apply([text], path, max_tokens=None).stats
        assert stats["nats_per_token"][0] == pytest.approx(facts["nats_per_token"], rel=1e-5)
        assert stats["bits_per_byte"][0] == pytest.approx(facts["bits_per_byte"], rel=1e-5)


def test_a_value_does_not_depend_on_what_stands_beside_it(model):
    path, _, _ = model
    found = texts(30, 2)
    together = apply(found, path).stats
    alone = [apply([text], path).stats for text in found[::-1]][::-1]
    for name in perplexity.STATS:
        assert np.array_equal(together[name], [stats[name][0] for stats in alone], equal_nan=True)


def test_limits(model):
    path, _, _ = model
    found = [*texts(30, 3), ""]
    stats = apply(found, path).stats
    assert np.isnan(stats["bits_per_byte"][-1])
    for measure, values in (*stats.items(), ("perplexity", np.exp(stats["nats_per_token"]))):
        low, high = np.nanquantile(values, [0.3, 0.7])
        reasons = apply(found, path, measure=measure, min=float(low), max=float(high)).reasons.tolist()
        expected = [f"max_{measure}" if v > high else f"min_{measure}" if v < low else None for v in values]
        assert reasons == expected and len(set(reasons)) == 3
    assert apply(found, path).reasons is None


def test_only_the_beginning_is_looked_at(model):
    path, _, tokenizer = model
    text = "the cat sat on a mat. " * 20
    ids = tokenizer.encode(text)[:50]
    head = tokenizer.decode(ids)
    first, whole = (apply([t], path, max_tokens=50).stats for t in (text, head))
    assert first["nats_per_token"] == whole["nats_per_token"] and first["bits_per_byte"] == whole["bits_per_byte"]
    assert first["nats_per_token"] != apply([text], path, max_tokens=None).stats["nats_per_token"]


def test_a_run_is_the_same_with_any_number_of_workers(model, here, monkeypatch):
    path, _, _ = model
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in texts(300, 4)]
    (here / "docs.jsonl").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr("aigc_cli.core.engine.INLINE_BYTES", 0)
    limit = float(np.median(apply(texts(300, 4), path).stats["bits_per_byte"]))
    rules = [{"perplexity": {"model": str(path), "max": limit}}]
    results = []
    for workers, threads in ((1, 2), (2, 1)):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        options = CleanOptions(rules=rules, keep_rejected=True)
        results.append(clean([here / "docs.jsonl"], options, Common(output=here / f"out{workers}", workers=workers)))
        assert torch.get_num_threads() == threads
        torch.set_num_threads(before)
    files = [{f.relative_to(r.path): f.read_bytes() for f in r.path.rglob("*.arrow") if "cache" not in f.parts}
             for r in results]  # fmt: skip
    assert files[0] == files[1] and results[0].manifest["digest"] == results[1].manifest["digest"]
    (entry,) = results[0].manifest["facts"]["funnel"]
    assert list(entry["reasons"]) == ["max_bits_per_byte"] and 100 < entry["dropped"] < 200


def test_forms_of_a_model_and_its_fingerprint(model, here):
    path, _, _ = model
    shutil.copytree(path, here / "copy")
    pack_pt(here / "copy", here / "copy.pt")
    found = texts(5, 5)
    assert np.array_equal(
        apply(found, here / "copy.pt").stats["bits_per_byte"], apply(found, path).stats["bits_per_byte"]
    )
    rule = [{"perplexity": {"model": str(here / "copy")}}]
    before = described(rules_of(CleanOptions(rules=rule)))
    assert before == described(rules_of(CleanOptions(rules=rule)))
    (here / "copy" / "README.md").write_text("another\n")
    assert described(rules_of(CleanOptions(rules=rule))) != before


def test_models_that_cannot_be_used_are_refused(model, here):
    path, _, _ = model
    (here / "empty").mkdir()
    (here / "bad.pt").write_bytes(b"nothing")
    for name in ("absent", "empty", "bad.pt"):
        with pytest.raises(ConfigError) as caught:
            rules = rules_of(CleanOptions(rules=[{"perplexity": {"model": str(here / name)}}]))
            described(rules), prepare(rules)
        assert caught.value.hint
    shutil.copytree(path, here / "cut")
    weights = here / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-5000])
    with pytest.raises(ConfigError, match=r"damaged|cut short"):
        apply(["a"], here / "cut")
    for values in (
        {},
        {"model": "m", "min": 2, "max": 1},
        {"model": "m", "measure": "loss"},
        {"model": "m", "max": -1},
    ):
        with pytest.raises(ConfigError):
            rules_of(CleanOptions(rules=[{"perplexity": values}]))


def test_torch_is_imported_only_to_score(model):
    path, _, _ = model
    code = (
        "import sys\nfrom aigc_cli.clean.options import CleanOptions\n"
        "from aigc_cli.clean.recipe import described, prepare, rules_of\n"
        f"rules = rules_of(CleanOptions(rules=[{{'perplexity': {{'model': {str(path)!r}}}}}]))\n"
        "described(rules), prepare(rules)\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
