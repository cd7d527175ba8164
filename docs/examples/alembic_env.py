"""What Alembic compares the database with."""

# --8<-- [start:metadata]
from private_notes import User

target_metadata = User.metadata
# --8<-- [end:metadata]
