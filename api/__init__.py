"""The door: routes lead to the gateway (Temporal) or to the store (reads).

No tables, no SQL, no activities.
"""
