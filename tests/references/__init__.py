"""What the package is compared with: the official code of others, which runs in environments of its own."""
