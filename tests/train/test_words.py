"""Word2Vec and GloVe: indexing and counts against brute force, updates against plain numpy, files, resume, mistakes."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from aigc_cli.cli import main
from aigc_cli.core.errors import ConfigError, DataError
from aigc_cli.core.options import Common
from aigc_cli.explain.words import Vectors, analogy_scores
from aigc_cli.models.bundle import Bundle
from aigc_cli.report.sections.words import plane
from aigc_cli.train.metrics import read_log
from aigc_cli.train.words import api
from aigc_cli.train.words.glove import Glove, count_pairs
from aigc_cli.train.words.options import GloveOptions, Word2VecOptions
from aigc_cli.train.words.store import read_words, spans
from aigc_cli.train.words.vocabulary import Corpus, index
from aigc_cli.train.words.word2vec import Word2Vec, alias_table, keep_shares

ROOT = Path(__file__).parents[2]
STORIES = ROOT / "sample_data/text/en/stories.jsonl"
RECIPES = ROOT / "pipelines/recipes/tiny"
TEXTS = ["The cat didn't sit. It ran!", "猫坐在mat上，不动。", "", "the the_end naïve café 42 ½ été", "don’t  stop"]


def column(texts):
    return pa.array(texts, pa.large_string())


def toy(counts, texts):
    """A corpus of word numbers."""
    ids = np.concatenate([[*text, -1] for text in texts]).astype(np.int32)
    return Corpus([f"w{i}" for i in range(len(counts))], np.array(counts), ids, int(sum(counts)))


# -- indexing -------------------------------------------------------------------------------------------------------


def plain_words(text, spaces):
    if spaces:
        return re.findall(r"[^\x00-\x20]+", text)
    text = text.replace("’", "'")
    return re.findall(r"[\u4e00-\u9fff]|(?:(?<=[A-Za-zÀ-ɏ])'(?=[A-Za-z])|[A-Za-z0-9_À-ÖØ-öø-ɏ])+", text)


@pytest.mark.parametrize("spaces", [False, True])
def test_words_are_those_of_a_plain_splitter(spaces):
    corpus = index([column(TEXTS[:2]), column(TEXTS[2:])], lower=True, spaces=spaces, min_count=1)
    wanted = [plain_words(text.lower(), spaces) for text in TEXTS]
    found, text = [], []
    for number in corpus.ids:
        if number < 0:
            found.append(text)
            text = []
        else:
            text.append(corpus.words[number])
    assert found == wanted
    counts = Counter(word for words in wanted for word in words)
    assert dict(zip(corpus.words, corpus.counts.tolist(), strict=True)) == counts
    assert corpus.counts.tolist() == sorted(counts.values(), reverse=True)


def test_a_growing_table_keeps_every_word(monkeypatch):
    monkeypatch.setattr("aigc_cli.train.words.vocabulary.BATCH_BYTES", 1000)
    random = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in random.integers(0, 9000, 500)) for _ in range(60)]
    corpus = index([column(texts)], lower=False, spaces=True, min_count=2)
    counts = Counter(" ".join(texts).split())
    assert dict(zip(corpus.words, corpus.counts.tolist(), strict=True)) == {w: c for w, c in counts.items() if c > 1}
    assert corpus.raw_words == 30_000 and corpus.tokens == sum(c for c in counts.values() if c > 1)
    with pytest.raises(DataError, match="words stand 2 times or more"):
        index([column(["a b"])], lower=True, spaces=True, min_count=2)


def test_spans_cover_the_corpus():
    ids = np.where(np.random.default_rng(0).random(5000) < 0.01, -1, 3).astype(np.int32)
    found = list(spans(ids, 300))
    assert [b for b, _ in found] == [0, *(e for _, e in found[:-1])] and found[-1][1] == 5000
    assert next(spans(np.zeros(1000, np.int32), 300)) == (0, 300)


# -- Word2Vec -------------------------------------------------------------------------------------------------------


def test_noise_and_subsampling():
    weights = np.array([5.0, 1.0, 3.0, 0.5])
    share, other = alias_table(weights)
    given = np.zeros(4)
    for i in range(4):
        given[i] += share[i]
        given[other[i]] += 1 - share[i]
    np.testing.assert_allclose(given / 4, weights / weights.sum(), atol=1e-6)
    counts = np.array([900, 90, 10])
    ratio = counts / 1000 / 1e-2
    np.testing.assert_allclose(keep_shares(counts, 1e-2), np.minimum(1, (np.sqrt(ratio) + 1) / ratio), rtol=1e-6)
    assert (keep_shares(counts, 0) == 1).all()


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


@pytest.mark.parametrize("algorithm", ["skip-gram", "cbow"])
def test_a_step_is_the_published_update(algorithm):
    """Two words side by side, the only noise word is a third one: every random choice has one outcome."""
    corpus = toy([1, 1, 1], [[0, 1]])
    options = Word2VecOptions(dim=5, algorithm=algorithm, window=1, negatives=2, sample=0, epochs=1, lr=0.5, min_lr=0.5)
    model = Word2Vec.fresh(corpus, options, 3)
    model.share, model.other = alias_table(np.array([1e-12, 1e-12, 1.0]))
    model.output[:] = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    vectors, output = model.vectors.astype(float).copy(), model.output.astype(float).copy()
    for centre, context in ((0, 1), (1, 0)):
        moved = np.zeros(5)
        for target, label in ((centre, 1.0), (2, 0.0), (2, 0.0)):
            g = 0.5 * (label - sigmoid(vectors[context] @ output[target]))
            moved += g * output[target]
            output[target] += g * vectors[context]
        vectors[context] += moved
    model.step(0)
    np.testing.assert_allclose(model.vectors, vectors, atol=1e-5)
    np.testing.assert_allclose(model.output, output, atol=1e-5)


def test_the_full_softmax_is_the_textbooks():
    """One step against autograd of -log softmax; and the loss is its value."""
    import torch

    corpus = toy([1, 1, 1, 1], [[2, 0]])
    options = Word2VecOptions(dim=6, objective="softmax", window=1, sample=0, epochs=1, lr=0.3, min_lr=0.3)
    model = Word2Vec.fresh(corpus, options, 1)
    model.output[:] = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)
    x, y = torch.tensor(model.vectors), torch.tensor(model.output)
    nats = 0.0
    for centre, context in ((2, 0), (0, 2)):
        x, y = x.detach().requires_grad_(), y.detach().requires_grad_()
        loss = -torch.log_softmax(y @ x[context], 0)[centre]
        loss.backward()
        nats += float(loss)
        x, y = x - 0.3 * x.grad, y - 0.3 * y.grad
    result = model.step(0)
    assert result[0] == pytest.approx(nats, abs=1e-5) and result[1] == 2
    np.testing.assert_allclose(model.vectors, x.detach(), atol=1e-5)
    np.testing.assert_allclose(model.output, y.detach(), atol=1e-5)


def markov(n_words=6, texts=300, length=40):
    random = np.random.default_rng(2)
    follow = random.dirichlet(np.full(n_words, 0.6), n_words)
    made = []
    for _ in range(texts):
        text = [int(random.integers(n_words))]
        for _ in range(length - 1):
            text.append(int(random.choice(n_words, p=follow[text[-1]])))
        made.append(text)
    counts = np.bincount(np.concatenate(made), minlength=n_words)
    return toy(counts, made)


def pair_table(corpus, window=1):
    table = np.zeros((len(corpus.words), len(corpus.words)))
    ids = corpus.ids
    for i in range(len(ids)):
        for d in range(1, window + 1):
            if i - d < 0 or ids[i] < 0 or ids[i - d] < 0:
                break
            table[ids[i], ids[i - d]] += 1 / d
            table[ids[i - d], ids[i]] += 1 / d
    return table


def test_sampled_vectors_are_shifted_pmi():
    """Source: Levy and Goldberg 2014, "Neural Word Embedding as Implicit Matrix Factorization", equation 12."""
    corpus = markov()
    options = Word2VecOptions(
        dim=8, window=1, negatives=4, noise_power=1.0, sample=0, epochs=60, lr=0.1, min_lr=1e-4
    )  # fmt: skip
    model = Word2Vec.fresh(corpus, options, 0)
    model.train(0, lambda done, result: None)
    table = pair_table(corpus)
    share = corpus.counts / corpus.counts.sum()
    joint = table / table.sum()
    # The noise never is the centre itself: P(noise = c | centre = w) = share / (1 - share of w) for c != w only when it
    # is drawn again; here it is left out, so the expected number of noise words c is k share[c], whatever w != c.
    others = np.array([[k for k in range(6)]])
    wanted = np.full((6, 6), np.nan)
    for c in range(6):
        for w in range(6):
            noise = sum(joint[v, c] for v in others[0] if v != w) * 4 * share[w]
            if joint[w, c] > 0.01:
                wanted[w, c] = math.log(joint[w, c] / noise)
    found = model.output @ model.vectors.T
    seen = ~np.isnan(wanted)
    assert seen.sum() > 15
    assert np.abs(found - wanted)[seen].mean() < 0.12
    assert np.corrcoef(found[seen], wanted[seen])[0, 1] > 0.97


def test_the_full_softmax_finds_the_conditional_distribution():
    corpus = markov()
    options = Word2VecOptions(dim=8, objective="softmax", window=1, sample=0, epochs=20, lr=0.1, min_lr=1e-4)
    model = Word2Vec.fresh(corpus, options, 0)
    model.train(0, lambda done, result: None)
    scores = model.output @ model.vectors.T
    found = np.exp(scores) / np.exp(scores).sum(0)
    table = pair_table(corpus)
    assert np.abs(found - table / table.sum(0)).max() < 0.05


# -- GloVe ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory_bytes", [1 << 30, 1])
def test_counts_are_brute_forces(tmp_path, memory_bytes, monkeypatch):
    corpus = markov(60, 400, 90)
    if memory_bytes == 1:
        monkeypatch.setattr("aigc_cli.train.words.glove.PAIR_BYTES", 1)
        monkeypatch.setattr("builtins.max", lambda *a, _max=max, **k: 2000 if a[:1] == (1 << 16,) else _max(*a, **k))
    keys, counts = count_pairs(corpus, 3, memory_bytes, tmp_path / "counts")
    inverse = pow(0x9E3779B97F4A7C15, -1, 1 << 64)
    table = np.zeros((60, 60))
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        plain = ((key ^ (key >> 32)) * inverse) % (1 << 64)
        assert table[plain >> 32, plain & 0xFFFFFFFF] == 0
        table[plain >> 32, plain & 0xFFFFFFFF] = count
    np.testing.assert_allclose(table, pair_table(corpus, 3), rtol=1e-4)
    assert sorted(p.name for p in (tmp_path / "counts").iterdir()) == ["counts.npy", "keys.npy"]
    assert (np.diff(keys.astype(object)) > 0).all()


def test_a_glove_step_is_the_published_update(tmp_path):
    corpus = toy([2, 1, 1], [[0, 1, 0, 2]])
    options = GloveOptions(dim=4, window=2, epochs=1, lr=0.2, x_max=2.0, alpha=0.5)
    keys, counts = count_pairs(corpus, 2, 1 << 30, tmp_path)
    model = Glove.fresh(corpus, options, 0, (keys, counts))
    w, c = model.words.astype(float), model.contexts.astype(float)
    sw, sc = np.ones_like(w), np.ones_like(c)
    inverse, loss = pow(0x9E3779B97F4A7C15, -1, 1 << 64), 0.0
    for key, x in zip(keys.tolist(), counts.tolist(), strict=True):
        plain = ((key ^ (key >> 32)) * inverse) % (1 << 64)
        a, b = plain >> 32, plain & 0xFFFFFFFF
        error = w[a, :4] @ c[b, :4] + w[a, 4] + c[b, 4] - math.log(x)
        f = min(1.0, (x / 2.0) ** 0.5)
        loss += 0.5 * f * error**2
        gw, gc = f * error * 0.2 * np.append(c[b, :4], 1), f * error * 0.2 * np.append(w[a, :4], 1)
        w[a] -= gw / np.sqrt(sw[a])
        c[b] -= gc / np.sqrt(sc[b])
        sw[a] += gw**2
        sc[b] += gc**2
    result = model.step(0)
    assert result[0] == pytest.approx(loss, rel=1e-4)
    np.testing.assert_allclose(model.words, w, atol=1e-5)
    np.testing.assert_allclose(model.contexts, c, atol=1e-5)
    np.testing.assert_allclose(model.vectors, w[:, :4] + c[:, :4], atol=1e-5)


# -- the commands ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    before, directory = Path.cwd(), tmp_path_factory.mktemp("words")
    os.chdir(directory)
    for family in ("word2vec", "glove"):
        recipe = RECIPES / f"{family}.yaml"
        assert main(["train", family, "--shards", str(STORIES), "--config", str(recipe), "-q"]) in (0, None)
    yield directory
    os.chdir(before)


def read_binary(path):
    """word2vec's binary file, read as its format says."""
    data = path.read_bytes()
    head, rest = data.split(b"\n", 1)
    n, dim = map(int, head.split())
    found = {}
    for _ in range(n):
        word, rest = rest.split(b" ", 1)
        found[word.decode()] = np.frombuffer(rest[: 4 * dim], "<f4")
        rest = rest[4 * dim :].removeprefix(b"\n")
    assert not rest
    return found


