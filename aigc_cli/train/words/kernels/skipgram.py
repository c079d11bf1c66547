"""Word2Vec's updates: skip-gram and continuous bag of words, sampled or full softmax.

Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases and their Compositionality", equation 4
(negative sampling) and section 2.3 (subsampling); Mikolov et al. 2013, "Efficient Estimation of Word Representations in
Vector Space" (both architectures). The negatives of a window's centre are drawn once and serve all its contexts: Ji et
al. 2016, "Parallelizing Word2Vec in Shared and Distributed Memory".
"""

# mypy: disable-error-code="operator,call-overload,arg-type"

from __future__ import annotations

import math

import numpy as np

from aigc_cli.core.jit import F32, FLOAT64, I32, INT64, OUT_F32_2D, OUT_F64, fast_inner, inlined, kernel

TEXT_WORDS = 4096  # a longer text is taken in pieces
LOSS_EVERY = 16  # centres: the loss is a sample, its logarithms cost too much


@inlined
def draw(state):  # type: ignore[no-untyped-def]
    """The next state of xorshift64* and 53 bits of it in [0, 1). Source: Vigna 2016, equation for xorshift64*."""
    state ^= state >> np.uint64(12)
    state ^= state << np.uint64(25)
    state ^= state >> np.uint64(27)
    return state, np.float64((state * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(11)) / 9007199254740992.0


@inlined
def _noise(state, share, other):  # type: ignore[no-untyped-def]
    """A word of the noise distribution by the alias method. Source: Walker 1977."""
    state, u = draw(state)
    place = u * len(share)
    word = np.int64(place)
    if place - word >= share[word]:
        word = np.int64(other[word])
    return state, word


@inlined
def _text(ids, i, end, keep, words, state):  # type: ignore[no-untyped-def]
    """Fills `words` with those that are kept of the text at i; gives the state, where the next begins, their number."""
    n = 0
    while i < end and n < len(words):
        word = ids[i]
        i += 1
        if word < 0:
            break
        state, u = draw(state)
        if u < keep[word]:
            words[n] = word
            n += 1
    return state, i, n


@fast_inner
def _pull(x, targets, n_targets, output, step, sums, dim):  # type: ignore[no-untyped-def]
    """One input vector against targets[0] (wanted) and the others (noise): sums += its gradient, outputs move.

    Gives nats: -log s(x y_0) - sum of log s(-x y_k).
    """
    nats = 0.0
    for t in range(n_targets):
        y = output[targets[t]]
        dot = np.float32(0.0)
        for d in range(dim):
            dot += x[d] * y[d]
        label = np.float32(1.0) if t == 0 else np.float32(0.0)
        z = min(max(dot, np.float32(-30.0)), np.float32(30.0))
        share = np.float32(1.0) / (np.float32(1.0) + math.exp(-z))
        g = np.float32((label - share) * step)
        for d in range(dim):
            sums[d] += g * y[d]
            y[d] += g * x[d]
        if step == 0.0 or sums[dim] > 0.0:  # the loss is asked for
            nats += math.log1p(math.exp(-z if t == 0 else z))
    return nats


@kernel(
    I32, INT64, INT64, OUT_F32_2D, OUT_F32_2D, F32, F32, I32, INT64, INT64, INT64, FLOAT64, FLOAT64, INT64, OUT_F64,
    fastmath=True,
)  # fmt: skip
def train_span(  # type: ignore[no-untyped-def]
    ids, begin, end, vectors, output, keep, share, other, window, negatives, cbow, rate, last_rate, seed, result
):
    """Trains on ids[begin:end]; windows end at -1. The rate falls linearly from `rate` to `last_rate`.

    keep [V]: share of a word's occurrences that is kept. share, other [V]: alias table of the noise. result: [nats of
    the sampled centres, pairs in them, words trained on].
    """
    dim = vectors.shape[1]
    state = np.uint64(seed) | np.uint64(1)
    words = np.empty(TEXT_WORDS, np.int64)  # of the text at hand, after subsampling, in pieces
    targets = np.empty(negatives + 1, np.int64)
    sums = np.zeros(dim + 1, np.float32)  # the last place says whether the loss is wanted
    mean = np.zeros(dim, np.float32)
    i, centres = begin, 0
    nats, pairs, trained = 0.0, 0.0, 0.0
    while i < end:
        place = i
        state, i, n = _text(ids, i, end, keep, words, state)
        step = np.float32(rate + (last_rate - rate) * (place - begin) / max(1, end - begin))
        for c in range(n):
            state, u = draw(state)
            reach = 1 + np.int64(u * window)
            low, high = max(0, c - reach), min(n, c + reach + 1)
            if high - low < 2:
                continue
            targets[0] = words[c]
            n_targets = 1
            for _ in range(negatives):
                state, word = _noise(state, share, other)
                if word != words[c]:
                    targets[n_targets] = word
                    n_targets += 1
            centres += 1
            wanted = centres % LOSS_EVERY == 0
            if cbow:
                mean[:] = 0.0
                count = np.float32(high - low - 1)
                for k in range(low, high):
                    if k != c:
                        x = vectors[words[k]]
                        for d in range(dim):
                            mean[d] += x[d]
                for d in range(dim):
                    mean[d] /= count
                sums[:] = 0.0
                sums[dim] = 1.0 if wanted else 0.0
                nats += _pull(mean, targets, n_targets, output, step, sums, dim)
                pairs += 1.0 if wanted else 0.0
                for k in range(low, high):
                    if k != c:
                        x = vectors[words[k]]
                        for d in range(dim):
                            x[d] += sums[d]
            else:
                for k in range(low, high):
                    if k != c:
                        x = vectors[words[k]]
                        sums[:] = 0.0
                        sums[dim] = 1.0 if wanted else 0.0
                        nats += _pull(x, targets, n_targets, output, step, sums, dim)
                        pairs += 1.0 if wanted else 0.0
                        for d in range(dim):
                            x[d] += sums[d]
        trained += n
    result[0], result[1], result[2] = nats, pairs, trained


@kernel(I32, INT64, INT64, OUT_F32_2D, OUT_F32_2D, F32, INT64, FLOAT64, FLOAT64, INT64, OUT_F64, fastmath=True)
def softmax_span(  # type: ignore[no-untyped-def]
    ids, begin, end, vectors, output, keep, window, rate, last_rate, seed, result
):
    """`train_span` for skip-gram with the full softmax over the vocabulary: -log p(centre | context).

    Source: Mikolov et al. 2013, "Distributed Representations", equation 2, with the words' roles as in word2vec.c.
    """
    n_words, dim = vectors.shape
    state = np.uint64(seed) | np.uint64(1)
    words = np.empty(TEXT_WORDS, np.int64)
    scores, sums = np.empty(n_words, np.float64), np.zeros(dim, np.float32)
    i = begin
    nats, pairs, trained = 0.0, 0.0, 0.0
    while i < end:
        place = i
        state, i, n = _text(ids, i, end, keep, words, state)
        step = np.float32(rate + (last_rate - rate) * (place - begin) / max(1, end - begin))
        for c in range(n):
            state, u = draw(state)
            reach = 1 + np.int64(u * window)
            for k in range(max(0, c - reach), min(n, c + reach + 1)):
                if k == c:
                    continue
                x = vectors[words[k]]
                top = -1e30
                for v in range(n_words):
                    dot = np.float32(0.0)
                    for d in range(dim):
                        dot += x[d] * output[v, d]
                    scores[v] = dot
                    top = max(top, scores[v])
                total = 0.0
                for v in range(n_words):
                    scores[v] = math.exp(scores[v] - top)
                    total += scores[v]
                nats -= math.log(scores[words[c]] / total)
                pairs += 1.0
                sums[:] = 0.0
                for v in range(n_words):
                    label = 1.0 if v == words[c] else 0.0
                    g = np.float32((label - scores[v] / total) * step)
                    for d in range(dim):
                        sums[d] += g * output[v, d]
                        output[v, d] += g * x[d]
                for d in range(dim):
                    x[d] += sums[d]
        trained += n
    result[0], result[1], result[2] = nats, pairs, trained
