"""The verbs of model files: convert, report and export-firmware."""
