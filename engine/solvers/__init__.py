"""The six update rules, one file each."""