def test_files_and_loss(place):
    for family in ("word2vec", "glove"):
        run = Path("runs") / family
        losses = [r[f"{family}/loss"] for r in read_log(run / "metrics.jsonl")]
        assert losses[-1] < 0.85 * losses[0]
        bundle = Bundle.open(run)
        vectors = bundle.weights()["embedding.weight"].numpy()
        words, counts = read_words(run)
        assert bundle.family.name == family and vectors.shape == (len(words), 32)
        assert (np.diff(counts) <= 0).all() and counts[-1] >= 3
        found = read_binary(run / "vectors.bin")
        assert list(found) == words
        np.testing.assert_array_equal(np.stack(list(found.values())), vectors)
        assert bundle.model()(__import__("torch").tensor([1]))[0].tolist() == vectors[1].tolist()


def test_neighbours_and_analogies(place, capsys):
    vectors = Vectors("runs/word2vec")
    assert main(["explain", "neighbors", "runs/word2vec", "Sister", "--json"]) in (0, None)
    near = json.loads(capsys.readouterr().out)["neighbors"]["Sister"]
    i = vectors.words.index("sister")
    cosines = vectors.units @ vectors.units[i]
    cosines[i] = -1
    assert near[0]["word"] == vectors.words[int(cosines.argmax())] and len(near) == 10
    assert main(["explain", "analogy", "runs/word2vec", "sister", "brother", "old", "--method", "mul"]) in (0, None)
    assert "sister : brother = old : ?" in capsys.readouterr().out
    units = np.eye(4)
    assert analogy_scores(units, [0, 1, 2], "add").tolist() == [-1, 1, 1, 0]
    assert analogy_scores(units, [0, 1, 2], "mul")[1] == pytest.approx(1 * 0.5 / 0.501)
    for wrong in (["neighbors", "runs/word2vec", "sistre"], ["neighbors", "absent", "x"]):
        assert main(["explain", *wrong]) in (2, 3)
    assert "sister" in capsys.readouterr().err
    assert main(["explain", "neighbors", "runs/word2vec", "zzzz"]) == 2
    said = capsys.readouterr().err
    assert "words.tsv" in said and len(said) < 300  # not all the words there are
    assert main(["generate", "runs/word2vec"]) == 2
    assert "name a gpt" in capsys.readouterr().err


