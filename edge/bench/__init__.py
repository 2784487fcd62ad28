"""Model files and wafers in; speed and memory on this machine, against earlier runs, out.

``measure.bench`` is the whole of it; ``wm-edge bench`` calls it. Everything measured runs in a
child process of its own (``child``): two runtimes in one process can crash it, and each subject's
start-up and memory must be its own.
"""
