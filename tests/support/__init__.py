"""What tests share: a running stack, a model at the wire, documents to vary."""
