# Text, from raw files to a small model and its corrected output:  make -f pipelines/text.mk OUT=demo -j2
#
#   RAW -> collect -> clean -> tokenize -> gpt -+-> eval
#                                               +-> onnx
#                                               +-> int8
#                                               +-> student -> student-int8 -> texts -> kept -> corrected
#                                                                            all -> report.html
#
# Each stage is a directory, done when its manifest.json stands there. Variables: OUT, RAW, RECIPES, AIGC, AIGC_THREADS.
# Make splits names at spaces: RAW and OUT must be free of them (text.sh is not so particular).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:

HERE := $(dir $(lastword $(MAKEFILE_LIST)))
OUT ?= demo
RAW ?= $(HERE)../sample_data/text
RECIPES ?= $(HERE)recipes
AIGC ?= aigc

done = $(OUT)/$(1)/manifest.json
# The directories too: a removed file changes nothing but its directory.
raw := $(shell find $(RAW) -not -name '.*')

# Under -j what follows the model runs side by side and shares the cores; what leads up to it has them all.
ifndef AIGC_THREADS
CORES := $(shell getconf _NPROCESSORS_ONLN)
jobs = $(or $(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS))),$(if $(filter -j,$(MAKEFLAGS)),$(CORES),1))
share = AIGC_THREADS=$(shell n=$$(( $(CORES) / $(jobs) )); echo $$(( n > 0 ? n : 1 )))
export AIGC_THREADS = $(CORES)
endif

.PHONY: all
all: $(OUT)/report.html

$(call done,raw): $(RECIPES)/collect.yaml $(raw)
	$(AIGC) collect $(RAW) -o $(@D) --config $<

$(call done,clean): $(call done,raw) $(RECIPES)/clean.yaml
	$(AIGC) clean $(<D) -o $(@D) --config $(RECIPES)/clean.yaml

$(call done,tokens): $(call done,clean) $(RECIPES)/tokenize.yaml
	$(AIGC) tokenize $(<D) -o $(@D) --config $(RECIPES)/tokenize.yaml

$(call done,gpt): $(call done,tokens) $(RECIPES)/gpt.yaml
	$(AIGC) train gpt --shards $(<D) -o $(@D) --config $(RECIPES)/gpt.yaml

$(call done,eval): $(call done,gpt) $(RECIPES)/eval.yaml
	$(share) $(AIGC) eval $(<D) -o $(@D) --config $(RECIPES)/eval.yaml

$(call done,student): $(call done,gpt) $(RECIPES)/student.yaml
	$(share) $(AIGC) distill $(<D) $(RECIPES)/student.yaml -o $(@D)

$(call done,onnx): $(call done,gpt)
	$(share) $(AIGC) export $(<D) --to onnx -o $(@D)

$(call done,int8): $(call done,gpt) $(RECIPES)/quantize.yaml
	$(share) $(AIGC) quantize $(<D) -o $(@D) --config $(RECIPES)/quantize.yaml

$(call done,student-int8): $(call done,student) $(RECIPES)/quantize.yaml
	$(share) $(AIGC) quantize $(<D) -o $(@D) --config $(RECIPES)/quantize.yaml

$(call done,texts): $(call done,student-int8) $(RECIPES)/generate.yaml $(RECIPES)/prompts.txt
	$(share) $(AIGC) generate $(<D) -o $(@D) --prompts $(RECIPES)/prompts.txt --config $(RECIPES)/generate.yaml

$(call done,kept): $(call done,texts) $(call done,clean) $(RECIPES)/filter.yaml
	$(AIGC) postprocess filter $(<D) -o $(@D) --shards $(OUT)/clean --config $(RECIPES)/filter.yaml

$(call done,corrected): $(call done,kept) $(RECIPES)/correct.yaml
	$(AIGC) postprocess correct $(<D) -o $(@D) --config $(RECIPES)/correct.yaml

$(OUT)/report.html: $(foreach stage,corrected eval onnx int8,$(call done,$(stage)))
	$(AIGC) report $(^D) -o $@
