#!/usr/bin/env bash
# Text, from raw files to a small model and its corrected output, one command after the other: the story of text.mk.
# Run it again and only what has changed is done again.   OUT=demo bash pipelines/text.sh
set -euo pipefail
HERE=$(dirname "${BASH_SOURCE[0]}")
OUT=${OUT:-demo}
RAW=${RAW:-$HERE/../sample_data/text}
RECIPES=${RECIPES:-$HERE/recipes}
AIGC=${AIGC:-aigc}

# 1 Data
"$AIGC" collect  "$RAW"       -o "$OUT/raw"    --config "$RECIPES/collect.yaml"
"$AIGC" clean    "$OUT/raw"   -o "$OUT/clean"  --config "$RECIPES/clean.yaml"
"$AIGC" tokenize "$OUT/clean" -o "$OUT/tokens" --config "$RECIPES/tokenize.yaml"

# 2 Models
"$AIGC" train gpt --shards "$OUT/tokens" -o "$OUT/gpt" --config "$RECIPES/gpt.yaml"
"$AIGC" eval     "$OUT/gpt"     -o "$OUT/eval"         --config "$RECIPES/eval.yaml"
"$AIGC" export   "$OUT/gpt" --to onnx -o "$OUT/onnx"
"$AIGC" quantize "$OUT/gpt"     -o "$OUT/int8"         --config "$RECIPES/quantize.yaml"
"$AIGC" distill  "$OUT/gpt" "$RECIPES/student.yaml" -o "$OUT/student"
"$AIGC" quantize "$OUT/student" -o "$OUT/student-int8" --config "$RECIPES/quantize.yaml"

# 3 Use: the student, in int8, through onnxruntime
"$AIGC" generate "$OUT/student-int8" -o "$OUT/texts" --prompts "$RECIPES/prompts.txt" --config "$RECIPES/generate.yaml"
"$AIGC" postprocess filter  "$OUT/texts" -o "$OUT/kept" --shards "$OUT/clean" --config "$RECIPES/filter.yaml"
"$AIGC" postprocess correct "$OUT/kept"  -o "$OUT/corrected" --config "$RECIPES/correct.yaml"
"$AIGC" report "$OUT/corrected" "$OUT/eval" "$OUT/onnx" "$OUT/int8" -o "$OUT/report.html"
