"""Order and waiting, nothing else: no clock, environment, randomness or I/O.

Imports contracts, rules and errors, and activity classes as references only.
"""
