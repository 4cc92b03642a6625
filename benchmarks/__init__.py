"""This component beside the same resources written by hand. Ratios of one run count; absolute times vary by machine."""
