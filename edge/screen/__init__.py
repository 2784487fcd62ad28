"""Frames of a screen in, die states or the reason for a refusal out.

    frame -> find.py -> edges.py -> rectify.py -> lattice.py -> dies.py (outline.py) -> stable.py
    place.py: what is left of it where a frame lost the rest

Each step that refuses a frame does so under the name of a reason, which ``refusal.py`` lists.
"""
