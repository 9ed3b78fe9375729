"""Words in and around answers: numbers and units, letters of choices, qualifiers, names."""
