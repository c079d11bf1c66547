"""README.md of word vectors."""

from __future__ import annotations

from typing import Any

from aigc_cli.train.words.vocabulary import Corpus

TEMPLATE = """\
---
tags: [aigc, {family}]
---

# {family}, {words} words, {dim} numbers each

Learned from {tokens} words of text. Loss at the end: {loss:.4f}.

## Use

```
aigc explain neighbors DIR WORD
```

```python
from gensim.models import KeyedVectors
vectors = KeyedVectors.load_word2vec_format("DIR/vectors.bin", binary=True)
```
"""


def card(family: str, corpus: Corpus, options: Any, loss: float) -> str:
    """The text of README.md."""
    return TEMPLATE.format(
        family=family, words=len(corpus.words), dim=options.dim, tokens=corpus.tokens, loss=loss
    )  # fmt: skip
