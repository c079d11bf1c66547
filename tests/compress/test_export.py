from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from aigc_cli.compress import export
from aigc_cli.compress.arch import Arch
from aigc_cli.compress.onnx_file import read_weights
from aigc_cli.compress.onnx_run import Graph
from aigc_cli.compress.options import ExportOptions
from aigc_cli.core.errors import AigcError, ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.models.bundle import Bundle

SHAPES = {"tied_gqa": {}, "untied": {"tied": False}, "mha": {"n_kv_head": 4}, "one_layer": {"n_layer": 1, "n_embd": 40},
          "theta": {"rope_theta": 500.0}}  # fmt: skip


def tokens(batch, length, vocab, seed=0):
    return np.random.default_rng(seed).integers(0, vocab, (batch, length))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fuse", [True, False])
def test_the_graph_agrees_with_transformers(make_bundle, tmp_path, shape, fuse):
    from transformers import Qwen3ForCausalLM

    path, _ = make_bundle(**SHAPES[shape])
    result = export(path, ExportOptions(fuse=fuse), Common(output=tmp_path / "onnx"))
    oracle = Qwen3ForCausalLM.from_pretrained(path).eval()
    bundle = Bundle.open(tmp_path / "onnx")
    assert bundle.kind == "onnx"
    graph = Graph(result.path, Arch.from_hf(bundle.hf_config))
    ids = tokens(2, 11, 96)
    with torch.no_grad():
        wanted = oracle(torch.from_numpy(ids)).logits.numpy()
    mask = np.ones(ids.shape, np.int64)
    logits, cache = graph(ids[:, :6], mask[:, :6], graph.empty_cache(2))
    np.testing.assert_allclose(logits, wanted[:, :6], atol=1e-5)
    for position in range(6, 11):
        logits, cache = graph(ids[:, position : position + 1], mask[:, : position + 1], cache)
        np.testing.assert_allclose(logits[:, 0], wanted[:, position], atol=1e-5)


@pytest.mark.parametrize("fuse", [True, False])
def test_the_graph_passes_the_checker_and_has_the_promised_interface(make_bundle, tmp_path, fuse):
    path, _ = make_bundle()
    export(path, ExportOptions(fuse=fuse), Common(output=tmp_path / "onnx"))
    model = onnx.load(tmp_path / "onnx" / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    shapes = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*model.graph.input, *model.graph.output]
    }
    assert shapes["input_ids"] == ["batch", "sequence"]
    assert shapes["attention_mask"] == ["batch", "total"]
    assert shapes["logits"] == ["batch", "sequence", 96]
    assert shapes["past_key_values.2.value"] == ["batch", 2, "past", 16]
    assert shapes["present.2.value"] == ["batch", 2, "present", 16]
    assert len(shapes) == 3 + 4 * 3
    domains = {node.domain for node in model.graph.node}
    assert domains == ({"", "com.microsoft"} if fuse else {""})
    assert (tmp_path / "onnx" / "genai_config.json").exists() == fuse


def test_a_tied_weight_is_stored_once(make_bundle, tmp_path):
    for fuse in (True, False):
        path, model = make_bundle(vocab_size=500)
        result = export(path, ExportOptions(fuse=fuse), Common(output=tmp_path / f"onnx{fuse}"))
        parameters = sum(p.numel() for p in model.parameters())
        assert result.manifest["files"]["model.onnx"]["bytes"] < 4 * parameters + 40_000


def test_corrupted_weights_are_not_published(make_bundle, tmp_path, monkeypatch):
    from aigc_cli.compress import onnx_graph

    path, _ = make_bundle()
    build = onnx_graph.fused_graph

    def corrupt(arch, weights, bits=32):
        name = "model.layers.1.mlp.down_proj.weight"
        return build(arch, {**weights, name: weights[name] * np.float32(1.01)}, bits)

    monkeypatch.setattr(onnx_graph, "fused_graph", corrupt)
    with pytest.raises(AigcError, match="differs from the model"):
        export(path, ExportOptions(), Common(output=tmp_path / "onnx"))
    assert not (tmp_path / "onnx").exists()


def test_weights_that_are_not_finite_are_refused(make_bundle, tmp_path):
    from safetensors.torch import load_file, save_file

    path, _ = make_bundle()
    weights = load_file(path / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DataError, match="not finite"):
        export(path, ExportOptions(), Common(output=tmp_path / "onnx"))


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_weights_come_back_from_the_graph(make_bundle, tmp_path, fuse, tied):
    path, model = make_bundle(tied=tied)
    export(path, ExportOptions(fuse=fuse), Common(output=tmp_path / "onnx"))
    bundle = Bundle.open(tmp_path / "onnx")
    back = read_weights(tmp_path / "onnx", Arch.from_hf(bundle.hf_config))
    assert back.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert np.array_equal(back[name], value.numpy()), name


