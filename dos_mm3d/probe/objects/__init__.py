"""Networks and descriptors judged on labelled clouds of objects (docs/protocols.md, "Objects")."""
