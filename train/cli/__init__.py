"""The verbs of the command line that make labelled sets and float models."""
