"""Refreshes the copies of AWS's data: ``make refresh``.

Each module beside :mod:`refresh.source` and :mod:`refresh.downloads` is one source. Its function ``update`` downloads,
reads and checks the source, and returns what changes. Nothing is written before every source has passed its checks.
"""
