#!/usr/bin/env bash
# Text, from raw files to a small model and its corrected output, one command after the other: the story of text.mk.
# Run it again and only what has changed is done again.   OUT=demo bash pipelines/text.sh
set -euo pipefail
HERE=$(dirname "${BASH_SOURCE[0]}")
OUT=${OUT:-demo}
RAW=${RAW:-$HERE/../sample_data/text}
RECIPES=${RECIPES:-$HERE/recipes}
AIGC=${AIGC:-aigc}

# fresh RESULT INPUT...: whether RESULT was made from inputs with this content. For the commands that write a file
# instead of a run; runs know by themselves that they are up to date.
fresh() {
  local result=$1; shift
  [[ -e $result && -e $result.inputs && $(cksum < <(cat "$@")) == "$(cat "$result.inputs")" ]]
}
made() { local result=$1; shift; cksum < <(cat "$@") > "$result.inputs"; }

# 1 Data
"$AIGC" collect  "$RAW"       -o "$OUT/raw"    --config "$RECIPES/collect.yaml"
"$AIGC" clean    "$OUT/raw"   -o "$OUT/clean"  --config "$RECIPES/clean.yaml"
"$AIGC" tokenize "$OUT/clean" -o "$OUT/tokens" --config "$RECIPES/tokenize.yaml"

# 2 Models
"$AIGC" train gpt --shards "$OUT/tokens" -o "$OUT/gpt" --config "$RECIPES/gpt.yaml"
if ! fresh "$OUT/eval.json" "$OUT/gpt/manifest.json" "$RECIPES/eval.yaml"; then
  "$AIGC" eval   "$OUT/gpt" -o "$OUT/eval.json" --config "$RECIPES/eval.yaml"
  made "$OUT/eval.json" "$OUT/gpt/manifest.json" "$RECIPES/eval.yaml"
fi
"$AIGC" export   "$OUT/gpt" --to onnx -o "$OUT/onnx"
"$AIGC" quantize "$OUT/gpt"     -o "$OUT/int8"         --config "$RECIPES/quantize.yaml"
"$AIGC" distill  "$OUT/gpt" "$RECIPES/student.yaml" -o "$OUT/student"
"$AIGC" quantize "$OUT/student" -o "$OUT/student-int8" --config "$RECIPES/quantize.yaml"

# 3 Use
inputs=("$OUT/gpt/manifest.json" "$RECIPES/generate.yaml" "$RECIPES/prompts.txt")
if ! fresh "$OUT/generated.jsonl" "${inputs[@]}"; then
  "$AIGC" generate "$OUT/gpt" -o "$OUT/generated.jsonl" --prompts "$RECIPES/prompts.txt" --config "$RECIPES/generate.yaml"
  made "$OUT/generated.jsonl" "${inputs[@]}"
fi
"$AIGC" postprocess filter  "$OUT/generated.jsonl" -o "$OUT/kept" --shards "$OUT/clean" --config "$RECIPES/filter.yaml"
"$AIGC" postprocess correct "$OUT/kept" -o "$OUT/corrected" --config "$RECIPES/correct.yaml"

ends=("$OUT/corrected" "$OUT/onnx" "$OUT/int8" "$OUT/student-int8")
if ! fresh "$OUT/report.html" "${ends[@]/%//manifest.json}"; then
  "$AIGC" report "${ends[@]}" -o "$OUT/report.html"
  made "$OUT/report.html" "${ends[@]/%//manifest.json}"
fi
