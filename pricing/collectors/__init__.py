"""Collectors: each asks one provider and says what it found; storing is the price book's work."""
