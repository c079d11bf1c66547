from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_cli.compress import export, quantize
from aigc_cli.compress.arch import Arch
from aigc_cli.compress.blocks import dequantize_blocks, quantize_blocks
from aigc_cli.compress.measure import cache_kl, log_softmax, quality, sampled_windows, validation_windows
from aigc_cli.compress.onnx_run import Graph
from aigc_cli.compress.options import ExportOptions, QuantizeOptions
from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.generate.engine_onnx import OnnxEngine
from aigc_cli.models.bundle import Bundle


@given(st.integers(1, 5), st.integers(1, 70), st.sampled_from([4, 8]), st.integers(0, 10))
@settings(max_examples=40, deadline=None)
def test_blocks_are_within_half_a_step(rows, inputs, bits, seed):
    w = np.random.default_rng(seed).standard_normal((rows, inputs)).astype(np.float32)
    w[0] = 0
    q, scale = quantize_blocks(w, bits, 16)
    back = dequantize_blocks(q, scale, inputs, bits)
    steps = np.repeat(scale, 16, axis=1)[:, :inputs]
    assert (np.abs(back - w) <= steps / 2 * 1.001).all()
    assert (back[0] == 0).all()


def test_a_graph_of_integers_computes_with_exactly_those_weights(make_bundle, tmp_path):
    """Oracle: torch with the dequantised weights; what remains is the int8 rounding of activations."""
    path, model = make_bundle()
    quantize(path, QuantizeOptions(max_kl=1, windows=2, window=16), Common(output=tmp_path / "int8"))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                back = dequantize_blocks(*quantize_blocks(parameter.numpy()), parameter.shape[1])
                parameter.copy_(torch.from_numpy(back))
        ids = np.random.default_rng(0).integers(0, 96, (2, 24))
        wanted = model(torch.from_numpy(ids)).numpy()
    found = Graph(tmp_path / "int8", Arch.from_hf(Bundle.open(path).hf_config)).logits(ids)
    a, b = log_softmax(wanted), log_softmax(found)
    assert (np.exp(a) * (a - b)).sum(-1).mean() < 1e-3


@pytest.mark.parametrize("fields", [{}, {"tied": False}, {"n_embd": 40, "n_ff": 72}])
def test_int8_stays_close_and_has_no_float_matrices(make_bundle, tmp_path, fields):
    path, _ = make_bundle(**fields)
    result = quantize(path, QuantizeOptions(windows=4, window=32), Common(output=tmp_path / "int8"))
    fp32, int8 = result.manifest["facts"]["compression"]
    assert fp32["kl_nats"] == 0 and fp32["top1"] == 1
    assert 0 <= int8["kl_nats"] < 0.01 and int8["top1"] > 0.9
    assert int8["bytes"] < 0.6 * fp32["bytes"]
    model = onnx.load(tmp_path / "int8" / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    large = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT and len(t.dims) == 2
             and "scale" not in t.name and t.name not in ("cos", "sin")]  # fmt: skip
    assert [t.name for t in large] == (["model.embed_tokens.weight"] if fields.get("n_embd") == 40 else [])
    assert sum(node.op_type == "MatMulNBits" for node in model.graph.node) == 4 * 3 + 1
    bundle = Bundle.open(tmp_path / "int8")
    assert bundle.kind == "onnx" and bundle.config == Bundle.open(path).config


def test_int4_is_smaller_and_worse(make_bundle, tmp_path):
    path, _ = make_bundle()
    options = {"windows": 4, "window": 32, "max_kl": 1.0}
    rows = {to: quantize(path, QuantizeOptions(to=to, **options), Common(output=tmp_path / to)).manifest["facts"]
            for to in ("int4", "int8")}  # fmt: skip
    int4, int8 = rows["int4"]["compression"][1], rows["int8"]["compression"][1]
    assert int4["bytes"] < int8["bytes"] and int4["kl_nats"] > int8["kl_nats"]


def test_a_model_that_moves_too_far_is_not_published(make_bundle, tmp_path):
    path, _ = make_bundle()
    with pytest.raises(AigcError, match="more than 1e-09"):
        quantize(path, QuantizeOptions(max_kl=1e-9, windows=2, window=16), Common(output=tmp_path / "int8"))
    assert not (tmp_path / "int8").exists()
    quantize(path, QuantizeOptions(max_kl=0.1, windows=2, window=16), Common(output=tmp_path / "int8"))


