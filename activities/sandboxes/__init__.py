"""Where untrusted work runs: the sandbox port, its providers, the tool runner, workspaces."""
