"""What hostile clients and members send, written down in tables, and what panolb and its peers make of it."""
