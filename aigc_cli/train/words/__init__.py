"""Word vectors: Word2Vec and GloVe."""
