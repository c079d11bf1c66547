"""A few continuations while a language model trains: same prompts, same random numbers every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from aigc_cli.train.objective import mix

if TYPE_CHECKING:
    from aigc_cli.models.gpt.model import GPT
    from aigc_cli.models.tokenizer import Tokenizer

TEMPERATURE = 0.8


class Sampler:
    """Continues `prompts` (lists of token ids) by `n_tokens` each."""

    def __init__(
        self, prompts: Sequence[Sequence[int]], tokenizer: Tokenizer | None, n_tokens: int, seed: int = 0
    ) -> None:
        self.prompts, self.tokenizer = [list(p) for p in prompts if len(p)], tokenizer
        self.n_tokens, self.seed = n_tokens, seed

    def __call__(self, model: GPT) -> list[dict[str, Any]]:
        """[{"prompt", "text"}], as text where there is a tokenizer, else as token ids."""
        if self.n_tokens < 1:
            return []
        return [self._one(model, prompt, number) for number, prompt in enumerate(self.prompts)]

    @torch.no_grad()
    def _one(self, model: GPT, prompt: list[int], number: int) -> dict[str, Any]:
        context = model.config.context
        prompt = prompt[-max(1, context // 2) :]
        device = model.model.embed_tokens.weight.device
        generator = torch.Generator().manual_seed(mix(self.seed, number))
        cache = model.new_cache(1)
        ids, new = torch.tensor([prompt], device=device), []
        for _ in range(min(self.n_tokens, context - len(prompt))):
            logits = model(ids, cache)[0, -1].double().cpu()
            choice = torch.multinomial((logits / TEMPERATURE).softmax(-1), 1, generator=generator)
            new.append(int(choice))
            ids = choice[None].to(device)
        if self.tokenizer is None:
            return {"prompt": prompt, "text": new}
        return {"prompt": self.tokenizer.decode(prompt), "text": self.tokenizer.decode(new)}
