"""Layers shared by the model families. Importing one of the modules imports torch."""
