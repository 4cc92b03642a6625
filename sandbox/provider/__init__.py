"""A fake of Pulumi's AWS provider plugin, for the sandbox and the tests only.

It knows the resource types that this project and its examples use, and calls the emulated AWS through boto3.
"""
