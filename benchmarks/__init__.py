"""The component beside the same resources written by hand. Compare ratios: absolute times depend on the machine."""
