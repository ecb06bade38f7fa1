"""Documents in: what councils write, read strictly."""
