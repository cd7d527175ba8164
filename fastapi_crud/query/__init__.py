"""From what a client asked to a statement: clauses, parsing, pages, SQL."""
