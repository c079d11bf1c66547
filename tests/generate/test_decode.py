"""Greedy, sampling and beam search against transformers.generate and against exhaustive search."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
import transformers

from aigc_cli.generate.beam import beam_search
from aigc_cli.generate.options import GenerateOptions
from aigc_cli.generate.sample import Plan, sample
from aigc_cli.generate.strategies import active
from aigc_cli.models.gpt.hf import to_hf_config

EOS = 3


def plan(**fields):
    options = GenerateOptions(**{k: v for k, v in fields.items() if hasattr(GenerateOptions, k)})
    values = {"decode": bytes, "eos": EOS, "greedy": options.greedy, "strategies": active(options), **fields}
    return Plan(**{k: v for k, v in values.items() if k in Plan.__dataclass_fields__})


def peer(model):
    config = transformers.Qwen3Config(**to_hf_config(model.config))
    twin = transformers.Qwen3ForCausalLM(config).eval()
    twin.load_state_dict(model.state_dict(), strict=False)
    twin.tie_weights()
    return twin


def hf_generate(twin, prompt, **options):
    with torch.inference_mode():
        return twin.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), pad_token_id=0,
            eos_token_id=EOS, return_dict_in_generate=True, output_scores=True, **options,
        )  # fmt: skip


def trimmed(row, prompt):
    ids = row.tolist()[len(prompt) :]
    return ids[: ids.index(EOS) + 1] if EOS in ids else ids


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("options", [{}, {"repetition_penalty": 1.4}, {"no_repeat_ngram": 2}])
def test_greedy_equals_transformers(tiny, seed, options):
    model = tiny.random_gpt(seed)
    prompt = [5, 9, 11, 5]
    [ours] = sample(tiny.torch_engine(model), [prompt], [0], plan(greedy=True, max_new_tokens=25, **options))
    names = {"repetition_penalty": "repetition_penalty", "no_repeat_ngram": "no_repeat_ngram_size"}
    theirs = hf_generate(
        peer(model), prompt, do_sample=False, max_new_tokens=25, **{names[k]: v for k, v in options.items()}
    )
    assert ours.tokens == trimmed(theirs.sequences[0], prompt)
    assert ours.finish == ("eos" if ours.tokens[-1] == EOS else "length")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("length_penalty", [1.0, 0.0, 2.0, -0.5])
@pytest.mark.parametrize("options", [{}, {"repetition_penalty": 1.3}])
def test_beam_search_equals_transformers(tiny, seed, length_penalty, options):
    model = tiny.random_gpt(seed, vocab_size=12)  # few tokens, so that beams end often
    prompt = [5, 9, 11, 5]
    ours = beam_search(
        tiny.torch_engine(model), prompt, plan(beams=4, length_penalty=length_penalty, max_new_tokens=10, **options), 4
    )
    theirs = hf_generate(
        peer(model), prompt, do_sample=False, num_beams=4, num_return_sequences=4, max_new_tokens=10,
        length_penalty=length_penalty, early_stopping=False, **options,
    )  # fmt: skip
    assert [beam.tokens for beam in ours] == [trimmed(row, prompt) for row in theirs.sequences]
    np.testing.assert_allclose([beam.score for beam in ours], theirs.sequences_scores.numpy(), atol=1e-4)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_wide_beam_is_exhaustive_search(tiny, length_penalty):
    model = tiny.random_gpt(1, vocab_size=4)
    prompt, depth = [1, 2], 3
    scores = {}
    for n in range(1, depth + 1):
        for tokens in itertools.product(range(4), repeat=n):
            if EOS in tokens[:-1] or (tokens[-1] != EOS and n < depth):
                continue
            with torch.inference_mode():
                logs = model(torch.tensor([prompt + list(tokens)])).log_softmax(-1)[0]
            total = sum(logs[len(prompt) - 1 + i, token].item() for i, token in enumerate(tokens))
            scores[tokens] = total / n**length_penalty
    best = sorted(scores, key=lambda t: -scores[t])[:5]
    wide = plan(beams=100, length_penalty=length_penalty, max_new_tokens=depth)
    found = beam_search(tiny.torch_engine(model), prompt, wide, 5)
    assert [tuple(beam.tokens) for beam in found] == best
    np.testing.assert_allclose([beam.score for beam in found], [scores[t] for t in best], atol=1e-4)


def test_one_beam_wide_finds_what_greedy_finds(tiny):
    model = tiny.random_gpt(2)
    [greedy] = sample(tiny.torch_engine(model), [[7, 8]], [0], plan(greedy=True, max_new_tokens=12))
    [beam] = beam_search(tiny.torch_engine(model), [7, 8], plan(beams=1, max_new_tokens=12))
    assert beam.tokens == greedy.tokens and math.isclose(beam.logprob, greedy.logprob, abs_tol=1e-4)


def margin(model, prompt, tokens):
    """Smallest distance between the best and the second logit on the way."""
    with torch.inference_mode():
        logits = model(torch.tensor([list(prompt) + tokens]))[0, len(prompt) - 1 : -1]
    top = logits.topk(2, dim=-1).values
    return float((top[:, 0] - top[:, 1]).min())


@pytest.mark.parametrize("sampling", [{"greedy": True}, {"top_p": 0.9, "temperature": 1.3}, {"min_p": 0.05}])
def test_texts_depend_on_neither_batch_nor_engine(tiny, sampling, tmp_path):
    model = tiny.random_gpt(4)
    prompts = [[5], [6, 7, 8, 9, 10, 11], [12, 13, 14], [15, 16]]
    settings = plan(max_new_tokens=20, seed=11, **sampling)
    engine = tiny.torch_engine(model)
    alone = [sample(engine, [p], [i], settings)[0] for i, p in enumerate(prompts)]
    together = sample(engine, prompts, range(4), settings)
    other = sample(tiny.onnx_engine(model, tmp_path / "onnx"), prompts, range(4), settings)
    if sampling.get("greedy"):
        assert min(margin(model, p, one.tokens) for p, one in zip(prompts, alone, strict=True)) > 1e-3
    for one, two, three in zip(alone, together, other, strict=True):
        assert one.tokens == two.tokens == three.tokens
        assert math.isclose(one.logprob, two.logprob, abs_tol=1e-3) and math.isclose(
            one.logprob, three.logprob, abs_tol=1e-3
        )
        assert one.finish == two.finish == three.finish


def test_logprob_is_the_models_own_and_counts_the_end(tiny):
    model = tiny.random_gpt(0, vocab_size=8)
    results = sample(
        tiny.torch_engine(model), [[1, 2]] * 20, range(20), plan(top_k=3, temperature=0.7, max_new_tokens=9)
    )
    assert {"eos"} < {one.finish for one in results}
    for one in results:
        with torch.inference_mode():
            logs = model(torch.tensor([[1, 2, *one.tokens]])).log_softmax(-1)[0]
        assert math.isclose(one.logprob, sum(logs[1 + i, t].item() for i, t in enumerate(one.tokens)), abs_tol=1e-3)
        assert one.text.encode() == bytes(one.tokens[: -1 if one.finish == "eos" else None])


def test_sampling_frequencies_follow_the_model(tiny):
    model = tiny.random_gpt(0, vocab_size=6)
    prompt = [1, 2]  # one object: read once, copied to every row
    results = sample(tiny.torch_engine(model), [prompt] * 3000, range(3000), plan(max_new_tokens=1, eos=None))
    with torch.inference_mode():
        expected = model(torch.tensor([[1, 2]])).softmax(-1)[0, -1].numpy() * 3000
    counts = np.bincount([one.tokens[0] for one in results], minlength=6)
    assert ((counts - expected) ** 2 / expected).sum() < 20.5  # chi-square, 5 degrees of freedom, p = 0.001


def test_the_context_ends_a_text(tiny):
    [one] = sample(
        tiny.torch_engine(tiny.random_gpt()), [[5] * 35], [0], plan(greedy=True, max_new_tokens=99, eos=None)
    )
    assert len(one.tokens) == 5 and one.finish == "length"
    [beam] = beam_search(tiny.torch_engine(tiny.random_gpt()), [5] * 35, plan(beams=3, max_new_tokens=99, eos=None))
    assert len(beam.tokens) == 5 and beam.finish == "length"


def test_a_stop_string_ends_a_text_and_a_beam(tiny):
    model = tiny.random_gpt(3)
    free = sample(tiny.torch_engine(model), [[5, 6]], [0], plan(greedy=True, max_new_tokens=12, eos=None))[0]
    stop = bytes(free.tokens[4:6]).decode()
    [one] = sample(tiny.torch_engine(model), [[5, 6]], [0], plan(greedy=True, max_new_tokens=12, eos=None, stop=[stop]))
    assert one.finish == "stop" and one.text == free.text[: free.text.index(stop)]
    [beam] = beam_search(tiny.torch_engine(model), [5, 6], plan(beams=1, max_new_tokens=12, eos=None, stop=[stop]))
    assert (beam.text, beam.finish, beam.tokens) == (one.text, "stop", one.tokens)


def test_everything_forbidden_ends_the_text(tiny):
    model = tiny.random_gpt(0, vocab_size=4)
    for extra in ({}, {"greedy": True}):
        [one] = sample(tiny.torch_engine(model), [[0, 1, 2, 3]], [0], plan(no_repeat_ngram=1, eos=None, **extra))
        assert (one.tokens, one.finish, one.text) == ([], "length", "")
    [beam] = beam_search(tiny.torch_engine(model), [0, 1, 2, 3], plan(no_repeat_ngram=1, beams=3, eos=None))
    assert (beam.tokens, beam.finish) == ([], "length")
