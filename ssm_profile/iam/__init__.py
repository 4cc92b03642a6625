"""A small evaluator of IAM policies. Pure functions, which know nothing of Systems Manager.

It decides for patterns of resources rather than for one resource, and it says when a decision cannot be known.
"""
