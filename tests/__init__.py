"""Tests: unit, replay, integration, e2e, faults; and the measurements."""
