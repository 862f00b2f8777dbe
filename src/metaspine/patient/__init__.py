"""The clinic's nouns, and nothing but nouns: frozen values that the steps of the way hand to each other."""
