"""The regression set: documents with the verdict that each must get."""
