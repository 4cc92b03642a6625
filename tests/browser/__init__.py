"""HTML in a real browser."""
