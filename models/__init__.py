"""What things are: contracts, rules, errors, settings, tables and the store.

Imports nothing of the other rooms. This file stays docstring-only: re-exporting a table here
would load SQLAlchemy into every process that imports a contract.
"""
