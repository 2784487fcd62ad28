"""A device, a file or an address in, frames out; no camera dies quietly."""
