"""Generate text: decoding strategies, the sampling loop, beam search, engines for torch and onnxruntime."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name in ("generate", "texts"):
        from aigc_cli.generate import api

        return getattr(api, name)
    raise AttributeError(name)
