"""Several processes that share the listeners, the one that supervises them, and what they tell each other."""