def test_hf_output_opens_in_transformers(make_bundle, tmp_path):
    from transformers import AutoModelForCausalLM

    path, model = make_bundle()
    export(path, ExportOptions(to="hf"), Common(output=tmp_path / "hf"))
    ids = torch.from_numpy(tokens(2, 9, 96))
    with torch.no_grad():
        wanted, found = model(ids), AutoModelForCausalLM.from_pretrained(tmp_path / "hf")(ids).logits
    assert (wanted - found).abs().max() < 1e-4


def test_the_tokenizer_travels_with_every_format(make_run, tokenizer, tmp_path):
    from transformers import AutoTokenizer

    path, _ = make_run()
    text = "a bad cab"
    for to, name in (("onnx", "onnx"), ("hf", "hf"), ("pt", "copy.pt")):
        result = export(path, ExportOptions(to=to), Common(output=tmp_path / name))
        bundle = Bundle.open(result.path)
        assert bundle.tokenizer.digest == tokenizer.digest
        assert bundle.hf_config["eos_token_id"] == tokenizer.eos
    found = AutoTokenizer.from_pretrained(tmp_path / "hf")(text, add_special_tokens=False)["input_ids"]
    assert found == tokenizer.encode(text)


def test_pt_goes_round(make_bundle, tmp_path):
    path, model = make_bundle(tied=False)
    result = export(path, ExportOptions(to="pt"), Common(output=tmp_path / "copy.pt"))
    assert result.path == tmp_path / "copy.pt"
    again = export(result.path, ExportOptions(to="hf"), Common(output=tmp_path / "back"))
    weights = Bundle.open(again.path).weights()
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())


def test_an_onnx_directory_can_be_exported_again(make_bundle, tmp_path):
    path, model = make_bundle()
    export(path, ExportOptions(), Common(output=tmp_path / "fused"))
    export(tmp_path / "fused", ExportOptions(fuse=False), Common(output=tmp_path / "plain"))
    export(tmp_path / "plain", ExportOptions(to="hf"), Common(output=tmp_path / "hf"))
    weights = Bundle.open(tmp_path / "hf").weights()
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())


def test_bfloat16_weights_keep_their_dtype_as_a_bundle_and_become_float_in_onnx(make_bundle, tmp_path):
    from aigc_cli.models.bundle import save_bundle

    _, model = make_bundle()
    halves = {name: value.bfloat16() for name, value in model.state_dict().items()}
    save_bundle(tmp_path / "half", "gpt", model.config, halves, None, "# test\n")
    export(tmp_path / "half", ExportOptions(to="hf"), Common(output=tmp_path / "hf"))
    assert {v.dtype for v in Bundle.open(tmp_path / "hf").weights().values()} == {torch.bfloat16}
    export(tmp_path / "half", ExportOptions(), Common(output=tmp_path / "onnx"))


def test_large_graphs_keep_their_weights_beside_them(make_bundle, tmp_path, monkeypatch):
    from aigc_cli.compress import onnx_file

    monkeypatch.setattr(onnx_file, "MAX_INLINE_BYTES", 1000)
    path, _ = make_bundle()
    result = export(path, ExportOptions(), Common(output=tmp_path / "onnx"))
    assert result.manifest["files"]["model.onnx.data"]["bytes"] > result.manifest["files"]["model.onnx"]["bytes"]


def test_unchanged_work_is_up_to_date_and_equal_work_has_equal_bytes(make_bundle, tmp_path):
    path, _ = make_bundle()
    first = export(path, ExportOptions(), Common(output=tmp_path / "a"))
    second = export(path, ExportOptions(), Common(output=tmp_path / "b"))
    assert first.manifest["files"] == second.manifest["files"]
    assert first.manifest["digest"] == second.manifest["digest"]
    before = (tmp_path / "a" / "model.onnx").stat().st_mtime_ns
    export(path, ExportOptions(), Common(output=tmp_path / "a"))
    assert (tmp_path / "a" / "model.onnx").stat().st_mtime_ns == before


def test_mistakes_are_explained(make_bundle, tmp_path):
    path, _ = make_bundle()
    with pytest.raises(ConfigError, match="no-fuse"):
        export(path, ExportOptions(to="hf", fuse=False), Common(output=tmp_path / "x"))
    with pytest.raises(ConfigError, match="directory"):
        export(path, ExportOptions(to="onnx"), Common(output=tmp_path / "x.pt"))
    with pytest.raises(ConfigError, match="no model"):
        export(tmp_path / "nothing", ExportOptions(), Common(output=tmp_path / "x"))


@pytest.mark.parametrize("key, value", [("attention_bias", True), ("hidden_act", "gelu"), ("use_sliding_window", True),
                                        ("rope_parameters", {"rope_type": "yarn", "factor": 4.0})])  # fmt: skip
def test_what_the_graph_cannot_say_is_refused(key, value):
    from aigc_cli.models.gpt.hf import to_hf_config

    from .conftest import TINY

    with pytest.raises(ConfigError):
        Arch.from_hf({**to_hf_config(TINY), key: value})
