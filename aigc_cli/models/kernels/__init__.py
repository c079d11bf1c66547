"""Compiled loops of the tokenizer over UTF-8 bytes."""