def test_words_that_stand_alike_are_near(place):
    """Half of the occurrences of common words are replaced by twins: the twins find one another."""
    texts = [json.loads(line)["text"].lower() for line in STORIES.read_text(encoding="utf-8").splitlines()]
    random, chosen = np.random.default_rng(0), [
        w for w, c in Counter(re.findall("[a-z]+", " ".join(texts))).most_common(400) if c >= 60
    ][20:80]  # fmt: skip
    for number, text in enumerate(texts):
        words = [f"{w}_2" if w in chosen and random.random() < 0.5 else w for w in re.findall("[a-z]+", text)]
        texts[number] = " ".join(words)
    corpus = index([column(texts)], lower=True, spaces=True, min_count=5)
    model = Word2Vec.fresh(corpus, Word2VecOptions(dim=48, epochs=10), 0)
    model.train(0, lambda done, result: None)
    units = model.vectors / np.linalg.norm(model.vectors, axis=1, keepdims=True)
    hits = 0
    for word in chosen:
        scores = units @ units[corpus.words.index(word)]
        scores[corpus.words.index(word)] = -1
        hits += corpus.words[int(scores.argmax())] == f"{word}_2"
    assert hits / len(chosen) > 0.5  # by chance: 1 of 1,500


@pytest.mark.parametrize("family", ["word2vec", "glove"])
def test_a_stopped_run_ends_in_the_same_bytes(place, family, monkeypatch):
    options = Word2VecOptions(dim=8, epochs=2, checkpoint_s=0) if family == "word2vec" else GloveOptions(
        dim=8, epochs=3, checkpoint_s=0
    )  # fmt: skip
    whole = api.train_words(family, [STORIES], options, Common(output=Path("whole") / family))
    kind = Word2Vec if family == "word2vec" else Glove
    step = kind.step

    def stopping(self, number):
        if number == 2:
            raise RuntimeError("stopped")
        return step(self, number)

    monkeypatch.setattr(kind, "step", stopping)
    other = Common(output=Path("stopped") / family)
    if whole.manifest["counts"]["steps"] > 2:
        with pytest.raises(RuntimeError):
            api.train_words(family, [STORIES], options, other)
        assert (Path("stopped") / f"{family}.partial/checkpoints").exists()
    monkeypatch.undo()
    api.train_words(family, [STORIES], options, other)
    assert (other.output / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()


def test_two_workers_learn_as_well(place):
    options = Word2VecOptions(dim=16, epochs=2, threads=2, vectors="text")
    result = api.train_words("word2vec", [STORIES], options, Common(output=Path("two")))
    alone = api.train_words("word2vec", [STORIES], Word2VecOptions(dim=16, epochs=2), Common(output=Path("one")))
    losses = [r.manifest["facts"]["final"]["train/loss"] for r in (result, alone)]
    assert losses[0] == pytest.approx(losses[1], rel=0.3)  # one part a pass: two passes run at once
    head, first = (result.path / "vectors.txt").read_text().splitlines()[:2]
    assert head.split()[1] == "16" and len(first.split()) == 17


def test_mistakes(place, capsys):
    Path("short.txt").write_text("one two three")
    for arguments, words in (
        (["word2vec", "--shards", "short.txt"], "--min-count"),
        (["word2vec", "--shards", "short.txt", "--objective", "softmax", "--algorithm", "cbow"], "--algorithm"),
        (["glove", "--shards", "absent"], "absent"),
        (["word2vec", "--shards", "short.txt", "--dim", "0"], "--dim"),
    ):
        assert main(["train", *arguments, "-o", "runs/no"]) in (2, 3)
        error = capsys.readouterr().err
        assert words in error and "Traceback" not in error
    with pytest.raises(ConfigError, match="softmax"):
        big = toy([1] * 20_001, [[0, 1]])
        Word2Vec.fresh(big, Word2VecOptions(objective="softmax", dim=1), 0)


def test_the_report_draws_the_words(place):
    assert main(["report", "runs/word2vec", "-o", "report.html"]) in (0, None)
    page = Path("report.html").read_text(encoding="utf-8")
    word = read_words(Path("runs/word2vec"))[0][40]
    assert "map of words" in page and f">{word}</text>" in page and "word2vec training loss" in page
    random = np.random.default_rng(0).normal(size=(30, 5)) * [5, 3, 1, 1, 1]
    places = plane(random)
    wanted = np.linalg.eigvalsh(np.cov(random.T))[-2:] * 29
    np.testing.assert_allclose(sorted((places**2).sum(0)), wanted, rtol=1e-6)
