"""All I/O of the workflows: one class per outside system, collaborators through __init__.

Uses models; must not import workflows, workers or api.
"""
