"""The component in other languages than Python, in the real engine."""
