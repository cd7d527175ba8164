"""A blog: posts of users, with comments and tags."""
