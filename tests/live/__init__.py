"""The proof on a real account, made here against moto: the checks are the same, only the clients are others.

What moto lacks is answered by botocore's Stubber, which compares each request and response with AWS's own shapes.
"""
