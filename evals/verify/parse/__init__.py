"""From the text of an answer to the typed tree of it."""
