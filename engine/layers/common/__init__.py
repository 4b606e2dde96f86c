"""Layers that reshape, combine and normalise."""
