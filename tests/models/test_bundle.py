"""Bundles: what transformers reads, every form they come in, and files that are damaged or hostile."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile

import pytest
import torch
from transformers import AutoModelForCausalLM

from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.models.bundle import Bundle, pack_pt, save_bundle
from aigc_cli.models.gpt.config import Config
from aigc_cli.models.gpt.model import GPT

CONFIG = Config(vocab_size=40, n_layer=2, n_head=4, n_kv_head=2, head_dim=8, n_embd=32, n_ff=48, context=16)
IDS = torch.arange(30).reshape(2, 15)


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def saved(request, tmp_path):
    """A model with random weights and the directory where it is saved."""
    config = Config(**{**vars(CONFIG), "tied": request.param})
    torch.manual_seed(0)
    model = GPT(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.5)
    save_bundle(tmp_path / "m", "gpt", config, model.state_dict(), None, "# card\n")
    return model.eval(), tmp_path / "m"


@torch.no_grad()
def test_transformers_opens_a_bundle_with_the_same_logits(saved):
    model, directory = saved
    theirs = AutoModelForCausalLM.from_pretrained(directory).eval()
    torch.testing.assert_close(theirs(IDS).logits, model(IDS), atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_every_form_gives_the_same_model(saved, tmp_path):
    model, directory = saved
    bundle = Bundle.open(directory)
    assert (bundle.kind, bundle.family.name, bundle.config) == ("hf", "gpt", model.config)
    assert "Hugging Face directory" in bundle.describe()
    assert bundle.tokenizer is None
    torch.testing.assert_close(bundle.model()(IDS), model(IDS), atol=0, rtol=0)

    pack_pt(directory, tmp_path / "m.pt")
    packed = Bundle.open(tmp_path / "m.pt")
    assert (packed.kind, packed.config) == ("pt", model.config)
    torch.testing.assert_close(packed.model()(IDS), model(IDS), atol=0, rtol=0)

    manifest = {"format": 1, "stage": "train", "fingerprint": "f", "digest": "d", "parents": [], "raw": []}
    manifest |= {"options": {}, "counts": {}, "facts": {}, "files": {}}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    run = Bundle.open(directory)
    assert (run.kind, run.manifest) == ("run", manifest)

    (directory / "model.onnx").write_bytes(b"")
    assert Bundle.open(directory).kind == "onnx"
    with pytest.raises(ConfigError, match="ONNX"):
        Bundle.open(directory).weights()


@torch.no_grad()
def test_a_transformers_checkpoint_opens(saved, tmp_path):
    model, directory = saved
    theirs = AutoModelForCausalLM.from_pretrained(directory)
    theirs.save_pretrained(tmp_path / "hf", max_shard_size="10KB")
    assert len(list((tmp_path / "hf").glob("*.safetensors"))) > 1
    torch.testing.assert_close(Bundle.open(tmp_path / "hf").model()(IDS), model(IDS), atol=0, rtol=0)


def test_equal_models_give_equal_bytes(saved, tmp_path):
    model, directory = saved
    save_bundle(tmp_path / "again", "gpt", model.config, model.state_dict(), None, "# card\n")
    for file in directory.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes(), file.name
    pack_pt(directory, tmp_path / "a.pt")
    pack_pt(directory, tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return (open, (self.mark, "w"))


def test_a_pickle_is_never_executed(tmp_path):
    mark, plain, zipped = tmp_path / "mark", tmp_path / "plain.pt", tmp_path / "zipped.pt"
    plain.write_bytes(pickle.dumps(Hostile(mark)))
    torch.save({"format": 1, "family": "gpt", "config": {}, "weights": Hostile(mark)}, zipped)
    for file in (plain, zipped):
        with pytest.raises(DataError):
            Bundle.open(file).weights()
    assert not mark.exists()


def test_a_pickle_inside_a_well_formed_file_is_never_executed(saved, tmp_path):
    _, directory = saved
    pack_pt(directory, tmp_path / "m.pt")
    hostile, mark = tmp_path / "hostile.pt", tmp_path / "mark"
    with zipfile.ZipFile(tmp_path / "m.pt") as old, zipfile.ZipFile(hostile, "w") as new:
        for name in old.namelist():
            new.writestr(name, pickle.dumps(Hostile(mark), protocol=2) if name.endswith("data.pkl") else old.read(name))
    bundle = Bundle.open(hostile)
    with pytest.raises(DataError, match="no model file"):
        bundle.weights()
    assert not mark.exists()


def test_damaged_weights_are_data_errors(saved, tmp_path):
    _, directory = saved
    weights = directory / "model.safetensors"
    pack_pt(directory, tmp_path / "m.pt")
    whole = weights.read_bytes()
    for cut in (0, 7, 100, len(whole) - 1):
        weights.write_bytes(whole[:cut])
        with pytest.raises(DataError, match="damaged"):
            Bundle.open(directory).weights()
    packed = (tmp_path / "m.pt").read_bytes()
    for cut in (0, 10, len(packed) // 2, len(packed) - 1):
        (tmp_path / "m.pt").write_bytes(packed[:cut])
        with pytest.raises(DataError):
            Bundle.open(tmp_path / "m.pt").weights()


def test_weights_of_another_model_are_refused(saved):
    model, directory = saved
    other = GPT(Config(**{**vars(model.config), "n_layer": 1})).state_dict()
    from safetensors.torch import save_file

    save_file(other, directory / "model.safetensors")
    with pytest.raises(DataError, match="lacks"):
        Bundle.open(directory).model()
    wide = {name: torch.cat([value, value]) for name, value in model.state_dict().items()}
    save_file(wide, directory / "model.safetensors")
    with pytest.raises(DataError, match="has shape"):
        Bundle.open(directory).model()


def test_what_is_no_model(tmp_path):
    with pytest.raises(ConfigError, match="there is no model"):
        Bundle.open(tmp_path / "absent")
    with pytest.raises(DataError, match=r"config\.json"):
        Bundle.open(tmp_path)
    (tmp_path / "config.json").write_text("{")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(DataError, match="cannot be read"):
        Bundle.open(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(DataError, match="llama"):
        Bundle.open(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(DataError, match=r"model\.safetensors"):
        Bundle.open(tmp_path)


def test_opening_needs_no_torch(saved, tmp_path):
    _, directory = saved
    pack_pt(directory, tmp_path / "m.pt")
    code = (
        "import sys; from aigc_cli.models.bundle import Bundle\n"
        "for path in sys.argv[1:]: print(Bundle.open(path).describe())\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, directory, tmp_path / "m.pt"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "gpt" in done.stdout
