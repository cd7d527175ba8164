"""The blog of the tutorial, written otherwise: to count lines."""
