"""Chinese words as jieba finds them: the likeliest path through a dictionary, and a hidden Markov model for the rest.

Source: the algorithm of jieba 0.42.1 in its exact mode with HMM, as its README describes it. Sums are made in the same
order, and of equal paths the same is taken, so that results do not differ in the last bit.
"""

from __future__ import annotations

import numpy as np

from aigc_cli.clean.parity.kernels.chunks import next_run
from aigc_cli.clean.parity.kernels.tokens import code_at, spread
from aigc_cli.core.jit import BYTES, F64, I32, INT64, OFFSETS, OUT_I32, OUT_I64, OUT_U64, U64, inner, kernel

FIRST_HAN, LAST_HAN = 0x4E00, 0x9FD5  # what counts as Chinese to jieba
B, E, M, S = range(4)  # begin, end, middle of a word, single; of equal probabilities the later one is taken
_SHIFT = np.uint64(21)  # bits of a code point
_ROOT = 0


@inner
def _child(keys, nodes, node, code):  # type: ignore[no-untyped-def]
    """The node after `node` by a character, or -1."""
    key = np.uint64(node) << _SHIFT | np.uint64(code)
    mask = np.uint64(len(keys) - 1)
    slot = spread(key) & mask
    while nodes[slot] != 0:
        if keys[slot] == key:
            return np.int64(nodes[slot])
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@kernel(BYTES, OUT_U64, OUT_I32, OUT_I64, returns=INT64)
def build(data, keys, nodes, frequencies):  # type: ignore[no-untyped-def]
    """The trie of a dictionary with a line "word frequency ..." for each word: nodes[slot] of (node, character) in
    keys[slot], frequencies[node], 0 for beginnings of words. Gives the number of nodes; -1 when there is no room."""
    count, i = 1, 0
    mask = np.uint64(len(keys) - 1)
    while i < len(data):
        node = _ROOT
        while i < len(data) and data[i] != 0x20 and data[i] != 0x0A:
            code, size = code_at(data, i)
            child = _child(keys, nodes, node, code)
            if child < 0:
                if count >= len(frequencies):
                    return np.int64(-1)
                key = np.uint64(node) << _SHIFT | np.uint64(code)
                slot = spread(key) & mask
                while nodes[slot] != 0:
                    slot = (slot + np.uint64(1)) & mask
                keys[slot], nodes[slot] = key, np.int32(count)
                child, count = np.int64(count), count + 1
            node, i = child, i + size
        value, i = np.int64(0), i + 1
        while i < len(data) and 0x30 <= data[i] <= 0x39:
            value = 10 * value + np.int64(data[i]) - 0x30
            i += 1
        if node != _ROOT:
            frequencies[node] = value
        while i < len(data) and data[i] != 0x0A:
            i += 1
        i += 1
    return np.int64(count)


@inner
def _in_block(code):  # type: ignore[no-untyped-def]
    """Whether a character can be part of what is looked up: Han, ASCII letters and digits, + # & . _ % -."""
    if code >= 0x80:
        return FIRST_HAN <= code <= LAST_HAN
    return _latin(code) or code in (0x2B, 0x23, 0x26, 0x2E, 0x5F, 0x25, 0x2D)


@inner
def _latin(code):  # type: ignore[no-untyped-def]
    return 0x30 <= code <= 0x39 or 0x41 <= code <= 0x5A or 0x61 <= code <= 0x7A


@inner
def _route(codes, count, keys, nodes, frequencies, logs, unknown, best, ends):  # type: ignore[no-untyped-def]
    """ends[i] = the last character of the word at i on the likeliest path; best[i] = the path's logarithm from i on."""
    best[count] = 0.0
    for i in range(count - 1, -1, -1):
        node, found = np.int64(_ROOT), False
        for j in range(i, count):
            node = _child(keys, nodes, node, codes[j])
            if node < 0:
                break
            if frequencies[node] > 0:
                value = logs[node] + best[j + 1]
                if not found or value >= best[i]:
                    best[i], ends[i], found = value, j, True
        if not found:
            best[i], ends[i] = unknown + best[i + 1], i


@inner
def _is_word(codes, begin, end, keys, nodes, frequencies):  # type: ignore[no-untyped-def]
    node = np.int64(_ROOT)
    for i in range(begin, end):
        node = _child(keys, nodes, node, codes[i])
        if node < 0:
            return False
    return frequencies[node] > 0


@inner
def _step(state, before, transitions):  # type: ignore[no-untyped-def]
    """(log probability without the emission's, state before) of the likeliest way into `state`."""
    a, b = (E, S) if state in (B, S) else (B, M)
    first, second = before[a] + transitions[a, state], before[b] + transitions[b, state]
    return first, second, a, b


