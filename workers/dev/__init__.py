"""The local stack: Temporal, Postgres, worker and API on one machine, and the demo."""
