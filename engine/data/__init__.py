"""Where the rows come from: databases, files, their decoding and transformation."""
