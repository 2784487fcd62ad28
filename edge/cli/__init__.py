"""The command ``wm-edge``: a verb and its options in, one library call, an exit code out."""
