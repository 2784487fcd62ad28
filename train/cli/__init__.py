"""A command line in, labelled sets and run folders out."""
