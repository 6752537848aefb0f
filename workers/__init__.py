"""The composition root: builds clients, registers workflows and activities, and runs them.

Nothing imports this room.
"""
