"""Block-wise symmetric integers: the weight format of onnxruntime's MatMulNBits.

N outputs, K inputs, G groups (blocks of `block` inputs) per output.
"""

from __future__ import annotations

import numpy as np


def quantize_blocks(w_NK: np.ndarray, bits: int = 8, block: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """(q_NGb uint8, scale_NG float32) with w ~ (q - 2^(bits-1)) * scale; the last group is padded with zeros.

    The scale makes the largest magnitude of a group +-(2^(bits-1) - 1), so zero stays exactly zero. With 4 bits
    two values share a byte, the earlier one in the low half.

    >>> q, scale = quantize_blocks(np.array([[1.0, -0.5]], np.float32))
    >>> [int(v) for v in q[0, 0, :2]], round(float(scale[0, 0]) * 127, 6)
    ([255, 64], 1.0)
    """
    rows, inputs = w_NK.shape
    groups = -(-inputs // block)
    padded = np.zeros((rows, groups * block), np.float32)
    padded[:, :inputs] = w_NK
    w_NGb = padded.reshape(rows, groups, block)
    top = 2 ** (bits - 1)
    scale_NG = np.abs(w_NGb).max(-1) / (top - 1)
    scale_NG[scale_NG == 0] = 1.0
    q_NGb = np.clip(np.rint(w_NGb / scale_NG[..., None]) + top, 0, 2 * top - 1).astype(np.uint8)
    if bits == 4:
        q_NGb = q_NGb[..., 0::2] | (q_NGb[..., 1::2] << 4)
    return q_NGb, scale_NG.astype(np.float32)


def dequantize_blocks(q_NGb: np.ndarray, scale_NG: np.ndarray, inputs: int, bits: int = 8) -> np.ndarray:
    """w_NK float32 with K = `inputs`: the exact weights that the integers stand for."""
    if bits == 4:
        q_NGb = np.stack([q_NGb & 15, q_NGb >> 4], -1).reshape(*q_NGb.shape[:2], -1)
    w_NGb = (q_NGb.astype(np.float32) - 2 ** (bits - 1)) * scale_NG[..., None]
    return w_NGb.reshape(q_NGb.shape[0], -1)[:, :inputs]
