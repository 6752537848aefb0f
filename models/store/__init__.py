"""The only SQL: session in, contracts out; a row never leaves, and nothing here commits."""
