"""The demo: a sample repository, the scripted model's lines, and the run that shows it all."""
