"""Values of expressions: exact, to many digits, or in a canonical form."""
