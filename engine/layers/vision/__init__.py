"""Layers that look at neighbourhoods in an image."""
