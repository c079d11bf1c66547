"""Logistic regression on the features in FILE.npz (train, valid, train_labels, valid_labels): {"accuracy"}."""

from __future__ import annotations

import json
import sys

import numpy as np
from sklearn.linear_model import LogisticRegressionCV  # type: ignore
from sklearn.preprocessing import StandardScaler  # type: ignore


def main() -> None:
    data = np.load(sys.argv[1], allow_pickle=False)
    scaler = StandardScaler().fit(data["train"])
    model = LogisticRegressionCV(Cs=[0.001, 0.01, 0.1, 1], max_iter=2000)
    model.fit(scaler.transform(data["train"]), data["train_labels"])
    print(json.dumps({"accuracy": float(model.score(scaler.transform(data["valid"]), data["valid_labels"]))}))


if __name__ == "__main__":
    main()
