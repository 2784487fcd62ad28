"""The station: sources -> classifier -> store -> sinks, for months.

folder.py / camera.py --batches--> recorder.py --> store --> outbox.py --> each sink
"""
