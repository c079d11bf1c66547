"""GPT: a decoder-only Transformer with the parameters and arithmetic of Qwen3ForCausalLM."""
