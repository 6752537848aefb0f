"""The rules of each phase, one module a phase: what an evaluation finds in a document."""
