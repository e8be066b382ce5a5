"""One file: complete and verified, or absent."""
