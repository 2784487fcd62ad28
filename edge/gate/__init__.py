"""The regression gate: is this model file sound, and as good as the one before it?"""
