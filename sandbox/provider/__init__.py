"""A fake of Pulumi's AWS provider plugin. Only the sandbox and the tests use it.

It supports the resource types that this project and its examples use, and calls the emulated AWS through boto3.
"""
