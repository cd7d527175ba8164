"""Users: a backend with accounts, logins, settings and a current user."""
