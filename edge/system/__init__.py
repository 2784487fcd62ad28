"""What the operating system gives in; files, locks, workers, settings and text made safe out."""
