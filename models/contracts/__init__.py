"""Frozen pydantic contracts: everything that crosses a process (HTTP, Temporal, model output).

Pure: only the standard library and pydantic.
"""
