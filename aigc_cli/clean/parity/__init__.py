"""Words and rules with exactly datatrove's results (extra `parity`)."""
