"""XLNet: permutation language model, parameters named as in XLNetLMHeadModel."""
