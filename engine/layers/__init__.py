"""Layer types, one file each, by family."""