def test_an_onnx_directory_can_be_quantised_once(make_bundle, tmp_path):
    path, _ = make_bundle()
    options = QuantizeOptions(windows=2, window=16)
    direct = quantize(path, options, Common(output=tmp_path / "direct"))
    export(path, ExportOptions(fuse=False), Common(output=tmp_path / "plain"))
    through = quantize(tmp_path / "plain", options, Common(output=tmp_path / "through"))
    name = "model.onnx"
    assert direct.manifest["files"][name] == through.manifest["files"][name]
    with pytest.raises(ConfigError, match="quantised already"):
        quantize(tmp_path / "direct", options, Common(output=tmp_path / "again"))


def test_quality_matches_torch(make_bundle, tmp_path, make_shards, tokenizer):
    path, model = make_bundle(vocab_size=tokenizer.vocab_size)
    export(path, ExportOptions(), Common(output=tmp_path / "onnx"))
    graph = Graph(tmp_path / "onnx", Arch.from_hf(Bundle.open(path).hf_config))
    windows = validation_windows(make_shards(), 5, 20, 1 << 16)
    assert windows.shape == (5, 20)
    ids = torch.from_numpy(windows)
    with torch.no_grad():
        nats = torch.nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
    found = quality(windows, graph, graph)
    assert math.isclose(found["perplexity"], math.exp(nats), rel_tol=2e-3)
    assert found["kl_nats"] == 0 and found["top1"] == 1


def test_the_lineage_leads_to_the_shards(make_run, make_shards, tmp_path):
    path, _ = make_run()
    result = quantize(path, QuantizeOptions(windows=4), Common(output=tmp_path / "int8"))
    assert "validation records" in result.manifest["facts"]["measured_on"]
    assert {p["stage"] for p in result.manifest["parents"]} == {"train", "tokenize"}
    assert "tokens_per_s" not in str(result.manifest)


def test_foreign_shards_are_refused(make_run, make_shards, tmp_path):
    path, _ = make_run()
    with pytest.raises(DataError, match="tokens, the model"):
        quantize(path, QuantizeOptions(shards=make_shards("other", vocab_size=9999)), Common(output=tmp_path / "q"))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="no token shards"):
        quantize(path, QuantizeOptions(shards=tmp_path / "nothing"), Common(output=tmp_path / "q"))


def test_a_malicious_pickle_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    torch.save({"weights": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(DataError):
        quantize(tmp_path / "evil.pt", QuantizeOptions(), Common(output=tmp_path / "q"))
    assert not (tmp_path / "owned").exists()


def test_the_engine_decodes_the_exported_graph(make_bundle, tmp_path):
    path, _ = make_bundle()
    export(path, ExportOptions(), Common(output=tmp_path / "onnx"))
    graph = Graph(tmp_path / "onnx", Arch.from_hf(Bundle.open(path).hf_config))
    ids = np.random.default_rng(0).integers(0, 96, 12)
    wanted = graph.logits(ids[None])[0]
    engine = OnnxEngine(tmp_path / "onnx")
    np.testing.assert_allclose(engine.prefill([ids[:8].tolist()])[0], wanted[7], atol=1e-5)
    for position in range(8, 12):
        np.testing.assert_allclose(engine.step(ids[position : position + 1])[0], wanted[position], atol=1e-5)


@pytest.mark.parametrize("bits", ["fp32", "int8"])
def test_the_cache_gives_what_the_whole_gives(make_bundle, tmp_path, bits):
    path, _ = make_bundle()
    if bits == "fp32":
        export(path, ExportOptions(), Common(output=tmp_path / "onnx"))
    else:
        quantize(path, QuantizeOptions(windows=2, window=16), Common(output=tmp_path / "onnx"))
    graph = Graph(tmp_path / "onnx", Arch.from_hf(Bundle.open(path).hf_config))
    assert abs(cache_kl(graph, np.arange(20))) < (1e-9 if bits == "fp32" else 1e-3)


def test_sampled_windows_follow_the_model(make_bundle, tmp_path):
    path, _ = make_bundle()
    export(path, ExportOptions(), Common(output=tmp_path / "onnx"))
    graph = Graph(tmp_path / "onnx", Arch.from_hf(Bundle.open(path).hf_config))
    windows = sampled_windows(graph, 3, 10, seed=0)
    assert windows.shape == (3, 10) and windows.min() >= 0 and windows.max() < 96
    assert (windows == sampled_windows(graph, 3, 10, seed=0)).all()
    assert (windows != sampled_windows(graph, 3, 10, seed=1)).any()
