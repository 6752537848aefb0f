"""Pure decisions on contracts: no I/O, no clock, no randomness."""
