"""What runs have in common and what they have not: the columns of a list, tables side by side, and why two differ."""
