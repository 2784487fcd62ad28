"""Folders and cameras in; one record a wafer, in the store and at every sink, out, for months.

folder/, camera_source.py --batches--> recorder.py --> store --> outbox.py --> each sink
"""
