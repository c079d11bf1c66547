"""Engines against GPT.forward, the independent and slower way."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

ENGINES = ("torch", "fused", "plain")


def make(tiny, kind, model, tmp_path):
    return tiny.torch_engine(model) if kind == "torch" else tiny.onnx_engine(model, tmp_path / kind, kind)


def reference(model, ids):
    with torch.inference_mode():
        return model(torch.tensor(ids)).numpy()


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("tied", [True, False])
def test_rows_of_unequal_length_step_reorder_rollback(tiny, kind, tied, tmp_path):
    model = tiny.random_gpt(tied=tied)
    engine = make(tiny, kind, model, tmp_path)
    ids = np.random.default_rng(0).integers(0, 60, (3, 30)).tolist()
    expected = reference(model, ids)
    lengths, rows = [5, 9, 1], [0, 1, 2]

    def check(logits, step):
        for got, row in zip(logits, rows, strict=True):
            np.testing.assert_allclose(got, expected[row][lengths[row] - 1 + step], atol=2e-4)

    def feed(step):
        return engine.step(np.array([ids[row][lengths[row] - 1 + step] for row in rows]))

    check(engine.prefill([ids[row][: lengths[row]] for row in rows]), 0)
    for step in range(1, 6):
        check(feed(step), step)
    engine.rollback(2)
    check(feed(4), 4)
    for rows in ([2, 0, 0, 1], [1, 0, 0, 2], [2], [2, 2]):
        before = {4: [0, 1, 2], 1: [1, 0, 0, 2], 2: [2]}.get(len(rows))
        order = [0, 1, 2] if rows == [2, 0, 0, 1] else {(1, 0, 0, 2): [2, 0, 0, 1]}.get(tuple(rows), before)
        engine.reorder(np.array([order.index(row) for row in rows]))
        check(feed(5), 5)
        engine.rollback(1)


@pytest.mark.parametrize("kind", ENGINES)
def test_the_cache_grows_and_prefill_forgets(tiny, kind, tmp_path, monkeypatch):
    for module in ("engine_torch", "engine_onnx"):
        monkeypatch.setattr(f"aigc_cli.generate.{module}.GROWTH", 3)
    model = tiny.random_gpt()
    engine = make(tiny, kind, model, tmp_path)
    ids = np.random.default_rng(1).integers(0, 60, (2, 40)).tolist()
    expected = reference(model, ids)
    for _ in range(2):
        engine.prefill([row[:4] for row in ids])
        for position in range(4, 40):
            logits = engine.step(np.array([row[position] for row in ids]))
            np.testing.assert_allclose(logits, expected[:, position], atol=5e-4)


@pytest.mark.parametrize("kind", ENGINES)
def test_nll_is_cross_entropy(tiny, kind, tmp_path):
    model = tiny.random_gpt()
    ids = np.random.default_rng(2).integers(0, 60, (3, 17))
    logits = torch.tensor(reference(model, ids.tolist()))[:, :-1]
    expected = torch.nn.functional.cross_entropy(logits.transpose(1, 2), torch.tensor(ids)[:, 1:], reduction="none")
    np.testing.assert_allclose(make(tiny, kind, model, tmp_path).nll(ids), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize("kind", ENGINES)
def test_forgetting_more_than_was_read_is_refused(tiny, kind, tmp_path):
    engine = make(tiny, kind, tiny.random_gpt(), tmp_path)
    engine.prefill([[1, 2, 3]])
    with pytest.raises(ValueError):
        engine.rollback(4)


def test_bfloat16_stays_close(tiny):
    model = tiny.random_gpt()
    engine = type(tiny.torch_engine(model))(model.config, model.state_dict(), torch.device("cpu"), torch.bfloat16)
    got = engine.prefill([[1, 2, 3, 4]])[0]
    expected = reference(model, [[1, 2, 3, 4]])[0, -1]
    assert np.corrcoef(got, expected)[0, 1] > 0.99


def test_the_onnx_path_never_imports_torch(onnx_bundle):
    program = (
        "import sys; from aigc_cli.cli import main; "
        f"code = main(['generate', {str(onnx_bundle)!r}, '--prompt', 'the', '--max-new-tokens', '4']); "
        "sys.exit(code or [n for n in ('torch', 'transformers', 'pyarrow') if n in sys.modules] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout
