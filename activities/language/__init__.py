"""Talking with models: client, durable tool loop, prompts, prices."""
