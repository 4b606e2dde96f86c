"""The GPU engine: a device as one more place for memory, and the ops on it. CuPy is imported when it is first used."""
