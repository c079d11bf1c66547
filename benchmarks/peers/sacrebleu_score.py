"""BLEU and chrF by sacrebleu, of JSON {"found": [...], "wanted": [...]} on stdin; texts are cut at their spaces."""

from __future__ import annotations

import json
import sys

import sacrebleu

texts = json.load(sys.stdin)
bleu = sacrebleu.corpus_bleu(texts["found"], [texts["wanted"]], tokenize="none", smooth_method="none")
print(json.dumps({"bleu": bleu.score, "chrf": sacrebleu.corpus_chrf(texts["found"], [texts["wanted"]]).score}))
