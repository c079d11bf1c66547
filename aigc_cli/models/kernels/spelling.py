"""Whether ids spell the bytes that they were made from."""

from __future__ import annotations

from aigc_cli.core.jit import BYTES, INT64, OFFSETS, U32, kernel


@kernel(U32, OFFSETS, BYTES, OFFSETS, BYTES, OFFSETS, returns=INT64)
def first_misspelled(ids, ends, spelled, spelled_offsets, data, offsets):  # type: ignore[no-untyped-def]
    """The first text data[offsets[t]:offsets[t + 1]] that is not what ids[ends[t]:ends[t + 1]] spell, or -1."""
    for text in range(len(offsets) - 1):
        place, end = offsets[text], offsets[text + 1]
        for k in range(ends[text], ends[text + 1]):
            start, stop = spelled_offsets[ids[k]], spelled_offsets[ids[k] + 1]
            if place + stop - start > end:
                return text
            for i in range(start, stop):
                if data[place] != spelled[i]:
                    return text
                place += 1
        if place != end:
            return text
    return -1
