"""C sources of the firmware, which ``wm-edge export-firmware`` copies."""
