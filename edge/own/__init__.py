"""Examples of a pattern that no network learnt in, a file that recognises more of it out."""
