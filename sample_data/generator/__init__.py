"""The generator of the sample data: grammars, planted faults, file formats."""
