"""The journal: one append-only, hash-chained log that is the truth. Append and flush first, then act.

It stores opaque payloads and knows nothing of the engine. ``store`` writes, ``writer`` groups commits for asyncio,
``reader`` reads, ``snapshots`` picks where recovery starts, ``verify`` judges everything from genesis.
"""
