"""SQLModel rows of the one Postgres schema; only the store and the migrations import them."""
