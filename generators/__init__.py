"""What writes the generated parts of the documents: `make docs`, `make linters`, `make proof`."""