@inner
def _viterbi(codes, begin, end, start, transitions, emissions, back, states):  # type: ignore[no-untyped-def]
    """states[i] for i in begin:end, the likeliest sequence."""
    before, now = np.empty(4), np.empty(4)
    for state in range(4):
        before[state] = start[state] + emissions[codes[begin] - FIRST_HAN, state]
    for i in range(begin + 1, end):
        for state in range(4):
            emission = emissions[codes[i] - FIRST_HAN, state]
            first, second, a, b = _step(state, before, transitions)
            first, second = first + emission, second + emission
            take_second = second >= first  # b is the later state
            now[state] = second if take_second else first
            back[i, state] = b if take_second else a
        before[:] = now
    state = S if before[S] >= before[E] else E
    for i in range(end - 1, begin - 1, -1):
        states[i] = state
        state = back[i, state]


@inner
def _unknown(codes, begin, end, places, start, transitions, emissions, back, states, starts, stops, count):  # type: ignore[no-untyped-def]
    """Divide a run of single characters that is no word: Han by the model, the rest by kind. Gives the new count."""
    i = begin
    while i < end:
        j = i + 1
        if codes[i] >= 0x80:
            while j < end and codes[j] >= 0x80:
                j += 1
            _viterbi(codes, i, j, start, transitions, emissions, back, states)
            first = i
            for k in range(i, j):
                if states[k] == B:
                    first = k
                elif states[k] == E or states[k] == S:
                    first = first if states[k] == E else k
                    starts[count], stops[count], count = places[first], places[k + 1], count + 1
                    first = k + 1
            if first < j:
                starts[count], stops[count], count = places[first], places[j], count + 1
        else:
            j = _plain(codes, i, end)
            starts[count], stops[count], count = places[i], places[j], count + 1
        i = j
    return count


@inner
def _plain(codes, i, end):  # type: ignore[no-untyped-def]
    """The end of the piece at i: letters and digits with a decimal part and a percent sign, or what is between."""
    if not _latin(codes[i]):
        while i < end and codes[i] < 0x80 and not _latin(codes[i]):
            i += 1
        return i
    while i < end and _latin(codes[i]):
        i += 1
    if i + 1 < end and codes[i] == 0x2E and 0x30 <= codes[i + 1] <= 0x39:
        i += 1
        while i < end and 0x30 <= codes[i] <= 0x39:
            i += 1
    return i + 1 if i < end and codes[i] == 0x25 else i


@kernel(BYTES, OFFSETS, OFFSETS, returns=INT64)
def longest_block(data, offsets, rows):  # type: ignore[no-untyped-def]
    """Characters of the longest run that is looked up as a whole."""
    longest = 0
    for row in rows:
        i, length = offsets[row], 0
        while i < offsets[row + 1]:
            code, size = code_at(data, i)
            length = length + 1 if _in_block(code) else 0
            longest = max(longest, length)
            i += size
    return longest


_F64_2D = F64.copy(ndim=2)


@kernel(BYTES, OFFSETS, OFFSETS, INT64, INT64, U64, I32, OFFSETS, F64, F64, F64, _F64_2D, _F64_2D, OUT_I64, OUT_I64,
        OUT_I64, returns=INT64)  # fmt: skip
def segment(  # type: ignore[no-untyped-def]
    data, offsets, rows, begin, longest, keys, nodes, frequencies, logs, unknown, start, transitions, emissions, starts,
    stops, bounds
):  # fmt: skip
    """The words of documents rows[begin:] as spans, the first of rows[k] at bounds[k]; empty spans are whitespace that
    counts as a word to spaCy. Gives how many documents there was room for, counted from row 0."""
    codes, places = np.empty(longest, dtype=np.int64), np.empty(longest + 1, dtype=np.int64)
    best, ends = np.empty(longest + 1), np.empty(longest, dtype=np.int64)
    back, states = np.empty((longest, 4), dtype=np.int8), np.empty(longest, dtype=np.int8)
    count = 0
    for k in range(begin, len(rows)):
        bounds[k] = count
        i, end, begun = offsets[rows[k]], offsets[rows[k] + 1], False
        if count + end - i > len(starts):
            return np.int64(k)
        while i < end:
            stop, white = next_run(data, i, end)
            if white:
                if stop - i > (1 if begun and data[i] == 0x20 else 0):
                    starts[count], stops[count], count = i, i, count + 1
                begun, i = True, stop
                continue
            begun = True
            while i < stop:
                code, size = code_at(data, i)
                if not _in_block(code):
                    starts[count], stops[count], count = i, i + size, count + 1
                    i += size
                    continue
                length = 0
                while i < stop:
                    code, size = code_at(data, i)
                    if not _in_block(code):
                        break
                    codes[length], places[length], length = code, i, length + 1
                    i += size
                places[length] = i
                _route(codes, length, keys, nodes, frequencies, logs, unknown[0], best, ends)
                at = 0
                while at < length:
                    run = at
                    while at < length and ends[at] == at:
                        at += 1
                    if at - run > 1 and not _is_word(codes, run, at, keys, nodes, frequencies):
                        count = _unknown(codes, run, at, places, start, transitions, emissions, back, states, starts,
                                         stops, count)  # fmt: skip
                    else:
                        for single in range(run, at):
                            starts[count], stops[count], count = places[single], places[single + 1], count + 1
                    if at < length:
                        starts[count], stops[count], count = places[at], places[ends[at] + 1], count + 1
                        at = ends[at] + 1
    bounds[len(rows)] = count
    return np.int64(len(rows))
