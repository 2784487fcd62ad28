"""The door of wm-edge: a name that no user's own file bears by chance."""
