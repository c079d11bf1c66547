"""Numbers about quality: perplexity, the n-gram baseline, verbatim copies."""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "evaluate":
        from aigc_cli.evaluate.api import evaluate

        return evaluate
    if name == "compare_ngram":
        from aigc_cli.evaluate.compare import compare_ngram

        return compare_ngram
    raise AttributeError(name)
