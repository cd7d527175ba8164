"""The ways to serve users: each module makes apps of a database's URL."""
