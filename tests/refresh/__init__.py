"""`make refresh` without a network: what each source changes, and which sources it refuses."""
