"""What the families read: batches of token records, pairs and labelled texts, as a pure function of (seed, step)."""
