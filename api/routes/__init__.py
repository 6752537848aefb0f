"""HTTP routes, one file a noun; each leads to the gateway or to the store."""
