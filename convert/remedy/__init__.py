"""A network that int8 costs too much in, one built remedy after another out, the cheapest first."""
