"""Which of many equal things come after the first ones, and which of them are the commonest."""

from __future__ import annotations

from aigc_cli.core.jit import INT64, OFFSETS, OUT_BYTES, OUT_I64, U64, inner, kernel


@inner
def _note(number, first, numbers, firsts):  # type: ignore[no-untyped-def]
    """Keep the largest numbers in falling order, the one with the earlier `first` of equals; -1 is no entry."""
    place = len(numbers)
    while place > 0 and (
        firsts[place - 1] < 0
        or numbers[place - 1] < number
        or (numbers[place - 1] == number and firsts[place - 1] > first)
    ):
        place -= 1
    for k in range(len(numbers) - 1, place, -1):
        numbers[k], firsts[k] = numbers[k - 1], firsts[k - 1]
    if place < len(numbers):
        numbers[place], firsts[place] = number, first


@kernel(U64, OFFSETS, U64, INT64, INT64, OUT_BYTES, OUT_I64, OUT_I64, returns=INT64)
def mark(high, order, low, most, everywhere, marks, numbers, firsts):  # type: ignore[no-untyped-def]
    """marks[i] = 1 for those of more than `most` equal keys that come after so many, or for all (`everywhere`).

    high (one half of the keys) and order are sorted; low[i] is the other half of key i. numbers and firsts become the
    marked keys that are marked most often, and the first i of each. Gives how many are marked.
    """
    marked, place = 0, 0
    while place < len(high):
        end = place + 1
        while end < len(high) and high[end] == high[place]:
            end += 1
        for lead in range(place, end if end > place + 1 else place):
            key, k = low[order[lead]], place
            while low[order[k]] != key:  # ends at once, unless halves of different keys are equal
                k += 1
            if k < lead:
                continue
            total = 0
            for k in range(lead, end):
                total += low[order[k]] == key
            if total <= most:
                continue
            seen = 0
            for k in range(lead, end):
                if low[order[k]] == key:
                    marks[order[k]] = everywhere or seen >= most
                    seen += 1
            gone = total if everywhere else total - most
            marked += gone
            _note(gone, order[lead], numbers, firsts)
        place = end
    return marked
