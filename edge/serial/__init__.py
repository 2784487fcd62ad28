"""A station firmware on a serial line: framing, messages, links, a session with a device."""
