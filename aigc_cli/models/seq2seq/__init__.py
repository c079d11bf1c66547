"""Seq2seq: an encoder-decoder Transformer with the parameters and arithmetic of T5ForConditionalGeneration (v1.1)."""
