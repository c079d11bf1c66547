"""What a generation came to, and what that means for how it ends."""

from __future__ import annotations

import math
import time
from typing import Any

from aigc_cli.core import console
from aigc_cli.core.errors import ConfigError, DataError


class Tally:
    """Counts of a run, and what they mean for its end."""

    def __init__(self, single: bool) -> None:
        self.single = single
        self.texts = self.tokens = self.rejected = self.restored_tokens = 0
        self.logprob = 0.0
        self.first_error = ""
        self.start = time.monotonic()

    def add(self, record: dict[str, Any]) -> None:
        """Count a record; ConfigError when the only prompt could not be used."""
        if "error" in record:
            self.rejected += 1
            self.first_error = self.first_error or record["error"]
            if self.single:
                raise ConfigError(record["error"], "shorten the prompt, or use a model with a longer context")
            return
        self.texts += 1
        self.tokens += record["tokens"]
        self.logprob += record["logprob"]

    def restore(self, records: list[dict[str, Any]]) -> None:
        """Count what an earlier, killed run had written."""
        for record in records:
            self.add(record)
        self.restored_tokens = self.tokens

    def rate(self) -> float:
        """Tokens per second since the start."""
        return (self.tokens - self.restored_tokens) / max(time.monotonic() - self.start, 1e-9)

    def check(self) -> None:
        """Warn of rejected prompts; DataError when no prompt could be used."""
        if self.rejected and not self.texts:
            raise DataError(f"none of {self.rejected} prompts can be used: {self.first_error}", "check the prompts")
        if self.rejected:
            console.warn(f"{self.rejected} prompts rejected, the first one because {self.first_error}")

    def summary(self) -> str:
        """One line for people."""
        perplexity = math.exp(min(-self.logprob / max(self.tokens, 1), 700))
        return (f"{self.texts} texts, {self.tokens} tokens, {self.rate():.1f} tokens/s, "
                f"perplexity under the model {perplexity:.3g}")  # fmt: skip

    def facts(self) -> dict[str, Any]:
        """Counts for the manifest."""
        return {"texts": self.texts, "tokens": self.tokens, "rejected": self.rejected}
