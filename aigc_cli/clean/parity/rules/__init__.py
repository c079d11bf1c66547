"""datatrove's filters: one file for each rule of clean that has its decisions with --parity datatrove.

Each module has `apply(batch, options) -> Outcome`, as the rule of the same name. Reasons are datatrove's own. A limit
of 0 is no limit where datatrove has it so. datatrove fails on a text without words in some filters (it divides by
zero); such a document goes here, as `empty`.
"""
