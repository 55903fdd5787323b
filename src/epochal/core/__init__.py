"""The nouns: recipe, claim, landmark, run, fault. Standard library and pydantic only; no torch."""
