"""What a user sees: the views of a net, its text, its numbers and its solver."""
