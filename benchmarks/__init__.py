"""What the library costs and how well it does, each beside its peers; see README.md."""
