"""Rules that compare documents with one another: exact duplicates and near-duplicates."""
