"""TF-IDF with logistic regression on FOLDER/train.jsonl and valid.jsonl: {"accuracy"} (bench_bert.py).

Words and pairs of words; the strength of the penalty by cross-validation on the training part.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore
from sklearn.linear_model import LogisticRegressionCV  # type: ignore


def rows(path: Path) -> tuple[list[str], list[str]]:
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["text"] for row in found], [row["label"] for row in found]


def main() -> None:
    folder = Path(sys.argv[1])
    texts, labels = rows(folder / "train.jsonl")
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"\S+")
    model = LogisticRegressionCV(Cs=[0.3, 1, 3, 10, 30], max_iter=1000).fit(vectorizer.fit_transform(texts), labels)
    judged, wanted = rows(folder / "valid.jsonl")
    print(json.dumps({"accuracy": float(model.score(vectorizer.transform(judged), wanted))}))


if __name__ == "__main__":
    main()
