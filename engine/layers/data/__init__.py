"""Layers whose tops come from outside the net."""
