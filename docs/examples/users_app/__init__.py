"""Users: a backend with schemas, rules, settings and a current user of its own."""
